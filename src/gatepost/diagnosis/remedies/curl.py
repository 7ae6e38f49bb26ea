"""curl and libcurl: strongest listed mechanism first, no initial response; clear unless told."""

from typing import Final

from gatepost.diagnosis.remedies.library import ALWAYS_EXECUTED, Fix, Library, reasons

_SEND: Final = """\
curl --url SCHEME://{{host}}:{{port}} \\
  OPTIONS--netrc-file login.netrc \\
  --mail-from FROM --mail-rcpt TO --upload-file message.eml
"""


def _send(*options: str, scheme: str = "smtp") -> str:
    extra = "".join(f"{option} " for option in options)
    return _SEND.replace("SCHEME", scheme).replace("OPTIONS", extra)


_MIME: Final = """\
curl --url smtp://{{host}}:{{port}} \\
  --ssl-reqd --netrc-file login.netrc \\
  --mail-from FROM --mail-rcpt TO \\
  -H "From: FROM" -H "To: TO" -H "Subject: hello" \\
  -F "=<body.txt;type=text/plain;encoder=quoted-printable"
"""

_HEADERS: Final = """\
word="=?utf-8?B?$(printf %s "$subject" | base64 -w 0)?="
""" + _MIME.replace("Subject: hello", "Subject: $word")

_NO_AUTH: Final = _send("--ssl-reqd").replace("--netrc-file login.netrc ", "")

_URL: Final = """\
# login.netrc, mode 0600:
#   machine {{host}} login USERNAME password PASSWORD
""" + _send("--ssl-reqd")

_EXECUTED: Final = ALWAYS_EXECUTED | {
    "account_name_used_as_sender", "authzid_not_permitted", "bare_lf", "cert_untrusted",
    "client_tls_disabled", "credential_url_encoding", "empty_password_sent",
    "envelope_sender_missing", "initial_response_required", "line_too_long",
    "login_initial_response_rejected", "mechanism_not_offered", "missing_from_header",
    "raw_utf8_headers", "starttls_required",
}  # fmt: skip

LIBRARY: Final = Library(
    name="curl",
    title="curl",
    mechanisms=("DIGEST-MD5", "CRAM-MD5", "NTLM", "PLAIN", "LOGIN"),
    settable=("SCRAM-SHA-256", "SCRAM-SHA-1", "XOAUTH2", "OAUTHBEARER"),
    chooses="listed",
    initial=frozenset(),
    hello="{node}",
    tls="none",
    source="lib/curl_sasl.c, 8",
    is_compared=True,
    fixes={
        "login": Fix(
            "curl uses LOGIN by default if EHLO lists it; to require it:",
            _send("--ssl-reqd", "--login-options AUTH=LOGIN"),
        ),
        "plain": Fix(
            "curl uses PLAIN by default if EHLO lists it; to require it:",
            _send("--ssl-reqd", "--login-options AUTH=PLAIN"),
        ),
        "xoauth2": Fix(
            "Give an access token in a file that curl reads (-K token.conf):",
            'user = "USERNAME:"\noauth2-bearer = "TOKEN"\nlogin-options = "AUTH=XOAUTH2"\n',
        ),
        "starttls": Fix("Require STARTTLS:", _send("--ssl-reqd")),
        "implicit": Fix("smtps:// speaks TLS from the first byte:", _send(scheme="smtps")),
        "trust": Fix(
            "Trust the authority that signed the certificate:",
            _send("--ssl-reqd", "--cacert ca.pem"),
        ),
        "name": Fix(
            "Connect by the name that the certificate is valid for:",
            _send("--ssl-reqd").replace("{{host}}", "{{name}}"),
        ),
        "no_auth": Fix("Leave --user and --netrc out:", _NO_AUTH),
        "one_line": Fix("curl waits for a prompt by default:", _send("--ssl-reqd", "--sasl-ir")),
        "two_lines": Fix("Leave --sasl-ir out:", _send("--ssl-reqd")),
        "no_authzid": Fix("Leave --sasl-authzid out:", _send("--ssl-reqd")),
        "url": Fix("Do not put user name and password into the URL:", _URL),
        "check": Fix(
            "Keep the secret in a file that must be there:", "test -s login.netrc || exit 1\n"
        ),
        "host": Fix("The URL contains only the host name and the port:", _send("--ssl-reqd")),
        "hello": Fix(
            "What follows the slash of the URL is the name that curl says in EHLO:",
            _send("--ssl-reqd").replace("{{port}}", "{{port}}/client.example.com"),
        ),
        "addresses": Fix(
            "Give each recipient its own --mail-rcpt, without a name; curl sets the brackets:",
            _send("--ssl-reqd").replace(
                "--mail-rcpt TO", "--mail-rcpt ann@example.net \\\n  --mail-rcpt bob@example.net"
            ),
        ),
        "encoded_body": Fix("Let curl encode the text:", _MIME),
        "sender": Fix("--mail-from and From are an address, not the login:", _send("--ssl-reqd")),
        "from_header": Fix("curl sends the file as it is, or writes the header:", _MIME),
        "line_ends": Fix("Convert LF to CRLF:", _send("--ssl-reqd", "--crlf")),
        "short_lines": Fix("Let curl encode the text:", _MIME),
        "tls_version": Fix(
            "Leave --tls-max out, or ask for a version that is in use:",
            _send("--ssl-reqd", "--tlsv1.2"),
        ),
        "ascii_headers": Fix(
            "curl passes headers on as they are: encode what is not ASCII (RFC 2047):", _HEADERS
        ),
    },
    language="sh",
    executed=_EXECUTED,
    tested="Debian's",
    spared=reasons(
        "utf8",
        "auth_not_advertised",
        "credentials_missing",
        long_token="It keeps what would make the AUTH line longer than 512 octets off it itself.",
    ),
)
