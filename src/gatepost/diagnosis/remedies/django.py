"""Django's SMTP backend: smtplib, set up by two switches that exclude each other."""

from types import MappingProxyType
from typing import Final

from gatepost.diagnosis.remedies.library import Cure, Library

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

_TRUST: Final = """\
import ssl
from django.core.mail.backends.smtp import EmailBackend

class PrivateAuthorityBackend(EmailBackend):  # set EMAIL_BACKEND to it
    ssl_context = ssl.create_default_context()
    ssl_context.load_verify_locations("ca.pem")
"""

LIBRARY: Final = Library(
    name="django",
    title="Django",
    aliases=("django-mail",),
    mechanisms=("CRAM-MD5", "PLAIN", "LOGIN"),
    settable=("XOAUTH2",),
    chooses="listed",
    initial=frozenset({"PLAIN", "LOGIN", "XOAUTH2"}),
    hello="{fqdn}",
    tls="none",
    cures=MappingProxyType(
        {
            "login": Cure(
                "Django takes LOGIN by itself where EHLO lists it, which is after STARTTLS:",
                _STARTTLS,
            ),
            "plain": Cure(
                "Django takes PLAIN by itself where EHLO lists it, which is after STARTTLS:",
                _STARTTLS,
            ),
            "xoauth2": Cure("Sign in with a token in a backend of your own:", _XOAUTH2),
            "starttls": Cure(
                'Switch STARTTLS on; a setting read from the environment is the string "False", '
                "which is true:",
                _STARTTLS,
            ),
            "implicit": Cure("Switch implicit TLS on, and STARTTLS off:", _IMPLICIT),
            "trust": Cure("Trust the authority that signed the certificate:", _TRUST),
            "name": Cure(
                "Connect by the name that the certificate is good for:",
                'EMAIL_HOST = "{{name}}"\n',
            ),
            "no_auth": Cure(
                "Leave user and password empty: Django then sends no AUTH:",
                'EMAIL_HOST_USER = ""\nEMAIL_HOST_PASSWORD = ""\n',
            ),
        }
    ),
)
