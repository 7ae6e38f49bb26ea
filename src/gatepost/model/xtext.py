"""xtext, the encoding of ENVID, ORCPT and AUTH= (RFC 3461 4; RFC 6533 3 for addresses in UTF-8)."""

import re
from typing import Final

_XTEXT: Final = re.compile(r"(?:[\x21-\x2a\x2c-\x3c\x3e-\x7e]|\+[0-9A-F]{2})*")
_SPECIAL: Final = re.compile(r"[^\x21-\x2a\x2c-\x3c\x3e-\x7e]")
_HEX: Final = re.compile(r"\+([0-9A-F]{2})")
_BEYOND: Final = re.compile(r"[^\x00-\x7f]")
_UTF8: Final = re.compile(r"\\x\{([0-9A-F]{2,6})\}")


def is_xtext(text: str) -> bool:
    """Tell whether ``text`` is xtext; it may be empty."""
    return _XTEXT.fullmatch(text) is not None


def encode_xtext(text: str) -> str:
    """Return ``text`` as xtext."""
    return _SPECIAL.sub(lambda match: f"+{ord(match[0]):02X}", text)


def decode_xtext(text: str) -> str:
    """Return the decoded text; a text that is not xtext is returned as it is."""
    return _HEX.sub(lambda match: chr(int(match[1], 16)), text)


def encode_utf8_xtext(text: str) -> str:
    """Return an address as utf-8-addr-xtext, which is ASCII."""
    return "".join(
        each if "!" <= each <= "~" and each not in "+=\\" else f"\\x{{{ord(each):02X}}}"
        for each in text
    )


def without_utf8(text: str) -> str:
    """Return utf-8-addr-unitext, which needs SMTPUTF8, as utf-8-addr-xtext."""
    return _BEYOND.sub(lambda match: f"\\x{{{ord(match[0]):02X}}}", text)


def decode_utf8_xtext(text: str) -> str:
    """Return the decoded utf-8-addr-xtext or utf-8-addr-unitext; other texts as they are."""

    def character(match: "re.Match[str]") -> str:
        point = int(match[1], 16)
        is_character = point <= 0x10FFFF and not 0xD800 <= point <= 0xDFFF
        return chr(point) if is_character else match[0]

    return _UTF8.sub(character, text)
