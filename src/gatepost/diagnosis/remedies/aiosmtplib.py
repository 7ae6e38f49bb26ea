"""aiosmtplib (Python): STARTTLS where offered; CRAM-MD5, PLAIN, LOGIN as listed."""

from types import MappingProxyType
from typing import Final

from gatepost.diagnosis.remedies.library import Cure, Library

_STARTTLS: Final = """\
await aiosmtplib.send(
    message,
    hostname="{{host}}",
    port={{port}},
    start_tls=True,  # STARTTLS, required; use_tls is implicit TLS
    username=username,
    password=password,
)
"""

_IMPLICIT: Final = """\
await aiosmtplib.send(
    message,
    hostname="{{host}}",
    port={{port}},
    use_tls=True,  # TLS from the first byte; leave start_tls out
    username=username,
    password=password,
)
"""

_TRUST: Final = """\
import ssl

context = ssl.create_default_context()
context.load_verify_locations("ca.pem")  # the authority that signed it
await aiosmtplib.send(
    message, hostname="{{host}}", port={{port}}, tls_context=context
)
"""

LIBRARY: Final = Library(
    name="aiosmtplib",
    title="aiosmtplib",
    aliases=("fastapi-mail",),
    mechanisms=("CRAM-MD5", "PLAIN", "LOGIN"),
    settable=("XOAUTH2",),
    chooses="listed",
    initial=frozenset({"PLAIN", "LOGIN", "XOAUTH2"}),
    hello="{node}",
    tls="auto",
    cures=MappingProxyType(
        {
            "login": Cure("login() takes LOGIN by itself where EHLO lists it:", _STARTTLS),
            "plain": Cure("login() takes PLAIN by itself where EHLO lists it:", _STARTTLS),
            "xoauth2": Cure(
                "Sign in with an access token in place of the password:",
                "await smtp.auth_xoauth2(username, token)  # in place of smtp.login()\n",
            ),
            "starttls": Cure("Ask for STARTTLS, and not for implicit TLS:", _STARTTLS),
            "implicit": Cure("Ask for implicit TLS, and not for STARTTLS:", _IMPLICIT),
            "trust": Cure("Trust the authority that signed the certificate:", _TRUST),
            "name": Cure(
                "Connect by the name that the certificate is good for:",
                'await aiosmtplib.send(message, hostname="{{name}}", port={{port}})\n',
            ),
            "no_auth": Cure("Leave username and password out."),
        }
    ),
)
