"""Secrets struck out in every form in which a server may repeat them."""

import base64
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

from gatepost.doctor.shapes import shape_of
from gatepost.model.transcript import Transcript

SHORTEST: Final = 4
"""Characters of a fragment that is worth striking out; shorter ones are in every text."""
_PART: Final = 16
"""Characters of a token's part that is worth striking out by itself."""
_SURELY_SECRET: Final = frozenset({
    "access_key", "access_token", "aws_secret_key", "brevo_api_key", "entra_secret", "sendgrid_key",
    "ses_password",
})  # fmt: skip
"""Shapes that no user name has."""
_URL_SAFE: Final = str.maketrans("+/", "-_")
"""The other alphabet (RFC 4648 5), in which tokens are written."""
_IN_URL: Final = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/:@]*:(\S+)@", re.IGNORECASE)
_IN_CONNECTION_STRING: Final = re.compile(
    r"(?:accesskey|sharedaccesskey|accountkey|password|pwd|secret|sig)\s*=\s*([^\s;&]+)",
    re.IGNORECASE,
)


def hide(transcript: Transcript, secret: str) -> None:
    """Have a secret struck out: in clear, in base64 however it lies in it, its parts by themselves.

    A token's parts are those between its dots: its signature alone opens nothing, and is shown to
    nobody.
    """
    parts = [each for each in secret.split(".") if len(each) >= _PART]
    for part in dict.fromkeys((secret, *parts)):
        transcript.hide(part)
        for fragment in base64_fragments(part.encode("utf-8", "surrogateescape")):
            transcript.hide(fragment)
            transcript.hide(fragment.translate(_URL_SAFE))


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


def base64_fragments(secret: bytes) -> Iterator[str]:
    """Yield what the secret is in base64 with something before and behind it, as in PLAIN.

    Three octets are four characters, so there are three ways to lie across them;
    characters that also depend on the neighbours are left out.
    """
    for shift in range(3):
        encoded = base64.b64encode(bytes(shift) + secret).decode()
        fragment = encoded[(shift * 8 + 5) // 6 : (shift + len(secret)) * 8 // 6]
        if len(fragment) >= SHORTEST:
            yield fragment
