"""swaks: in clear and without AUTH unless told; tries one mechanism after another."""

from types import MappingProxyType
from typing import Final

from gatepost.diagnosis.remedies.library import (
    LOGIN_IN_TWO,
    NO_AUTHZID,
    OWN_SETTINGS,
    PLAIN_AT_ONCE,
    SENDS_UTF8,
    Cure,
    Library,
)

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
            "check": Cure(
                "swaks asks for what is not given; it does not send empty ones:",
                _send("--tls --auth --auth-user USERNAME"),
            ),
            "host": Cure("Give the bare host name, and the port by itself:", _send("--tls")),
            "hello": Cure(
                "swaks says the machine's name. Give a full one:",
                _send("--tls --ehlo client.example.com"),
            ),
            "sender": Cure(
                "--from is an address that the account may use, not the login:", _send("--tls")
            ),
            "from_header": Cure(
                "swaks writes From unless --data holds a message of yours:",
                _send('--tls --header "Subject: hello" --body @body.txt'),
            ),
            "line_ends": Cure("Leave --no-data-fixup out:", _send("--tls --data @message.eml")),
            "short_lines": Cure(
                "swaks passes the text on as it is: encode it (quoted-printable or base64) where "
                "the message is written."
            ),
            "ascii_headers": Cure(
                "swaks passes headers on as they are: encode them (RFC 2047) where the message "
                "is written."
            ),
        }
    ),
    language="sh",
    spared=MappingProxyType(
        {
            "one_line": PLAIN_AT_ONCE,
            "two_lines": LOGIN_IN_TWO,
            "long_token": "It has no XOAUTH2.",
            "no_authzid": NO_AUTHZID,
            "url": OWN_SETTINGS,
            "utf8": SENDS_UTF8,
        }
    ),
)
