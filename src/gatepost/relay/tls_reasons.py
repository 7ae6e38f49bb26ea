"""What a TLS handshake that failed says of the client, in words of its own: OpenSSL's say little
to who looks after an old application."""

from collections.abc import Mapping
from typing import Final

_NOT_OURS: Final = "the client does not accept our certificate"
_NO_TLS: Final = "the client does not speak TLS, which this port requires from the start"
_SAYS: Final[Mapping[str, str]] = {
    "unsupported protocol": "the client does not support TLS 1.2 or newer",
    "alert protocol version": "the client supports none of our TLS versions (1.2 and newer)",
    "no shared cipher": "the client supports none of our ciphers",
    "alert handshake failure": "the client supports none of our ciphers, or certificates",
    "alert unknown ca": f"{_NOT_OURS}: it does not know the authority",
    "alert bad certificate": f"{_NOT_OURS}: its name, authority or form",
    "alert certificate unknown": f"{_NOT_OURS}: its name, authority or form",
    "alert certificate expired": f"{_NOT_OURS}: it has expired by the client's clock",
    "http request": "the client speaks HTTP",
    "wrong version number": _NO_TLS,
    "packet length too long": _NO_TLS,
}
"""By the end of OpenSSL's text, in front of which an alert has the version that first had it."""


def explain_handshake(said: str) -> str:
    """Return what OpenSSL said, behind what it means where that is known."""
    meant = next((words for end, words in _SAYS.items() if said.endswith(end)), "")
    return f"{meant} ({said})" if meant else said
