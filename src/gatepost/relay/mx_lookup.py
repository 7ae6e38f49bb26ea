"""Looks up the mail exchangers of domains, each domain once however much mail waits for it.

Answers are kept as long as they are valid. If the DNS does not answer, older ones are used for a
while (RFC 8767). A domain whose look-up failed is paused. If nothing at all was answered meanwhile,
the resolver is watched, and the pauses end when it answers again.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from gatepost.errors import TimedOut
from gatepost.model.dns import DnsAnswer, MxRecord, Resolver
from gatepost.model.reply import Reply
from gatepost.net.lookup_line import LookupLine
from gatepost.queue.circuit_breaker import Breaker, BreakerTimes
from gatepost.queue.pause import Pause
from gatepost.queue.retry_schedule import Random
from gatepost.relay.attempt_permit import CROWDED, RESOLVER, SOON, Wait
from gatepost.routing.mx_candidates import exchangers, hosts_of

CACHED: Final = 10_000
"""Domains that are remembered; the least recently used are dropped."""
FAILED: Final = BreakerTimes(threshold=1, first=30.0, factor=2.0, longest=600.0)
"""How long a domain is paused after a look-up that failed."""
REPEATS: Final = 16
"""Look-ups at once of domains whose last look-up failed."""
STALE: Final = 86_400.0
"""Seconds for which an answer that is no longer valid is used if there is no newer one. RFC 8767 5
suggests one to three days."""
RENEWAL: Final = 1.0
"""Seconds to wait for a newer answer before an old one is used (RFC 8767 5 suggests 1.8)."""
RENEW_AGAIN: Final = 30.0
"""Seconds after which a newer answer is asked for again (RFC 8767 5)."""
LONGEST: Final = 3600.0
"""Seconds for which an answer is used at most, whatever its time to live is."""
WATCH: Final = 5.0
"""Seconds between two questions to a resolver that does not answer."""
GRACE: Final = 5.0
"""Seconds after which the mail for a domain that is being looked up leaves the memory."""
_QUESTION: Final = "."
"""A name that every resolver knows."""


@dataclass(frozen=True, slots=True)
class Exchangers:
    """What the DNS says about a domain."""

    mx: DnsAnswer[MxRecord]
    hosts: dict[str, DnsAnswer[str]]
    """The addresses of each exchanger."""

    @property
    def has_addresses(self) -> bool:
        """Whether there is a server to try."""
        return any(each.records for each in self.hosts.values())


@dataclass(slots=True)
class _Domain:
    """What is known about a domain."""

    answers: Exchangers | None = None
    expires: float = 0.0
    """When ``answers`` are no longer valid."""
    renew_at: float = 0.0
    """When a newer one may be asked for."""
    failure: Breaker = field(default_factory=partial(Breaker, FAILED))
    asked_again: float = float("-inf")
    """When its pause was ended because the resolver answered again."""


class ExchangerLookup:
    """Looks up exchangers. ``seconds`` is a monotonic clock; ``random`` returns numbers from 0 to
    1; ``changed`` is called with the key of a Wait that may be over."""

    def __init__(
        self,
        resolver: Resolver,
        own_names: Collection[str],
        seconds: Callable[[], float],
        random: Random,
    ) -> None:
        self._resolver, self._own_names = resolver, own_names
        self._seconds, self._random = seconds, random
        self.changed: Callable[[str], None] = lambda _: None
        """Called with the key of a look-up that is not paused any more."""
        self._domains: OrderedDict[str, _Domain] = OrderedDict()
        self._line = LookupLine()
        self._asking: dict[str, tuple[asyncio.Task[Exchangers], float]] = {}
        """Look-ups in progress, and when each began."""
        self._repeats = 0
        self._answered = float("-inf")
        """When the resolver answered last."""
        self._silenced: set[str] = set()
        """Domains that are paused since a look-up during which nothing at all was answered."""
        self._watch: asyncio.Task[None] | None = None

    def wait_of(self, domain: str) -> Wait | None:
        """Return why a domain cannot be looked up now; None if it can, or is known."""
        now = self._seconds()
        entry = self._domains.get(domain)
        if entry is not None and entry.answers is not None and now < entry.expires + STALE:
            return None
        key, what = _key(domain), f"the look-up of {domain}"
        reason = "" if entry is None else entry.failure.reason
        if domain in self._asking:
            began = self._asking[domain][1]
            if now - began < GRACE:
                return Wait(key, GRACE)
            waits = f"the DNS has not answered for {round(now - began)} seconds"
            return Wait(key, 2 * GRACE, Pause(what, "half-open", SOON, reason or waits))
        if entry is not None and (seconds := entry.failure.wait(now)) > 0:
            return Wait(key, seconds, Pause(what, "open", seconds, reason))
        if reason and self._repeats >= REPEATS:
            seconds = FAILED.first * (1 + self._random())
            return Wait(key, seconds, Pause(what, "open", seconds, reason))
        return Wait(CROWDED, SOON) if self._line.is_full else None

    async def find(self, domain: str) -> Exchangers:
        """Return the answers about a domain; if there are none, an old one or a failure."""
        now = self._seconds()
        entry = self._domains.get(domain)
        if entry is None or entry.answers is None or now >= entry.expires + STALE:
            is_repeat = entry is not None and bool(entry.failure.reason)
            return await asyncio.shield(self._ask(domain, is_repeat=is_repeat))
        self._domains.move_to_end(domain)
        old = entry.answers
        if now >= entry.expires and now >= entry.renew_at:
            asking = self._ask(domain)
            await asyncio.wait([asking], timeout=RENEWAL)
            if asking.done() and _failure(asking.result()) is None:
                return asking.result()
        return old

    def forgive(self, domain: str) -> None:
        """End the pause of a domain."""
        entry = self._domains.get(domain)
        if entry is not None and entry.failure.reason:
            entry.failure = Breaker(FAILED)
            self.changed(_key(domain))

    async def close(self) -> None:
        """End all look-ups."""
        tasks: list[asyncio.Task[object]] = [task for task, _ in self._asking.values()]
        tasks += [self._watch] if self._watch is not None else []
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ask(self, domain: str, *, is_repeat: bool = False) -> asyncio.Task[Exchangers]:
        """Return the look-up of a domain; a new one if none is in progress."""
        if domain in self._asking:
            return self._asking[domain][0]
        asking = asyncio.create_task(self._ask_now(domain, is_repeat=is_repeat))
        self._asking[domain] = asking, self._seconds()
        return asking

    async def _ask_now(self, domain: str, *, is_repeat: bool) -> Exchangers:
        self._repeats += is_repeat
        try:
            if is_repeat:
                return await self._look_up(domain)
            return await self._line.run(partial(self._look_up, domain))
        except TimedOut as error:
            reason = f"the DNS did not answer for {domain}: {error}"
            answers = Exchangers(DnsAnswer("failed", reason=reason), {})
            self._keep(domain, answers, self._asking[domain][1])
            return answers
        finally:
            self._repeats -= is_repeat
            self._asking.pop(domain, None)
            self.changed(_key(domain))
            self.changed(CROWDED)

    async def _look_up(self, domain: str) -> Exchangers:
        began = self._seconds()
        mx = await self._resolver.mx(domain)
        hosts = exchangers(domain, mx, self._own_names, self._random)
        names = [] if isinstance(hosts, Reply) else list(dict.fromkeys(e.host for e in hosts))
        addresses = await asyncio.gather(*[self._resolver.addresses(each) for each in names])
        answers = Exchangers(mx, dict(zip(names, map(hosts_of, addresses), strict=True)))
        if mx.is_final or any(each.is_final for each in addresses):
            self._answer_came()
        self._keep(domain, answers, began)
        return answers

    def _keep(self, domain: str, answers: Exchangers, began: float) -> None:
        now = self._seconds()
        entry = self._domains.setdefault(domain, _Domain())
        self._domains.move_to_end(domain)
        if len(self._domains) > CACHED:
            self._silenced.discard(self._domains.popitem(last=False)[0])
        failed = _failure(answers)
        if failed is None:
            entry.answers = answers if answers.has_addresses else None
            entry.expires, entry.failure = now + _validity(answers), Breaker(FAILED)
            return
        entry.renew_at = now + RENEW_AGAIN
        entry.failure.record_failure(now, self._random, failed.reason)
        if began > self._answered and now - entry.asked_again >= FAILED.longest:
            self._silenced.add(domain)
            if self._watch is None or self._watch.done():
                self._watch = asyncio.create_task(self._watch_resolver())

    async def _watch_resolver(self) -> None:
        """Ask now and then, until the resolver answers."""
        while self._silenced:
            await asyncio.sleep(WATCH)
            if (await self._resolver.txt(_QUESTION)).is_final:
                self._answer_came()

    def _answer_came(self) -> None:
        """Note that the resolver answers: domains that are paused because it did not are asked
        again.
        """
        self._answered = now = self._seconds()
        if not self._silenced:
            return
        while self._silenced:
            domain = self._silenced.pop()
            entry = self._domains[domain]
            entry.asked_again = entry.renew_at = now
            entry.failure = Breaker(FAILED)
            self.changed(_key(domain))
        self.changed(RESOLVER)


def _key(domain: str) -> str:
    return f"look-up of {domain}"


def _failure(answers: Exchangers) -> DnsAnswer[MxRecord] | DnsAnswer[str] | None:
    """Return the answer because of which a domain must be asked again; None if there is none."""
    if not answers.mx.is_final:
        return answers.mx
    if answers.has_addresses:
        return None
    return next((each for each in answers.hosts.values() if not each.is_final), None)


def _validity(answers: Exchangers) -> float:
    """Return for how many seconds answers are valid. Addresses without a name always are."""
    hosts = answers.hosts.values()
    if not all(each.is_final for each in hosts):
        return RENEW_AGAIN
    lives = [each for each in (answers.mx.ttl, *[host.ttl for host in hosts]) if each > 0]
    return min(LONGEST, min(lives, default=1.0))
