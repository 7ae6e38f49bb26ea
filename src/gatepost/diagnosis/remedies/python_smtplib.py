"""Python's smtplib: in clear unless told; CRAM-MD5, PLAIN, LOGIN as listed."""

from types import MappingProxyType
from typing import Final

from gatepost.diagnosis.remedies.library import Cure, Library

_STARTTLS: Final = """\
import smtplib
import ssl

with smtplib.SMTP("{{host}}", {{port}}, timeout=30) as smtp:
    smtp.starttls(context=ssl.create_default_context())
    smtp.login(username, password)  # only after starttls()
    smtp.send_message(message)
"""

_IMPLICIT: Final = """\
import smtplib
import ssl

context = ssl.create_default_context()
with smtplib.SMTP_SSL("{{host}}", {{port}}, context=context) as smtp:
    smtp.login(username, password)
    smtp.send_message(message)
"""

_XOAUTH2: Final = """\
def xoauth2(challenge=None):
    if challenge:  # an error document: the refusal follows
        return ""
    return f"user={username}\\x01auth=Bearer {token}\\x01\\x01"

smtp.ehlo()
smtp.auth("XOAUTH2", xoauth2)  # in place of smtp.login()
"""

_TRUST: Final = """\
context = ssl.create_default_context()
context.load_verify_locations("ca.pem")  # the authority that signed it
smtp.starttls(context=context)
"""

LIBRARY: Final = Library(
    name="python-smtplib",
    title="Python smtplib",
    aliases=("python", "smtplib"),
    mechanisms=("CRAM-MD5", "PLAIN", "LOGIN"),
    settable=("XOAUTH2", "OAUTHBEARER"),
    chooses="listed",
    initial=frozenset({"PLAIN", "LOGIN", "XOAUTH2"}),
    hello="{fqdn}",
    tls="none",
    cures=MappingProxyType(
        {
            "login": Cure(
                "login() takes LOGIN by itself where EHLO lists it; do not call auth() with "
                "another mechanism, and call starttls() first:",
                _STARTTLS,
            ),
            "plain": Cure(
                "login() takes PLAIN by itself where EHLO lists it; call starttls() first:",
                _STARTTLS,
            ),
            "xoauth2": Cure("login() knows no tokens. Hand auth() a function that does:", _XOAUTH2),
            "starttls": Cure(
                "Call starttls() before login(), with a context that verifies; "
                "SMTP_SSL is for implicit TLS only:",
                _STARTTLS,
            ),
            "implicit": Cure("Use SMTP_SSL in place of SMTP and starttls():", _IMPLICIT),
            "trust": Cure("Trust the authority that signed the certificate:", _TRUST),
            "name": Cure(
                "Connect by the name that the certificate is good for:",
                'smtp = smtplib.SMTP("{{name}}", {{port}}, timeout=30)\n',
            ),
            "no_auth": Cure("Leave the call of login() out."),
        }
    ),
)
