"""Python's smtplib: in clear unless told; CRAM-MD5, PLAIN, LOGIN as listed."""

from typing import Final

from gatepost.diagnosis.remedies.library import ALWAYS_EXECUTED, Fix, Library, reasons

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
smtp.auth("XOAUTH2", xoauth2)  # instead of smtp.login()
"""

_NO_AUTH: Final = """\
import smtplib
import ssl

with smtplib.SMTP("{{host}}", {{port}}, timeout=30) as smtp:
    smtp.starttls(context=ssl.create_default_context())
    smtp.send_message(message)  # no login()
"""

_TRUST: Final = """\
context = ssl.create_default_context()
context.load_verify_locations("ca.pem")  # the authority that signed it
smtp.starttls(context=context)
"""

_ONLY: Final = """\
import smtplib
import ssl

with smtplib.SMTP("{{host}}", {{port}}, timeout=30) as smtp:
    smtp.starttls(context=ssl.create_default_context())
    smtp.ehlo()
    smtp.user, smtp.password = username, password
    smtp.auth("NAME", smtp.auth_METHOD)  # this one and no other
    smtp.send_message(message)
"""

_TWO_LINES: Final = """\
import smtplib
import ssl

with smtplib.SMTP("{{host}}", {{port}}, timeout=30) as smtp:
    smtp.starttls(context=ssl.create_default_context())
    smtp.login(username, password, initial_response_ok=False)
    smtp.send_message(message)
"""

_LONG_TOKEN: Final = """\
def xoauth2(challenge):
    if challenge:  # an error document: the refusal follows
        return ""
    return f"user={username}\\x01auth=Bearer {token}\\x01\\x01"

smtp.ehlo()
smtp.auth("XOAUTH2", xoauth2, initial_response_ok=False)
"""

_UTF8: Final = """\
import smtplib
import ssl
from base64 import b64encode

with smtplib.SMTP("{{host}}", {{port}}, timeout=30) as smtp:
    smtp.starttls(context=ssl.create_default_context())
    smtp.ehlo()
    response = b64encode(f"\\0{username}\\0{password}".encode()).decode()
    code, reply = smtp.docmd("AUTH", f"PLAIN {response}")
    if code != 235:
        raise smtplib.SMTPAuthenticationError(code, reply)
    smtp.send_message(message)
"""

URL: Final = """\
from urllib.parse import quote

login = f"{quote(username, safe='')}:{quote(password, safe='')}"
url = f"smtp://{login}@{{host}}:{{port}}"
"""

_HELLO: Final = """\
import smtplib
import ssl

name = "client.example.com"  # this machine's full name
with smtplib.SMTP("{{host}}", {{port}}, local_hostname=name) as smtp:
    smtp.starttls(context=ssl.create_default_context())
    smtp.login(username, password)
    smtp.send_message(message)
"""

_SENDER: Final = """\
sender = "sender@example.com"  # an address that this account may use
del message["From"]
message["From"] = sender
smtp.send_message(message, from_addr=sender)
"""

_MESSAGE: Final = """\
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

message = EmailMessage()
message["From"] = "sender@example.com"  # send_message() does not add it
message["To"] = "recipient@example.net"
message["Subject"] = subject
message["Date"] = formatdate()
message["Message-ID"] = make_msgid(domain="example.com")
message.set_content(text)
"""

_LINE_ENDS: Final = """\
from email import message_from_bytes, policy

# sendmail() leaves the line ends of bytes alone, send_message() writes CRLF
message = message_from_bytes(raw, policy=policy.SMTP)
smtp.send_message(message)
"""

_SHORT_LINES: Final = """\
message.set_content(text, cte="quoted-printable")
"""

_HEADERS: Final = """\
from email.message import EmailMessage

message = EmailMessage()
message["Subject"] = subject  # becomes =?utf-8?...?= where it must
message["From"] = "sender@example.com"
message["To"] = "recipient@example.net"
message.set_content(text)
smtp.send_message(message)  # sendmail() would take any bytes
"""

ADDRESSES: Final = """\
from email.utils import getaddresses

# a list, because sendmail() takes a str for a single recipient
recipients = [address for _, address in getaddresses([text])]
if not all("@" in each for each in recipients):
    raise ValueError("an address without a domain")
"""

CHECK: Final = """\
import os

username = os.environ["SMTP_USERNAME"]  # a KeyError names what is not set
password = os.environ["SMTP_PASSWORD"]
if not username or not password:
    raise SystemExit("SMTP_USERNAME or SMTP_PASSWORD is empty")
"""


def _only(name: str) -> str:
    return _ONLY.replace("NAME", name).replace("METHOD", name.lower())


_EXECUTED: Final = ALWAYS_EXECUTED | {
    "account_name_used_as_sender", "auth_command_too_long", "auth_not_advertised", "bare_lf",
    "cert_untrusted", "client_tls_disabled", "credential_url_encoding", "credentials_missing",
    "empty_password_sent", "envelope_sender_missing", "line_too_long",
    "login_initial_response_rejected", "mechanism_not_offered", "missing_from_header",
    "non_ascii_password", "raw_utf8_headers", "starttls_required",
}  # fmt: skip

LIBRARY: Final = Library(
    name="python-smtplib",
    title="Python smtplib",
    mechanisms=("CRAM-MD5", "PLAIN", "LOGIN"),
    settable=("XOAUTH2", "OAUTHBEARER"),
    chooses="listed",
    initial=frozenset({"PLAIN", "LOGIN", "XOAUTH2"}),
    hello="{fqdn}",
    tls="none",
    source="Lib/smtplib.py of Python 3.11 to 3.14",
    is_compared=True,
    fixes={
        "login": Fix(
            "login() uses LOGIN by default if EHLO lists it; do not call auth() with "
            "another mechanism, and call starttls() first:",
            _STARTTLS,
        ),
        "plain": Fix(
            "login() uses PLAIN by default if EHLO lists it; call starttls() first:", _STARTTLS
        ),
        "xoauth2": Fix(
            "login() does not support tokens. Pass auth() a function that does:", _XOAUTH2
        ),
        "starttls": Fix(
            "Call starttls() before login(), with a context that verifies; "
            "SMTP_SSL is for implicit TLS only:",
            _STARTTLS,
        ),
        "implicit": Fix("Use SMTP_SSL instead of SMTP and starttls():", _IMPLICIT),
        "trust": Fix("Trust the authority that signed the certificate:", _TRUST),
        "name": Fix(
            "Connect by the name that the certificate is valid for:",
            'smtp = smtplib.SMTP("{{name}}", {{port}}, timeout=30)\n',
        ),
        "no_auth": Fix("Leave the call of login() out:", _NO_AUTH),
        "only_login": Fix("login() tries CRAM-MD5 first. Name LOGIN:", _only("LOGIN")),
        "only_plain": Fix("login() tries CRAM-MD5 first. Name PLAIN:", _only("PLAIN")),
        "two_lines": Fix("login() sends the user name with AUTH LOGIN by default:", _TWO_LINES),
        "long_token": Fix(
            "Keep the token off the AUTH line; it follows when the server prompts:", _LONG_TOKEN
        ),
        "utf8": Fix(
            "login() encodes as ASCII, or fails. Encode PLAIN's response as UTF-8 yourself:", _UTF8
        ),
        "url": Fix(
            "smtplib does not accept URLs; if one of your settings is a URL, encode both parts:",
            URL,
        ),
        "check": Fix("Fail when the program starts, not when it sends:", CHECK),
        "host": Fix(
            "Give only the host name, and the port separately:",
            'smtp = smtplib.SMTP("{{host}}", {{port}}, timeout=30)\n',
        ),
        "hello": Fix("smtplib sends socket.getfqdn(). Give it a full name:", _HELLO),
        "addresses": Fix("Take a text apart into its addresses:", ADDRESSES),
        "encoded_body": Fix("Encode the text; by default it stays 8-bit:", _SHORT_LINES),
        "sender": Fix("From and envelope are an address, not the login:", _SENDER),
        "from_header": Fix("smtplib sends the message as it is. Complete it:", _MESSAGE),
        "line_ends": Fix("Parse the bytes and let send_message() write them:", _LINE_ENDS),
        "short_lines": Fix("Encode the text so that no line is too long:", _SHORT_LINES),
        "tls_version": Fix(
            "Leave minimum_version and maximum_version of the context alone:", _STARTTLS
        ),
        "ascii_headers": Fix("Let EmailMessage encode the headers:", _HEADERS),
    },
    language="python",
    executed=_EXECUTED,
    tested="Python's own, 3.11 to 3.14",
    spared=reasons("one_line", "no_authzid", "tls_version_too_old"),
)
