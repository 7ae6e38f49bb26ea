"""The shapes of a user name and a secret, without their values."""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from gatepost.model.credentials import Credentials
from gatepost.model.evidence import LoginFormat
from gatepost.model.setting import SecretShape

_GUID: Final = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_ENTRA: Final = r"[A-Za-z0-9~._-]{3}\dQ~[A-Za-z0-9~._-]"
"""How a client secret begins; 40 characters (patterns of public secret scanners)."""
ACCESS_KEY_OCTETS: Final = 64
"""An access key of an Azure resource is at least this long, in base64."""


def _is_access_key(secret: str) -> bool:
    try:
        return len(base64.b64decode(secret, validate=True)) >= ACCESS_KEY_OCTETS
    except (binascii.Error, ValueError):
        return False


def _is_encoded(secret: str) -> bool:
    try:
        text = base64.b64decode(secret, validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return False
    return re.fullmatch(r"[A-Za-z0-9~._-]{32,48}", text) is not None


def _matches(pattern: str) -> Callable[[str], bool]:
    return lambda text: re.fullmatch(pattern, text, re.DOTALL) is not None


_SECRETS: Final[tuple[tuple[str, Callable[[str], bool]], ...]] = (
    ("empty", _matches(r"")),
    ("nothing", _matches(r"(?i)undefined|null|none|nil|\(null\)|\[object object\]")),
    ("guid", _matches(_GUID)),
    ("connection_string", _matches(r"(?i)(?:endpoint|accesskey)=.*")),
    ("access_token", _matches(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")),
    ("placeholder", _matches(r"\$\{.+\}|\$[A-Z][A-Z0-9_]+|\{\{.+\}\}|<[^<>]+>|%[A-Z][A-Z0-9_]+%")),
    ("assignment", _matches(r"[A-Z][A-Z0-9_]{3,}=[^=].*")),
    ("encoded_secret", _is_encoded),
    ("access_key", _is_access_key),
    ("quoted", _matches(r"([\"'`]).+\1")),
    ("percent_encoded", _matches(r"(?=.*%[0-9A-Fa-f]{2})[A-Za-z0-9~._%-]{30,}")),
    ("entra_secret", _matches(rf"{_ENTRA}{{34,37}}")),
    ("cut_entra_secret", _matches(rf"{_ENTRA}{{0,33}}")),
    ("sendgrid_key", _matches(r"SG\..+")),
    ("brevo_api_key", _matches(r"xkeysib-.+")),
    ("apple_app_password", _matches(r"[a-z]{4}(?:-[a-z]{4}){3}")),
    ("aws_secret_key", _matches(r"(?=.*[a-z])(?=.*[A-Z])[A-Za-z0-9+/]{40}")),
    ("ses_password", _matches(r"B[A-Za-z0-9+/]{43}=?")),
    ("google_app_password", _matches(r"[a-z]{4}(?: ?[a-z]{4}){3}")),
)
_NAMES: Final[tuple[tuple[str, Callable[[str], bool]], ...]] = (
    ("empty", _matches(r"")),
    ("edge_blank", _matches(r"\s.*|.*\s")),
    ("guid", _matches(_GUID)),
    ("connection_string", _matches(r"(?i)endpoint=.*")),
    ("entra", _matches(rf"[-\w]{{1,63}}[.|]{_GUID}[.|]{_GUID}")),
    ("address", _matches(r"[^@\s]+@[^@\s]+")),
    ("domain_user", _matches(r"[^\\\s]+\\[^\\\s]+")),
)


def describe(credentials: Credentials) -> LoginFormat:
    """Return the shape of these credentials."""
    secret = credentials.password or credentials.token
    shape = shape_of(secret.reveal() if secret is not None else "")
    if credentials.password is None:
        shape = replace(shape, kind="token")
    return LoginFormat(form_of(credentials.username), shape)


def shape_of(secret: str) -> SecretShape:
    """Return the shape of ``secret``."""
    kind = _first(_SECRETS, secret.strip() or secret)
    return SecretShape(len(secret), kind, secret.isascii(), secret != secret.strip())


def form_of(username: str) -> str:
    """Return the form of a user name: ``address``, ``entra``, ..., or ``name``."""
    return _first(_NAMES, username) or "name"


def _first(table: tuple[tuple[str, Callable[[str], bool]], ...], text: str) -> str:
    return next((kind for kind, fits in table if fits(text)), "")
