"""Which charsets are safe to decode with, and text in those of mail as it really is.

Labels are taken as the WHATWG Encoding Standard takes them (4.2): what is called Shift_JIS has the
letters of Windows-31J, and ISO-8859-1 is windows-1252.
"""

import codecs
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

_NO_CHARSETS: Final = frozenset({
    "idna", "mbcs", "oem", "punycode", "raw-unicode-escape", "undefined", "unicode-escape",
})  # fmt: skip
_WITH_SURROGATES: Final = frozenset({"utf-7"})
"""Charsets that decode to lone surrogates, which no other charset can encode."""
_WIDER: Final = {
    "ascii": "utf-8",
    "big5": "cp950",
    "euc_kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso8859-1": "cp1252",
    "shift_jis": "cp932",
}
"""Charsets, and those that have more letters under the same name."""
_ISO_2022_JP: Final = frozenset({"iso2022_jp", "iso2022_jp_1", "iso2022_jp_2", "iso2022_jp_ext"})
_GUESSED: Final = ("euc_jp", "cp932")
"""What unlabelled text that is not UTF-8 may be, if there are kana in it."""
_KANA: Final = re.compile("[\u3041-\u30fe]")
_ESCAPE: Final = re.compile(rb"\x1b(\([BJI]|\$[@B]|\$\([@BD])")
_LINE: Final = re.compile(rb"[\r\n]")


def is_charset(name: str) -> bool:
    """Tell whether a codec is for text: others take time that grows with the input's square."""
    try:
        return codecs.lookup(name).name not in _NO_CHARSETS
    except (LookupError, ValueError):
        return False


def decode_text(octets: bytes, label: str = "") -> str:
    """Return the text, without lone surrogates; what is invalid in its charset is replaced.

    Without a useful label, and if the label is wrong, the charset is guessed: UTF-8, or Japanese.
    """
    name = codecs.lookup(label).name if label and is_charset(label) else "utf-8"
    name = _WIDER.get(name, name)
    if name in _ISO_2022_JP or (name in ("utf-8", "cp932", "euc_jp") and b"\x1b$" in octets):
        return "".join(_runs(octets))
    try:
        text = octets.decode(name)
    except (LookupError, ValueError):
        pass
    else:
        return text.encode("utf-8", "replace").decode() if name in _WITH_SURROGATES else text
    if name == "utf-8":
        for guess in _GUESSED:
            with suppress(ValueError):
                if _KANA.search(text := octets.decode(guess)):
                    return text
    try:
        return octets.decode(name, "replace").encode("utf-8", "replace").decode()
    except (LookupError, ValueError):
        return octets.decode("utf-8", "replace")


def _runs(octets: bytes) -> Iterator[str]:
    """Yield the runs of ISO-2022-JP (RFC 1468), with the letters of vendors that mail has."""
    mode, at = b"(B", 0
    for match in _ESCAPE.finditer(octets):
        yield from _run(octets[at : match.start()], mode)
        mode, at = match[1], match.end()
    yield from _run(octets[at:], mode)


def _run(octets: bytes, mode: bytes) -> Iterator[str]:
    if mode in (b"(B", b"(J"):
        yield octets.decode("utf-8", "replace")
        return
    end = (
        match.start() if (match := _LINE.search(octets)) else len(octets)
    )  # a line starts in ASCII
    high = bytes(each | 0x80 for each in octets[:end])
    if mode == b"(I":
        yield high.decode("cp932", "replace")
    elif mode == b"$(D":
        pairs = [b"\x8f" + high[at : at + 2] for at in range(0, len(high) - 1, 2)]
        yield b"".join(pairs).decode("euc_jp", "replace")
    else:
        try:
            yield high.decode("euc_jp")
        except ValueError:
            yield b"".join(_shifted(octets[:end])).decode("cp932", "replace")
    yield octets[end:].decode("utf-8", "replace")


def _shifted(octets: bytes) -> Iterator[bytes]:
    """Yield pairs of JIS X 0208 as Shift_JIS has them."""
    for at in range(0, len(octets) - 1, 2):
        row, cell = octets[at], octets[at + 1]
        lead = (row + 1) // 2 + (0x70 if row < 0x5F else 0xB0)
        trail = cell + (0x7E if row % 2 == 0 else 0x1F + (cell >= 0x60))
        yield bytes((lead & 0xFF, trail & 0xFF))
