"""The records that publish keys (RFC 6376 3.6.1): made, and compared with what is published."""

import base64
import binascii
from collections.abc import Sequence
from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from gatepost.dkim.signing_keys import SigningKey, bare_public_octets, public_octets

MOST_OCTETS: Final = 255
"""Of one string of a TXT record (RFC 1035 3.3.14)."""
_VERSION: Final = "DKIM1"


def record_text(key: SigningKey) -> str:
    """Return the text of a key's record as one string."""
    return f"v={_VERSION}; k={key.algorithm}; p={key.public}"


def zone_line(key: SigningKey) -> str:
    """Return a key's record as a line of a zone file, in strings of at most 255 octets."""
    text = record_text(key)
    parts = [text[start : start + MOST_OCTETS] for start in range(0, len(text), MOST_OCTETS)]
    strings = " ".join([f'"{each}"' for each in parts])
    return f"{key.name}. IN TXT ( {strings} )"


def find_fault(texts: Sequence[str], key: SigningKey) -> str:
    """Return what is wrong with the texts of a name for this key; empty if they publish it."""
    if len(texts) != 1:
        return f"there are {len(texts) or 'no'} TXT records, and there must be one"
    tags = _tags(texts[0])
    if tags is None:
        return "it is not a list of tags (RFC 6376 3.2)"
    if next(iter(tags)) != "v" and "v" in tags:
        return "the tag v is not the first one"
    if tags.get("v", _VERSION) != _VERSION:
        return f"it begins with v={tags['v'][:40]} instead of v={_VERSION}"
    if "p" not in tags:
        return "it has no tag p"
    if not tags["p"]:
        return "the key is revoked (its tag p is empty)"
    if (algorithm := tags.get("k", "rsa").lower()) != key.algorithm:
        return f"it is a key of another kind: {algorithm[:40]} instead of {key.algorithm}"
    if not {"*", "email"} & _words(tags.get("s", "*")):
        return "it is not for e-mail (its tag s)"
    if "sha256" not in _words(tags.get("h", "sha256")):
        return "it does not permit sha256 (its tag h)"
    return "" if _is_public(tags["p"], key) else "it has another key"


def _is_public(text: str, key: SigningKey) -> bool:
    try:
        octets = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return False
    if octets == public_octets(key.private):
        return True
    return isinstance(key.private, RSAPrivateKey) and octets == bare_public_octets(key.private)


def _words(text: str) -> set[str]:
    return {each.strip().lower() for each in text.split(":")}


def _tags(text: str) -> dict[str, str] | None:
    """Return the tags of a record; None if it is no list of tags, or has one twice."""
    tags: dict[str, str] = {}
    for part in text.rstrip().removesuffix(";").split(";"):
        name, sign, value = part.partition("=")
        if not sign or not name.strip() or name.strip() in tags:
            return None
        tags[name.strip()] = value.strip()
    return tags
