"""swaks: in clear and without AUTH unless told; tries one mechanism after another."""

from types import MappingProxyType
from typing import Final

from gatepost.diagnosis.remedies.library import Cure, Library

_SEND: Final = """\
swaks --server {{host}} --port {{port}} \\
  OPTIONS \\
  --from FROM --to TO
"""


def _send(options: str) -> str:
    return _SEND.replace("OPTIONS", options)


LIBRARY: Final = Library(
    name="swaks",
    title="swaks",
    aliases=("perl",),
    mechanisms=("CRAM-MD5", "DIGEST-MD5", "NTLM", "LOGIN", "PLAIN"),
    settable=(),
    chooses="listed",
    initial=frozenset({"PLAIN"}),
    hello="{node}",
    tls="none",
    cures=MappingProxyType(
        {
            "login": Cure(
                "Name the mechanism; swaks asks for the password:",
                _send("--tls --auth LOGIN --auth-user USERNAME"),
            ),
            "plain": Cure(
                "Name the mechanism; swaks asks for the password:",
                _send("--tls --auth PLAIN --auth-user USERNAME"),
            ),
            "starttls": Cure("--tls asks for STARTTLS and insists on it:", _send("--tls")),
            "implicit": Cure("TLS from the first byte:", _send("--tls-on-connect")),
            "trust": Cure(
                "Trust the authority that signed the certificate:",
                _send("--tls --tls-verify --tls-ca-path ca.pem"),
            ),
            "name": Cure(
                "Connect by the name that the certificate is good for:",
                "swaks --server {{name}} --port {{port}} --tls --tls-verify ...\n",
            ),
            "no_auth": Cure("Leave --auth out."),
        }
    ),
)
