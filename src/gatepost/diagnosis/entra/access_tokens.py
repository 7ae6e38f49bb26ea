"""Reads an access token without verifying it, and recognises what is not a token.

Claims: Microsoft Learn, "Access token claims reference" (2025). Only the claims named here are
read, each up to a limit; the signature is ignored.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from gatepost.model.entra import TokenForm, TokenSeen

MAX_TOKEN: Final = 65_536
_MAX_LIST: Final = 50
_LAST_SECOND: Final = 253_402_300_799
"""The last second of the year 9999."""
_PART: Final = re.compile(r"[A-Za-z0-9_-]*={0,2}")
_GUID: Final = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_CLAIM: Final = re.compile(r"[\w:/.@+ -]{1,200}")

# The first pattern that matches names what was given instead of a token.
_INSTEAD: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    ("guid", re.compile(_GUID)),
    ("connection_string", re.compile(r".*(?:endpoint|accesskey)=.*", re.IGNORECASE | re.DOTALL)),
    ("answer", re.compile(r"\s*\{.*", re.DOTALL)),
    ("quoted", re.compile(r"([\"'`]).+\1", re.DOTALL)),
    ("header", re.compile(r"(?:authorization:\s*)?bearer\s.*", re.IGNORECASE | re.DOTALL)),
    ("refresh_token", re.compile(r"(?:[01M]\.[A-Za-z0-9_-]{20}|1//)[\w.!*$~-]*", re.DOTALL)),
    ("google_token", re.compile(r"ya29\..*", re.DOTALL)),
    ("client_secret", re.compile(r"(?=.*[~])[A-Za-z0-9~._-]{30,60}")),
)


def read_token(text: str) -> TokenSeen:
    """Return the contents of a token. Never raises; keeps no part of the signature."""
    parts = text.split(".")
    if not text:
        return TokenSeen("empty")
    if len(text) > MAX_TOKEN:
        return TokenSeen("damaged", "too_long")
    instead = next((name for name, form in _INSTEAD if form.fullmatch(text)), "")
    if instead:
        return TokenSeen("opaque", instead)
    if any(map(str.isspace, text)):
        return TokenSeen("damaged", "white_space")
    if len(parts) == 5 and all(map(_PART.fullmatch, parts)):
        return TokenSeen("encrypted")
    if len(parts) != 3:
        form: TokenForm = "damaged" if text.startswith("eyJ") else "opaque"
        return TokenSeen(form, "cut_off" if form == "damaged" else "")
    header, claims = _object(parts[0]), _object(parts[1])
    if header is None or claims is None or not parts[2]:
        return TokenSeen("damaged", "cut_off" if claims is None or not parts[2] else "")
    return _seen(claims)


def _seen(claims: Mapping[str, Any]) -> TokenSeen:
    audience = claims.get("aud")
    if isinstance(audience, list) and len(audience) == 1:
        audience = audience[0]
    scopes = claims.get("scp")
    return TokenSeen(
        "jwt",
        audience=_text(audience),
        issuer=_text(claims.get("iss")),
        tenant_id=_text(claims.get("tid")).lower(),
        application_id=_text(claims.get("appid") or claims.get("azp")).lower(),
        object_id=_text(claims.get("oid")).lower(),
        username=_text(claims.get("upn") or claims.get("preferred_username")),
        roles=_texts(claims.get("roles")),
        scopes=_texts(scopes.split() if isinstance(scopes, str) else scopes),
        not_before=_moment(claims.get("nbf")),
        expires_at=_moment(claims.get("exp")),
    )


def _object(part: str) -> Mapping[str, Any] | None:
    if not _PART.fullmatch(part):
        return None
    try:
        raw = base64.urlsafe_b64decode(part.rstrip("=") + "=" * (-len(part.rstrip("=")) % 4))
        value = json.loads(raw)
    except (binascii.Error, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _text(value: Any) -> str:
    """Return a claim if it has only characters of ids, names and URLs; otherwise empty."""
    if not isinstance(value, str) or not value:
        return ""
    return value if _CLAIM.fullmatch(value) else f"(not shown, {len(value)} characters)"


def _texts(value: Any) -> tuple[str, ...]:
    values = value[:_MAX_LIST] if isinstance(value, list) else []
    return tuple(text for each in values if (text := _text(each)))


def _moment(value: Any) -> datetime | None:
    if type(value) not in (int, float) or not 0 <= value <= _LAST_SECOND:
        return None
    return datetime.fromtimestamp(int(value), UTC)
