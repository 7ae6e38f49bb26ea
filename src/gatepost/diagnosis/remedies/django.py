"""Django's SMTP backend: smtplib, set up by two switches that cannot be used together."""

from typing import Final

from gatepost.diagnosis.remedies.library import ALWAYS_EXECUTED, Fix, Library, reasons

_STARTTLS: Final = """\
EMAIL_HOST = "{{host}}"
EMAIL_PORT = {{port}}
EMAIL_USE_TLS = True  # STARTTLS
EMAIL_USE_SSL = False  # implicit TLS: never both
EMAIL_HOST_USER = os.environ["EMAIL_HOST_USER"]
EMAIL_HOST_PASSWORD = os.environ["EMAIL_HOST_PASSWORD"]
"""

_IMPLICIT: Final = """\
EMAIL_HOST = "{{host}}"
EMAIL_PORT = {{port}}
EMAIL_USE_SSL = True  # TLS from the first byte
EMAIL_USE_TLS = False  # STARTTLS: never both
EMAIL_HOST_USER = os.environ["EMAIL_HOST_USER"]
EMAIL_HOST_PASSWORD = os.environ["EMAIL_HOST_PASSWORD"]
"""

_XOAUTH2: Final = """\
from django.core.mail.backends.smtp import EmailBackend

class TokenBackend(EmailBackend):
    def open(self):
        username, self.username = self.username, None  # no login()
        try:
            opened = super().open()
        finally:
            self.username = username
        if opened:
            self.connection.ehlo()
            response = f"user={username}\\1auth=Bearer {get_token()}\\1\\1"
            self.connection.auth(
                "XOAUTH2",
                lambda challenge=None: "" if challenge else response,
            )
        return opened
"""

_LONG_TOKEN: Final = _XOAUTH2.replace(
    'lambda challenge=None: "" if challenge else response,\n',
    'lambda challenge: "" if challenge else response,\n'
    "                initial_response_ok=False,\n",
)

_TRUST: Final = """\
import ssl
from django.core.mail.backends.smtp import EmailBackend

class PrivateAuthorityBackend(EmailBackend):  # set EMAIL_BACKEND to it
    ssl_context = ssl.create_default_context()
    ssl_context.load_verify_locations("ca.pem")
"""

_ONLY: Final = """\
import smtplib
from django.core.mail.backends.smtp import EmailBackend

class OneMechanism(smtplib.SMTP):
    def login(self, user, password, **settings):
        self.user, self.password = user, password
        self.ehlo_or_helo_if_needed()
        return self.auth("NAME", self.auth_METHOD, **settings)

class Backend(EmailBackend):  # set EMAIL_BACKEND to it
    connection_class = OneMechanism
"""

_TWO_LINES: Final = """\
import smtplib
from django.core.mail.backends.smtp import EmailBackend

class TwoLines(smtplib.SMTP):
    def login(self, user, password):
        super().login(user, password, initial_response_ok=False)

class Backend(EmailBackend):  # set EMAIL_BACKEND to it
    connection_class = TwoLines
"""

_UTF8: Final = """\
import smtplib
from base64 import b64encode
from django.core.mail.backends.smtp import EmailBackend

class Utf8(smtplib.SMTP):
    def login(self, user, password):
        self.ehlo_or_helo_if_needed()
        response = b64encode(f"\\0{user}\\0{password}".encode()).decode()
        code, reply = self.docmd("AUTH", f"PLAIN {response}")
        if code != 235:
            raise smtplib.SMTPAuthenticationError(code, reply)

class Backend(EmailBackend):  # set EMAIL_BACKEND to it
    connection_class = Utf8
"""

_HELLO: Final = """\
import smtplib
from django.core.mail.backends.smtp import EmailBackend

class Named(smtplib.SMTP):
    def __init__(self, *args, **settings):
        # this machine's full name
        settings["local_hostname"] = "client.example.com"
        super().__init__(*args, **settings)

class Backend(EmailBackend):  # set EMAIL_BACKEND to it
    connection_class = Named
"""

_URL: Final = """\
from urllib.parse import quote

login = f"{quote(username, safe='')}:{quote(password, safe='')}"
EMAIL_URL = f"smtp+tls://{login}@{{host}}:{{port}}"
"""

_CHECK: Final = """\
import os
from django.core.exceptions import ImproperlyConfigured

EMAIL_HOST_USER = os.environ.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("EMAIL_HOST_PASSWORD", "")
if not EMAIL_HOST_USER or not EMAIL_HOST_PASSWORD:
    raise ImproperlyConfigured("EMAIL_HOST_USER or its password is not set")
"""

_ENCODED: Final = """\
from email.charset import QP, Charset

utf8 = Charset("utf-8")
utf8.body_encoding = QP
message = EmailMessage(subject, body, "sender@example.com", recipients)
message.encoding = utf8
"""

_SENDER: Final = """\
# addresses that the account may use, not the login
DEFAULT_FROM_EMAIL = "sender@example.com"
SERVER_EMAIL = "sender@example.com"
"""


def _only(name: str) -> str:
    return _ONLY.replace("NAME", name).replace("METHOD", name.lower())


_EXECUTED: Final = ALWAYS_EXECUTED | {
    "account_name_used_as_sender", "auth_command_too_long", "auth_not_advertised", "cert_untrusted",
    "client_config_conflict", "client_tls_disabled", "credential_url_encoding",
    "login_initial_response_rejected", "mechanism_not_offered", "non_ascii_password",
    "starttls_required",
}  # fmt: skip

LIBRARY: Final = Library(
    name="django",
    title="Django",
    mechanisms=("CRAM-MD5", "PLAIN", "LOGIN"),
    settable=("XOAUTH2",),
    chooses="listed",
    initial=frozenset({"PLAIN", "LOGIN", "XOAUTH2"}),
    hello="{fqdn}",
    tls="none",
    source="django/core/mail/backends/smtp.py, 5.2: smtplib below",
    fixes={
        "login": Fix(
            "Django uses LOGIN by default if EHLO lists it, which is after STARTTLS:", _STARTTLS
        ),
        "plain": Fix(
            "Django uses PLAIN by default if EHLO lists it, which is after STARTTLS:", _STARTTLS
        ),
        "xoauth2": Fix("Sign in with a token in a backend of your own:", _XOAUTH2),
        "starttls": Fix(
            'Switch STARTTLS on; a setting read from the environment is the string "False", '
            "which is true:",
            _STARTTLS,
        ),
        "implicit": Fix("Switch implicit TLS on, and STARTTLS off:", _IMPLICIT),
        "trust": Fix("Trust the authority that signed the certificate:", _TRUST),
        "name": Fix(
            "Connect by the name that the certificate is valid for:", 'EMAIL_HOST = "{{name}}"\n'
        ),
        "no_auth": Fix(
            "Leave user and password empty: Django then sends no AUTH:",
            'EMAIL_HOST_USER = ""\nEMAIL_HOST_PASSWORD = ""\n',
        ),
        "only_login": Fix("CRAM-MD5 is tried first. Name LOGIN:", _only("LOGIN")),
        "only_plain": Fix("CRAM-MD5 is tried first. Name PLAIN:", _only("PLAIN")),
        "two_lines": Fix(
            "The user name is sent with AUTH LOGIN unless smtplib is configured otherwise:",
            _TWO_LINES,
        ),
        "long_token": Fix(
            "In the backend that signs in with a token, keep it off the AUTH line:", _LONG_TOKEN
        ),
        "utf8": Fix("smtplib encodes as ASCII, or fails. Encode PLAIN as UTF-8:", _UTF8),
        "url": Fix("Encode both parts of a URL (django-environ, dj-email-url):", _URL),
        "check": Fix("Fail when the settings are read, not when mail is sent:", _CHECK),
        "host": Fix(
            "Set only the host name, and the port separately:",
            'EMAIL_HOST = "{{host}}"\nEMAIL_PORT = {{port}}\n',
        ),
        "hello": Fix("Django sends the machine's name. Give smtplib a full one:", _HELLO),
        "addresses": Fix(
            "to is a list with one address in each entry:",
            'EmailMessage(\n    subject, body, "sender@example.com",\n'
            '    ["ann@example.net", "bob@example.net"],\n)\n',
        ),
        "encoded_body": Fix("Django leaves short text 8-bit. Encode it:", _ENCODED),
        "sender": Fix("Mail is sent from DEFAULT_FROM_EMAIL by default:", _SENDER),
        "tls_version": Fix(
            "Leave minimum_version and maximum_version of a backend's ssl_context alone:", _STARTTLS
        ),
        "one_tls": Fix("EMAIL_USE_TLS and EMAIL_USE_SSL cannot be used together:", _STARTTLS),
    },
    language="python",
    executed=_EXECUTED,
    tested="PyPI's, 5.2",
    spared=reasons(
        "one_line",
        "no_authzid",
        "line_ends",
        "short_lines",
        "ascii_headers",
        "tls_version_too_old",
        "credentials_missing",
        from_header="EmailMessage writes From from from_email or DEFAULT_FROM_EMAIL itself.",
        empty_password_sent="Without a password, it does not sign in: `auth_not_performed`.",
        envelope_sender_missing="It refuses an empty sender before it connects.",
    ),
)
