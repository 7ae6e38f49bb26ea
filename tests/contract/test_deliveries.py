"""The contract of every queue (``queue.deliveries_contract.Deliveries``)."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gatepost.errors import LeaseLost, QueueError
from gatepost.model.address import parse_address
from gatepost.model.body import BytesBody
from gatepost.model.delivery import Addressee, Lease, Reroute
from gatepost.model.envelope import Envelope, Recipient
from gatepost.model.reply import Reply
from gatepost.model.route import NextHop, next_hop_by
from gatepost.queue.deliveries_contract import Deliveries, QueueCount, QueueSelection, part_of
from gatepost.store.sqlite import SqliteStore, StoreSettings, open_store
from gatepost.testing.memory import MemoryDeliveries
from tests.contract.messages import NOON, envelope
from tests.contract.queued import (
    DAY,
    HOUR,
    LATER,
    MINUTE,
    NO,
    OK,
    attempt,
    dsn,
    ids,
    mail,
    planned,
    settlement,
)

if TYPE_CHECKING:  # where psycopg is not installed, the others are tested
    from gatepost.store.postgres import PostgresStore

Steps = Callable[[Deliveries], Awaitable[None]]


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def play(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[Steps], None]]:
    """Run steps with an owned queue."""
    store: SqliteStore | PostgresStore | None = None
    if request.param == "sqlite":
        store = open_store(tmp_path, StoreSettings(reserve=0))
    elif request.param == "postgres":
        store = request.getfixturevalue("postgres").open(tmp_path)
    queue: Deliveries = MemoryDeliveries() if store is None else store.deliveries

    async def owned(steps: Steps) -> None:
        await queue.take_over(NOON)
        await steps(queue)

    yield lambda steps: asyncio.run(asyncio.wait_for(owned(steps), 60))
    if store is not None:
        store.close()


async def put(queue: Deliveries, id: str = "m1", **other: Any) -> Lease:
    [lease] = await queue.put(mail(id), [planned(**other)])
    return lease


async def waiting(queue: Deliveries, id: str = "m1", **other: Any) -> None:
    assert await queue.put(mail(id), [planned(**other)], leased=False) == ()


BOB = Recipient(parse_address("bob@example.net"), frozenset({"FAILURE", "DELAY"}), "rfc822;b+2B@x")
CAROL = Recipient(parse_address('"c d"@bücher.example'))
FULL = Envelope(
    parse_address("älice@example.org"), (BOB, CAROL), "8BITMIME", True, 22, "<>", "HDRS", "e+3D1"
)


def test_accepted_deliveries_are_leased(play: Callable[[Steps], None]) -> None:
    async def steps(queue: Deliveries) -> None:
        world = NextHop("world", "bücher.example")
        leases = await queue.put(mail("m1", FULL), [planned([BOB]), planned([CAROL], world)])
        assert ids(leases) == ["m1.0", "m1.1"]
        first, second = leases
        assert first.envelope == replace(FULL, recipients=(BOB,))
        assert second.envelope == replace(FULL, recipients=(CAROL,))
        assert second.delivery.next_hop == world
        assert (first.delivery.state, first.delivery.due) == ("leased", None)
        assert (first.message.principal, first.message.size) == ("res.app.tenant", 22)
        assert first.message.trace == b"Received: by localhost\r\n"
        assert await queue.find("m1") == [each.delivery for each in leases]
        assert await queue.find("m1.1") == [second.delivery]
        assert await queue.lease(NOON + DAY, 10) == []

    play(steps)


def test_a_delivery_is_read_as_it_was_accepted(play: Callable[[Steps], None]) -> None:
    async def steps(queue: Deliveries) -> None:
        await queue.put(mail("m1", FULL), [planned([BOB, CAROL])], leased=False)
        [lease] = await queue.lease(NOON, 10)
        assert lease.envelope == FULL
        assert lease.message == await queue.message("m1")
        assert lease.message.received_at == NOON
        assert lease.delivery.expires_at == NOON + 5 * DAY
        assert lease.delivery.notice_at == NOON + 4 * HOUR
        assert lease.delivery.attempts == 0
        assert lease.delivery.history == ()

    play(steps)


@pytest.mark.parametrize("size", [0, 1, 6 * 1024, 6 * 1024 + 1, 300_000])
def test_a_body_is_kept_until_all_deliveries_are_settled(
    play: Callable[[Steps], None], size: int
) -> None:
    content = bytes(range(256)) * (size // 256) + bytes(size % 256)

    async def steps(queue: Deliveries) -> None:
        submission = mail("m1", body=content)
        one, two = await queue.put(submission, [planned(), planned(hop=NextHop("other"))])
        await queue.settle(one, settlement("delivered"), NOON)
        body = await queue.body("m1")
        assert body.size == size
        assert b"".join(body.chunks()) == content
        await queue.settle(two, settlement("failed"), NOON)
        with pytest.raises(KeyError):
            await queue.body("m1")
        assert (await queue.message("m1")).size == size

    play(steps)


def test_a_body_is_deleted_with_deliveries_settled_together(play: Callable[[Steps], None]) -> None:
    async def steps(queue: Deliveries) -> None:
        places = [planned(), planned(hop=NextHop("other"))]
        one, two = await queue.put(mail("m1"), places)
        three, _ = await queue.put(mail("m2"), places)
        settled = [queue.settle(each, settlement("delivered"), NOON) for each in (one, two, three)]
        await asyncio.gather(*settled)
        with pytest.raises(KeyError):
            await queue.body("m1")
        assert (await queue.body("m2")).size
        assert [each.id for each in await queue.list()] == ["m2.1"]

    play(steps)


def test_an_id_is_accepted_once_and_a_bad_message_fails_alone(
    play: Callable[[Steps], None],
) -> None:
    async def steps(queue: Deliveries) -> None:
        names = ["a", "b", "b", "c"]
        outcomes = await asyncio.gather(
            *[queue.put(mail(each), [planned()]) for each in names], return_exceptions=True
        )
        assert [isinstance(each, QueueError) for each in outcomes] == [False, False, True, False]
        with pytest.raises(QueueError):
            await queue.put(mail("d"), [])
        assert len(await queue.list()) == 3

    play(steps)


def test_a_deferred_delivery_is_leased_again_when_it_is_due(play: Callable[[Steps], None]) -> None:
    async def steps(queue: Deliveries) -> None:
        lease = await put(queue)
        await queue.settle(lease, settlement("deferred", again=NOON + HOUR), NOON)
        [told] = await queue.find("m1")
        assert (told.state, told.due, told.attempts) == ("waiting", NOON + HOUR, 1)
        assert told.history == (attempt(),)
        assert told.addressees == (Addressee(lease.delivery.waiting[0], "waiting", LATER),)
        assert await queue.lease(NOON + HOUR - MINUTE, 10) == []
        [again] = await queue.lease(NOON + HOUR, 10)
        assert (again.delivery.attempts, again.token) == (1, 2)
        assert await queue.lease(NOON + DAY, 10) == []
        await queue.settle(again, settlement("deferred", again=NOON + DAY), NOON)
        [told] = await queue.find("m1.0")
        assert (told.attempts, told.history[0].times) == (2, 2)

    play(steps)


def test_a_delivery_moves_to_another_next_hop(play: Callable[[Steps], None]) -> None:
    async def steps(queue: Deliveries) -> None:
        there = NextHop("world", "example.net")
        lease = await put(queue)
        await queue.settle(lease, settlement("deferred", attempt=None, moved=(there,)), NOON)
        assert set(await queue.count()) == {there.key}
        assert await queue.lease(NOON + HOUR, 10, skip={there.key}) == []
        [again] = await queue.lease(NOON + HOUR, 10, skip={lease.delivery.next_hop.key})
        assert (again.delivery.next_hop, again.delivery.attempts) == (there, 0)
        await queue.settle(again, settlement("delivered"), NOON + HOUR)
        assert await queue.next_due() is None

    play(steps)


@pytest.mark.parametrize("held", [False, True])
def test_recipients_of_a_delivery_may_get_different_next_hops(
    play: Callable[[Steps], None], held: bool
) -> None:
    recipients = envelope("", "a@x", "b@y", "c@x", "d@z").recipients
    a, b, c, d = recipients

    async def steps(queue: Deliveries) -> None:
        x, y = NextHop("world", "x"), NextHop("world", "y")
        [lease] = await queue.put(mail(), [planned(recipients)])
        tried = settlement("deferred", "delivered", "deferred", "deferred")
        await queue.settle(lease, tried, NOON)
        [lease] = await queue.lease(NOON + MINUTE, 10)
        if held:
            await queue.act("hold", ["m1"], NOON + MINUTE)
        ways = settlement(
            "deferred", "deferred", "deferred", attempt=None, again=NOON + HOUR, moved=(x, x, y)
        )
        await queue.settle(lease, ways, NOON + MINUTE)
        own, other = await queue.find("m1")
        assert (own.id, own.next_hop, own.waiting) == ("m1.0", x, (a, c))
        assert (other.id, other.next_hop, other.waiting) == ("m1.1", y, (d,))
        assert [each.recipient for each in own.addressees] == [a, b, c]
        assert (own.attempts, own.history) == (other.attempts, other.history)
        assert (own.state, own.due) == (other.state, other.due)
        if held:
            await queue.act("release", ["m1"], NOON + HOUR)
        first, second = sorted(
            await queue.lease(NOON + HOUR, 10), key=lambda each: each.delivery.id
        )
        await queue.settle(first, settlement("delivered", "delivered"), NOON + HOUR)
        await queue.settle(second, settlement("delivered"), NOON + HOUR)
        with pytest.raises(KeyError):
            await queue.body("m1")

    play(steps)


def test_every_recipient_has_its_own_verdict(play: Callable[[Steps], None]) -> None:
    recipients = envelope("", "a@x", "b@x", "c@x").recipients
    a, b, c = recipients

    async def steps(queue: Deliveries) -> None:
        [lease] = await queue.put(mail(), [planned(recipients)])
        await queue.settle(lease, settlement("delivered", "deferred", "failed"), NOON)
        [again] = await queue.lease(NOON + MINUTE, 1)
        assert again.envelope.recipients == (b,)
        assert again.delivery.addressees == (
            Addressee(a, "delivered", OK),
            Addressee(b, "waiting", LATER),
            Addressee(c, "failed", NO),
        )
        for wrong in (settlement(), settlement("delivered", "delivered", "delivered")):
            with pytest.raises(ValueError, match="verdicts for 1 recipients"):
                await queue.settle(again, wrong, NOON)
        with pytest.raises(ValueError, match="needs a time"):
            await queue.settle(again, settlement("deferred", again=None), NOON)
        await queue.settle(again, settlement("delivered"), NOON)
        [told] = await queue.find("m1")
        assert (told.state, told.due, told.waiting) == ("settled", None, ())
        assert await queue.lease(NOON + DAY, 9) == []

    play(steps)


def test_a_stale_lease_settles_nothing(play: Callable[[Steps], None]) -> None:
    async def steps(queue: Deliveries) -> None:
        old = await put(queue)
        await queue.settle(old, settlement("deferred"), NOON)
        with pytest.raises(LeaseLost):
            await queue.settle(old, settlement("delivered"), NOON)
        [new] = await queue.lease(NOON + MINUTE, 1)
        with pytest.raises(LeaseLost):
            await queue.settle(old, settlement("delivered"), NOON)
        await queue.settle(new, settlement("delivered"), NOON)
        with pytest.raises(LeaseLost):
            await queue.settle(new, settlement("delivered"), NOON)

    play(steps)


def test_a_lost_lease_emits_nothing_and_fails_alone(play: Callable[[Steps], None]) -> None:
    async def steps(queue: Deliveries) -> None:
        old, other = await put(queue), await put(queue, "m2")
        await queue.settle(old, settlement("delivered"), NOON)
        lost, fine, _ = await asyncio.gather(
            queue.settle(old, settlement("failed", emits=(dsn("d1"),)), NOON),
            queue.settle(other, settlement("failed", emits=(dsn("d2"),)), NOON),
            queue.put(mail("m3"), [planned()]),
            return_exceptions=True,
        )
        assert isinstance(lost, LeaseLost)
        assert fine is None
        assert ids(await queue.lease(NOON, 9)) == ["d2.0"]

    play(steps)


def test_the_next_owner_takes_over(play: Callable[[Steps], None]) -> None:
    async def steps(queue: Deliveries) -> None:
        leased = await put(queue)
        later = await put(queue, "m2")
        await queue.settle(later, settlement("deferred", again=NOON + DAY), NOON)
        epoch = await queue.take_over(NOON + HOUR)
        assert epoch > leased.epoch
        with pytest.raises(LeaseLost):
            await queue.settle(leased, settlement("delivered"), NOON)
        assert await queue.next_due() == NOON + HOUR
        [again] = await queue.lease(NOON + HOUR, 9)
        assert (again.delivery.id, again.epoch) == ("m1.0", epoch)
        await queue.settle(again, settlement("delivered"), NOON)

    play(steps)


def test_new_mail_is_accepted_with_the_settlement(play: Callable[[Steps], None]) -> None:
    async def steps(queue: Deliveries) -> None:
        lease = await put(queue)
        await queue.settle(
            lease, settlement("failed", emits=(dsn("d1"), dsn("d2", NOON + HOUR))), NOON
        )
        [bounce] = await queue.lease(NOON, 9)
        assert bounce.delivery.id == "d1.0"
        assert bounce.envelope.sender is None
        assert b"".join((await queue.body("d1")).chunks()) == b"a bounce\r\n"
        assert await queue.next_due() == NOON + HOUR

    play(steps)


def test_new_mail_that_exists_already_is_ignored(play: Callable[[Steps], None]) -> None:
    """Mail that a settlement made before a crash is not made again, and does not make it fail."""

    async def steps(queue: Deliveries) -> None:
        lease = await put(queue)
        await put(queue, "d1")
        await queue.settle(lease, settlement("failed", emits=(dsn("d1"),)), NOON)
        assert len(await queue.find("d1")) == 1
        [told] = await queue.find("m1")
        assert told.state == "settled"

    play(steps)


def test_the_longest_due_is_first(play: Callable[[Steps], None]) -> None:
    async def steps(queue: Deliveries) -> None:
        for minutes in (3, 1, 2, 9):
            await waiting(queue, f"m{minutes}", due=NOON + minutes * MINUTE)
        assert ids(await queue.lease(NOON + 5 * MINUTE, 2)) == ["m1.0", "m2.0"]
        assert await queue.next_due() == NOON + 3 * MINUTE
        assert ids(await queue.lease(NOON + 5 * MINUTE, 9)) == ["m3.0"]
        assert await queue.lease(NOON + 5 * MINUTE, 0) == []

    play(steps)


def test_a_next_hop_with_much_mail_does_not_starve_another(play: Callable[[Steps], None]) -> None:
    async def steps(queue: Deliveries) -> None:
        for number in range(50):
            await waiting(queue, f"a{number}", hop=NextHop("world", "crowded.example"))
        await waiting(queue, "b", hop=NextHop("world", "other.example"), due=NOON + MINUTE)
        leased = ids(await queue.lease(NOON + HOUR, 10))
        assert len(leased) == 10
        assert "b.0" in leased

    play(steps)


def test_a_skipped_next_hop_waits(play: Callable[[Steps], None]) -> None:
    async def steps(queue: Deliveries) -> None:
        for number in range(20):
            await waiting(queue, f"a{number}", hop=NextHop("down"))
        await waiting(queue, "b", due=NOON + MINUTE)
        assert ids(await queue.lease(NOON + HOUR, 10, {"down"})) == ["b.0"]
        assert await queue.lease(NOON + HOUR, 10, {"down"}) == []
        assert await queue.next_due({"down"}) == NOON + 4 * HOUR
        assert await queue.next_due() == NOON
        assert len(await queue.lease(NOON + HOUR, 10)) == 10

    play(steps)


def test_overdue_notifications_are_leased_in_time(play: Callable[[Steps], None]) -> None:
    async def steps(queue: Deliveries) -> None:
        lease = await put(queue)
        await queue.settle(lease, settlement("deferred", again=NOON + DAY), NOON)
        assert await queue.next_due() == NOON + 4 * HOUR
        assert await queue.lease_overdue(NOON + 3 * HOUR, 9) == []
        [late] = await queue.lease_overdue(NOON + 4 * HOUR, 9)
        await queue.settle(
            late,
            settlement(
                "deferred",
                again=NOON + DAY,
                attempt=None,
                warned=True,
                notice_at=NOON + 5 * DAY,
                emits=(dsn("d1", NOON + HOUR),),
            ),
            NOON + 4 * HOUR,
        )
        [told] = await queue.find("m1")
        assert (told.warned, told.attempts, told.due) == (True, 1, NOON + DAY)
        assert told.notice_at == NOON + 5 * DAY
        assert ids(await queue.lease_overdue(NOON + 4 * HOUR, 9)) == ["d1.0"]
        assert await queue.next_due() == NOON + DAY

    play(steps)


def test_an_empty_queue(play: Callable[[Steps], None]) -> None:
    async def steps(queue: Deliveries) -> None:
        assert await queue.next_due() is None
        assert await queue.lease(NOON, 9) == []
        assert await queue.looked_at() is None
        assert await queue.lease_overdue(NOON, 9) == []
        assert await queue.list() == []
        assert await queue.count() == {}
        assert await queue.find("m1") == []
        assert await queue.find("") == []
        assert await queue.act("retry", None, NOON) == 0
        assert await queue.act("drop", ["m1", "m1.0"], NOON) == 0
        for ask in (queue.body, queue.message):
            with pytest.raises(KeyError):
                await ask("m1")

    play(steps)


def test_it_knows_when_it_was_looked_at_last(play: Callable[[Steps], None]) -> None:
    """While some wait, so that the next owner notices that the clock was put back."""

    async def steps(queue: Deliveries) -> None:
        await waiting(queue, due=NOON + DAY)
        for at in (NOON, NOON + HOUR, NOON - HOUR):
            assert await queue.lease(at, 9) == []
            assert await queue.looked_at() == at
        await queue.take_over(NOON)
        assert await queue.looked_at() == NOON - HOUR

    play(steps)


def test_listing_and_counting(play: Callable[[Steps], None]) -> None:
    async def steps(queue: Deliveries) -> None:
        other = NextHop("world", "x.example")
        await waiting(queue, "a")
        await waiting(queue, "b", hop=other)
        await put(queue, "c", hop=other)
        gone = await put(queue, "d")
        await queue.settle(gone, settlement("delivered"), NOON)
        await queue.act("hold", ["a"], NOON)

        async def listed(**selection: Any) -> list[str]:
            return [each.id for each in await queue.list(QueueSelection(**selection))]

        assert await listed() == ["c.0", "b.0", "a.0"]
        assert await listed(limit=2) == ["c.0", "b.0"]
        assert await listed(limit=0) == []
        assert await listed(next_hop="world/x.example") == ["c.0", "b.0"]
        assert await listed(states=("held",)) == ["a.0"]
        assert await listed(states=("settled", "leased")) == ["d.0", "c.0"]
        assert await queue.count() == {
            "hub": QueueCount(held=1),
            "world/x.example": QueueCount(waiting=1, leased=1),
        }

    play(steps)


def test_a_long_listing_is_complete(play: Callable[[Steps], None]) -> None:
    async def steps(queue: Deliveries) -> None:
        names = [f"m{number}" for number in range(1203)]
        await asyncio.gather(*[queue.put(mail(each), [planned()], leased=False) for each in names])
        assert [each.message for each in await queue.list()] == names[::-1]
        assert await queue.act("retry", None, NOON + HOUR) == 1203
        assert await queue.next_due() == NOON + HOUR
        assert await queue.act("drop", None, NOON) == 1203
        assert await queue.list() == []

    play(steps)


def test_a_held_delivery_waits_for_the_operator(play: Callable[[Steps], None]) -> None:
    async def steps(queue: Deliveries) -> None:
        await waiting(queue, "a")
        assert await queue.act("hold", ["a"], NOON) == 1
        assert await queue.act("hold", ["a.0"], NOON) == 0
        assert await queue.act("retry", None, NOON) == 0
        assert await queue.lease(NOON + DAY, 9) == []
        assert await queue.lease_overdue(NOON + 9 * DAY, 9) == []
        assert await queue.next_due() is None
        assert await queue.act("release", ["a"], NOON + HOUR) == 1
        [lease] = await queue.lease(NOON + HOUR, 9)
        assert lease.delivery.id == "a.0"

    play(steps)


def test_a_leased_delivery_is_held_after_its_attempt(play: Callable[[Steps], None]) -> None:
    async def steps(queue: Deliveries) -> None:
        a, b, c = await put(queue, "a"), await put(queue, "b"), await put(queue, "c")
        assert await queue.act("hold", ["a", "b", "c"], NOON) == 3
        assert await queue.act("release", ["c"], NOON) == 1
        await queue.settle(a, settlement("deferred"), NOON)
        await queue.settle(b, settlement("delivered"), NOON)
        await queue.settle(c, settlement("deferred"), NOON)
        states = [(await queue.find(each))[0].state for each in "abc"]
        assert states == ["held", "settled", "waiting"]
        assert (await queue.find("a"))[0].attempts == 1

    play(steps)


def test_a_requested_hold_survives_a_new_owner(play: Callable[[Steps], None]) -> None:
    async def steps(queue: Deliveries) -> None:
        await put(queue, "a")
        await queue.act("hold", ["a"], NOON)
        await queue.take_over(NOON)
        assert (await queue.find("a"))[0].state == "held"
        assert await queue.lease(NOON + DAY, 9) == []

    play(steps)


def test_retry_makes_waiting_deliveries_due(play: Callable[[Steps], None]) -> None:
    async def steps(queue: Deliveries) -> None:
        await waiting(queue, "a", due=NOON + DAY)
        await waiting(queue, "b", due=NOON + DAY)
        await put(queue, "c")
        assert await queue.act("retry", ["a", "a.0", "c", "nobody"], NOON) == 1
        assert ids(await queue.lease(NOON, 9)) == ["a.0"]

    play(steps)


def test_a_dropped_delivery_is_settled(play: Callable[[Steps], None]) -> None:
    async def steps(queue: Deliveries) -> None:
        await waiting(queue, "a")
        tried = await put(queue, "b")
        assert await queue.act("drop", ["a", "b"], NOON) == 2
        assert await queue.act("drop", ["a", "b"], NOON) == 0
        with pytest.raises(LeaseLost):
            await queue.settle(tried, settlement("delivered"), NOON)
        assert await queue.lease(NOON + DAY, 9) == []
        assert await queue.next_due() is None
        for each in "ab":
            [told] = await queue.find(each)
            assert told.state == "settled"
            assert told.addressees[0].fate == "dropped"
            with pytest.raises(KeyError):
                await queue.body(each)

    play(steps)


def test_one_delivery_of_a_message_is_dropped_alone(play: Callable[[Steps], None]) -> None:
    async def steps(queue: Deliveries) -> None:
        await queue.put(mail("a"), [planned(), planned(hop=NextHop("other"))], leased=False)
        assert await queue.act("drop", ["a.1"], NOON) == 1
        assert ids(await queue.lease(NOON, 9)) == ["a.0"]
        assert (await queue.body("a")).size

    play(steps)


def test_settled_messages_are_forgotten_in_time(play: Callable[[Steps], None]) -> None:
    async def steps(queue: Deliveries) -> None:
        for day, name in enumerate("abc"):
            lease = await put(queue, name)
            await queue.settle(lease, settlement("delivered"), NOON + day * DAY)
        await waiting(queue, "d")
        assert await queue.forget(NOON) == 0
        assert await queue.forget(NOON + 2 * DAY) == 2
        assert await queue.find("a") == []
        assert len(await queue.find("c")) == 1
        assert len(await queue.find("d")) == 1
        await put(queue, "a")

    play(steps)


def test_the_history_is_stored(play: Callable[[Steps], None]) -> None:
    odd = Reply(
        451, b"gr\xfc\xdfe\0".decode("utf-8", "surrogateescape") + "\nsecond", reason="пример"
    )

    async def steps(queue: Deliveries) -> None:
        lease = await put(queue)
        tries = attempt(odd), attempt(NO, NOON + MINUTE)
        await queue.settle(lease, settlement("deferred", attempt=tries[0]), NOON)
        [lease] = await queue.lease(NOON + MINUTE, 1)
        await queue.settle(lease, settlement("failed", attempt=tries[1]), NOON)
        [told] = await queue.find("m1")
        assert told.history == tries
        assert told.history[0].reply.reason == "пример"
        assert told.history[0].contact == tries[0].contact
        assert told.addressees[0].reply == NO

    play(steps)


class Unreadable(BytesBody):
    """A spilled body whose file is gone."""

    def chunks(self) -> Any:
        raise OSError("gone")


def test_a_body_that_cannot_be_read_is_not_accepted(play: Callable[[Steps], None]) -> None:
    async def steps(queue: Deliveries) -> None:
        with pytest.raises(QueueError):
            await queue.put(replace(mail(), body=Unreadable(b"x")), [planned()])
        assert await queue.list() == []

    play(steps)


@pytest.mark.parametrize(
    ("id", "parts"),
    [("m1.0", ("m1", 0)), ("m1", ("m1", None)), ("a.b", ("a.b", None)), ("1.2.3", ("1.2", 3)),
     ("m1.", ("m1.", None)), ("m1.٣", ("m1.٣", None)), ("", ("", None))],
)  # fmt: skip
def test_ids(id: str, parts: tuple[str, int | None]) -> None:
    assert part_of(id) == parts


SPARE = next_hop_by("spare")


def test_what_waits_can_be_sent_to_a_target(play: Callable[[Steps], None]) -> None:
    """It is due there at once; its history stays, and says who has done it."""

    async def steps(queue: Deliveries) -> None:
        tried = attempt()
        lease = await put(queue)
        await queue.settle(lease, settlement("deferred", attempt=tried), NOON)
        later = NOON + 2 * MINUTE
        assert await queue.reroute(["m1"], SPARE, "älice", later) == ["m1.0"]
        [delivery] = await queue.find("m1")
        assert (delivery.next_hop, delivery.state, delivery.due) == (SPARE, "waiting", later)
        assert (delivery.history, delivery.attempts) == ((tried,), 1)
        assert delivery.reroutes == (Reroute(later, "älice", "hub", "spare"),)
        assert await queue.count() == {"target:spare": QueueCount(waiting=1)}
        assert await queue.next_due() == later
        assert await queue.lease(later, 10, skip=["target:spare"]) == []
        [lease] = await queue.lease(later, 10)
        assert lease.delivery.reroutes == delivery.reroutes
        await queue.settle(lease, settlement("delivered", attempt=tried), later)
        [delivery] = await queue.find("m1")
        assert (delivery.state, len(delivery.reroutes)) == ("settled", 1)

    play(steps)


def test_what_is_held_stays_so_at_another_target(play: Callable[[Steps], None]) -> None:
    async def steps(queue: Deliveries) -> None:
        await waiting(queue)
        await queue.act("hold", ["m1"], NOON)
        assert await queue.reroute(["m1.0"], SPARE, "", NOON) == ["m1.0"]
        assert await queue.count() == {"target:spare": QueueCount(held=1)}
        assert await queue.next_due() is not None or await queue.lease(NOON + DAY, 10) == []
        assert await queue.act("release", ["m1"], NOON + HOUR) == 1
        [lease] = await queue.lease(NOON + HOUR, 10)
        assert lease.delivery.next_hop == SPARE

    play(steps)


def test_nothing_else_is_sent_to_a_target(play: Callable[[Steps], None]) -> None:
    async def steps(queue: Deliveries) -> None:
        lease = await put(queue, "leased")
        done = await put(queue, "done")
        await queue.settle(done, settlement("delivered"), NOON)
        await waiting(queue, "there", hop=SPARE)
        await waiting(queue, "other")
        ids = ["leased", "done", "there", "nobody", "nobody.7"]
        assert await queue.reroute(ids, SPARE, "", NOON) == []
        await queue.settle(lease, settlement("delivered"), NOON)
        assert await queue.count() == {
            "target:spare": QueueCount(waiting=1),
            "hub": QueueCount(waiting=1),
        }

    play(steps)


def test_a_delivery_remembers_its_last_reroutes(play: Callable[[Steps], None]) -> None:
    async def steps(queue: Deliveries) -> None:
        await waiting(queue)
        for number in range(7):
            to = next_hop_by(f"t{number}")
            assert await queue.reroute(["m1", "m1.0"], to, "ann", NOON + number * MINUTE)
        [delivery] = await queue.find("m1")
        assert [each.target for each in delivery.reroutes] == ["t2", "t3", "t4", "t5", "t6"]
        assert await queue.count() == {"target:t6": QueueCount(waiting=1)}

    play(steps)


def test_many_are_sent_to_a_target(play: Callable[[Steps], None]) -> None:
    async def steps(queue: Deliveries) -> None:
        mails = [mail(f"m{number}") for number in range(600)]
        await asyncio.gather(*[queue.put(each, [planned()], leased=False) for each in mails])
        moved = await queue.reroute([each.id for each in mails], SPARE, "", NOON)
        assert sorted(moved) == sorted([f"{each.id}.0" for each in mails])
        assert await queue.count() == {"target:spare": QueueCount(waiting=600)}

    play(steps)


def test_what_an_attempt_leaves_can_be_sent_to_a_target(play: Callable[[Steps], None]) -> None:
    async def steps(queue: Deliveries) -> None:
        [lease] = await queue.put(mail("m1", FULL), [planned([BOB, CAROL])])
        order = Reroute(NOON, "ann", "hub", "spare")
        result = settlement("delivered", "deferred", attempt=attempt())
        ordered = replace(result, next_at=NOON, moved=(SPARE, SPARE), rerouted=order)
        await queue.settle(lease, ordered, NOON)
        [delivery] = await queue.find("m1")
        assert (delivery.next_hop, delivery.due) == (SPARE, NOON)
        assert delivery.reroutes == (order,)
        assert [each.fate for each in delivery.addressees] == ["delivered", "waiting"]
        [lease] = await queue.lease(NOON, 10)
        assert lease.delivery.waiting == (CAROL,)

    play(steps)
