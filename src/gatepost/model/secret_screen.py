"""Tells quickly that a text has no secret, so that the thorough search is rarely needed.

Few sessions have a text that could be a secret, but each session has a secret of its own, and to
prepare a ``SecretSearch`` for it takes as long as the login.
"""

import re
from collections.abc import Collection
from typing import Final

from gatepost.model.secret_search import LONG, PART

_BLOCK: Final = 4
"""Characters of a secret that are looked for, so often that each part of it has one of them."""
_HARMLESS: Final = re.compile(
    r" (?:SIZE=[0-9]{1,20}|BODY=(?:7BIT|8BITMIME)|SMTPUTF8)(?=[ \n]|\Z)"
    r"|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    re.IGNORECASE,
)
"""Parameters of MAIL, and the GUIDs of names at Azure, look like other forms of a secret."""
_ENCODED: Final = re.compile(
    r"[^\n -~]|[\\%&]|=[0-9a-f]{2}|[a-z0-9+/_-]{11,}|(?:[0-9a-f]{2}[ :,-]{0,2}(?:0x)?){4}",
    re.IGNORECASE,
)
"""What a part of a secret in another form has: escapes, base64, base32 or hex."""
_WORD: Final = re.compile(r"[a-z]{11}")
"""A word that is not long enough for base32."""


_MOST_PLAIN: Final = 4_096
"""Texts of which it is remembered that they have nothing in another form."""
_PLAIN: Final[set[int]] = set()
"""The hashes of these texts: many sessions say the same."""
_SEARCHED: Final[set[int]] = set()
"""The hashes of texts without any of some secrets, with these: many sessions have the same login,
too."""


def note_harmless(texts: Collection[bytes], secrets: tuple[str, ...]) -> None:
    """Remember that texts have none of the secrets, in any form."""
    if len(_SEARCHED) + len(texts) > _MOST_PLAIN:
        _SEARCHED.clear()
    _SEARCHED.update([hash((text, secrets)) for text in texts])


def may_have_secret(texts: Collection[bytes], secrets: tuple[str, ...]) -> bool:
    """Tell whether a text may have one of the secrets, or a part of one, in any form.

    False is certain. True needs a ``SecretSearch``, and is the first answer for a short secret.
    """
    if not secrets:
        return False
    unique = [text for text in dict.fromkeys(texts) if hash((text, secrets)) not in _SEARCHED]
    if not unique:
        return False
    if not (may_have := _may_have(unique, secrets)):
        note_harmless(unique, secrets)
    return may_have


def _may_have(unique: Collection[bytes], secrets: Collection[str]) -> bool:
    low = b"\n".join(unique).decode("utf-8", "surrogateescape").lower()
    if any([_may_be_in(low, secret.lower()) for secret in secrets]):  # noqa: C419 - faster
        return True
    if _PLAIN.issuperset(map(hash, unique)):
        return False
    return not all(hash(text) in _PLAIN or _is_plain(text) for text in unique)


def _is_plain(octets: bytes) -> bool:
    """Tell whether a text has nothing that may be in another form."""
    text = octets.decode("utf-8", "surrogateescape")
    for match in _ENCODED.finditer(_HARMLESS.sub("", text)):
        if _WORD.fullmatch(match[0]) is None:
            return False
    if len(_PLAIN) >= _MOST_PLAIN:
        _PLAIN.clear()
    _PLAIN.add(hash(octets))
    return True


def _may_be_in(low: str, secret: str) -> bool:
    size = len(secret)
    if size < LONG:
        return True
    step = min(PART, size - 3) - _BLOCK + 1
    starts = {*range(0, size - _BLOCK + 1, step), size - _BLOCK}
    return any(map(low.__contains__, [secret[at : at + _BLOCK] for at in starts]))
