"""Base64 in an AUTH exchange (RFC 4954 4): one line, without white space."""

import binascii
from functools import lru_cache

from gatepost.model.reply import Reply


def decode_base64(text: bytes) -> bytes:
    """Return the decoded octets. Missing padding is accepted, because some clients omit it.

    Raises ValueError for characters outside the alphabet.
    """
    stripped = text.rstrip(b"=")
    size = len(stripped)
    if len(text) - size > 2:
        raise ValueError("too much base64 padding")
    padded = stripped + b"=" * (-size % 4)
    try:
        return binascii.a2b_base64(padded, strict_mode=True)
    except binascii.Error as error:
        raise ValueError(f"not base64: {error}") from None


def encode_base64(octets: bytes) -> bytes:
    """Return one line of base64, without a line end."""
    return binascii.b2a_base64(octets, newline=False)


@lru_cache(maxsize=8)
def challenge_reply(challenge: bytes) -> Reply:
    """Return the 334 with a challenge (RFC 4954 4). LOGIN's two are always the same, and cached."""
    return Reply(334, encode_base64(challenge).decode("ascii"))
