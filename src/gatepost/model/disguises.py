"""In which forms a secret may come back: in clear, in base64 wherever it lies, in hex, in a URL.

Whoever repeats a secret, as some servers do in a refusal, seldom means to; what they repeat is what
they got, what they made of it, or both.
"""

import base64
import re
from collections.abc import Iterator
from typing import Final

SHORTEST: Final = 4
"""Characters of a fragment that is worth striking out; shorter ones are in every text."""
_URL_SAFE: Final = str.maketrans("+/", "-_")
"""The other alphabet (RFC 4648 5), in which tokens are written."""
_IN_PERCENT: Final = (re.compile(rb"[^A-Za-z0-9_.~-]"), re.compile(rb"[^A-Za-z0-9]"))
"""What a URL has in percent (RFC 3986 2.3), and what the careful have there, too."""


def disguises(secret: bytes) -> frozenset[str]:
    """Return every form of ``secret`` that is to be struck out."""
    encoded = base64.b64encode(secret).decode()
    forms = {encoded, encoded.rstrip("="), *base64_fragments(secret)}
    forms |= {each.translate(_URL_SAFE) for each in forms}
    forms.add(secret.decode("utf-8", "surrogateescape"))
    hexadecimal = secret.hex()
    if len(hexadecimal) > SHORTEST:
        forms |= {hexadecimal, hexadecimal.upper()}
    for kind in _IN_PERCENT:
        percent = kind.sub(lambda found: b"%%%02X" % ord(found[0]), secret).decode("ascii")
        forms |= {percent, percent.replace("%20", "+"), _lower(percent)}
    return frozenset(forms)


def base64_fragments(secret: bytes) -> Iterator[str]:
    """Yield what the secret is in base64 with something before and behind it, as in PLAIN.

    Three octets are four characters, so there are three ways to lie across them;
    characters that also depend on the neighbours are left out.
    """
    for shift in range(3):
        encoded = base64.b64encode(bytes(shift) + secret).decode()
        fragment = encoded[(shift * 8 + 5) // 6 : (shift + len(secret)) * 8 // 6]
        if len(fragment) >= SHORTEST:
            yield fragment


def _lower(percent: str) -> str:
    return re.sub(r"%..", lambda found: found[0].lower(), percent)
