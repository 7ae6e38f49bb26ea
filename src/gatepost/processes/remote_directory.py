"""Directory and quotas of another process, with the same contracts as local ones."""

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeVar

import msgspec

from gatepost.directory.proof_cache import MOST_REMEMBERED, ticket_of
from gatepost.errors import Disconnected
from gatepost.model.address import Address
from gatepost.model.credentials import Credentials, Principal, Standing
from gatepost.model.reply import Reply
from gatepost.model.value_or_future import Later
from gatepost.processes.front_caches import FORGET
from gatepost.processes.rpc import NIL, Calls, decode
from gatepost.sasl.interview import Verifier

K = TypeVar("K")
V = TypeVar("V")

Proofs = dict[bytes, tuple[Principal, float]]
Standings = dict[tuple[Principal, Address], tuple[Standing, float]]


class RemoteDirectory:
    """Implements ``directory.contract.Directory`` by remote calls; answers are futures.

    If the directory tells how long an answer is valid (``CacheableDirectory``), it is cached until
    the directory changes. Of a secret, only a keyed digest is cached.
    """

    def __init__(
        self,
        calls: Calls,
        mechanisms: frozenset[str],
        now: Callable[[], float],
        *,
        keeps: bool = False,
    ) -> None:
        """``now`` returns the directory's time, in seconds since 1970."""
        self._calls, self._now = calls, now
        self.mechanisms: Final = mechanisms
        self._keeps = keeps
        self._key = secrets.token_bytes(32)
        self._proven: Proofs = {}
        self._standings: Standings = {}
        calls.hears[FORGET] = self._forget

    @classmethod
    async def connect(cls, calls: Calls, now: Callable[[], float] = time.time) -> "RemoteDirectory":
        """Ask what the directory can verify, and whether its answers may be kept."""
        mechanisms = frozenset(await calls.call(list[str], "mechanisms"))
        return cls(calls, mechanisms, now, keeps=await calls.call(bool, "keep"))

    def _forget(self, number: msgspec.Raw) -> None:
        """Clear the cache, because the directory changes, and confirm it; the change waits for
        that."""
        self._proven, self._standings = {}, {}  # not cleared: see ``_keep``
        self._calls.tell("gave_up", decode(number, int))

    def identify(self, credentials: Credentials, mechanism: str) -> "Later[Principal | Reply]":
        ask_for = self._calls.ask_for
        if not self._keeps or mechanism not in _REVEALING or credentials.password is None:
            return ask_for(_verdict, "identify", credentials, mechanism)
        if credentials.authzid:
            return ask_for(_verdict, "identify", credentials, mechanism)
        password = credentials.password.reveal().encode("utf-8", "surrogateescape")
        ticket = ticket_of(self._key, 0, f"{mechanism} {credentials.username}", password)
        cached = self._proven.get(ticket)
        if cached is not None and self._is_valid(cached[1]):
            return cached[0]
        keep = partial(_keep_proof, self._proven, ticket)
        return ask_for(keep, "identify_for_cache", credentials, mechanism)

    def verifier(self, username: str, mechanism: str) -> "asyncio.Future[Verifier]":
        return self._calls.ask_for(
            lambda raw: decode(raw, Verifier), "verifier", username, mechanism
        )

    def standing(self, principal: Principal, sender: Address) -> Later[Standing]:
        if not self._keeps:
            return self._calls.ask_for(_standing, "standing", principal, sender)
        cached = self._standings.get((principal, sender))
        if cached is not None and self._is_valid(cached[1]):
            return cached[0]
        keep = partial(_keep_standing, self._standings, (principal, sender))
        return self._calls.ask_for(keep, "standing_for_cache", principal, sender)

    def _is_valid(self, until: float) -> bool:
        """Tell whether a cached answer is still valid.

        If this process was suspended for longer than a change waits, it was disconnected, and does
        not know yet what has changed.
        """
        return self._now() < until and not self._calls.is_cut_off


_REVEALING: Final = frozenset({"LOGIN", "PLAIN"})
_HELD_STANDING: Final = tuple[Standing, float]
_PROOF: Final = tuple[Principal | None, Reply | None, float]


def _keep_proof(cache: Proofs, ticket: bytes, raw: msgspec.Raw) -> Principal | Reply:
    principal, refusal, until = decode(raw, _PROOF)
    if principal is None:
        assert refusal is not None  # noqa: S101 - one of the two is always there
        return refusal
    if until:
        _keep(cache, ticket, (principal, until))
    return principal


def _keep_standing(
    cache: Standings, question: tuple[Principal, Address], raw: msgspec.Raw
) -> Standing:
    standing, until = decode(raw, _HELD_STANDING)
    if until:
        _keep(cache, question, (standing, until))
    return standing


def _keep(cache: dict[K, V], question: K, answer: V) -> None:
    """Cache an answer in the dictionary that existed when it was requested: if that was replaced
    meanwhile, the answer is dropped with it. The number of entries is limited."""
    if len(cache) >= MOST_REMEMBERED:
        cache.clear()
    cache[question] = answer


def _verdict(raw: msgspec.Raw) -> Principal | Reply:
    fields = decode(raw, dict[str, Any])
    return decode(raw, Reply) if "code" in fields else decode(raw, Principal)


def _standing(raw: msgspec.Raw) -> Standing:
    return decode(raw, Standing)


class RemoteQuotas:
    """Implements ``policy.quotas.Quotas`` by remote calls."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def enter(self, principal: Principal) -> "asyncio.Future[Reply | None]":
        return self._calls.ask_for(_optional_reply, "enter", principal)

    def leave(self, principal: Principal) -> None:
        with suppress(Disconnected):  # then all our connections are forgotten anyway
            self._calls.tell("leave", principal)

    def admit(
        self, principal: Principal, sender: Address, recipients: Sequence[Address] = ()
    ) -> "asyncio.Future[Reply | None]":
        return self._calls.ask_for(_optional_reply, "admit", principal, sender, tuple(recipients))


def _optional_reply(raw: msgspec.Raw) -> Reply | None:
    return None if bytes(raw) == NIL else decode(raw, Reply)
