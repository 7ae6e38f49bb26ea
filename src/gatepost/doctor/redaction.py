"""Secrets struck out in every form in which a server may repeat them."""

import re
from typing import Final
from urllib.parse import unquote

from gatepost.doctor.shapes import shape_of
from gatepost.model.transcript import Transcript

_PART: Final = 16
"""Characters of a token's part that is worth striking out by itself."""
_SURELY_SECRET: Final = frozenset({
    "access_key", "access_token", "aws_secret_key", "brevo_api_key", "entra_secret", "sendgrid_key",
    "ses_password",
})  # fmt: skip
"""Shapes that no user name has."""
_IN_URL: Final = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/:@]*:(\S+)@", re.IGNORECASE)
_IN_CONNECTION_STRING: Final = re.compile(
    r"(?:accesskey|sharedaccesskey|accountkey|password|pwd|secret|sig)\s*=\s*([^\s;&]+)",
    re.IGNORECASE,
)


def hide(transcript: Transcript, secret: str) -> None:
    """Have a secret struck out: as a whole, and its parts by themselves.

    A token's parts are those between its dots: its signature alone opens nothing, and is shown to
    nobody.
    """
    parts = [each for each in secret.split(".") if len(each) >= _PART]
    for part in dict.fromkeys((secret, *parts)):
        transcript.hide(part)


def hide_in_name(transcript: Transcript, username: str) -> None:
    """Have the secrets struck out that people paste into a user name, or in its place."""
    for secret in secrets_in(username):
        hide(transcript, secret)
    if shape_of(username).kind in _SURELY_SECRET:
        hide(transcript, username)


def secrets_in(text: str) -> tuple[str, ...]:
    """Return the passwords and keys inside of a text that should hold none."""
    found = (*_IN_URL.findall(text), *_IN_CONNECTION_STRING.findall(text))
    return tuple(dict.fromkeys(each for secret in found for each in (secret, unquote(secret))))
