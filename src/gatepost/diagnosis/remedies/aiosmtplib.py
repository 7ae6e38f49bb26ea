"""aiosmtplib (Python): STARTTLS where offered; CRAM-MD5, PLAIN, LOGIN as listed."""

from typing import Final

from gatepost.diagnosis.remedies.library import ALWAYS_EXECUTED, Fix, Library, reasons
from gatepost.diagnosis.remedies.python_smtplib import ADDRESSES, CHECK, URL

_STARTTLS: Final = """\
await aiosmtplib.send(
    message,
    hostname="{{host}}",
    port={{port}},
    start_tls=True,  # STARTTLS, required; use_tls is implicit TLS
    username=username,
    password=password,
)
"""

_IMPLICIT: Final = """\
await aiosmtplib.send(
    message,
    hostname="{{host}}",
    port={{port}},
    use_tls=True,  # TLS from the first byte; leave start_tls out
    username=username,
    password=password,
)
"""

_NO_AUTH: Final = """\
await aiosmtplib.send(
    message, hostname="{{host}}", port={{port}}, start_tls=True
)
"""

_TRUST: Final = """\
import ssl

context = ssl.create_default_context()
context.load_verify_locations("ca.pem")  # the authority that signed it
await aiosmtplib.send(
    message,
    hostname="{{host}}",
    port={{port}},
    start_tls=True,
    tls_context=context,
    username=username,
    password=password,
)
"""

_ONLY: Final = """\
smtp = aiosmtplib.SMTP(
    hostname="{{host}}", port={{port}}, start_tls=True
)
async with smtp:
    await smtp.ehlo()
    await smtp.auth_METHOD(username, password)  # this one and no other
    await smtp.send_message(message)
"""

_TWO_LINES: Final = """\
from base64 import b64encode

smtp = aiosmtplib.SMTP(
    hostname="{{host}}", port={{port}}, start_tls=True
)
async with smtp:
    await smtp.ehlo()
    await smtp.execute_command(b"AUTH", b"LOGIN")
    await smtp.execute_command(b64encode(username.encode()))
    reply = await smtp.execute_command(b64encode(password.encode()))
    if reply.code != 235:
        raise aiosmtplib.SMTPAuthenticationError(reply.code, reply.message)
    await smtp.send_message(message)
"""

_LONG_TOKEN: Final = """\
from base64 import b64encode

response = f"user={username}\\x01auth=Bearer {token}\\x01\\x01"
await smtp.ehlo()
await smtp.execute_command(b"AUTH", b"XOAUTH2")
reply = await smtp.execute_command(b64encode(response.encode()))
if reply.code != 235:
    raise aiosmtplib.SMTPAuthenticationError(reply.code, reply.message)
"""

_HELLO: Final = """\
await aiosmtplib.send(
    message,
    hostname="{{host}}",
    port={{port}},
    start_tls=True,
    local_hostname="client.example.com",  # this machine's full name
    username=username,
    password=password,
)
"""

_SENDER: Final = """\
sender = "sender@example.com"  # an address that this account may use
del message["From"]
message["From"] = sender
await aiosmtplib.send(
    message,
    sender=sender,
    hostname="{{host}}",
    port={{port}},
    start_tls=True,
    username=username,
    password=password,
)
"""

_MESSAGE: Final = """\
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

message = EmailMessage()
message["From"] = "sender@example.com"  # send() does not add it
message["To"] = "recipient@example.net"
message["Subject"] = subject
message["Date"] = formatdate()
message["Message-ID"] = make_msgid(domain="example.com")
message.set_content(text)
"""

_HEADERS: Final = """\
from email.message import EmailMessage

message = EmailMessage()
message["Subject"] = subject  # becomes =?utf-8?...?= where it must
message["From"] = "sender@example.com"
message["To"] = "recipient@example.net"
message.set_content(text)
"""

_EXECUTED: Final = ALWAYS_EXECUTED | {
    "account_name_used_as_sender", "auth_command_too_long", "auth_not_advertised", "cert_untrusted",
    "client_config_conflict", "client_tls_disabled", "credential_url_encoding",
    "empty_password_sent", "envelope_sender_missing", "line_too_long",
    "login_initial_response_rejected", "mechanism_not_offered", "missing_from_header",
    "raw_utf8_headers", "starttls_required",
}  # fmt: skip

LIBRARY: Final = Library(
    name="aiosmtplib",
    title="aiosmtplib",
    mechanisms=("CRAM-MD5", "PLAIN", "LOGIN"),
    settable=("XOAUTH2",),
    chooses="listed",
    initial=frozenset({"PLAIN", "LOGIN", "XOAUTH2"}),
    hello="{node}",
    tls="auto",
    source="aiosmtplib/auth.py and smtp.py, 5.1",
    is_strict=True,
    is_compared=True,
    fixes={
        "login": Fix("login() uses LOGIN by default if EHLO lists it:", _STARTTLS),
        "plain": Fix("login() uses PLAIN by default if EHLO lists it:", _STARTTLS),
        "xoauth2": Fix(
            "Sign in with an access token instead of the password:",
            "await smtp.auth_xoauth2(username, token)  # instead of smtp.login()\n",
        ),
        "starttls": Fix("Ask for STARTTLS, and not for implicit TLS:", _STARTTLS),
        "implicit": Fix("Ask for implicit TLS, and not for STARTTLS:", _IMPLICIT),
        "trust": Fix("Trust the authority that signed the certificate:", _TRUST),
        "name": Fix(
            "Connect by the name that the certificate is valid for:",
            _STARTTLS.replace("{{host}}", "{{name}}"),
        ),
        "no_auth": Fix("Leave username and password out:", _NO_AUTH),
        "only_login": Fix(
            "login() tries CRAM-MD5 first. Name LOGIN:", _ONLY.replace("METHOD", "login")
        ),
        "only_plain": Fix(
            "login() tries CRAM-MD5 first. Name PLAIN:", _ONLY.replace("METHOD", "plain")
        ),
        "two_lines": Fix(
            "auth_login() sends the user name with AUTH LOGIN. Speak it yourself:", _TWO_LINES
        ),
        "long_token": Fix(
            "Keep the token off the AUTH line; it follows when the server prompts:", _LONG_TOKEN
        ),
        "url": Fix(
            "aiosmtplib does not accept URLs; if one of your settings is a URL, encode both parts:",
            URL,
        ),
        "check": Fix("Fail when the program starts, not when it sends:", CHECK),
        "host": Fix(
            "Give only the host name, and the port separately:",
            'smtp = aiosmtplib.SMTP(hostname="{{host}}", port={{port}})\n',
        ),
        "hello": Fix("aiosmtplib sends the machine's name. Give it a full one:", _HELLO),
        "addresses": Fix("Take a text apart into its addresses:", ADDRESSES),
        "encoded_body": Fix(
            "Encode the text; by default it stays 8-bit:",
            'message.set_content(text, cte="quoted-printable")\n',
        ),
        "sender": Fix("From and envelope are an address, not the login:", _SENDER),
        "from_header": Fix("aiosmtplib sends the message as it is. Complete it:", _MESSAGE),
        "short_lines": Fix(
            "Encode the text so that no line is too long:",
            'message.set_content(text, cte="quoted-printable")\n',
        ),
        "tls_version": Fix(
            "Leave tls_context out, or its minimum_version and maximum_version alone:", _STARTTLS
        ),
        "ascii_headers": Fix("Let EmailMessage encode the headers:", _HEADERS),
        "one_tls": Fix(
            "use_tls (implicit) and start_tls cannot be used together. Keep one:", _STARTTLS
        ),
    },
    language="python",
    executed=_EXECUTED,
    tested="PyPI's",
    spared=reasons(
        "one_line", "no_authzid", "utf8", "line_ends", "tls_version_too_old", "credentials_missing"
    ),
)
