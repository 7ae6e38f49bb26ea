"""The directory: it answers from memory, and changes through the store."""

import asyncio
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, TypeVar

from gatepost.directory.azure.changes.change_result import Changes
from gatepost.directory.azure.entries import Application, ClientSecret, CommunicationService, Entry
from gatepost.directory.azure.entry_records import entries_of, record_of
from gatepost.directory.azure.login_checks import (
    Denial,
    identify,
    prove_secret,
    resolve,
    secret_of,
    still_allowed,
)
from gatepost.directory.azure.login_rules import Rules
from gatepost.directory.azure.roles import BUILT_IN_ROLES, grant_of
from gatepost.directory.azure.secrets import LIFETIME, digest_of, new_secret
from gatepost.directory.azure.senders import senders_of, standing_of
from gatepost.directory.azure.snapshot import ClaimedIdentity, Grant, Snapshot
from gatepost.directory.azure.token_sign_in import MECHANISMS as TOKEN_MECHANISMS
from gatepost.directory.azure.token_sign_in import claims_of, identify_by_token
from gatepost.directory.azure.tokens import AccessTokens
from gatepost.directory.azure.username import folded_username
from gatepost.directory.change_listeners import ChangeListeners, to_the_end
from gatepost.directory.contract import Record, Records
from gatepost.directory.scram_verifiers import GENERATED_ITERATIONS, HASHES, decoy
from gatepost.model.address import Address
from gatepost.model.credentials import Credentials, Principal, Standing
from gatepost.model.reply import Esc, Reply
from gatepost.model.secret import Secret
from gatepost.sasl.interview import Verifier

_MAX_KEPT: Final = 10_000


class RememberedSecrets:
    """User names and digests of successful secrets, for ``lifetime`` after the login.

    Until 2024 the documentation said that the provider keeps no token; now it says nothing
    (Microsoft Learn, SMTP authentication). So this is a setting, and off by default.
    """

    def __init__(self, lifetime: timedelta) -> None:
        self._lifetime = lifetime
        self._until: OrderedDict[tuple[str, bytes], datetime] = OrderedDict()

    def remember(self, username: str, digest: bytes, now: datetime) -> None:
        """Note that the secret with this digest signed ``username`` in, which got a token."""
        key = username.lower(), digest
        if not self.has(username, digest, now):  # a token is not renewed at every use
            self._until[key] = now + self._lifetime
            self._until.move_to_end(key)
        while len(self._until) > _MAX_KEPT:
            self._until.popitem(last=False)

    def has(self, username: str, digest: bytes, now: datetime) -> bool:
        """Tell whether there is still a token. As the digest is keyed, this reveals nothing."""
        until = self._until.get((username.lower(), digest))
        return until is not None and now < until


REFUSED: Final = Reply(535, "Authentication unsuccessful", Esc(5, 7, 3))

_OF_SECRET: Final = frozenset({"LOGIN", "PLAIN", *HASHES})
_REVEALING: Final = frozenset({"LOGIN", "PLAIN"})

_OF_SECRETS: Final = frozenset({"secret_expired", "secret_missing", "secret_wrong"})
"""The fate of a valid secret."""

E = TypeVar("E", bound=Entry)


class AzureDirectory:
    """Implements ``Directory`` for applications that sign in with a client secret, or a token.

    Call ``load`` once before use. ``digest_key`` is the key of the digests of secrets, ``clock``
    returns the time with its zone. Without ``tokens``, tokens are refused.
    """

    def __init__(
        self,
        records: Records,
        *,
        digest_key: bytes,
        clock: Callable[[], datetime],
        rules: Rules | None = None,
        tokens: AccessTokens | None = None,
    ) -> None:
        self._records = records
        self._tokens = tokens
        self.mechanisms: Final = _OF_SECRET | (TOKEN_MECHANISMS if tokens else frozenset())
        self._key = digest_key
        self._clock = clock
        self.rules = rules or Rules()
        self._remembered = RememberedSecrets(self.rules.token_cache)
        self._snapshot = Snapshot(BUILT_IN_ROLES)
        self._changing = asyncio.Lock()
        self.damaged: dict[str, str] = {}
        """By kind and id, what was wrong with an entry when it was read."""
        self._followers = ChangeListeners()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} version={self.version}>"

    async def load(self) -> None:
        """Read everything in the store; damaged entries are ignored."""
        records = await self._records.load_records()
        self._snapshot = Snapshot([*BUILT_IN_ROLES, *entries_of(records, self.damaged)])

    async def reload(self) -> None:
        """Read everything again, because another relay may have changed some of it."""
        async with self._changing:
            version = self._snapshot.version
            await self.load()
            self._snapshot.version = version + 1
            await self._followers.forget()

    def configure(self, rules: Rules) -> None:
        """Use other rules from now on.

        Followers are not told: the caller knows whose caches to clear.
        """
        self.rules = rules
        self._remembered = RememberedSecrets(rules.token_cache)
        self._snapshot.allowed.clear()

    @property
    def version(self) -> int:
        return self._snapshot.version

    @property
    def snapshot(self) -> Snapshot:
        """Everything; read it immediately, because changes patch it."""
        return self._snapshot

    def unknown(self, username: str) -> str:
        """See ``directory.combined``: a name is known if it stands for an application at a
        resource."""
        claim = resolve(self._snapshot, username)
        return "" if isinstance(claim, ClaimedIdentity) else str(claim)

    def identify(self, credentials: Credentials, mechanism: str) -> Principal | Reply:
        if mechanism in TOKEN_MECHANISMS and credentials.token is not None:
            verdict = self._identify_by_token(credentials.username, credentials.token)
            return self._answer(credentials, verdict)
        if mechanism not in _REVEALING or credentials.password is None:
            return REFUSED.because(
                f"mechanism_unsupported: {mechanism} does not verify a client secret"
            )
        verdict = identify(
            self._snapshot,
            credentials.username,
            credentials.password.reveal(),
            key=self._key,
            rules=self.rules,
            now=self._clock(),
        )
        if self.rules.token_cache:
            password = credentials.password.reveal()
            verdict = self._with_tokens(credentials.username, password, verdict)
        return self._answer(credentials, verdict)

    def identify_for_cache(
        self, credentials: Credentials, mechanism: str
    ) -> tuple[Principal | Reply, float]:
        """As ``identify``; a successful secret is valid until its end. Refusals are not cached,
        because time can end them, and neither are logins with tokens."""
        verdict = self.identify(credentials, mechanism)
        if not isinstance(verdict, Principal) or not verdict.secret_id:
            return verdict, 0.0
        return verdict, self._end_of(verdict)

    @staticmethod
    def _answer(credentials: Credentials, verdict: Principal | Denial) -> Principal | Reply:
        if credentials.authzid.lower() not in ("", credentials.username.lower()):
            return REFUSED.because("authzid_refused: acting as another identity is not permitted")
        if isinstance(verdict, Denial):
            return REFUSED.because(str(verdict))
        return verdict

    def _identify_by_token(self, username: str, token: Secret) -> Principal | Denial:
        if self._tokens is None:
            return Denial("mechanism_unsupported", "this directory has issued no token")
        proof = claims_of(token.reveal(), self._tokens)
        return identify_by_token(
            self._snapshot, username, proof, rules=self.rules, now=self._clock()
        )

    def _with_tokens(
        self, username: str, password: str, verdict: Principal | Denial
    ) -> Principal | Denial:
        """Accept a secret that was valid a moment ago, if tokens are cached."""
        digest, now = digest_of(password, self._key), self._clock()
        if isinstance(verdict, Principal):
            self._remembered.remember(username, digest, now)
            return replace(verdict, secret_id="")  # the token is valid longer
        if verdict.slug in _OF_SECRETS and self._remembered.has(username, digest, now):
            claim = still_allowed(self._snapshot, username, self.rules, now)
            return claim if isinstance(claim, Denial) else claim.proven_by("")
        return verdict

    def verifier(self, username: str, mechanism: str) -> Verifier:
        identified = secret_of(self._snapshot, username, rules=self.rules, now=self._clock())
        if isinstance(identified, Denial):
            return self._decoy(username, mechanism, str(identified))
        principal, secret = identified
        scram = secret.scram.of(mechanism)
        if scram is None:
            reason = f"mechanism_unsupported: the secret has no verifier for {mechanism}"
            return self._decoy(username, mechanism, reason)
        return Verifier(principal, scram=scram)

    def _decoy(self, username: str, mechanism: str, reason: str) -> Verifier:
        fake = decoy(folded_username(username), mechanism, self._key, GENERATED_ITERATIONS)
        return Verifier(None, REFUSED.because(reason), fake)

    def standing(self, principal: Principal, sender: Address) -> Standing:
        return self.standing_for_cache(principal, sender)[0]

    def standing_for_cache(self, principal: Principal, sender: Address) -> tuple[Standing, float]:
        """As ``standing``; a session ends with the secret that opened it. A refusal is not cached,
        because time can end it."""
        now = self._clock()
        claim = still_allowed(self._snapshot, principal.name, self.rules, now)
        end = self._end_of(principal)
        if isinstance(claim, Denial) or now.timestamp() >= end:
            return Standing.NOT_SIGNED_IN, 0.0
        return standing_of(self._snapshot, claim.service, sender), end

    def _end_of(self, principal: Principal) -> float:
        """Return when the secret that opened a session ends, in seconds since 1970."""
        if not principal.secret_id:
            return math.inf
        secret = self._snapshot.get(ClientSecret, principal.secret_id)
        return secret.end.timestamp() if secret is not None else 0.0

    def follow(self, forget: Callable[[], Awaitable[None]]) -> None:
        self._followers.add(forget)

    def is_managed(self, principal: Principal, sender: Address) -> bool:
        """Tell whether the sender's domain is Azure-managed, whose rate is lower."""
        service = self._snapshot.get(CommunicationService, principal.resource_id)
        linked = senders_of(self._snapshot, service).get(sender.domain.lower()) if service else None
        return linked is not None and linked.entry.is_managed

    def get(self, kind: type[E], id: str) -> E | None:
        """Return the entry with this id, or None."""
        return self._snapshot.get(kind, id)

    def find(self, kind: type[E], found_by: str) -> tuple[E, ...]:
        """Return the entries of a kind with this ``found_by``."""
        return self._snapshot.find(kind, found_by)

    def all(self, kind: type[E]) -> tuple[E, ...]:
        """Return every entry of a kind."""
        return self._snapshot.all(kind)

    def grant(self, principal_id: str, scope: str, actions: tuple[str, ...]) -> Grant:
        """Return which of ``actions`` a service principal lacks on a scope, and since when it has
        the others."""
        return grant_of(self._snapshot, principal_id, scope, actions)

    def prove_secret(self, application_id: str, value: str) -> Denial | None:
        """Return why ``value`` is not a valid secret of the application, or None if it is."""
        proof = prove_secret(
            self._snapshot, application_id, value, key=self._key, now=self._clock()
        )
        return proof if isinstance(proof, Denial) else None

    def make_secret(
        self,
        application: Application,
        lifetime: timedelta = LIFETIME,
        display_name: str = "",
        *,
        start: datetime | None = None,
    ) -> tuple[ClientSecret, Secret]:
        """Return a new client secret to be saved, and its value, which cannot be read later.

        It is valid from ``start`` (None: now) for ``lifetime``.
        """
        return new_secret(application, self._key, start or self._clock(), lifetime, display_name)

    async def save(
        self, put: Iterable[Entry], delete: Iterable[Entry] = (), *, beside: Iterable[Record] = ()
    ) -> None:
        """Write and delete entries in one commit; then they take effect.

        ``beside``: records of others for the same commit.
        """
        put, delete, beside = tuple(put), tuple(delete), tuple(beside)

        async def commit() -> None:
            async with self._changing:
                await self._commit(put, delete, beside)

        await to_the_end(commit())

    async def change(self, decide: Callable[[Snapshot], Changes[E]]) -> Changes[E]:
        """Save the changes of ``decide``; nothing else changes the directory meanwhile.

        Raises Rejected if ``decide`` does; then nothing is saved.
        """

        async def commit() -> Changes[E]:
            async with self._changing:
                changes = decide(self._snapshot)
                await self._commit(changes.put, changes.delete)
            return changes

        return await to_the_end(commit())

    async def _commit(
        self, put: tuple[Entry, ...], delete: tuple[Entry, ...], beside: tuple[Record, ...] = ()
    ) -> None:
        if not (put or delete or beside):
            return
        await self._records.save_records(
            [*map(record_of, put), *beside], [(entry.kind, entry.key) for entry in delete]
        )
        self._snapshot.apply(put, delete)
        await self._followers.forget()
