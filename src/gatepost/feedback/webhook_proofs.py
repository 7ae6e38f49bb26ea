"""Whether a webhook is the provider's, and new. Pure; the time is an argument.

Each function raises ``NotProven`` with the reason, for the operator.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gatepost.feedback.provider_events import member
from gatepost.model.provider_events import WebhookProof
from gatepost.model.secret import Secret

_SVIX_PREFIX: Final = "whsec_"
_SVIX_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,256}")
"""Without a dot, which separates what is signed: else a part of a body could pass for the time, and
the rest for the body (standard-webhooks, "Signature scheme")."""


class NotProven(Exception):
    """The request is not the provider's, or too old."""


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """A request as it came."""

    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


@dataclass(frozen=True, slots=True)
class ProvenRequest:
    """What is known of a request that is the provider's."""

    id: str
    """The same whenever the provider or somebody else repeats it; empty: it has none."""


def check_basic(request: WebhookRequest, username: str, password: Secret) -> ProvenRequest:
    """RFC 7617."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    try:
        given = base64.b64decode(encoded.strip(), validate=True)
    except ValueError:
        given = b""
    wanted = f"{username}:{password.reveal()}".encode("utf-8", "surrogateescape")
    if scheme.lower() != "basic" or not hmac.compare_digest(given, wanted):
        raise NotProven("password_wrong: the user name or the password is not the configured one")
    return ProvenRequest("")


def check_mailgun(value: Any, key: Secret, proof: WebhookProof, now: datetime) -> ProvenRequest:
    """HMAC-SHA256 of timestamp and token, in hexadecimal, in the body itself."""
    timestamp, token, signature = (
        _string(member(value, f"signature.{name}")) for name in ("timestamp", "token", "signature")
    )
    made = hmac.new(
        _octets(key), f"{timestamp}{token}".encode("utf-8", "surrogatepass"), hashlib.sha256
    ).hexdigest()
    is_right = hmac.compare_digest(made.encode(), signature.encode("utf-8", "surrogatepass"))
    if not (token and is_right):
        raise _wrong()
    _check_time(timestamp, proof, now)
    return ProvenRequest(token)


def check_ecdsa(
    request: WebhookRequest, key: Secret, proof: WebhookProof, now: datetime
) -> ProvenRequest:
    """ECDSA on P-256 with SHA-256 over timestamp and body."""
    timestamp = request.headers.get(proof.timestamp_header.lower(), "")
    signature = request.headers.get(proof.signature_header.lower(), "")
    try:
        read = serialization.load_der_public_key(base64.b64decode(_octets(key)))
    except (ValueError, binascii.Error):
        raise NotProven("key_invalid: the configured key is no public key in Base64") from None
    if not isinstance(read, ec.EllipticCurvePublicKey):
        raise NotProven("key_invalid: the configured key is no key of an elliptic curve")
    try:
        read.verify(
            base64.b64decode(signature, validate=True),
            timestamp.encode("latin-1", "replace") + request.body,
            ec.ECDSA(hashes.SHA256()),
        )
    except (InvalidSignature, ValueError, binascii.Error):
        raise _wrong() from None
    _check_time(timestamp, proof, now)
    return ProvenRequest(hashlib.sha256(timestamp.encode() + request.body).hexdigest())


def check_svix(
    request: WebhookRequest, key: Secret, proof: WebhookProof, now: datetime
) -> ProvenRequest:
    """HMAC-SHA256 over id, timestamp and body; there may be several signatures."""
    id_, timestamp, signatures = (
        request.headers.get(f"svix-{name}", "") for name in ("id", "timestamp", "signature")
    )
    try:
        secret = base64.b64decode(key.reveal().removeprefix(_SVIX_PREFIX), validate=True)
    except (ValueError, binascii.Error):
        raise NotProven("key_invalid: the configured key is not what Resend shows") from None
    signed = f"{id_}.{timestamp}.".encode("latin-1", "replace") + request.body
    made = base64.b64encode(hmac.digest(secret, signed, "sha256"))
    given = [each.partition(",") for each in signatures.split(" ")]
    if not _SVIX_ID.fullmatch(id_) or not any(
        version == "v1" and hmac.compare_digest(made, value.encode("latin-1", "replace"))
        for version, _, value in given
    ):
        raise _wrong()
    _check_time(timestamp, proof, now)
    return ProvenRequest(id_)


def check_age(at: datetime, proof: WebhookProof, now: datetime) -> None:
    """Raise NotProven for a time that is too far from ours."""
    apart = abs(now - at)
    if apart > timedelta(seconds=proof.window):
        raise NotProven(f"replayed: the time of the request is {apart.total_seconds():.0f} s off")


def _check_time(text: str, proof: WebhookProof, now: datetime) -> None:
    if not (text.isascii() and text.isdecimal() and len(text) <= 11):
        raise NotProven("time_missing: the request has no time")
    check_age(datetime.fromtimestamp(int(text), now.tzinfo), proof, now)


def _wrong() -> NotProven:
    return NotProven("signature_wrong: the configured key did not sign the request")


def _octets(key: Secret) -> bytes:
    return key.reveal().encode("utf-8", "surrogateescape")


def _string(value: Any) -> str:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
