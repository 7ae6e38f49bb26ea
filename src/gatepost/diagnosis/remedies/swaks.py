"""swaks: in clear and without AUTH unless told; tries one mechanism after another."""

from typing import Final

from gatepost.diagnosis.remedies.library import ALWAYS_EXECUTED, Fix, Library, reasons

_SEND: Final = """\
swaks --server {{host}} --port {{port}} \\
  OPTIONS \\
  --from FROM --to TO
"""


def _send(options: str) -> str:
    return _SEND.replace("OPTIONS", options)


_EXECUTED: Final = ALWAYS_EXECUTED | {
    "account_name_used_as_sender", "auth_not_advertised", "bare_lf", "cert_untrusted",
    "client_tls_disabled", "envelope_sender_missing", "line_too_long", "mechanism_not_offered",
    "missing_from_header", "raw_utf8_headers", "starttls_required",
}  # fmt: skip

LIBRARY: Final = Library(
    name="swaks",
    title="swaks",
    mechanisms=("CRAM-MD5", "DIGEST-MD5", "NTLM", "LOGIN", "PLAIN"),
    settable=(),
    chooses="listed",
    initial=frozenset({"PLAIN"}),
    hello="{node}",
    tls="none",
    source="swaks (do_smtp_auth), 20240103",
    is_compared=True,
    fixes={
        "login": Fix(
            "Name the mechanism; swaks asks for the password:",
            _send("--tls --tls-verify --auth LOGIN --auth-user USERNAME"),
        ),
        "plain": Fix(
            "Name the mechanism; swaks asks for the password:",
            _send("--tls --tls-verify --auth PLAIN --auth-user USERNAME"),
        ),
        "starttls": Fix("--tls asks for STARTTLS and insists on it:", _send("--tls --tls-verify")),
        "implicit": Fix("TLS from the first byte:", _send("--tls-on-connect --tls-verify")),
        "trust": Fix(
            "Trust the authority that signed the certificate:",
            _send("--tls --tls-verify --tls-ca-path ca.pem"),
        ),
        "name": Fix(
            "Connect by the name that the certificate is valid for:",
            _send("--tls --tls-verify").replace("{{host}}", "{{name}}"),
        ),
        "no_auth": Fix("Leave --auth out:", _send("--tls --tls-verify")),
        "check": Fix(
            "swaks asks for missing values; it does not send empty ones:",
            _send("--tls --tls-verify --auth --auth-user USERNAME"),
        ),
        "host": Fix(
            "Give only the host name, and the port separately:", _send("--tls --tls-verify")
        ),
        "hello": Fix(
            "swaks sends the machine's name. Give a full one:",
            _send("--tls --tls-verify --ehlo client.example.com"),
        ),
        "addresses": Fix(
            "swaks sets the brackets; commas separate recipients, and names belong in headers:",
            _send("--tls --tls-verify").replace("TO", "ann@example.net,bob@example.net"),
        ),
        "encoded_body": Fix(
            "swaks passes the text on as it is: encode it where the message is written."
        ),
        "sender": Fix(
            "--from is an address that the account may use, not the login:",
            _send("--tls --tls-verify"),
        ),
        "from_header": Fix(
            "swaks writes From unless --data holds a message of yours:",
            _send('--tls --tls-verify --header "Subject: hello" --body @body.txt'),
        ),
        "line_ends": Fix(
            "Leave --no-data-fixup out:", _send("--tls --tls-verify --data @message.eml")
        ),
        "tls_version": Fix("Leave --tls-protocol out:", _send("--tls --tls-verify")),
        "short_lines": Fix(
            "swaks passes the text on as it is: break its lines, or encode it where the "
            "message is written:",
            "fold -s -w 72 body.txt >folded.txt\n" + _send("--tls --tls-verify --body @folded.txt"),
        ),
        "ascii_headers": Fix(
            "swaks passes headers on as they are: encode what is not ASCII (RFC 2047):",
            'word="=?utf-8?B?$(printf %s "$subject" | base64 -w 0)?="\n'
            + _send('--tls --tls-verify --header "Subject: $word" --body @body.txt'),
        ),
    },
    language="sh",
    executed=_EXECUTED,
    tested="Debian's",
    spared=reasons(
        "one_line",
        "two_lines",
        "no_authzid",
        "url",
        "utf8",
        "tls_version_too_old",
        long_token="It has no XOAUTH2.",
        credentials_missing="It asks for missing values.",
        empty_password_sent="It asks for missing values.",
    ),
)
