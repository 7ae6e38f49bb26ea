"""xtext, in which ENVID and ORCPT travel (RFC 3461 4; RFC 6533 3 for addresses in UTF-8)."""

import re
from typing import Final

_HEX: Final = re.compile(r"\+([0-9A-F]{2})")
_UTF8: Final = re.compile(r"\\x\{([0-9A-F]{2,6})\}")


def decode_xtext(text: str) -> str:
    """Return what xtext stands for; what is none stays as it is."""
    return _HEX.sub(lambda match: chr(int(match[1], 16)), text)


def decode_utf8_xtext(text: str) -> str:
    """Return what utf-8-addr-xtext or utf-8-addr-unitext stands for; anything else as it is."""

    def character(match: "re.Match[str]") -> str:
        point = int(match[1], 16)
        is_character = point <= 0x10FFFF and not 0xD800 <= point <= 0xDFFF
        return chr(point) if is_character else match[0]

    return _UTF8.sub(character, text)


def encode_utf8_xtext(text: str) -> str:
    """Return an address as utf-8-addr-xtext, which is ASCII."""
    return "".join(
        each if "!" <= each <= "~" and each not in "+=\\" else f"\\x{{{ord(each):02X}}}"
        for each in text
    )
