"""The queue in memory. Nothing survives."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gatepost.errors import QueueError
from gatepost.model.body import Body, BytesBody
from gatepost.model.delivery import Delivery, Lease, Planned, QueuedMessage, Settlement
from gatepost.model.message import Submission
from gatepost.model.route import NextHop
from gatepost.queue.deliveries_contract import (
    Action,
    Cursor,
    MessageOrigin,
    QueueCount,
    QueueSelection,
    SelectedSome,
    part_of,
    planned_delivery,
    queued,
)
from gatepost.queue.delivery_changes import (
    dropped,
    is_reroutable,
    lease_lost,
    parted,
    rerouted,
    settled,
)
from gatepost.queue.delivery_matcher import DeliveryMatcher
from gatepost.testing.memory.notes import MemoryNotes
from gatepost.testing.memory.reports import MemoryReports


@dataclass(slots=True)
class _Entry:
    delivery: Delivery
    token: int = 0


@dataclass(slots=True)
class _Message:
    message: QueuedMessage
    body: Body | None
    entries: list[_Entry]
    settled_at: datetime | None = None


class MemoryDeliveries:
    """Implements ``queue.deliveries_contract.Deliveries``."""

    def __init__(
        self, reports: MemoryReports | None = None, notes: MemoryNotes | None = None
    ) -> None:
        """``reports`` and ``notes`` are those that settlements add to."""
        self.reports, self.notes = reports or MemoryReports(), notes or MemoryNotes()
        self._epoch = 0
        self._messages: dict[str, _Message] = {}
        self._looked_at: datetime | None = None

    async def take_over(self, now: datetime) -> int:
        self._epoch += 1
        for entry in self._entries():
            if entry.delivery.state == "leased":
                self._give_back(entry, now)
        return self._epoch

    def put(
        self, submission: Submission, planned: Sequence[Planned], *, leased: bool = True
    ) -> asyncio.Future[tuple[Lease, ...]]:
        future: asyncio.Future[tuple[Lease, ...]] = asyncio.get_running_loop().create_future()
        if submission.id in self._messages:
            future.set_exception(QueueError(f"message {submission.id} is already there"))
            return future
        if not planned:
            future.set_exception(QueueError(f"message {submission.id} has no delivery"))
            return future
        try:
            made = self._insert(submission, planned)
        except OSError as error:
            future.set_exception(QueueError(f"the body cannot be read: {error}"))
            return future
        future.set_result(tuple([self._take(each) for each in made.entries]) if leased else ())
        return future

    async def lease(
        self, now: datetime, limit: int, skip: Collection[str] = frozenset()
    ) -> Sequence[Lease]:
        by_hop: dict[str, list[_Entry]] = {}
        waiting = self._due(lambda each: each.due)
        self._looked_at = now if waiting else self._looked_at
        for entry in waiting:
            delivery = entry.delivery
            if delivery.due is not None and delivery.due <= now:
                by_hop.setdefault(delivery.next_hop.key, []).append(entry)
        hops = [entries for key, entries in by_hop.items() if key not in skip]
        share = max(1, limit // max(1, len(hops)))
        chosen = [each for entries in hops for each in entries[:share]]
        chosen += [each for entries in hops for each in entries[share:]]
        return [self._take(each) for each in chosen[:limit]]

    async def lease_overdue(self, now: datetime, limit: int) -> Sequence[Lease]:
        due = self._due(lambda each: each.notice_at)
        chosen = [each for each in due if each.delivery.notice_at <= now]
        return [self._take(each) for each in chosen[:limit]]

    async def looked_at(self) -> datetime | None:
        return self._looked_at

    async def next_due(self, skip: Collection[str] = frozenset()) -> datetime | None:
        waiting = [each.delivery for each in self._due(lambda each: each.due)]
        times = [each.due for each in waiting if each.next_hop.key not in skip and each.due]
        return min(times + [each.notice_at for each in waiting], default=None)

    async def settle(self, lease: Lease, settlement: Settlement, now: datetime) -> None:
        entry = self._leased(lease)
        after = settled(entry.delivery, settlement, held=entry.delivery.to_be_held)
        for mail in settlement.emits:
            if mail.submission.id not in self._messages:
                self._insert(mail.submission, mail.planned)
        await self.reports.record(None, settlement.reports, settlement.suppressed)
        await self.notes.put(settlement.notes)
        entry.delivery, *others = parted(after, settlement.moved)
        entries = self._messages[lease.message.id].entries
        for each in others:
            entries.append(_Entry(replace(each, id=f"{each.message}.{len(entries)}")))
        self._finish(lease.message.id, now)

    async def body(self, message: str) -> Body:
        stored = self._messages[message]
        if stored.body is None:
            raise KeyError(message)
        return stored.body

    async def message(self, id: str) -> QueuedMessage:
        return self._messages[id].message

    async def find(self, id: str) -> Sequence[Delivery]:
        return [each.delivery for each in self._named(id)]

    async def list(self, selection: QueueSelection = QueueSelection()) -> Sequence[Delivery]:  # noqa: B008
        chosen = (await self.select(selection)).deliveries
        return chosen if selection.limit is None else chosen[: max(0, selection.limit)]

    async def select(self, selection: QueueSelection, after: Cursor | None = None) -> SelectedSome:  # noqa: ARG002
        matcher = DeliveryMatcher(selection)
        chosen = [
            (entry.delivery, accepted)
            for message in reversed(self._messages.values())
            for accepted in [_accepted(message.message)]
            for entry in message.entries
            if matcher.may_match(entry.delivery.next_hop.key, accepted)
            and matcher.matches(entry.delivery)
        ]
        return SelectedSome([each for each, _ in chosen], None, [each for _, each in chosen])

    async def count(self) -> dict[str, QueueCount]:
        counts: dict[str, Counter[str]] = {}
        for entry in self._entries():
            delivery = entry.delivery
            if delivery.state != "settled":
                counts.setdefault(delivery.next_hop.key, Counter())[delivery.state] += 1
        return {
            key: QueueCount(each["waiting"], each["leased"], each["held"])
            for key, each in counts.items()
        }

    async def act(
        self,
        action: Action,
        ids: Iterable[str] | None,
        now: datetime,
        some_done: Callable[[], None] = lambda: None,
    ) -> int:
        entries: Iterable[_Entry]
        if ids is None:
            entries = list(self._entries())
        else:
            entries = [entry for each in dict.fromkeys(ids) for entry in self._named(each)]
        once = {id(entry): entry for entry in entries}
        done = sum(self._try_act(action, entry, now) for entry in once.values())
        some_done()
        return done

    async def reroute(
        self, ids: Iterable[str], to: NextHop, by: str, now: datetime
    ) -> Sequence[str]:
        done: list[str] = []
        for entry in [entry for each in dict.fromkeys(ids) for entry in self._named(each)]:
            if is_reroutable(entry.delivery, to):
                entry.delivery = rerouted(entry.delivery, to, by, now)
                done.append(entry.delivery.id)
        return done

    async def forget(self, before: datetime) -> int:
        old = [
            id_
            for id_, each in self._messages.items()
            if each.settled_at is not None and each.settled_at < before
        ]
        for id_ in old:
            del self._messages[id_]
        return len(old)

    def _try_act(self, action: Action, entry: _Entry, now: datetime) -> bool:
        delivery = entry.delivery
        state = delivery.state
        if action == "hold" and state == "waiting":
            entry.delivery = replace(delivery, state="held", due=None)
        elif action == "hold" and state == "leased" and not delivery.to_be_held:
            entry.delivery = replace(delivery, to_be_held=True)
        elif (action == "release" and state == "held") or (
            action == "retry" and state == "waiting"
        ):
            entry.delivery = replace(delivery, state="waiting", due=now)
        elif action == "release" and delivery.to_be_held:
            entry.delivery = replace(delivery, to_be_held=False)
        elif action == "drop" and state != "settled":
            entry.delivery, entry.token = dropped(delivery), entry.token + 1
            self._finish(delivery.message, now)
        else:
            return False
        return True

    def _insert(self, submission: Submission, planned: Sequence[Planned]) -> _Message:
        message = queued(submission)
        entries = [
            _Entry(planned_delivery(message.id, part, each)) for part, each in enumerate(planned)
        ]
        body = BytesBody(b"".join(submission.body.chunks()))
        made = self._messages[message.id] = _Message(message, body, entries)
        return made

    def _take(self, entry: _Entry) -> Lease:
        entry.token += 1
        entry.delivery = replace(entry.delivery, state="leased", due=None)
        message = self._messages[entry.delivery.message].message
        return Lease(entry.delivery, message, self._epoch, entry.token)

    def _give_back(self, entry: _Entry, now: datetime) -> None:
        delivery = replace(entry.delivery, to_be_held=False)
        if entry.delivery.to_be_held:
            entry.delivery = replace(delivery, state="held", due=None)
        else:
            entry.delivery = replace(delivery, state="waiting", due=now)

    def _leased(self, lease: Lease) -> _Entry:
        is_leased = False
        for entry in self._named(lease.delivery.id):
            is_leased = entry.delivery.state == "leased"
            if is_leased and entry.token == lease.token and lease.epoch == self._epoch:
                return entry
        raise lease_lost(lease.delivery.id, is_leased=is_leased)

    def _finish(self, id_: str, now: datetime) -> None:
        """The body goes with the last delivery."""
        message = self._messages[id_]
        if all(entry.delivery.state == "settled" for entry in message.entries):
            message.settled_at, message.body = now, None

    def _entries(self) -> Iterator[_Entry]:
        for message in self._messages.values():
            yield from message.entries

    def _named(self, id_: str) -> Sequence[_Entry]:
        if id_ in self._messages:
            return self._messages[id_].entries
        name, part = part_of(id_)
        stored = self._messages.get(name)
        if stored is None or part is None:
            return []
        return stored.entries[part : part + 1]

    def _due(self, time: Callable[[Delivery], datetime | None]) -> Sequence[_Entry]:
        waiting = [each for each in self._entries() if each.delivery.state == "waiting"]
        return sorted(waiting, key=lambda each: time(each.delivery) or each.delivery.notice_at)


def _accepted(message: QueuedMessage) -> MessageOrigin:
    return MessageOrigin(str(message.envelope.sender or ""), message.received_at)
