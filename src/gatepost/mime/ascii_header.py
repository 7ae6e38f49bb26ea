"""Encodes header fields with 8-bit octets in ASCII: RFC 2047 for words, RFC 2231 for parameters.

Without SMTPUTF8, headers must not have such octets (RFC 6532), but they are common.
"""

import base64
import re
from collections.abc import Iterator
from typing import Final

_FIELD: Final = re.compile(rb"[^\r]*+(?:\r(?!\n(?![ \t]))[^\r]*+)*+(?:\r\n|$)")
# None of these backtracks or restarts within what it has matched: a header may have a megabyte.
_PARAMETER: Final = re.compile(
    rb"(?:^|(?<=[;\s]))([A-Za-z0-9_.-]++)="
    rb"(\"(?:[^\"\\]|\\.)*+\"|[^;\s\x80-\xff]*+[\x80-\xff][^;\s]*+)",
    re.DOTALL,
)
_WORD_OR_NOT: Final = rb"[^\s<>,;:\"()]++|[ \t\r\n]++|."
_TOKEN: Final = re.compile(rb"\"(?:[^\"\\]|\\.)*+(\"?)|" + _WORD_OR_NOT, re.DOTALL)
_UNQUOTED_TOKEN: Final = re.compile(_WORD_OR_NOT, re.DOTALL)
_SEPARATORS: Final = re.compile(rb"[\s<>,;:]+")
_ADDRESSES: Final = frozenset({
    b"from", b"to", b"cc", b"bcc", b"sender", b"reply-to", b"return-path", b"resent-from",
    b"resent-to", b"resent-cc", b"resent-sender",
})  # fmt: skip
_WORD: Final = 42
"""Octets in one encoded word: 75 characters at most with charset and Base64 (RFC 2047 2)."""
_SAFE: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def ascii_header(octets: bytes) -> bytes:
    """Return a header (its empty line included) in ASCII.

    Raises ValueError for an address that is not ASCII, because it cannot be encoded.
    """
    return b"".join(_field(match[0]) for match in _FIELD.finditer(octets) if match[0])


def _field(field: bytes) -> bytes:
    field = field.replace(b"\0", b"?")
    if field.isascii():
        return field
    name, colon, value = field.partition(b":")
    if not colon or not name.isascii():
        return field.translate(_QUESTION)
    name_folded = name.strip().lower()
    if name_folded in _ADDRESSES and _has_foreign_address(value):
        raise ValueError(f"an address in {name.decode()} is not ASCII (RFC 6531)")
    if name_folded.startswith(b"content-") and name_folded != b"content-description":
        value = _PARAMETER.sub(_parameter, value).translate(_QUESTION)
    elif name_folded in _ADDRESSES:
        value = b"".join(_with_words(value)).translate(_QUESTION)
    else:
        text, end = value.strip(b" \t\r\n"), value[len(value.rstrip(b"\r\n")) :]
        text = re.sub(rb"\r\n(?=[ \t])", b"", text)
        value = b" " + b"\r\n ".join(_words(text)) + end
    return name + b":" + value


def _has_foreign_address(value: bytes) -> bool:
    """Tell whether something between angles, or around an at sign, is not ASCII."""
    for piece in value.split(b">")[:-1]:
        start = piece.find(b"<")
        if start >= 0 and not piece[start:].isascii():
            return True
    return any(b"@" in each and not each.isascii() for each in _SEPARATORS.split(value))


def _with_words(value: bytes) -> Iterator[bytes]:
    """Yield the pieces of a field of addresses, with encoded words for what is not ASCII;
    consecutive words are encoded together."""
    run: list[bytes] = []
    gap = b""
    for token in _tokens(value):
        if run and token.isascii() and not token.strip(b" \t\r\n"):
            gap += token
            continue
        if run and gap and not token.isascii() and not token.startswith(b'"'):
            run += (gap, token)
            gap = b""
            continue
        if run:
            yield b" ".join(_words(_unquoted(b"".join(run)))) + gap
            run, gap = [], b""
        if token.isascii():
            yield token
        else:
            run = [token]
    if run:
        yield b" ".join(_words(_unquoted(b"".join(run)))) + gap


def _tokens(value: bytes) -> Iterator[bytes]:
    """Yield quoted strings, words, blanks and the rest, in order; an unterminated quote begins
    no quoted string."""
    at, pattern = 0, _TOKEN
    while match := pattern.match(value, at):
        if match[0].startswith(b'"') and pattern is _TOKEN and not match[1]:
            pattern = _UNQUOTED_TOKEN
            continue
        yield match[0]
        at = match.end()


_QUESTION: Final = bytes([each if each < 128 else ord("?") for each in range(256)])


def _words(octets: bytes) -> Iterator[bytes]:
    """Yield encoded words; no character is cut in two (RFC 2047 5)."""
    octets = re.sub(rb"\r\n(?=[ \t])", b"", octets)
    charset, start = _charset(octets), 0
    while start < len(octets):
        end = min(len(octets), start + _WORD)
        while charset == "utf-8" and end < len(octets) and octets[end] & 0xC0 == 0x80:
            end -= 1
        encoded = base64.b64encode(octets[start:end]).decode()
        yield f"=?{charset}?b?{encoded}?=".encode()
        start = end


def _charset(octets: bytes) -> str:
    try:
        octets.decode()
    except UnicodeDecodeError:
        return "unknown-8bit"  # RFC 1428
    return "utf-8"


def _unquoted(octets: bytes) -> bytes:
    if octets.startswith(b'"'):
        end = octets.rindex(b'"')
        inner = re.sub(rb"\\(.)", rb"\1", octets[1:end], flags=re.DOTALL)
        return inner + octets[end + 1 :]
    return octets


def _parameter(match: "re.Match[bytes]") -> bytes:
    name, value = match[1], match[2]
    if value.isascii():
        return match[0]
    plain = _unquoted(value)
    percent = "".join(chr(each) if each in _SAFE else f"%{each:02X}" for each in plain)
    return b"%s*=%s''%s" % (name, _charset(plain).encode(), percent.encode())
