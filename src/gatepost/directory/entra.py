"""Applications of real Entra tenants: the token endpoint decides whether a secret is right.

A client signs in as to Azure Communication Services, with RESOURCE.APPLICATION.TENANT (or bars) and
a client secret, or with an access token of its tenant (XOAUTH2, OAUTHBEARER), which itself names
the application; its senders, and its SMTP user names, are in the configuration. Only tenants and
applications that the configuration names are asked about, so that nobody can try the secrets of
others through us.
"""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from gatepost.directory.azure.username import CompositeName, UsernameError, parse_username
from gatepost.directory.entra_issuers import Faulty
from gatepost.directory.entra_tokens import EntraTokens
from gatepost.directory.fair_queue import FairQueue, TooMany
from gatepost.directory.proof_cache import ProofCache, ticket_of
from gatepost.directory.scram_verifiers import unproven
from gatepost.directory.sender_patterns import standing_of
from gatepost.model.address import Address
from gatepost.model.credentials import Credentials, Principal, Standing
from gatepost.model.reply import Esc, Reply
from gatepost.model.secret import Secret
from gatepost.sasl.interview import Verifier

REFUSED: Final = Reply(535, "Authentication unsuccessful", Esc(5, 7, 3))
UNAVAILABLE: Final = Reply(454, "Temporary authentication failure", Esc(4, 7, 0))
REFUSAL_HOLDS: Final = 15.0
"""Seconds for which the same wrong secret is not tried again: the endpoint would block the client
that repeats it, and us (AADSTS50196)."""
LONGEST_PAUSE: Final = 300.0
"""Maximum seconds of an endpoint's Retry-After, because a client waits for the answer."""
BY_TOKEN: Final = "token"
"""Replaces the resource in the principal of a login with a token and without a composite name."""
BY_USERNAME: Final = "username"
"""Replaces the resource for an SMTP user name."""
MOST_AT_ONCE: Final = 32
"""Maximum simultaneous requests to the endpoint."""
_OF_SECRET: Final = frozenset({"LOGIN", "PLAIN"})
_OF_TOKEN: Final = frozenset({"OAUTHBEARER", "XOAUTH2"})
_USUAL: Final = 0.25
"""Seconds that a refusal takes, until one was measured."""


@dataclass(frozen=True, slots=True)
class EntraRules:
    """The configuration. Ids in lower case."""

    tenants: frozenset[str]
    applications: Mapping[str, tuple[str, ...]]
    """The senders of each application, by client id."""
    others: tuple[str, ...] | None = None
    """Senders of every other application of these tenants; None: no other may sign in."""
    cache: float = 300.0
    """Seconds for which an accepted secret is not verified again."""
    usernames: Mapping[str, CompositeName] = field(default_factory=dict)
    """What SMTP user names stand for, by the name in lower case."""

    def named(self, username: str) -> CompositeName:
        """Return what a user name stands for. Raises UsernameError."""
        return self.usernames.get(username.lower()) or parse_username(username)

    def senders(self, application_id: str) -> tuple[str, ...] | None:
        """Return the senders of an application; None if it may not sign in."""
        return self.applications.get(application_id, self.others)


@dataclass(frozen=True, slots=True)
class Proof:
    """The token endpoint's answer: the secret is right, or why not."""

    reason: str = ""
    """``slug: a sentence``, without parts of the request; empty: the secret is right."""
    is_transient: bool = False
    """It could not decide now."""
    retry_after: float = 0.0
    """Seconds to wait before the next request about this application (RFC 9110 10.2.3)."""


class Prover(Protocol):
    """Asks the token endpoint."""

    async def __call__(self, name: CompositeName, secret: Secret) -> Proof:
        """Verify the application's secret. Takes its deadline at most."""


class EntraDirectory:
    """Implements ``Directory``. ``key`` is for digests of secrets in memory; ``monotonic`` is a
    monotonic clock in seconds."""

    def __init__(
        self,
        rules: EntraRules,
        prove: Prover,
        key: bytes,
        monotonic: Callable[[], float],
        tokens: EntraTokens | None = None,
    ) -> None:
        """Without ``tokens``, tokens are not accepted."""
        self.mechanisms: Final = _OF_SECRET | (_OF_TOKEN if tokens else frozenset())
        self.tokens: Final = tokens
        self._rules = rules
        self._prove = prove
        self._key = key
        self._monotonic = monotonic
        self._proven: ProofCache[Principal | Reply] = ProofCache(monotonic)
        """Secrets that were right."""
        self._refused: ProofCache[Reply] = ProofCache(monotonic)
        """Wrong secrets, kept separately, so that guesses displace no right ones."""
        self._paused: ProofCache[Reply] = ProofCache(monotonic)
        """Answers by application, while the endpoint wants no requests about it."""
        self._asking = FairQueue(MOST_AT_ONCE)
        self._took: deque[float] = deque([_USUAL], maxlen=32)
        self._version = 0

    def configure(self, rules: EntraRules) -> None:
        """Use other rules from now on."""
        self._rules = rules
        self._proven.clear()
        self._refused.clear()
        self._paused.clear()
        self._version += 1

    def unknown(self, username: str) -> str:
        name = self._admitted(username)
        return name if isinstance(name, str) else ""

    def _admitted(self, username: str) -> CompositeName | str:
        """Return the name's parts, or why it may not sign in."""
        try:
            name = self._rules.named(username)
        except UsernameError as error:
            return f"username_format: {error}"
        if name.tenant_id not in self._rules.tenants:
            return "tenant_unknown: the configuration does not name this tenant"
        if self._rules.senders(name.application_id) is None:
            return "application_unknown: the configuration does not name this application"
        return name

    def identify(
        self, credentials: Credentials, mechanism: str
    ) -> "Principal | Reply | asyncio.Future[Principal | Reply]":
        if mechanism in _OF_TOKEN and credentials.token is not None and self.tokens is not None:
            return asyncio.ensure_future(
                self._by_token(self.tokens, credentials.username, credentials.token)
            )
        password = credentials.password
        if mechanism not in _OF_SECRET or password is None:
            return REFUSED.because(
                f"mechanism_unsupported: {mechanism} does not verify a client secret"
            )
        if credentials.authzid.lower() not in ("", credentials.username.lower()):
            return REFUSED.because("authzid_refused: acting as another identity is not permitted")
        secret = password.reveal().encode("utf-8", "surrogateescape")
        ticket = ticket_of(self._key, self._version, credentials.username, secret)
        if (refusal := self._refused.get(ticket)) is not None:
            return refusal
        return self._proven.ask(ticket, lambda: self._ask(credentials, password, ticket))

    async def _by_token(
        self, tokens: EntraTokens, username: str, token: Secret
    ) -> Principal | Reply:
        """Verify a token. A composite name must be that of its application; any other name, such as
        a mailbox for Microsoft 365, is ignored, and only the token counts."""
        contents = await tokens.verify(token.reveal())
        if isinstance(contents, Faulty):
            reply = UNAVAILABLE if contents.is_transient else REFUSED
            return reply.because(str(contents))
        if self._rules.senders(contents.application_id) is None:
            return REFUSED.because(
                "application_unknown: the configuration does not name this application"
            )
        try:
            name = self._rules.named(username)
        except UsernameError:
            name = CompositeName(BY_TOKEN, contents.application_id, contents.tenant_id)
            return Principal(str(name), application_id=contents.application_id)
        if name.application_id != contents.application_id:
            return REFUSED.because(
                "token_application_mismatch: the token is of another application than the user name"
            )
        if name.tenant_id != contents.tenant_id:
            return REFUSED.because(
                "token_tenant_mismatch: the token is of another tenant than the user name"
            )
        return Principal(username, application_id=contents.application_id)

    async def _ask(
        self, credentials: Credentials, secret: Secret, ticket: bytes
    ) -> Principal | Reply:
        name = self._admitted(credentials.username)
        if isinstance(name, str):
            # Take as long as a refusal of a known name.
            await asyncio.sleep(random.choice(self._took))  # noqa: S311 - no secret
            return REFUSED.because(name)
        application = f"{name.application_id} {name.tenant_id}".encode()
        if (paused := self._paused.get(application)) is not None:
            return paused
        version, began = self._version, self._monotonic()
        try:
            async with self._asking.turn(credentials.peer):
                proof = await self._prove(name, secret)
        except TooMany:
            return UNAVAILABLE.because("busy: too many logins are waiting to be checked")
        if self._version != version:
            return UNAVAILABLE.because("reconfigured: the configuration was changed meanwhile")
        if proof.is_transient:
            unavailable = UNAVAILABLE.because(proof.reason)
            self._paused.put(application, unavailable, min(proof.retry_after, LONGEST_PAUSE))
            return unavailable
        if proof.reason:
            self._took.append(self._monotonic() - began)
            refusal = REFUSED.because(proof.reason)
            self._refused.put(ticket, refusal, REFUSAL_HOLDS)
            return refusal
        principal = Principal(credentials.username, application_id=name.application_id)
        self._proven.put(ticket, principal, self._rules.cache)
        return principal

    def verifier(self, username: str, mechanism: str) -> Verifier:
        reason = f"mechanism_unsupported: a token endpoint cannot check {mechanism}"
        return unproven(REFUSED.because(reason), username, mechanism, self._key)

    def standing(self, principal: Principal, sender: Address) -> Standing:
        if self.unknown(principal.name):
            return Standing.NOT_SIGNED_IN
        return standing_of(self._rules.senders(principal.application_id) or (), sender)
