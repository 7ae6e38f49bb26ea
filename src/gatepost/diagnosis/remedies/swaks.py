"""swaks: in clear and without AUTH unless told; tries one mechanism after another."""

from types import MappingProxyType
from typing import Final

from gatepost.diagnosis.remedies.library import (
    LOGIN_IN_TWO,
    NO_AUTHZID,
    OWN_SETTINGS,
    PLAIN_AT_ONCE,
    SENDS_UTF8,
    TOO_OLD_TO_ASK,
    Fix,
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
    mechanisms=("CRAM-MD5", "DIGEST-MD5", "NTLM", "LOGIN", "PLAIN"),
    settable=(),
    chooses="listed",
    initial=frozenset({"PLAIN"}),
    hello="{node}",
    tls="none",
    fixes=MappingProxyType(
        {
            "login": Fix(
                "Name the mechanism; swaks asks for the password:",
                _send("--tls --tls-verify --auth LOGIN --auth-user USERNAME"),
            ),
            "plain": Fix(
                "Name the mechanism; swaks asks for the password:",
                _send("--tls --tls-verify --auth PLAIN --auth-user USERNAME"),
            ),
            "starttls": Fix(
                "--tls asks for STARTTLS and insists on it:", _send("--tls --tls-verify")
            ),
            "implicit": Fix("TLS from the first byte:", _send("--tls-on-connect --tls-verify")),
            "trust": Fix(
                "Trust the authority that signed the certificate:",
                _send("--tls --tls-verify --tls-ca-path ca.pem"),
            ),
            "name": Fix(
                "Connect by the name that the certificate is good for:",
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
                "fold -s -w 72 body.txt >folded.txt\n"
                + _send("--tls --tls-verify --body @folded.txt"),
            ),
            "ascii_headers": Fix(
                "swaks passes headers on as they are: encode what is not ASCII (RFC 2047):",
                'word="=?utf-8?B?$(printf %s "$subject" | base64 -w 0)?="\n'
                + _send('--tls --tls-verify --header "Subject: $word" --body @body.txt'),
            ),
        }
    ),
    language="sh",
    cannot=MappingProxyType(
        {
            "tls_version_too_old": TOO_OLD_TO_ASK,
            "credentials_missing": "It asks for missing values.",
            "empty_password_sent": "It asks for missing values.",
        }
    ),
    executed=frozenset(
        {
            "auth_not_performed",
            "mechanism_advertised_but_broken",
            "mechanism_not_offered",
            "starttls_required",
            "implicit_tls_on_starttls_port",
            "starttls_on_implicit_tls_port",
            "cert_untrusted",
            "cert_hostname_mismatch",
            "helo_rejected",
            "auth_not_advertised",
            "unwanted_auth_attempt",
            "host_setting_malformed",
            "account_name_used_as_sender",
            "envelope_sender_missing",
            "sender_not_authorised",
            "sender_domain_not_linked",
            "missing_from_header",
            "bare_lf",
            "line_too_long",
            "raw_utf8_headers",
            "client_tls_disabled",
        }
    ),
    tested="Debian's",
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
