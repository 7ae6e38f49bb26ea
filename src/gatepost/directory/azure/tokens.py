"""Access tokens: signed here, and verified by every API.

They are JSON Web Tokens (RFC 7519) signed with RS256, with the claims of Entra's version 1.0 tokens
for applications: https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
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
from gatepost.directory.azure.resource_ids import is_guid, new_guid
from gatepost.model.secret import Secret

LIFETIME: Final = timedelta(seconds=3599)
"""The lifetime that Entra states for a client's first token; the real ones differ by some minutes.
"""
MAX_TOKEN: Final = 12_288
"""Octets, as in an AUTH line (RFC 4954 4)."""
_MAX_KEPT: Final = 10_000
"""Number of tokens with a verified signature that are cached."""

# Each resource by its identifiers, without a final slash, which makes no difference.
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
"""Resources that every tenant has, by name."""

_ALGORITHM: Final = "RS256"
_RS256: Final = PKCS1v15(), SHA256()  # RFC 7518 3.3; over header and claims, RFC 7515 5.2
_READER: Final = msgspec.json.Decoder(dict[str, Any])
_SKEW: Final = timedelta(minutes=5)
"""Entra sets the start of a token back by this time, for clients whose clock is slow."""
_PARTS: Final = re.compile(r"([\w-]+)\.([\w-]+)\.([\w-]+)", re.ASCII)
_ELSEWHERE: Final = re.compile(r"https://(?:sts\.windows\.net|login\.microsoftonline\.com)/")


@dataclass(frozen=True, slots=True)
class Claims:
    """The contents of a verified token."""

    tenant_id: str
    application_id: str
    principal_id: str
    """The object id of the service principal, to which roles are assigned."""
    audience: str
    """As requested; it may end in a slash."""
    expires_at: datetime
    roles: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    """What a person has allowed the application; empty in an application's own token."""
    person: str = ""
    """The user principal name of the person whose token it is; empty: it is an application's."""


class InvalidToken(ValueError):
    """A refused token: ``slug`` and a sentence for the operator, without anything of the token.

    Slugs: token_malformed, token_signature, token_expired, token_not_yet_valid,
    token_audience_wrong, token_delegated.
    """

    def __init__(self, slug: str, sentence: str) -> None:
        super().__init__(sentence)
        self.slug = slug


class IssuedToken(NamedTuple):
    """A token, and its lifetime in seconds."""

    token: Secret
    expires_in: int


class AccessTokens:
    """Issues and verifies tokens with one key of at least 2048 bits (RFC 7518 3.3).

    ``clock`` returns the time with its zone, ``new_id`` a new id for each token. A client uses its
    token for an hour, and its signature is verified once. A digest and the claims are cached; the
    times are checked at every use.
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
        """Return a token for an application: ``principal`` is its service principal.

        ``audience`` is the identifier of the resource as requested, ``issuer`` the URL of the
        tenant here. Nothing is checked: the caller has decided that the application may have a
        token.
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
        return IssuedToken(self.sign(claims), lifetime)

    def sign(self, claims: Mapping[str, Any]) -> Secret:
        """Return a token with these claims; the caller has decided everything about it."""
        payload = json.dumps(claims, separators=(",", ":")).encode()
        headers = {"kid": self.key_id, "x5t": self.key_id}
        return Secret(self._jws.encode(payload, self._key, _ALGORITHM, headers))

    def has_our_key_id(self, token: str) -> bool:
        """Tell whether a token names our key, which proves nothing."""
        parts = _PARTS.fullmatch(token)
        try:
            return parts is not None and _header(parts[1]).get("kid") == self.key_id
        except InvalidToken:
            return False

    def verify(self, token: str, audiences: Collection[str], *, of_people: bool = False) -> Claims:
        """Return the claims of ``token``, after checking its signature, times and audience.

        ``audiences`` are in lower case and without a final slash; ``of_people``: a person's token
        will do, too. Raises InvalidToken.
        """
        if len(token) > MAX_TOKEN:
            raise InvalidToken("token_malformed", _malformed_because(token))
        octets = token.encode("utf-8", "surrogatepass")
        digest = hashlib.blake2b(octets, digest_size=32).digest()
        claims, start = self._verified.get(digest) or self._read(token)
        now = self._clock()
        if now >= claims.expires_at:
            self._verified.pop(digest, None)
            ended = f"{claims.expires_at:%Y-%m-%d %H:%M:%S UTC}"
            raise InvalidToken("token_expired", f"the token expired at {ended}")
        self._verified[digest] = claims, start
        if len(self._verified) > _MAX_KEPT:
            self._verified.popitem(last=False)
        if now.timestamp() < start:
            raise InvalidToken(
                "token_not_yet_valid", "the token is not valid yet; are the clocks right?"
            )
        if claims.person and not of_people:
            raise InvalidToken(
                "token_delegated", "the token is a person's; applications need one of their own"
            )
        check_audience(claims, audiences)
        return claims

    def _read(self, token: str) -> tuple[Claims, int]:
        """Return the claims of a token that we signed, and when it becomes valid."""
        parts = _PARTS.fullmatch(token)
        if parts is None:
            raise InvalidToken("token_malformed", _malformed_because(token))
        payload = self._signed_part(token, parts)
        return _read_claims(payload), _number(payload, "nbf")

    def _signed_part(self, token: str, parts: "re.Match[str]") -> dict[str, Any]:
        """Return the claims of a token that we signed."""
        fields, payload = _header(parts[1]), _object(_decoded(parts[2]))
        signature = _decoded(parts[3])
        if fields.get("alg") != _ALGORITHM or fields.get("kid") != self.key_id:
            raise InvalidToken("token_signature", _foreign_because(payload))
        if _base64url(signature) != parts[3]:
            raise InvalidToken("token_malformed", "the signature's last character was changed")
        try:  # directly: PyJWT would parse everything again, in three times the time
            self._public.verify(signature, token[: parts.end(2)].encode(), *_RS256)
        except InvalidSignature:
            raise InvalidToken(
                "token_signature", "the token was changed, or its signature was"
            ) from None
        return payload


def check_audience(claims: Claims, audiences: Collection[str]) -> None:
    """Raise InvalidToken unless the token is for one of ``audiences`` (as of ``verify``)."""
    if _folded(claims.audience) in audiences:
        return
    name = resource_name(claims.audience)
    raise InvalidToken("token_audience_wrong", f"the token is for {name or 'another resource'}")


def resource_name(audience: str) -> str:
    """Return the name of a well-known resource, empty for any other."""
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
    """Return who seems to have issued a token, in our own words: nothing of it is proven."""
    audience, issuer = payload.get("aud"), payload.get("iss")
    name = resource_name(audience) if isinstance(audience, str) else ""
    seems_real = isinstance(issuer, str) and _ELSEWHERE.match(issuer)
    who = "Microsoft's Entra signed the token" if seems_real else "another key signed the token"
    return f"{who}, not this relay" + (f"; it says that it is for {name}" if name else "")


def _decoded(part: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except binascii.Error:
        raise InvalidToken("token_malformed", "a part of the token is not Base64") from None


@lru_cache(maxsize=16)
def _header(part: str) -> Mapping[str, Any]:
    """Return a header, which is the same for all tokens of a key."""
    return _object(_decoded(part))


def _object(raw: bytes) -> dict[str, Any]:
    try:
        return _READER.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise InvalidToken("token_malformed", "a part of the token is not a JSON object") from None


def _read_claims(payload: Mapping[str, Any]) -> Claims:
    is_delegated = "scp" in payload
    roles = payload.get("roles", [])
    if not isinstance(roles, list):
        raise InvalidToken("token_malformed", "the claim roles is not a list")
    return Claims(
        _text(payload, "tid"),
        _text(payload, "appid"),
        _text(payload, "oid"),
        _text(payload, "aud"),
        datetime.fromtimestamp(_number(payload, "exp"), UTC),
        tuple(map(str, roles)),
        tuple(_text(payload, "scp").split()) if is_delegated else (),
        _text(payload, "upn") if is_delegated else "",
    )


def _text(payload: Mapping[str, Any], name: str) -> str:
    value = payload.get(name)
    if not isinstance(value, str):
        raise InvalidToken("token_malformed", f"the claim {name} is missing")
    return value


def _number(payload: Mapping[str, Any], name: str) -> int:
    value = payload.get(name)
    if not isinstance(value, int):
        raise InvalidToken("token_malformed", f"the claim {name} is missing")
    return value


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _base64url_int(number: int) -> str:
    return _base64url(number.to_bytes((number.bit_length() + 7) // 8))
