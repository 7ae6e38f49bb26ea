"""Several directories as one: the first one that knows a name decides about it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final, Protocol

from gatepost.directory.accounts import REFUSED
from gatepost.directory.contract import (
    CacheableDirectory,
    Directory,
    identify_for_cache,
    not_cached,
    standing_for_cache,
)
from gatepost.model.address import Address
from gatepost.model.credentials import Credentials, Principal, Standing
from gatepost.model.reply import Reply
from gatepost.model.value_or_future import Later
from gatepost.sasl.interview import Verifier

REFUSED_AFTER: Final = 0.5
"""Seconds until a refusal is returned, so that its time does not reveal which directory refused."""
_ANY_NAME: Final = frozenset({"account_unknown", "username_format"})
"""Reasons that directories give for any name that they do not know."""
_NAMELESS: Final = frozenset({"EXTERNAL", "OAUTHBEARER", "XOAUTH2"})
"""Mechanisms whose token or certificate itself names the account."""


class KnowingDirectory(Directory, Protocol):
    """A directory in this process that can be one of several."""

    def unknown(self, username: str) -> str:
        """Return why the name is unknown (``slug: a sentence``); empty if it is known."""


class CombinedDirectory:
    """Implements ``Directory``. The first directory decides about names that none knows."""

    def __init__(
        self, directories: Sequence[KnowingDirectory], refused_after: float = REFUSED_AFTER
    ) -> None:
        if not directories:
            raise ValueError("a combination needs a directory")
        self._directories = tuple(directories)
        self._refused_after = refused_after
        self._tasks: set[asyncio.Task[Principal | Reply]] = set()

    @property
    def mechanisms(self) -> frozenset[str]:
        """Mechanisms with a password that all directories can verify, because a client chooses one
        before its name is known; mechanisms with a token or certificate that any can verify."""
        offered = [each.mechanisms for each in self._directories]
        shared = frozenset.intersection(*offered)
        return shared | (frozenset.union(*offered) & _NAMELESS)

    def _of(self, username: str, mechanism: str) -> KnowingDirectory:
        able = self._able(mechanism)
        return next((each for each in able if not each.unknown(username)), able[0])

    def _able(self, mechanism: str) -> Sequence[KnowingDirectory]:
        able = [each for each in self._directories if mechanism in each.mechanisms]
        return able or self._directories

    def identify(self, credentials: Credentials, mechanism: str) -> "Later[Principal | Reply]":
        directory = self._of(credentials.username, mechanism)
        verdict = directory.identify(credentials, mechanism)
        if isinstance(verdict, Principal):
            return verdict
        task = asyncio.ensure_future(
            self._refused_later(verdict, self._unknown(credentials.username))
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _unknown(self, username: str) -> str:
        """Return the most specific reason why no directory knows a name; empty if one does."""
        reasons = [each.unknown(username) for each in self._directories]
        if not all(reasons):
            return ""
        telling = [each for each in reasons if each.partition(":")[0] not in _ANY_NAME]
        return (telling or reasons)[0]

    async def _refused_later(
        self, verdict: "Later[Principal | Reply]", unknown: str
    ) -> Principal | Reply:
        loop = asyncio.get_running_loop()
        began = loop.time()
        if not isinstance(verdict, Principal | Reply):
            verdict = await verdict
        if isinstance(verdict, Principal) or verdict.is_transient:
            return verdict
        await asyncio.sleep(self._refused_after - (loop.time() - began))
        return REFUSED.because(unknown or verdict.reason)  # each directory has texts of its own

    def verifier(self, username: str, mechanism: str) -> "Later[Verifier]":
        """Return the verifier of the directory that knows the name.

        The verifiers of each directory may look different, for example in their iterations. So the
        decoy of a name that none knows is that of any of them, but always of the same one.
        """
        able = self._able(mechanism)
        directory = self._of(username, mechanism)
        verifier = directory.verifier(username, mechanism)
        if not isinstance(verifier, Verifier) or verifier.scram is None:
            return verifier
        if verifier.principal is not None or not directory.unknown(username):
            return verifier
        chosen = able[verifier.scram.stored_key[0] % len(able)]  # clients do not see this key
        decoy = verifier if chosen is directory else chosen.verifier(username, mechanism)
        return replace(decoy, refusal=verifier.refusal) if isinstance(decoy, Verifier) else decoy

    def standing(self, principal: Principal, sender: Address) -> "Later[Standing]":
        return self._of(principal.name, principal.mechanism).standing(principal, sender)

    def identify_for_cache(
        self, credentials: Credentials, mechanism: str
    ) -> "Later[tuple[Principal | Reply, float]]":
        """See ``CacheableDirectory``; only an immediate success is cached. After a change of any
        directory, all are asked again, because another one may then know the name."""
        verdict = self.identify(credentials, mechanism)
        if not isinstance(verdict, Principal):
            return not_cached(verdict)
        directory = self._of(credentials.username, mechanism)
        return identify_for_cache(directory, credentials, mechanism)

    def standing_for_cache(
        self, principal: Principal, sender: Address
    ) -> "Later[tuple[Standing, float]]":
        """See ``CacheableDirectory``; after a change of any directory, all are asked again."""
        directory = self._of(principal.name, principal.mechanism)
        return standing_for_cache(directory, principal, sender)

    def follow(self, forget: Callable[[], Awaitable[None]]) -> None:
        for each in self._directories:
            if isinstance(each, CacheableDirectory):
                each.follow(forget)
