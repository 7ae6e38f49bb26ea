"""The forms in which a server may repeat a secret, for its removal from output.

These are clear text, base64 at any alignment, hex, URL encoding, and the forms in which programs
quote text: with escapes, in another case or encoding. Some servers repeat in a refusal what they
received, what they decoded from it, or both.
"""

import base64
import html
import json
import re
from collections.abc import Iterator
from typing import Final

SHORTEST: Final = 4
"""Minimum characters of a fragment that is removed; shorter ones are in every text."""
_URL_SAFE: Final = str.maketrans("+/", "-_")
"""The URL-safe alphabet (RFC 4648 5), in which tokens are written."""
LONG: Final = 8
"""Minimum characters of a text that is also removed in lower and upper case; not all of them may
be letters, because that could be an ordinary word."""
_IN_PERCENT: Final = (
    re.compile(rb"[^A-Za-z0-9_.~-]"),
    re.compile(rb"[^A-Za-z0-9]"),
    re.compile(rb"[^A-Za-z0-9_.~/-]"),
)
"""The characters that URLs encode (RFC 3986 2.3), those that cautious programs encode, and those
that are encoded in a path."""


def encodings_of(secret: bytes) -> frozenset[str]:
    """Return all forms of ``secret`` that must be removed."""
    encoded = base64.b64encode(secret).decode()
    forms = {encoded, encoded.rstrip("="), *base64_fragments(secret)}
    forms |= {each.translate(_URL_SAFE) for each in forms}
    clear = secret.decode("utf-8", "surrogateescape")
    forms |= {clear, secret.decode("latin-1"), *_within_texts(clear), repr(secret)[2:-1]}
    if len(clear) >= LONG and not clear.isalpha():
        forms |= {clear.lower(), clear.upper()}
    if len(secret.hex()) > SHORTEST:
        spelled = {secret.hex(), secret.hex(" "), secret.hex(":")}
        forms |= spelled | {each.upper() for each in spelled}
    for kind in _IN_PERCENT:
        percent = kind.sub(lambda found: b"%%%02X" % ord(found[0]), secret).decode("ascii")
        forms |= {percent, percent.replace("%20", "+"), _lower(percent)}
    return frozenset(forms)


def _within_texts(clear: str) -> Iterator[str]:
    """Yield the forms of a secret in JSON (RFC 8259 7), Python and HTML."""
    for escaped in (json.dumps(clear), json.dumps(clear, ensure_ascii=False)):
        yield from (escaped[1:-1], escaped[1:-1].replace("/", "\\/"))
    yield from (repr(clear)[1:-1], ascii(clear)[1:-1])
    yield from (html.escape(clear), html.escape(clear, quote=False))


def base64_fragments(secret: bytes) -> Iterator[str]:
    """Yield the base64 of a secret with other octets before and after it, as in PLAIN.

    Three octets are four characters, so there are three alignments; characters that also depend on
    neighbouring octets are left out.
    """
    for shift in range(3):
        encoded = base64.b64encode(bytes(shift) + secret).decode()
        fragment = encoded[(shift * 8 + 5) // 6 : (shift + len(secret)) * 8 // 6]
        if len(fragment) >= SHORTEST:
            yield fragment


def _lower(percent: str) -> str:
    return re.sub(r"%..", lambda found: found[0].lower(), percent)
