"""Access tokens: signed here, and verified wherever one is shown.

They are JSON Web Tokens (RFC 7519) signed with RS256, with the claims that Entra puts
into an application's token of version 1.0:
https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
"""

import base64
import binascii
import hashlib
import json
import re
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

import jwt
import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gatepost.directory.azure.entries import ServicePrincipal
from gatepost.directory.azure.paths import is_guid, new_guid
from gatepost.model.secret import Secret

LIFETIME: Final = timedelta(seconds=3599)
"""What Entra says of a client's first token; the real ones differ by some minutes."""
MAX_TOKEN: Final = 12_288
"""Octets; as long as an AUTH line may be (RFC 4954 4)."""
_MAX_KEPT: Final = 10_000
"""Tokens whose signature is known to be good."""

# Each resource by its identifiers, without a slash at the end: that makes no difference.
COMMUNICATION: Final = frozenset(
    {"https://communication.azure.com", "1fd5118e-2576-4263-8130-9503064c837a"}
)
MANAGEMENT: Final = frozenset(
    {"https://management.azure.com", "https://management.core.windows.net"}
)
GRAPH: Final = frozenset(
    {"https://graph.microsoft.com", "00000003-0000-0000-c000-000000000000"}
)  # fmt: skip
OUTLOOK: Final = frozenset(
    {
        "https://outlook.office365.com",
        "https://outlook.office.com",
        "00000002-0000-0ff1-ce00-000000000000",
    }
)

RESOURCES: Final[Mapping[str, frozenset[str]]] = {
    "Azure Communication Services": COMMUNICATION,
    "Azure Resource Manager": MANAGEMENT,
    "Microsoft Graph": GRAPH,
    "Exchange Online": OUTLOOK,
}
"""Resources that a tenant knows without having been told, by name."""

_ALGORITHM: Final = "RS256"
_RS256: Final = PKCS1v15(), SHA256()  # RFC 7518 3.3; over header and claims, RFC 7515 5.2
_READER: Final = msgspec.json.Decoder(dict[str, Any])
_SKEW: Final = timedelta(minutes=5)
"""Entra dates a token back by so much, so that a clock that is behind takes it, too."""
_PARTS: Final = re.compile(r"([\w-]+)\.([\w-]+)\.([\w-]+)", re.ASCII)
_ELSEWHERE: Final = re.compile(r"https://(?:sts\.windows\.net|login\.microsoftonline\.com)/")


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says."""

    tenant_id: str
    application_id: str
    principal_id: str
    """The object id of the service principal, to which roles are assigned."""
    audience: str
    """As it was asked for; it may end in a slash."""
    expires_at: datetime
    roles: tuple[str, ...] = ()


class TokenError(ValueError):
    """A token that is not taken: ``slug`` and a sentence for the operator, nothing of the token.

    Slugs: token_malformed, token_signature, token_expired, token_not_yet_valid,
    token_audience_wrong.
    """

    def __init__(self, slug: str, sentence: str) -> None:
        super().__init__(sentence)
        self.slug = slug


class IssuedToken(NamedTuple):
    """A token, and the seconds that it is good for."""

    token: Secret
    expires_in: int


class AccessTokens:
    """Issues and verifies with one key of at least 2048 bits (RFC 7518 3.3).

    ``clock`` returns the time with its zone, ``new_id`` a fresh id for each token.
    A client uses its token for an hour, and its signature is verified once. What is kept is a
    digest, and what the token says; whether it is in time is looked at every time.
    """

    def __init__(
        self,
        key: RSAPrivateKey,
        clock: Callable[[], datetime],
        new_id: Callable[[], str] = new_guid,
    ) -> None:
        self._key = key
        self._public = key.public_key()
        self._clock = clock
        self._new_id = new_id
        der = self._public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.key_id: Final = _base64url(hashlib.sha256(der).digest())
        self._jws = jwt.PyJWS(algorithms=[_ALGORITHM])
        self._verified: OrderedDict[bytes, tuple[Claims, int]] = OrderedDict()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} key={self.key_id}>"

    @property
    def key_set(self) -> dict[str, Any]:
        """The public key as a JSON Web Key Set (RFC 7517 5)."""
        numbers = self._public.public_numbers()
        key = {"kty": "RSA", "use": "sig", "alg": _ALGORITHM, "kid": self.key_id}
        return {"keys": [{**key, "n": _base64url_int(numbers.n), "e": _base64url_int(numbers.e)}]}

    def issue(
        self,
        principal: ServicePrincipal,
        audience: str,
        issuer: str,
        *,
        by_certificate: bool = False,
        roles: Collection[str] = (),
    ) -> IssuedToken:
        """Return a token for an application: ``principal`` is what its tenant knows it as.

        ``audience`` is the resource's identifier as it was asked for, ``issuer`` the URL of the
        tenant here. Nothing is checked: who may have a token was decided before.
        """
        now = self._clock()
        lifetime = int(LIFETIME.total_seconds())
        start, end = int((now - _SKEW).timestamp()), int(now.timestamp()) + lifetime
        claims: dict[str, Any] = {
            "aud": audience,
            "iss": issuer,
            "iat": start,
            "nbf": start,
            "exp": end,
            "appid": principal.application_id,
            "appidacr": "2" if by_certificate else "1",
            "idp": issuer,
            "idtyp": "app",
            "oid": principal.id,
            "sub": principal.id,
            "tid": principal.tenant_id,
            "uti": self._new_id(),
            "ver": "1.0",
        }
        if roles:
            claims["roles"] = sorted(roles)
        payload = json.dumps(claims, separators=(",", ":")).encode()
        headers = {"kid": self.key_id, "x5t": self.key_id}
        return IssuedToken(
            Secret(self._jws.encode(payload, self._key, _ALGORITHM, headers)), lifetime
        )

    def verify(self, token: str, audiences: Collection[str]) -> Claims:
        """Return what ``token`` says, once it is proven to be ours, in time and for us.

        ``audiences`` are lower case and end in no slash. Raises TokenError.
        """
        if len(token) > MAX_TOKEN:
            raise TokenError("token_malformed", _malformed_because(token))
        octets = token.encode("utf-8", "surrogatepass")
        digest = hashlib.blake2b(octets, digest_size=32).digest()
        claims, start = self._verified.get(digest) or self._read(token)
        now = self._clock()
        if now >= claims.expires_at:
            self._verified.pop(digest, None)
            ended = f"{claims.expires_at:%Y-%m-%d %H:%M:%S UTC}"
            raise TokenError("token_expired", f"the token expired at {ended}")
        self._verified[digest] = claims, start
        if len(self._verified) > _MAX_KEPT:
            self._verified.popitem(last=False)
        if now.timestamp() < start:
            raise TokenError(
                "token_not_yet_valid", "the token is not valid yet; are the clocks right?"
            )
        check_audience(claims, audiences)
        return claims

    def _read(self, token: str) -> tuple[Claims, int]:
        """Return what a token says that we signed, and when it begins."""
        parts = _PARTS.fullmatch(token)
        if parts is None:
            raise TokenError("token_malformed", _malformed_because(token))
        payload = self._signed_part(token, parts)
        return _read_claims(payload), _number(payload, "nbf")

    def _signed_part(self, token: str, parts: "re.Match[str]") -> dict[str, Any]:
        """Return the claims of a token that we signed."""
        fields, payload = _header(parts[1]), _object(_decoded(parts[2]))
        signature = _decoded(parts[3])
        if fields.get("alg") != _ALGORITHM or fields.get("kid") != self.key_id:
            raise TokenError("token_signature", _foreign_because(payload))
        if _base64url(signature) != parts[3]:
            raise TokenError("token_malformed", "the signature's last character was changed")
        try:  # by itself: PyJWT would read all that was just read again, for thrice the time
            self._public.verify(signature, token[: parts.end(2)].encode(), *_RS256)
        except InvalidSignature:
            raise TokenError(
                "token_signature", "the token was changed, or its signature was"
            ) from None
        return payload


def check_audience(claims: Claims, audiences: Collection[str]) -> None:
    """Raise TokenError unless the token is for one of ``audiences`` (as of ``verify``)."""
    if _folded(claims.audience) in audiences:
        return
    name = resource_name(claims.audience)
    raise TokenError("token_audience_wrong", f"the token is for {name or 'another resource'}")


def resource_name(audience: str) -> str:
    """Return what a well-known resource is called, empty for any other."""
    wanted = _folded(audience)
    return next((name for name, ids in RESOURCES.items() if wanted in ids), "")


def _folded(audience: str) -> str:
    return audience.removesuffix("/").lower()


def _malformed_because(token: str) -> str:
    if len(token) > MAX_TOKEN:
        return f"the token is longer than {MAX_TOKEN} characters"
    if is_guid(token):
        return "that is an id; a token has three parts separated by dots"
    return "that is not a token: a token has three parts separated by dots"


def _foreign_because(payload: Mapping[str, Any]) -> str:
    """Say whose token it seems to be, in our own words: it is not proven to be anything."""
    audience, issuer = payload.get("aud"), payload.get("iss")
    name = resource_name(audience) if isinstance(audience, str) else ""
    seems_real = isinstance(issuer, str) and _ELSEWHERE.match(issuer)
    who = "Microsoft's Entra signed the token" if seems_real else "another key signed the token"
    return f"{who}, not this relay" + (f"; it says that it is for {name}" if name else "")


def _decoded(part: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except binascii.Error:
        raise TokenError("token_malformed", "a part of the token is not Base64") from None


@lru_cache(maxsize=16)
def _header(part: str) -> Mapping[str, Any]:
    """Return a header; it is the same for all tokens of a key."""
    return _object(_decoded(part))


def _object(raw: bytes) -> dict[str, Any]:
    try:
        return _READER.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise TokenError("token_malformed", "a part of the token is not a JSON object") from None


def _read_claims(payload: Mapping[str, Any]) -> Claims:
    roles = payload.get("roles", [])
    if not isinstance(roles, list):
        raise TokenError("token_malformed", "the claim roles is not a list")
    return Claims(
        _text(payload, "tid"),
        _text(payload, "appid"),
        _text(payload, "oid"),
        _text(payload, "aud"),
        datetime.fromtimestamp(_number(payload, "exp"), UTC),
        tuple(map(str, roles)),
    )


def _text(payload: Mapping[str, Any], name: str) -> str:
    value = payload.get(name)
    if not isinstance(value, str):
        raise TokenError("token_malformed", f"the claim {name} is missing")
    return value


def _number(payload: Mapping[str, Any], name: str) -> int:
    value = payload.get(name)
    if not isinstance(value, int):
        raise TokenError("token_malformed", f"the claim {name} is missing")
    return value


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _base64url_int(number: int) -> str:
    return _base64url(number.to_bytes((number.bit_length() + 7) // 8))
