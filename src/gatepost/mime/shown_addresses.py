"""Finds what people, or readers that are not strict, take for an address in a From field."""

import binascii
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from gatepost.mime.charsets import is_charset
from gatepost.mime.look_alikes import as_seen
from gatepost.mime.mailboxes import without_comments

_APART: Final = r"\x00-\x20\x7f-\xa0\xab\xbb\u2000-\u206f\u3000-\u303f\ud800-\udfff"
"""Blanks, controls, quotes and octets that are not UTF-8: an address ends there."""
_ATOM: Final = rf'[^"(),.:;<>@\[\\\]*`{_APART}]'
_LABEL: Final = rf"[^!-,./:-@\[-^`{{-~{_APART}]"
_LOCAL: Final = re.compile(rf"(?:{_ATOM}++\.?)++")
_DOMAIN: Final = re.compile(rf"\[[^\[\]]*+\]|{_LABEL}++(?:\.{_LABEL}++)*+")
_QUOTED: Final = re.compile(r'"(?:\\.|[^"\\])*+"?', re.DOTALL)
_ENCODED: Final = re.compile(r"=\?([^?]*+)\?([BbQq])\?([^?]*+)\?=")
_MISLEADING: Final = re.compile(r"[\x00\n\r\u202d\u202e]")
"""Ends a line or a text for some readers, or changes the direction in which it is read."""
_NO_BASE64: Final = re.compile(rb"[^A-Za-z0-9+/]+")
_BLANK: Final = " \t"
MOST_SIGNS: Final = 200
"""Maximum number of ``@`` in a field, which may show each of its mailboxes several times."""


def shown_addresses(field: str) -> Iterator[str]:
    """Yield what looks like an address in a From field that ``parse_mailboxes`` accepts.

    In quotes, comments and encoded words that is one with dots in its domain and without blanks.
    Elsewhere, some readers also take ``a @ b.example`` and ``a@b`` for an address. Some are yielded
    more than once. Raises ValueError for characters that mislead.
    """
    uncommented = without_comments(field, "")
    for text in (field, uncommented) if "(" in field else (field,):
        for decoded in _decoded(text):
            if _MISLEADING.search(decoded):
                raise ValueError("a misleading character in the From field")
            yield from filter(_is_dotted, _addresses(as_seen(decoded)))
            unquoted = as_seen(decoded).replace('"', "").replace("\\", "")
            yield from filter(_is_dotted, _addresses(unquoted))
    bare = " ".join(_QUOTED.sub("quoted", _ENCODED.sub("encoded", uncommented)).split())
    yield from _addresses(bare)
    for sign in ("@", "."):
        bare = bare.replace(f" {sign}", sign).replace(f"{sign} ", sign)
    yield from filter(_is_dotted, _addresses(bare))


def may_show_address(field: str) -> bool:
    """Tell whether some reader may find an address in a field."""
    return any("@" in as_seen(text) for text in _decoded(field))


def _addresses(text: str) -> Iterator[str]:
    pieces = text.split("@")
    if len(pieces) > MOST_SIGNS:
        raise ValueError("too many addresses in the From field")
    for before, after in pairwise(pieces):
        local = _LOCAL.match(before[::-1])
        domain = _DOMAIN.match(after)
        if local is not None and domain is not None:
            name = local[0][::-1].lstrip(".'")
            if name and domain[0].rstrip("-"):
                yield f"{name}@{domain[0].rstrip('-')}"


def _is_dotted(address: str) -> bool:
    """Tell whether the domain is a literal, a number, or ends with what may be a top-level domain:
    ``9.30am`` is none."""
    domain = address.rpartition("@")[2]
    last = domain.rpartition(".")[2]
    if "." not in domain or domain.startswith("["):
        return domain.startswith("[")
    return domain.count(".") == 3 if last.isdecimal() else len(last) > 1 and last[0].isalpha()


def _decoded(text: str) -> Iterator[str]:
    """Yield the text with its encoded words decoded (RFC 2047): first as it should be, then without
    any blanks around them."""
    *parts, last = _ENCODED.split(text)
    if not parts:
        yield text
        return
    words = [_decode(*parts[at : at + 3]) for at in range(1, len(parts), 4)]
    first, *between = parts[::4]
    plain = [first, *(each if each.strip(_BLANK) else "" for each in between)]
    yield "".join(map("".join, zip(plain, words, strict=True))) + last
    plain = [each.strip(_BLANK) for each in plain]
    yield "".join(map("".join, zip(plain, words, strict=True))) + last.lstrip(_BLANK)


def _decode(charset: str, encoding: str, data: str) -> str:
    octets = data.encode("ascii", "ignore")
    if encoding in "Qq":
        decoded = binascii.a2b_qp(octets, header=True)
    else:  # some readers go on behind padding
        decoded = b"".join(map(_decode_base64, octets.split(b"=")))
    name = charset.partition("*")[0]  # a language may follow (RFC 2231 5)
    try:
        return decoded.decode(name if is_charset(name) else "latin-1", "replace")
    except (LookupError, ValueError):
        return decoded.decode("latin-1")


def _decode_base64(octets: bytes) -> bytes:
    """Return what can be decoded."""
    signs = _NO_BASE64.sub(b"", octets)
    return binascii.a2b_base64(signs[: len(signs) - (len(signs) % 4 == 1)] + b"===")
