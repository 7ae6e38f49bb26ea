"""Characters that look like ASCII, and characters that nobody sees."""

import re
from typing import Final

_FULL_WIDTH: Final = {0xFEE0 + code: chr(code) for code in range(0x21, 0x7F)}
_OTHER_FORMS: Final = {
    0x2024: ".", 0x2236: ":", 0x3000: " ", 0x3002: ".", 0xA789: ":", 0xFE13: ":", 0xFE52: ".",
    0xFE55: ":", 0xFE64: "<", 0xFE65: ">", 0xFE6B: "@", 0xFF61: ".",
}  # fmt: skip
_ASCII: Final = {**_FULL_WIDTH, **_OTHER_FORMS}
COLON: Final = re.compile(
    "[:" + "".join(chr(code) for code, sign in _ASCII.items() if sign == ":") + "]"
)
"""What people see as a colon."""
_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)
"""Controls, format characters, fillers and variation selectors."""


def as_seen(text: str) -> str:
    """Return ``text`` as people see it: without unseen characters, and with forms of ASCII
    characters, such as the full-width ones (U+FF01 to U+FF5E), as these characters."""
    return (
        text if text.isascii() and text.isprintable() else _UNSEEN.sub("", text).translate(_ASCII)
    )
