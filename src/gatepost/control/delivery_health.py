"""Whether each target delivers the mail that waits for it, for health checks.

A target is degraded if no node has delivered to it for a while, although mail was due all that
time. Mail that is held does not count, nor does mail whose retry time is yet to come.
"""

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from gatepost.control.queue_control import QueueControl
from gatepost.control.queue_operations import operate_queue
from gatepost.errors import QueueError
from gatepost.model.rfc3339 import utc_text
from gatepost.model.route import Route, parse_next_hop
from gatepost.queue.deliveries_contract import QueueCount
from gatepost.queue.last_deliveries import DeliveryAges, LastDeliveries, WaitingAge, read_ages

Document = dict[str, Any]
FRESH: Final = 2.0
"""Seconds for which an answer serves all requests: a health check must not load the store."""
PATIENCE: Final = 1.0
"""Seconds to wait for a new answer; after that, the one before is given."""
MOST: Final = 20
"""Targets in an answer."""
LONGEST: Final = 500
"""Characters of each text in an answer."""
FACTS: Final = "deliveries"
"""The fact of a node that has its ages."""
_GOOD: Final[Document] = {"delivering": True}
_UNKNOWN: Final[Document] = {"delivering": None}


@dataclass(frozen=True, slots=True)
class _Stuck:
    """A route of which nothing was delivered for too long."""

    route: Route
    waiting: WaitingAge
    age: float


class DeliveryHealth:
    """Judges the targets of a relay, when it is asked."""

    def __init__(
        self,
        queue: QueueControl,
        noted: LastDeliveries | None,
        routes: Callable[[], Sequence[Route]],
        after: Callable[[], timedelta],
        seconds: Callable[[], float],
    ) -> None:
        """``noted`` is None if nothing is delivered. ``after`` returns the time after which a
        target is degraded; zero: it is not judged. ``seconds`` is the clock of ``noted``."""
        self._queue, self._noted, self._routes = queue, noted, routes
        self._after, self._seconds = after, seconds
        self._judging: asyncio.Task[Document] | None = None
        self._last, self._judged_at = _UNKNOWN, -math.inf

    async def look(self) -> Document:
        """Return ``delivering``: true, false, or null if it is not judged, or the store does not
        answer; with ``degraded`` targets, and how many ``more`` there are."""
        after = self._after().total_seconds()
        if not after:
            return _UNKNOWN
        if self._noted is None:
            return _GOOD
        if self._judging is None and self._seconds() - self._judged_at >= FRESH:
            self._judging = asyncio.create_task(self._try_judge(self._noted, after))
            self._judging.add_done_callback(self._take)
        if self._judging is not None:
            await asyncio.wait([self._judging], timeout=PATIENCE)
        return self._last

    def _take(self, judging: "asyncio.Task[Document]") -> None:
        self._judging, self._judged_at = None, self._seconds()
        if not judging.cancelled():
            self._last = judging.result()

    async def _try_judge(self, noted: LastDeliveries, after: float) -> Document:
        try:
            return await self._judge(noted, after)
        except QueueError:
            return _UNKNOWN

    async def _judge(self, noted: LastDeliveries, after: float) -> Document:
        nodes = [noted.ages(self._seconds()), *await self._others()]
        stuck = [each for each in [_find(one, nodes) for one in self._routes()] if each]
        self._forget_settled(noted, nodes, stuck)
        late = [each for each in stuck if each.age >= after]
        counts = await self._queue.deliveries.count() if late else {}
        kept = [each for each in late if await self._is_due(noted, each, counts, after)]
        return await self._document(kept) if kept else _GOOD

    async def _others(self) -> list[DeliveryAges]:
        cluster = self._queue.cluster
        if cluster is None:
            return []
        return [
            read_ages(each.facts[FACTS], each.seen)
            for each in await cluster.nodes()
            if not each.is_own and FACTS in each.facts
        ]

    def _forget_settled(
        self, noted: LastDeliveries, nodes: Sequence[DeliveryAges], stuck: Sequence[_Stuck]
    ) -> None:
        """Forget what waited here before another node has delivered."""
        for name in set(nodes[0].waiting) - {each.route.name for each in stuck}:
            noted.forget(name)

    async def _is_due(
        self, noted: LastDeliveries, stuck: _Stuck, counts: Mapping[str, QueueCount], after: float
    ) -> bool:
        """Tell whether mail that is not held has been due for so long."""
        own = {key: each for key, each in counts.items() if _is_of(stuck.route, key)}
        if not any(each.waiting + each.leased for each in own.values()):
            noted.forget(stuck.route.name)
            return False
        if any(each.leased for each in own.values()):
            return True
        deferred = stuck.waiting.deferred
        if deferred is not None and stuck.age - deferred >= after:
            return True
        due = await self._queue.deliveries.next_due(counts.keys() - own.keys())
        return due is not None and due <= self._queue.now()

    async def _document(self, stuck: Sequence[_Stuck]) -> Document:
        """Return the degraded targets, each with the oldest trouble of its routes."""
        worst: dict[str, _Stuck] = {}
        for each in sorted(stuck, key=lambda one: -one.age):
            for target in each.route.chain:
                worst.setdefault(target.name, each)
        now, listed, reasons = self._queue.now(), [], dict[str, Document]()
        for name, each in list(worst.items())[:MOST]:
            route = each.route.name
            if route not in reasons:
                reasons[route] = await self._reason(each)
            since = utc_text(now - timedelta(seconds=each.age), "seconds")
            listed.append({"target": name, "since": since, **reasons[route]})
        return {"delivering": False, "degraded": listed, "more": len(worst) - len(listed)}

    async def _reason(self, stuck: _Stuck) -> Document:
        """Return what ``queue why`` says of the delivery that was deferred last; nothing if it does
        not wait any more: the next one will say it again."""
        delivery: Document = {}
        with suppress(KeyError):  # it is gone
            answer = await operate_queue(self._queue, "why", {"id": stuck.waiting.delivery})
            if answer["deliveries"][0]["state"] != "settled":
                delivery = answer["deliveries"][0]
        texts = {key: _public(str(delivery.get(key) or "")) for key in ("advice", "sentence")}
        return {"finding": delivery.get("finding"), **texts}


def _find(route: Route, nodes: Sequence[DeliveryAges]) -> _Stuck | None:
    """Return for how long nothing of a route was delivered, on the node where it waits longest;
    None: nothing was tried since the last delivery."""
    names = [target.name for target in route.chain]
    delivered = min([each.delivered.get(name, math.inf) for each in nodes for name in names])
    waiting = [each.waiting[route.name] for each in nodes if route.name in each.waiting]
    waiting = [each for each in waiting if each.tried < delivered]
    if not waiting:
        return None
    longest = max(waiting, key=lambda one: one.since)
    return _Stuck(route, longest, min(longest.since, delivered))


def _is_of(route: Route, key: str) -> bool:
    return parse_next_hop(key).route == route.name


def _public(text: str) -> str:
    """Return a text without addresses, because anybody may read a health check."""
    words = ["***" if "@" in word else word for word in text.split(" ")]
    short = " ".join(words)
    return short if len(short) <= LONGEST else f"{short[:LONGEST]}..."
