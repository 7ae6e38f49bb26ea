"""msmtp: ``tls off`` makes ``tls_starttls`` meaningless; the mechanism is chosen as listed."""

from typing import Final

from gatepost.diagnosis.remedies.library import ALWAYS_EXECUTED, Fix, Library, reasons

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


_EXECUTED: Final = ALWAYS_EXECUTED | {
    "account_name_used_as_sender", "auth_before_tls_refused_by_client", "auth_not_advertised",
    "cert_untrusted", "credentials_missing", "empty_password_sent", "mechanism_not_offered",
    "missing_from_header", "starttls_required", "tls_version_too_old",
}  # fmt: skip

LIBRARY: Final = Library(
    name="msmtp",
    title="msmtp",
    mechanisms=("SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "CRAM-MD5", "LOGIN"),
    settable=("DIGEST-MD5", "NTLM", "OAUTHBEARER", "XOAUTH2"),
    chooses="listed",
    initial=frozenset({"PLAIN"}),
    hello="localhost",
    tls="none",
    source="src/smtp.c (smtp_auth), 1.8",
    keeps_passwords=True,
    is_compared=True,
    fixes={
        "login": Fix("Name the mechanism:", _settings("login")),
        "plain": Fix("Name the mechanism:", _settings("plain")),
        "xoauth2": Fix(
            "Name the mechanism; passwordeval prints the access token:", _settings("xoauth2")
        ),
        "starttls": Fix("Both switches are needed:", _settings()),
        "implicit": Fix(
            "TLS from the first byte is tls on with tls_starttls off:", _settings(starttls="off")
        ),
        "trust": Fix(
            "Trust the authority that signed the certificate:", "tls_trust_file /path/to/ca.pem\n"
        ),
        "name": Fix("Connect by the name that the certificate is valid for:", "host {{name}}\n"),
        "no_auth": Fix("Switch authentication off:", "auth off\n"),
        "long_token": Fix(
            "msmtp has no setting for it: let a relay send the token on a line of its own."
        ),
        "check": Fix(
            "Let the command fail where the secret is missing:",
            'user USERNAME\npasswordeval "cat /path/to/password"\n',
        ),
        "host": Fix(
            "Give only the host name, and the port separately:", "host {{host}}\nport {{port}}\n"
        ),
        "hello": Fix(
            "msmtp sends localhost. Set this machine's full name:", "domain client.example.com\n"
        ),
        "addresses": Fix(
            "Give recipients one by one, or let msmtp read them from the headers:",
            "msmtp ann@example.net bob@example.net <message.eml\nmsmtp -t <message.eml\n",
        ),
        "encoded_body": Fix(
            "msmtp passes the text on as it is: let the program that writes the message "
            "encode it (quoted-printable or base64)."
        ),
        "sender": Fix(
            "The envelope is an address that the account may use, not the login:",
            "from sender@example.com\nset_from_header on\n",
        ),
        "from_header": Fix(
            "Let msmtp complete the message (1.8.8 and later):",
            "from sender@example.com\nset_from_header on\n",
        ),
        "tls_version": Fix(
            "Name no version of TLS, or leave tls_priorities out:", "tls_priorities NORMAL\n"
        ),
        "short_lines": Fix(
            "msmtp passes the text on as it is: let the program that writes the message "
            "encode it (quoted-printable or base64)."
        ),
        "ascii_headers": Fix(
            "msmtp passes headers on as they are: encode them (RFC 2047) where the message "
            "is written."
        ),
    },
    language="text",
    executed=_EXECUTED,
    tested="Debian's",
    spared=reasons(
        "one_line",
        "two_lines",
        "no_authzid",
        "url",
        "utf8",
        "line_ends",
        envelope_sender_missing="It does not run without an envelope sender.",
    ),
)
