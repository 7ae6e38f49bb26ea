"""Requests signed with an access key: the HMAC-SHA256 scheme of Azure Communication Services.

Source: Microsoft Learn, "Sign an HTTP request", and what the SDKs for Python and JavaScript send.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

SCHEME: Final = "HMAC-SHA256"

_AUTHORIZATION: Final = re.compile(
    r"HMAC-SHA256 +SignedHeaders=([A-Za-z0-9;-]+)&Signature=([A-Za-z0-9+/]+={0,2})", re.IGNORECASE
)
_PORT: Final = re.compile(r":\d{1,5}\Z", re.ASCII)
_DATES: Final = ("x-ms-date", "date")
_HASH: Final = "x-ms-content-sha256"
_HTTP_DATE: Final = re.compile(
    r"[A-Z][a-z]{2}, (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT", re.ASCII
)
"""RFC 9110 5.6.7."""
_MONTHS: Final = "JanFebMarAprMayJunJulAugSepOctNovDec"


@dataclass(frozen=True, slots=True)
class Signed:
    """A request's signature, and what it covers."""

    texts: tuple[bytes, ...]
    """What was signed: with Host as it was sent, or else without its port, as clients in Java and
    PHP sign it (azure-communication-common's HmacAuthenticationPolicy)."""
    signature: bytes
    date: datetime
    content_hash: bytes
    """SHA-256 of the body, according to the client."""

    def is_by(self, key: bytes) -> bool:
        """Tell whether ``key`` made the signature; takes the same time for every wrong key."""
        return any(
            hmac.compare_digest(hmac.digest(key, text, "sha256"), self.signature)
            for text in self.texts
        )


def read_signature(method: str, target: str, headers: Mapping[str, str]) -> Signed:
    """Return the signature of a request.

    ``target``: path and query of the request exactly as sent; ``headers`` have names in lower case.
    Raises ValueError: a slug, a colon and a sentence for the operator.
    """
    match = _AUTHORIZATION.fullmatch(headers.get("authorization", "").strip())
    if match is None:
        raise ValueError("signature_malformed: the Authorization header is not of the scheme")
    names = match[1].lower().split(";")
    date_name = next((name for name in _DATES if name in names), "")
    if not {"host", _HASH} < {*names} or not date_name:
        raise ValueError("signature_malformed: host, date and content hash must be signed")
    missing = [name for name in names if name not in headers]
    if missing:
        raise ValueError(f"signature_malformed: {missing[0]} is signed and was not sent")
    try:
        date = _read_date(headers[date_name])
        signature = base64.b64decode(match[2], validate=True)
        content_hash = base64.b64decode(headers[_HASH], validate=True)
    except (
        ValueError,
        TypeError,
        IndexError,
        OverflowError,
    ):  # the last two come from the date's parser
        raise ValueError("signature_malformed: date, hash or signature cannot be read") from None
    hosts = dict.fromkeys((headers["host"], _PORT.sub("", headers["host"])))
    return Signed(
        tuple(
            string_to_sign(
                method, target, [host if name == "host" else headers[name] for name in names]
            ).encode()
            for host in hosts
        ),
        signature,
        date if date.tzinfo else date.replace(tzinfo=UTC),
        content_hash,
    )


def _read_date(text: str) -> datetime:
    """Return a date as HTTP has it, quickly, or in another form of RFC 5322."""
    match = _HTTP_DATE.fullmatch(text)
    month = _MONTHS.find(match[2]) if match is not None else -1
    if match is None or month < 0:
        return parsedate_to_datetime(text)
    day, year, hour, minute, second = map(int, match.group(1, 3, 4, 5, 6))
    return datetime(year, month // 3 + 1, day, hour, minute, second, tzinfo=UTC)


def string_to_sign(method: str, target: str, values: Iterable[str]) -> str:
    """Return what the signature covers; ``values``: those of the signed headers, in their order."""
    return f"{method.upper()}\n{target}\n{';'.join(values)}"


def decode_key(text: str) -> bytes:
    """Return the key of an access key; empty if it is invalid."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def signer_of(signed: Signed, keys: Sequence[bytes]) -> int | None:
    """Return the index of the key that signed; takes the time of all keys if none did."""
    return next((place for place, key in enumerate(keys) if key and signed.is_by(key)), None)
