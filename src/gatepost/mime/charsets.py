"""Tells which names of charsets are safe to decode with."""

import codecs
from typing import Final

_NO_CHARSETS: Final = frozenset({
    "idna", "mbcs", "oem", "punycode", "raw-unicode-escape", "undefined", "unicode-escape",
})  # fmt: skip


def is_charset(name: str) -> bool:
    """Tell whether a codec is for text: others take time that grows with the input's square."""
    try:
        return codecs.lookup(name).name not in _NO_CHARSETS
    except (LookupError, ValueError):
        return False
