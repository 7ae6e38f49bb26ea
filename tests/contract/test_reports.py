"""The contract of every store of reports (``queue.reports_contract.ReportStore``)."""

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gatepost.errors import LeaseLost
from gatepost.model.delivery import Settlement, Verdict
from gatepost.model.reply import Reply
from gatepost.model.report import DELIVERY, PublishedReport, Report, SuppressedPeriod
from gatepost.queue.deliveries_contract import Deliveries
from gatepost.queue.reports_contract import Backlog, ReportSettlement, ReportStore
from gatepost.reports.suppression import is_in_force
from gatepost.store.sqlite import SqliteStore, StoreSettings, open_store
from gatepost.testing.memory import MemoryDeliveries, MemoryStore
from tests.contract.messages import NOON, envelope, message
from tests.contract.queued import planned
from tests.contract.stores import AnyStore, run
from tests.loopback import until

SECOND = timedelta(seconds=1)


@pytest.fixture
def reports(store: AnyStore) -> ReportStore:
    return store.reports


def report(id: str, at: datetime = NOON, message: str = "m1") -> Report:
    data = {"recipient": f"{id}@example.net", "status": "Bounced", "text": "grüße"}
    return Report(id, DELIVERY, message, "/res", f"sender/a/message/{message}", at, data)


async def unread(reports: ReportStore, limit: int = 10) -> list[str]:
    return [each.message.id for each in await reports.read_on(limit)]


def test_messages_are_read_in_the_order_of_acceptance(store: AnyStore) -> None:
    async def steps() -> None:
        for name in "abc":
            await store.put(message(name))
        first, second = await store.reports.read_on(2)
        assert [first.message, second.message] == [await store.get("a"), await store.get("b")]
        assert first.seq < second.seq
        assert await unread(store.reports) == ["a", "b", "c"]
        await store.reports.record(first.seq, [])
        assert await unread(store.reports) == ["b", "c"]
        assert await store.reports.cursor() == first.seq

    run(steps())


def test_other_domains_are_skipped(store: AnyStore) -> None:
    async def steps() -> None:
        for name, to in (("a", "x@example.net"), ("b", "x@Special.test"), ("c", "y@special.test")):
            await store.put(message(name, envelope=envelope("", "z@example.org", to)))
        found, place = await store.reports.read_about("special.test", 1)
        assert [each.message.id for each in found] == ["b"]
        await store.reports.record(place, [])
        await store.delete(None)
        await store.put(message("d"))
        found, place = await store.reports.read_about("special.test", 9)
        assert [each.message.id for each in found] == ["c"]
        await store.reports.record(place, [])
        assert await unread(store.reports) == []
        assert await store.reports.read_about("special.test", 9) == ([], place)

    run(steps())


def test_a_message_deleted_unread_can_be_read_once(store: AnyStore) -> None:
    async def steps() -> None:
        for name in "abcd":
            await store.put(message(name))
        first = (await store.reports.read_on(1))[0]
        await store.reports.record(first.seq, [])
        await store.delete(["a", "c"])
        assert await unread(store.reports) == ["b", "c", "d"]
        await store.delete(None)
        found = await store.reports.read_on(10)
        assert [each.message.id for each in found] == ["b", "c", "d"]
        assert found[0].message.rcpt_to == ("bob@example.net",)
        await store.reports.record(found[1].seq, [])
        assert await unread(store.reports) == ["d"]
        await store.reports.record(found[2].seq, [])
        assert await unread(store.reports) == []

    run(steps())


def test_a_message_that_is_deleted_while_it_is_consumed_is_not_read_again(store: AnyStore) -> None:
    async def steps() -> None:
        await store.put(message("a"))
        found = await store.reports.read_on(10)
        await store.delete(["a"])
        await store.reports.record(found[-1].seq, [])
        await store.put(message("b"))
        assert await unread(store.reports) == ["b"]

    run(steps())


def test_watchers_are_called_only_for_mail(store: AnyStore) -> None:
    rung: list[bool] = []

    async def steps() -> None:
        await store.put(message("a"))
        await store.new_epoch()  # behind all that follows the first message's commit
        store.reports.watch(lambda: rung.append(True))
        await store.new_epoch()
        await store.delete(["a"])
        assert not rung
        await store.put(message("b"))
        await store.count()
        await until(lambda: bool(rung))
        rung.clear()
        store.reports.watch(None)
        await store.put(message("c"))
        await store.new_epoch()
        assert not rung

    run(steps())


def test_reports_are_listed_newest_first(reports: ReportStore) -> None:
    one, two, three = report("1"), report("2", NOON + SECOND, "m2"), report("3")

    async def steps() -> None:
        await reports.record(None, map(PublishedReport, (one, two, three)))
        assert await reports.list_reports() == [three, two, one]
        assert await reports.list_reports(limit=2) == [three, two]
        assert await reports.list_reports(limit=0) == []
        assert await reports.list_reports("m1") == [three, one]
        assert await reports.list_reports("m1", limit=1) == [three]
        assert await reports.list_reports("m9") == []

    run(steps())


def test_a_report_is_recorded_once(reports: ReportStore) -> None:
    async def steps() -> None:
        await reports.record(None, [PublishedReport(report("1"), ("x",))])
        await reports.settle(
            "x", [ReportSettlement((await reports.due("x", NOON, 9))[0].number, NOON)]
        )
        await reports.record(None, [PublishedReport(report("1"), ("x", "y"))])
        assert len(await reports.list_reports()) == 1
        assert await reports.due("x", NOON, 9) == []
        assert await reports.due("y", NOON, 9) == []

    run(steps())


def test_a_report_is_sent_again_whatever_became_of_it(reports: ReportStore) -> None:
    async def steps() -> None:
        published = [PublishedReport(report(name), ("x",)) for name in "abc"]
        await reports.record(None, published)
        a, b, _ = await reports.due("x", NOON, 9)
        await reports.settle("x", [ReportSettlement(a.number, NOON)])  # delivered
        dead = ReportSettlement(b.number, NOON, outcome="500", dead="MaxDeliveryAttemptsExceeded")
        await reports.settle("x", [dead])
        again = NOON + SECOND
        for each in published[:2]:
            await reports.resend(each, again)
        assert {each.report.id for each in await reports.due("x", NOON, 9)} == {"c"}
        due = await reports.due("x", again, 9)
        assert [(each.report.id, each.attempts) for each in due] == [("c", 0), ("a", 0), ("b", 0)]
        assert await reports.backlog("x") == Backlog(3)
        assert await reports.dead_letters("x") == []
        await reports.resend(PublishedReport(report("presumed"), ("y",)), again)
        assert len(await reports.list_reports()) == 4
        assert [each.report.id for each in await reports.due("y", again, 9)] == ["presumed"]

    run(steps())


def test_due_reports_are_ordered_by_their_time(reports: ReportStore) -> None:
    late, early = report("late", NOON + SECOND), report("early")

    async def steps() -> None:
        await reports.record(
            None, [PublishedReport(late, ("x",)), PublishedReport(early, ("x", "y"))]
        )
        assert [each.report for each in await reports.due("x", NOON, 9)] == [early]
        found = await reports.due("x", NOON + SECOND, 9)
        assert [each.report for each in found] == [early, late]
        assert [each.published_at for each in found] == [NOON, NOON + SECOND]
        assert [each.attempts for each in found] == [0, 0]
        assert [each.report for each in await reports.due("x", NOON + SECOND, 1)] == [early]
        assert [each.report for each in await reports.due("y", NOON + SECOND, 9)] == [early]
        assert await reports.backlog("x") == Backlog(2)
        assert await reports.next_due("x", NOON - SECOND) == NOON
        assert await reports.next_due("x", NOON) == NOON + SECOND
        assert await reports.next_due("x", NOON + SECOND) is None
        assert (await reports.backlog("nobody")) == Backlog()
        assert sorted(await reports.subscribed()) == ["x", "y"]

    run(steps())


def test_attempts_are_settled(reports: ReportStore) -> None:
    async def steps() -> None:
        await reports.record(None, [PublishedReport(report(name), ("x", "y")) for name in "abc"])
        a, b, c = await reports.due("x", NOON, 9)
        again = NOON + 10 * SECOND
        await reports.settle(
            "x",
            [
                ReportSettlement(a.number, NOON),
                ReportSettlement(b.number, NOON, again, "500"),
                ReportSettlement(c.number, NOON + SECOND, outcome="400", dead="BadRequest"),
            ],
        )
        assert await reports.due("x", NOON, 9) == []
        [once_more] = await reports.due("x", again, 9)
        assert (once_more.number, once_more.attempts) == (b.number, 1)
        assert await reports.backlog("x") == Backlog(1, 1, "400")
        [dead] = await reports.dead_letters("x")
        assert dead.report == c.report
        assert (dead.reason, dead.outcome, dead.attempts) == ("BadRequest", "400", 1)
        assert (dead.published_at, dead.last_attempt_at) == (NOON, NOON + SECOND)
        assert len(await reports.due("y", NOON, 9)) == 3
        await reports.unsubscribe(["x"])
        assert await reports.backlog("x") == Backlog()
        assert await reports.subscribed() == ["y"]
        await reports.settle("x", [ReportSettlement(b.number, NOON, again)])
        assert await reports.subscribed() == ["y"]

    run(steps())


@pytest.mark.parametrize(
    "damage", ["data = '{\"x'", "data = '[1]'", "data = X'FF'", "subject = X'FF'"]
)
def test_a_damaged_report_does_not_delay_others(tmp_path: Path, damage: str) -> None:
    store = open_store(tmp_path, StoreSettings(reserve=0))
    reports = store.reports

    async def steps() -> None:
        await reports.record(None, [PublishedReport(report(name), ("x",)) for name in "abc"])
        with closing(sqlite3.connect(tmp_path / "store.db")) as connection, connection:
            connection.execute(f"UPDATE reports SET {damage} WHERE id = 'b'")
        found = await reports.due("x", NOON, 9)
        assert [(each.report.id, each.is_damaged) for each in found] == [
            ("a", False), ("b", True), ("c", False),
        ]  # fmt: skip
        assert [each.id for each in await reports.list_reports()] == ["c", "b", "a"]
        await reports.settle("x", [ReportSettlement(found[1].number, NOON, dead="ReportDamaged")])
        assert [each.report.id for each in await reports.dead_letters("x")] == ["b"]

    run(steps())
    store.close()


def test_the_managed_list_is_kept(reports: ReportStore) -> None:
    one = SuppressedPeriod("a@x", 0, NOON, NOON + SECOND)
    two = SuppressedPeriod("b@x", 4, NOON, NOON + 5 * SECOND)

    async def steps() -> None:
        await reports.record(None, [], [two, one])
        assert await reports.suppressed_periods() == [one, two]
        longer = SuppressedPeriod("a@x", 1, NOON, NOON + 2 * SECOND)
        await reports.record(None, [], [longer])
        assert await reports.suppressed_periods() == [longer, two]
        assert await reports.forget_suppressed(["b@x", "nobody"]) == 1
        assert await reports.suppressed_periods() == [longer]
        assert await reports.forget_suppressed(None) == 1
        assert await reports.suppressed_periods() == []

    run(steps())


def test_old_reports_are_deleted_unless_they_wait(reports: ReportStore) -> None:
    async def steps() -> None:
        names = "abcdef"
        made = [report(name, NOON + number * SECOND) for number, name in enumerate(names)]
        await reports.record(
            None, [PublishedReport(made[0], ("x",)), *map(PublishedReport, made[1:])]
        )
        assert await reports.expire(NOON + 2 * SECOND, 100) == 1
        assert [each.id for each in await reports.list_reports()] == ["f", "e", "d", "c", "a"]
        assert await reports.expire(NOON, 2) == 2
        assert [each.id for each in await reports.list_reports()] == ["f", "e", "a"]
        [due] = await reports.due("x", NOON, 9)
        await reports.settle("x", [ReportSettlement(due.number, NOON, dead="gone")])
        assert await reports.expire(NOON, 2) == 1
        assert await reports.dead_letters("x") == []

    run(steps())


STEPS: list[Callable[[SqliteStore], Awaitable[Any]]] = [
    lambda store: store.delete(None),
    lambda store: store.delete(["c"]),
]


@pytest.mark.parametrize("step", STEPS)
def test_no_place_behind_the_cursor_is_used_again(
    tmp_path: Path, step: Callable[[SqliteStore], Awaitable[Any]]
) -> None:
    """Messages put after a restart are read, however many of the newest were deleted."""

    async def first(store: SqliteStore) -> None:
        for name in "abc":
            await store.put(message(name))
        await store.reports.record((await store.reports.read_on(9))[-1].seq, [])
        await step(store)

    async def second(store: SqliteStore) -> None:
        await store.put(message("d"))
        assert await unread(store.reports) == ["d"]

    for steps in (first, second):
        store = open_store(tmp_path, StoreSettings(reserve=0))
        run(steps(store))
        store.close()


def test_a_settlement_is_recorded_with_its_reports(store: AnyStore) -> None:
    """Only with it: a lease that is lost reports nothing."""
    queue: Deliveries = (
        MemoryDeliveries(store.reports) if isinstance(store, MemoryStore) else store.deliveries
    )

    async def steps() -> None:
        await queue.take_over(NOON)
        [lease] = await queue.put(message("q1"), [planned()])
        ended = Settlement(
            [Verdict("failed", Reply(550))],
            reports=(PublishedReport(report("1", message="q1"), ("x",)),),
            suppressed=(SuppressedPeriod("bob@example.net", 0, NOON, NOON + SECOND),),
        )
        await queue.settle(lease, ended, NOON)
        lost = replace(ended, reports=(PublishedReport(report("2", message="q1"), ("x",)),))
        with pytest.raises(LeaseLost):
            await queue.settle(lease, lost, NOON)
        assert await store.reports.list_reports() == [report("1", message="q1")]
        assert [each.report.id for each in await store.reports.due("x", NOON, 9)] == ["1"]
        [period] = await store.reports.suppressed_periods()
        assert period.address == "bob@example.net"

    run(steps())


def test_recorded_reports_survive_a_restart(tmp_path: Path) -> None:
    async def first(reports: ReportStore) -> None:
        await reports.record(
            7, [PublishedReport(report("1"), ("x",))], [SuppressedPeriod("a", 0, NOON, NOON)]
        )

    async def second(reports: ReportStore) -> None:
        assert await reports.cursor() == 7
        assert await reports.list_reports() == [report("1")]
        assert [each.report for each in await reports.due("x", NOON, 1)] == [report("1")]
        assert len(await reports.suppressed_periods()) == 1

    for steps in (first, second):
        store = open_store(tmp_path, StoreSettings(reserve=0))
        run(steps(store.reports))
        store.close()


@pytest.mark.parametrize("damage", ["level = 'x'", "since = 1 << 62", "until = 'x'"])
def test_a_damaged_entry_of_the_managed_list_counts_until_it_is_deleted(
    tmp_path: Path, damage: str
) -> None:
    store = open_store(tmp_path, StoreSettings(reserve=0))
    reports = store.reports

    async def steps() -> None:
        two = [SuppressedPeriod(name, 1, NOON, NOON + SECOND) for name in ("a@x", "b@x")]
        await reports.record(None, [], two)
        with closing(sqlite3.connect(tmp_path / "store.db")) as connection, connection:
            connection.execute(f"UPDATE leases SET {damage} WHERE address = 'b@x'")
        one, other = await reports.suppressed_periods()
        assert one == two[0]
        assert (other.address, other.is_damaged) == ("b@x", True)
        assert is_in_force(other, NOON)
        assert is_in_force(other, NOON + 9999 * SECOND)
        assert await reports.forget_suppressed(["b@x"]) == 1

    run(steps())
    store.close()
