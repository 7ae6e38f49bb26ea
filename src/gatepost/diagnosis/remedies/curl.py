"""curl and libcurl: strongest listed mechanism first, no initial response; clear unless told."""

from types import MappingProxyType
from typing import Final

from gatepost.diagnosis.remedies.library import Cure, Library

_SEND: Final = """\
curl --url SCHEME://{{host}}:{{port}} \\
  OPTIONS--netrc-file login.netrc \\
  --mail-from FROM --mail-rcpt TO --upload-file message.eml
"""


def _send(*options: str, scheme: str = "smtp") -> str:
    extra = "".join(f"{option} " for option in options)
    return _SEND.replace("SCHEME", scheme).replace("OPTIONS", extra)


LIBRARY: Final = Library(
    name="curl",
    title="curl",
    aliases=("libcurl",),
    mechanisms=("DIGEST-MD5", "CRAM-MD5", "NTLM", "PLAIN", "LOGIN"),
    settable=("SCRAM-SHA-256", "SCRAM-SHA-1", "XOAUTH2", "OAUTHBEARER"),
    chooses="listed",
    initial=frozenset(),
    hello="{node}",
    tls="none",
    cures=MappingProxyType(
        {
            "login": Cure(
                "curl takes LOGIN by itself where EHLO lists it; to insist:",
                _send("--ssl-reqd", "--login-options AUTH=LOGIN"),
            ),
            "plain": Cure(
                "curl takes PLAIN by itself where EHLO lists it; to insist:",
                _send("--ssl-reqd", "--login-options AUTH=PLAIN"),
            ),
            "xoauth2": Cure(
                "Give an access token in a file that curl reads (-K token.conf):",
                'user = "USERNAME:"\noauth2-bearer = "TOKEN"\nlogin-options = "AUTH=XOAUTH2"\n',
            ),
            "starttls": Cure("Require STARTTLS:", _send("--ssl-reqd")),
            "implicit": Cure("smtps:// speaks TLS from the first byte:", _send(scheme="smtps")),
            "trust": Cure(
                "Trust the authority that signed the certificate:",
                _send("--ssl-reqd", "--cacert ca.pem"),
            ),
            "name": Cure(
                "Connect by the name that the certificate is good for:",
                "curl --url smtp://{{name}}:{{port}} --ssl-reqd ...\n",
            ),
            "no_auth": Cure("Leave --user and --netrc out."),
        }
    ),
)
