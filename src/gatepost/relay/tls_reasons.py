"""Explains failed TLS handshakes to people who maintain old applications, because OpenSSL's texts
are terse."""

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
"""By the end of OpenSSL's text. Before it, texts of alerts contain the version that introduced the
alert."""


def explain_handshake(text: str) -> str:
    """Return the meaning of OpenSSL's text if it is known, followed by that text."""
    meant = next((words for end, words in _SAYS.items() if text.endswith(end)), "")
    return f"{meant} ({text})" if meant else text
