"""The common grammar of the GS2 family (RFC 5801 4, RFC 5802 7): names, attributes, base64.

Both sides parse with it, so each function gets the exception to raise.
"""

import binascii
import re
from typing import Final

from gatepost.sasl.interview import MalformedResponse

_BAD_ESCAPE: Final = re.compile(r"=(?!2C|3D)")
_NONCE: Final = re.compile(r"[!-+\--~]{1,256}")


def encode_saslname(name: str) -> str:
    """Return ``name`` with its ``=`` and ``,`` in hex."""
    return name.replace("=", "=3D").replace(",", "=2C")


def decode_saslname(text: str) -> str:
    """Return the decoded name of a saslname; raises MalformedResponse."""
    if "\0" in text or _BAD_ESCAPE.search(text):
        raise MalformedResponse("a name holds '=' or NUL, which it must not")
    return text.replace("=2C", ",").replace("=3D", "=")


def is_nonce(text: str) -> bool:
    """Tell whether ``text`` is printable ASCII without comma, not empty, and not too long."""
    return _NONCE.fullmatch(text) is not None


def check_nonce(text: str) -> None:
    """Raise ValueError if our own nonce is invalid: an old proof could then be replayed."""
    if not is_nonce(text):
        raise ValueError("a nonce is printable ASCII without comma, and not empty")


def parse_attributes(message: str, keys: str, malformed: type[ValueError]) -> list[str]:
    """Return the values of ``r=...,s=...`` whose keys must be ``keys``, in this order.

    Further attributes are extensions, and ignored. A mandatory one (``m=``) comes first, and is
    therefore refused, as required.
    """
    pairs = message.split(",")
    if len(pairs) < len(keys):
        raise malformed("an attribute is missing")
    for key, pair in zip(keys, pairs, strict=False):
        if not pair.startswith(f"{key}="):
            raise malformed(f"{key}= is missing or at the wrong place")
    return [pair[2:] for pair in pairs[: len(keys)]]


def encode_base64(raw: bytes) -> str:
    """Return base64 without line ends."""
    return binascii.b2a_base64(raw, newline=False).decode()


def decode_base64(text: str, malformed: type[ValueError]) -> bytes:
    """Return the octets of strict, padded base64."""
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        raise malformed("an attribute is not base64") from None
