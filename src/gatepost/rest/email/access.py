"""Authenticates callers by a resource's access key, or a token with a role on the resource."""

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from starlette.requests import Request

from gatepost.directory.azure.directory import AzureDirectory
from gatepost.directory.azure.entries import CommunicationService
from gatepost.directory.azure.roles import grant_of
from gatepost.directory.azure.senders import standing_of
from gatepost.directory.azure.tokens import COMMUNICATION, Claims
from gatepost.directory.entra_issuers import Faulty
from gatepost.directory.entra_tokens import EntraTokens, TokenContents
from gatepost.errors import ConfigError
from gatepost.model.address import Address
from gatepost.model.credentials import Principal, Standing
from gatepost.rest.bearer import (
    authenticate_bearer,
    own_audiences,
    read_bearer,
    report_token,
)
from gatepost.rest.email.refusals import (
    denied,
    domain_not_linked,
    invalid_sender,
    not_verified,
    unauthorized,
)
from gatepost.rest.email.signatures import SCHEME, Signed, decode_key, read_signature, signer_of
from gatepost.rest.errors import ApiError
from gatepost.rest.site import Site

_HOST: Final = re.compile(r"([-\w]+)\.communication\.localhost(?::\d+)?", re.IGNORECASE)
_MAX_KEYS: Final = 10_000
"""Number of opened access keys that are cached."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller, and the resources that it may use: one, or all on which it has the role."""

    name: str
    """The application's, as a suffix of the principal's name; empty for an access key."""
    mechanism: str
    services: tuple[CommunicationService, ...]
    application_id: str = ""

    def may_use(self, resource: str) -> bool:
        """Tell whether the resource with that id, in lower case, is one of them."""
        return any(each.key == resource for each in self.services)

    def principal(self, service: CommunicationService) -> Principal:
        """Return its principal for one of its resources."""
        return Principal(
            f"{service.name}{self.name}",
            self.mechanism,
            service.id,
            self.application_id,
            service.subscription_id,
        )


class Access:
    """Authenticates requests against the current directory."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._keys: dict[bytes, bytes] = {}

    async def authenticate(self, request: Request) -> tuple[Caller, bytes | None]:
        """Return the caller, and the SHA-256 of the body that it signed; None if it has a token.

        The header of the request suffices, so strangers need not send their bodies. Raises ApiError
        401, and 503 while a tenant's keys are not available.
        """
        value = request.headers.get("authorization", "").strip()
        if not value:
            raise unauthorized()
        scheme = value.partition(" ")[0].upper()
        if scheme == SCHEME:
            return self._by_signature(request)
        if scheme == "BEARER":
            return await self._by_token(request), None
        raise denied("scheme_unknown: neither an access key's signature nor a bearer token")

    # Access keys.

    def _by_signature(self, request: Request) -> tuple[Caller, bytes]:
        target = request_target(request)
        try:
            # Of a field that comes twice, the first one counts, as everywhere.
            headers = dict(reversed(request.headers.items()))
            signed = read_signature(request.method, target, headers)
        except ValueError as error:
            raise denied(str(error)) from None
        skew = abs(self._site.clients_time() - signed.date)
        if skew > timedelta(seconds=self._site.profile.api.clock_skew):
            raise denied(f"clock_skew: the request's date is {skew.total_seconds():.0f} s off")
        service = self._signer(signed, self._candidates(request))
        return Caller("", SCHEME, (service,)), signed.content_hash

    def _signer(
        self, signed: Signed, candidates: Sequence[CommunicationService]
    ) -> CommunicationService:
        sealed = [key for each in candidates for key in (each.primary_key, each.secondary_key)]
        keys = [self._open(each) for each in sealed]
        place = signer_of(signed, keys)
        if place is None:
            reason = "signature_wrong: no access key of the resource made the signature"
            damaged = [n for n, each in enumerate(sealed) if each and not keys[n]]
            if damaged:
                reason += f"; a key of {candidates[damaged[0] // 2].name} is damaged"
            raise denied(reason)
        service = candidates[place // 2]
        if not service.local_auth:
            raise denied("local_auth_disabled: the resource does not accept access keys")
        return service

    def _open(self, sealed: bytes) -> bytes:
        """Return a key; empty if there is none, or if it is damaged: others still work."""
        if not sealed:
            return b""
        key = self._keys.get(sealed)
        if key is None:
            if len(self._keys) >= _MAX_KEYS:
                self._keys.clear()
            try:
                key = decode_key(self._site.keys.open(sealed).reveal())
            except ConfigError:
                key = b""
            self._keys[sealed] = key
        return key

    # Tokens.

    async def _by_token(self, request: Request) -> Caller:
        """Return the caller of the token, with the resources on which it has the role."""
        entra, token = self._site.entra_tokens(), read_bearer(request)
        if entra is None or not token or self._site.tokens.has_our_key_id(token):
            claims = self._own_claims(request)
        else:
            claims = await self._claims_of_entra(request, entra, token)
        reasons: list[str] = []
        services = tuple(
            each for each in self._candidates(request) if self._may_send(claims, each, reasons)
        )
        if not services:
            raise denied(reasons[0] if reasons else "resource_unknown: there is no resource")
        name = f".{claims.application_id}.{claims.tenant_id}"
        return Caller(name, "Bearer", services, claims.application_id)

    def _own_claims(self, request: Request) -> Claims | TokenContents:
        """Verify a token that this relay has issued."""
        audiences = COMMUNICATION | own_audiences(request, self._site)
        try:
            return authenticate_bearer(request, self._site, audiences)
        except ApiError as error:
            raise denied(error.reason) from None

    async def _claims_of_entra(
        self, request: Request, entra: EntraTokens, token: str
    ) -> TokenContents:
        """Verify a token of a tenant that the configuration names."""
        contents = await entra.verify(token)
        if isinstance(contents, Faulty):
            report_token(request, self._site, str(contents))
            raise (not_verified if contents.is_transient else denied)(str(contents))
        return contents

    def _may_send(
        self, claims: Claims | TokenContents, service: CommunicationService, reasons: list[str]
    ) -> bool:
        """Tell whether the role on the resource grants the actions for sending by SMTP."""
        directory = self._site.directory
        rules = directory.rules
        grant = grant_of(directory.snapshot, claims.principal_id, service.id, rules.actions)
        if grant.missing:
            missing = ", ".join(grant.missing)
            reasons.append(f"role_missing: no role on {service.name} grants {missing}")
            return False
        if grant.effective_from is not None:
            wait = grant.effective_from + rules.propagation_delay - self._site.now()
            if rules.propagation_delay and wait > timedelta(0):
                seconds = wait.total_seconds()
                reasons.append(f"propagating: the role takes effect in {seconds:.0f} s")
                return False
        return True

    # Resources and senders.

    def _candidates(self, request: Request) -> tuple[CommunicationService, ...]:
        """Return the resource in Host; without one, all. Raises ApiError 401.

        In Azure the host of a resource that does not exist does not resolve.
        """
        directory = self._site.directory
        named = named_by_host(request, directory)
        if named is None:
            return directory.all(CommunicationService)
        if not named:
            raise denied("resource_unknown: there is no resource with the name in Host")
        return named

    def service_for(self, caller: Caller, sender: Address) -> CommunicationService:
        """Return the caller's resource that may send as ``sender``. Raises ApiError 404 or 400."""
        snapshot = self._site.directory.snapshot
        standings = {standing_of(snapshot, each, sender): each for each in caller.services}
        if Standing.ALLOWED in standings:
            return standings[Standing.ALLOWED]
        if Standing.SENDER_NOT_REGISTERED in standings:
            raise invalid_sender(sender)
        raise domain_not_linked(sender)


def check_content(body: bytes, signed: bytes | None) -> None:
    """Raise ApiError 401 unless the body has the signed SHA-256; None: none needs to be signed."""
    if signed is not None and not hmac.compare_digest(hashlib.sha256(body).digest(), signed):
        raise denied("content_changed: the body is not the one that was signed")


def named_by_host(
    request: Request, directory: AzureDirectory
) -> tuple[CommunicationService, ...] | None:
    """Return the resource in Host, if it exists; None: Host contains none."""
    match = _HOST.fullmatch(request.headers.get("host", ""))
    return None if match is None else directory.find(CommunicationService, match[1])


def request_target(request: Request) -> str:
    """Return path and query exactly as sent, which is what was signed."""
    path: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    query: bytes = request.scope["query_string"]
    return (path + (b"?" + query if query else b"")).decode("latin-1")
