"""msmtp: ``tls off`` makes ``tls_starttls`` meaningless; the mechanism is chosen as listed."""

from types import MappingProxyType
from typing import Final

from gatepost.diagnosis.remedies.library import Cure, Library

_SETTINGS: Final = """\
account default
host {{host}}
port {{port}}
tls on
tls_starttls STARTTLS
auth MECHANISM
user USERNAME
passwordeval "cat /path/to/password"
"""


def _settings(mechanism: str = "on", starttls: str = "on") -> str:
    return _SETTINGS.replace("STARTTLS", starttls).replace("MECHANISM", mechanism)


LIBRARY: Final = Library(
    name="msmtp",
    title="msmtp",
    aliases=(),
    mechanisms=("SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "CRAM-MD5", "LOGIN"),
    settable=("DIGEST-MD5", "NTLM", "OAUTHBEARER", "XOAUTH2"),
    chooses="listed",
    initial=frozenset({"PLAIN"}),
    hello="localhost",
    tls="none",
    cures=MappingProxyType(
        {
            "login": Cure("Name the mechanism:", _settings("login")),
            "plain": Cure("Name the mechanism:", _settings("plain")),
            "xoauth2": Cure(
                "Name the mechanism; passwordeval prints the access token:", _settings("xoauth2")
            ),
            "starttls": Cure("Both switches are needed:", _settings()),
            "implicit": Cure(
                "TLS from the first byte is tls on with tls_starttls off:",
                _settings(starttls="off"),
            ),
            "trust": Cure(
                "Trust the authority that signed the certificate:",
                "tls_trust_file /path/to/ca.pem\n",
            ),
            "name": Cure(
                "Connect by the name that the certificate is good for:", "host {{name}}\n"
            ),
            "no_auth": Cure("Switch the sign-in off:", "auth off\n"),
        }
    ),
)
