"""Removes secrets in every form in which a server may repeat them."""

import re
from typing import Final
from urllib.parse import unquote

from gatepost.doctor.credential_shapes import shape_of
from gatepost.model.transcript import Transcript

_PART: Final = 16
"""Minimum characters of a token's part that is removed separately."""
_SURELY_SECRET: Final = frozenset({
    "access_key", "access_token", "aws_secret_key", "brevo_api_key", "entra_secret", "sendgrid_key",
    "ses_password",
})  # fmt: skip
"""Shapes that no user name has."""
_IN_URL: Final = re.compile(r"[a-z][a-z0-9+.-]{0,40}://[^\s/:@]{0,254}:(\S{1,500})@", re.IGNORECASE)
_IN_CONNECTION_STRING: Final = re.compile(
    r"(?:accesskey|sharedaccesskey|accountkey|password|pwd|secret|sig)\s*=\s*([^\s;&]+)",
    re.IGNORECASE,
)


def hide(transcript: Transcript, secret: str) -> None:
    """Have a secret removed: as a whole, and its parts separately.

    A token's parts are those between its dots. Its signature alone is useless, and is not shown
    either.
    """
    parts = [each for each in secret.split(".") if len(each) >= _PART]
    for part in dict.fromkeys((secret, *parts)):
        transcript.hide(part)


def hide_in_name(transcript: Transcript, username: str) -> None:
    """Have secrets removed that people paste into a user name, or use instead of one."""
    for secret in secrets_in(username):
        hide(transcript, secret)
    if shape_of(username).kind in _SURELY_SECRET:
        hide(transcript, username)


def secrets_in(text: str) -> tuple[str, ...]:
    """Return the passwords and keys inside a text that should have none."""
    secrets = (*_IN_URL.findall(text), *_IN_CONNECTION_STRING.findall(text))
    return tuple(dict.fromkeys(each for secret in secrets for each in (secret, unquote(secret))))
