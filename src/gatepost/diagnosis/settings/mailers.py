"""Django's MAILERS: keys that its backend does not know, and settings that it excludes."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from gatepost.diagnosis.settings.fault import Fault, View
from gatepost.model.setting import MAILERS, Role, Setting

_OPTIONS: Final = (
    "host", "port", "username", "password", "use_tls", "use_ssl", "timeout", "ssl_keyfile",
    "ssl_certfile",
)  # fmt: skip
"""The parameters of django.core.mail.backends.smtp.EmailBackend (Django 6.1.3, 2026-11)."""
_MEANT: Final[Mapping[Role, str]] = MappingProxyType({
    "host": "host", "port": "port", "username": "username", "password": "password",
    "starttls": "use_tls", "tls": "use_tls", "implicit": "use_ssl",
})  # fmt: skip
_REPLACED: Final = (
    "EMAIL_BACKEND", "EMAIL_FILE_PATH", "EMAIL_HOST", "EMAIL_HOST_PASSWORD", "EMAIL_HOST_USER",
    "EMAIL_PORT", "EMAIL_SSL_CERTFILE", "EMAIL_SSL_KEYFILE", "EMAIL_TIMEOUT", "EMAIL_USE_SSL",
    "EMAIL_USE_TLS",
)  # fmt: skip
"""Settings that Django refuses beside MAILERS (DEPRECATED_EMAIL_SETTINGS of django.conf)."""


def options(view: View) -> Iterator[Fault]:
    """Keys have other names than Django's, or are outside of OPTIONS."""
    backend = view.first("backend")
    if view.spelling != "mailers" or (
        backend is not None
        and backend.shown.lower() != "django.core.mail.backends.smtp.emailbackend"
    ):
        return
    for setting in view.config.settings:
        if setting.key.startswith(MAILERS) and setting.role != "backend":
            yield from _misnamed(view, setting)


def _misnamed(view: View, setting: Setting) -> Iterator[Fault]:
    _, _, *inside = setting.key.split(".")
    name = inside[-1] if inside else ""
    meant = name if name in _OPTIONS else _MEANT.get(setting.role, "")
    written = f'Write "{meant}" in OPTIONS.' if meant else (
        f"OPTIONS of this backend are {', '.join(_OPTIONS)}."
    )  # fmt: skip
    if len(inside) == 1:
        text = " is outside of OPTIONS, where Django does not read it"
    elif name not in _OPTIONS:
        text = " is no option of Django's SMTP backend, which raises InvalidMailer"
    else:
        return
    yield view.fault(setting, "client_config_conflict", "certain", text, written)


def replaced(view: View) -> Iterator[Fault]:
    """There are settings that MAILERS replaces."""
    if view.spelling != "mailers":
        return
    for setting in view.config.settings:
        if setting.key in _REPLACED:
            text = ": beside MAILERS, Django raises ImproperlyConfigured"
            fix = f"Remove {setting.key}: its value belongs in OPTIONS of MAILERS."
            if setting.key == "EMAIL_BACKEND":
                fix = 'Remove EMAIL_BACKEND: "BACKEND" in MAILERS replaces it.'
            yield view.fault(setting, "client_config_conflict", "certain", text, fix)


RULES: Final = (options, replaced)
