"""The forms in which servers, clients and logs repeat a secret."""

import base64
import html.entities
import quopri
import re
from collections.abc import Callable
from html.entities import codepoint2name


def utf16(text: str) -> bytes:
    return text.encode("utf-16-be")


def units(text: str) -> list[int]:
    raw = utf16(text)
    return [int.from_bytes(raw[at : at + 2]) for at in range(0, len(raw), 2)]


def b32(octets: bytes) -> str:
    return base64.b32encode(octets).decode()


def b64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def qp(octets: bytes) -> str:
    """Return fully escaped quoted-printable with soft line breaks."""
    lines = [octets[at : at + 5] for at in range(0, len(octets), 5)]
    return "=\r\n".join("".join(f"={each:02X}" for each in line) for line in lines)


def entity(character: str) -> str:
    name = codepoint2name.get(ord(character), "")
    return f"&{name}" if name in html.entities.html5 else character


FORMS: dict[str, Callable[[str], str]] = {
    "clear": str,
    r"\u": lambda text: "".join(f"\\u{unit:04x}" for unit in units(text)),
    r"\U": lambda text: "".join(f"\\U{ord(each):08X}" for each in text),
    r"\u{}": lambda text: "".join(f"\\u{{{ord(each):x}}}" for each in text),
    r"\\u": lambda text: "".join(f"\\\\u{unit:04X}" for unit in units(text)),
    r"\x": lambda text: "".join(f"\\x{each:02x}" for each in text.encode()),
    "octal": lambda text: "".join(f"\\{each:03o}" for each in text.encode()),
    "&#": lambda text: "".join(f"&#{ord(each)};" for each in text),
    "&#x": lambda text: "".join(f"&#x{ord(each):X};" for each in text),
    "&amp;#": lambda text: "".join(f"&amp;#{ord(each)};" for each in text),
    "%": lambda text: "".join(f"%{each:02x}" for each in text.encode()),
    "%25": lambda text: "".join(f"%25{each:02X}" for each in text.encode()),
    "%u": lambda text: "".join(f"%u{unit:04X}" for unit in units(text)),
    "html": html.escape,
    "ascii": lambda text: ascii(text)[1:-1],
    "latin": lambda text: text.encode().decode("latin-1"),
    "qp": lambda text: qp(text.encode()),
    "quopri": lambda text: quopri.encodestring(text.encode()).decode(),
    "utf-16-le": lambda text: text.encode("utf-16-le").decode("latin-1"),
    "utf-16-be": lambda text: utf16(text).decode("latin-1"),
    "utf-16 hex": lambda text: utf16(text).hex(),
    "utf-16 base64": lambda text: b64(text.encode("utf-16-le")),
    "utf-16 base32": lambda text: b32(utf16(text)),
    "hex": lambda text: text.encode().hex(),
    "HEX ": lambda text: text.encode().hex(" ").upper(),
    "hex:": lambda text: text.encode().hex(":"),
    "0x": lambda text: ", ".join(f"0x{each:02x}" for each in text.encode()),
    "base64": lambda text: b64(text.encode()),
    "base64url": lambda text: base64.urlsafe_b64encode(b"x" + text.encode()).decode(),
    "base64 within": lambda text: b64(b"\0me\0" + text.encode() + b"\x01\x01"),
    "base64 of base64": lambda text: b64(b64(text.encode()).encode()),
    "base64 of JSON": lambda text: b64(FORMS[r"\u"](text).encode()),
    "base64 in %": lambda text: FORMS["%"](b64(text.encode())),
    "base32": lambda text: b32(text.encode()),
    "base32 without padding": lambda text: b32(b"abc" + text.encode()).rstrip("="),
    "base32 in small": lambda text: b32(text.encode()).rstrip("=").lower(),
    "base64 of UTF-16 of base64": lambda text: b64(b64(text.encode()).encode("utf-16-le")),
    "base64 of UTF-16 of \\u": lambda text: b64(FORMS[r"\u"](text).encode("utf-16-le")),
    "hex behind an odd digit": lambda text: "a" + text.encode().hex(),
    "escaped for a pattern": re.escape,
    "entities without semicolons": lambda text: "".join(map(entity, text)),
    "&#0": lambda text: "".join(f"&#{ord(each):010};" for each in text),
    "all but one character": lambda text: text[:-1],
}
