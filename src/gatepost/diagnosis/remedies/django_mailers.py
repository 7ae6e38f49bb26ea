"""Django's fixes for a project with MAILERS, which replaces the EMAIL_ settings in Django 6.1.

The keys of OPTIONS are the parameters of ``django.core.mail.backends.smtp.EmailBackend``; any other
key, and an EMAIL_ setting beside MAILERS, is an error (Django 6.1.3, 2026-11).
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from gatepost.diagnosis.causes.cause import Topic
from gatepost.diagnosis.remedies.library import Fix

_OPTIONS: Final = """\
MAILERS = {
    "default": {
        "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "OPTIONS": {
            "host": "{{host}}",
            "port": {{port}},
            "SWITCH": True,  # MEANING
            "username": os.environ["SMTP_USERNAME"],
            "password": os.environ["SMTP_PASSWORD"],
        },
    },
}
"""
_STARTTLS: Final = _OPTIONS.replace("SWITCH", "use_tls").replace(
    "MEANING", "STARTTLS: never with use_ssl"
)
_IMPLICIT: Final = _OPTIONS.replace("SWITCH", "use_ssl").replace(
    "MEANING", "implicit TLS: never with use_tls"
)
_CHECK: Final = """\
import os
from django.core.exceptions import ImproperlyConfigured

# for "username" and "password" in OPTIONS
SMTP_USERNAME = os.environ.get("SMTP_USERNAME", "")
SMTP_PASSWORD = os.environ.get("SMTP_PASSWORD", "")
if not SMTP_USERNAME or not SMTP_PASSWORD:
    raise ImproperlyConfigured("SMTP_USERNAME or its password is not set")
"""
_BESIDE: Final = "# set EMAIL_BACKEND to it"
_WITHIN: Final = '# its path is "BACKEND"'


def mailers_fixes(fixes: Mapping[Topic, Fix]) -> Mapping[Topic, Fix]:
    """Return Django's ``fixes`` in terms of MAILERS."""
    changed: dict[Topic, Fix] = {
        "login": Fix(fixes["login"].text, _STARTTLS),
        "plain": Fix(fixes["plain"].text, _STARTTLS),
        "starttls": Fix(fixes["starttls"].text, _STARTTLS),
        "implicit": Fix('Use "use_ssl" in OPTIONS, without "use_tls":', _IMPLICIT),
        "name": Fix(fixes["name"].text, '"host": "{{name}}",  # in OPTIONS\n'),
        "no_auth": Fix("Leave user and password out of OPTIONS: Django then sends no AUTH.", None),
        "check": Fix(fixes["check"].text, _CHECK),
        "host": Fix(fixes["host"].text, '"host": "{{host}}",  # in OPTIONS\n"port": {{port}},\n'),
        "tls_version": Fix(fixes["tls_version"].text, _STARTTLS),
        "one_tls": Fix('Use these keys, with "use_tls" or "use_ssl", never both:', _STARTTLS),
    }
    for topic, fix in fixes.items():
        if fix.code is not None and _BESIDE in fix.code:
            changed[topic] = replace(fix, code=fix.code.replace(_BESIDE, _WITHIN))
    return MappingProxyType({**fixes, **changed})
