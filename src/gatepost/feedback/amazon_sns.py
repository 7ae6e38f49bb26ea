"""Messages of Amazon SNS: their signature, the certificate for it, and confirmations.

Source: docs.aws.amazon.com/sns, "Verifying the signatures of Amazon SNS messages", 2026-11.
"""

import asyncio
import base64
import binascii
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from gatepost.errors import GatepostError
from gatepost.feedback.webhook_proofs import NotProven, ProvenRequest, check_age
from gatepost.model.provider_events import WebhookProof
from gatepost.net.http_client import Http, HttpRequest

SIGNED: Final[Mapping[str, tuple[str, ...]]] = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": (
        "Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type",
    ),
    "UnsubscribeConfirmation": (
        "Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type",
    ),
}  # fmt: skip
"""By the type of a message: the members that are signed, in their order; absent ones are left out.
"""
MOST_CERTIFICATES: Final = 16
"""Certificates that are kept: there is one for each region, and its successor."""
MOST_OCTETS: Final = 65_536
"""Octets of a certificate."""
_HOST: Final = re.compile(r"sns\.[a-z]{2,3}(?:-[a-z0-9]{1,20}){1,4}\.amazonaws\.com(?:\.cn)?")
_CERTIFICATE: Final = re.compile(r"/SimpleNotificationService-[0-9a-f]{8,64}\.pem")
_HASHES: Final = {"1": hashes.SHA1, "2": hashes.SHA256}


@dataclass(frozen=True, slots=True)
class SnsMessage:
    """A message that Amazon has signed."""

    type: str
    message: str
    subscribe_url: str
    topic: str
    proven: ProvenRequest


class SnsMessages:
    """Verifies messages of some topics, with the certificates that Amazon publishes."""

    def __init__(self, http: Http, topics: Collection[str], endpoint: str = "") -> None:
        """``endpoint``: ``https://HOST`` to ask instead of Amazon's hosts; empty: these."""
        self._http, self._topics, self._endpoint = http, frozenset(topics), endpoint
        self._certificates: dict[str, x509.Certificate] = {}
        self._fetching = asyncio.Lock()

    async def verify(self, value: Any, proof: WebhookProof, now: datetime) -> SnsMessage:
        """Return the message in the value of a body. Raises NotProven."""
        members = _members(value)
        topic = members.get("TopicArn", "")
        if topic not in self._topics:  # nothing is fetched for strangers
            raise NotProven("topic_unknown: the message is of a topic that is not configured")
        certificate = await self._certificate(members.get("SigningCertURL", ""), now)
        _check_signature(members, certificate)
        try:
            at = datetime.fromisoformat(members.get("Timestamp", ""))
        except ValueError:
            raise NotProven("time_missing: the message has no time") from None
        check_age(at if at.tzinfo else at.replace(tzinfo=UTC), proof, now)
        return SnsMessage(
            members["Type"], members.get("Message", ""), members.get("SubscribeURL", ""), topic,
            ProvenRequest(members.get("MessageId", "")),
        )  # fmt: skip

    async def confirm(self, message: SnsMessage) -> None:
        """Confirm a subscription. Raises NotProven and GatepostError."""
        parts = _amazons(message.subscribe_url, "for the confirmation")
        url = self._redirected(f"https://{parts.netloc}", f"{parts.path}?{parts.query}")
        response = await self._http.ask(HttpRequest("GET", url, may_break_off=True))
        if response.status != 200:
            raise NotProven(f"not_confirmed: Amazon answered HTTP {response.status}")

    async def _certificate(self, url: str, now: datetime) -> x509.Certificate:
        parts = _amazons(url, "of the certificate")
        if not _CERTIFICATE.fullmatch(parts.path) or parts.query or parts.fragment:
            raise NotProven("url_foreign: the URL of the certificate is not Amazon's")
        origin, path = f"https://{parts.netloc}", parts.path
        certificate = self._certificates.get(f"{origin}{path}")
        if certificate is None:
            certificate = await self._fetch_once(origin, path)
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            raise NotProven("certificate_expired: the certificate is not valid now")
        return certificate

    async def _fetch_once(self, origin: str, path: str) -> x509.Certificate:
        async with self._fetching:  # one at a time; nobody waits for those that are here
            certificate = self._certificates.get(f"{origin}{path}")
            if certificate is None:
                certificate = await self._fetch(origin, path)
                if len(self._certificates) >= MOST_CERTIFICATES:
                    self._certificates.pop(next(iter(self._certificates)))
                self._certificates[f"{origin}{path}"] = certificate
        return certificate

    async def _fetch(self, origin: str, path: str) -> x509.Certificate:
        try:
            response = await self._http.ask(HttpRequest("GET", self._redirected(origin, path)))
        except GatepostError as error:
            raise NotProven(f"certificate_missing: {error}") from error
        if response.status != 200 or len(response.body) > MOST_OCTETS:
            raise NotProven(f"certificate_missing: Amazon answered HTTP {response.status}")
        try:
            return x509.load_pem_x509_certificate(response.body)
        except ValueError:
            raise NotProven("certificate_missing: Amazon's answer is no certificate") from None

    def _redirected(self, origin: str, rest: str) -> str:
        return f"{self._endpoint or origin}{rest}"


def _amazons(url: str, what: str) -> SplitResult:
    """Return the parts of a URL of Amazon SNS. Raises NotProven."""
    try:
        parts = urlsplit(url)
    except ValueError:  # such as an incomplete IPv6 address
        parts = urlsplit("")
    if parts.scheme != "https" or not _HOST.fullmatch(parts.netloc):
        raise NotProven(f"url_foreign: the URL {what} is not Amazon's")
    return parts


def _members(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise NotProven("message_malformed: the body is no object")
    members = {name: each for name, each in value.items() if isinstance(each, str)}
    if members.get("Type") not in SIGNED:
        raise NotProven("message_malformed: the body is no message of Amazon SNS")
    return members


def signed_text(members: Mapping[str, str]) -> bytes:
    """Return what the signature of a message is over."""
    names = [name for name in SIGNED[members["Type"]] if name in members]
    return "".join(f"{name}\n{members[name]}\n" for name in names).encode("utf-8", "surrogatepass")


def _check_signature(members: Mapping[str, str], certificate: x509.Certificate) -> None:
    key, make = certificate.public_key(), _HASHES.get(members.get("SignatureVersion", ""))
    if make is None or not isinstance(key, rsa.RSAPublicKey):
        raise NotProven("signature_unknown: the version of the signature is neither 1 nor 2")
    try:
        signature = base64.b64decode(members.get("Signature", ""), validate=True)
        key.verify(signature, signed_text(members), padding.PKCS1v15(), make())
    except (InvalidSignature, ValueError, binascii.Error):
        raise NotProven("signature_wrong: Amazon did not sign the message") from None
