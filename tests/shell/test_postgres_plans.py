"""How PostgreSQL executes the statements of the store: by their indexes, even if they were planned
while the tables were empty."""

import asyncio
import re
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gatepost.model.report import PublishedReport
from gatepost.queue.mailbox_contract import HasId, Term
from gatepost.queue.reports_contract import ReportSettlement
from gatepost.store.postgres import PostgresStore
from gatepost.store.postgres.queue_writer import QueueWriter
from gatepost.store.postgres.statements import SQL
from tests.contract.messages import NOON, message
from tests.contract.queued import DAY, MINUTE, dsn, mail, planned, settlement
from tests.contract.test_mailbox import entry
from tests.contract.test_operations import ID, OPERATION
from tests.contract.test_reports import report
from tests.postgres_stores import PostgresStores, stop_upkeep

ROWS, FEWER = 100_000, 10_000
FILL = f"""
INSERT INTO message SELECT n, 'x' || n, 0, '', NULL, '', '', '', '', 1, 1, 1,
       CASE WHEN n % 2 = 0 THEN n END FROM generate_series(1, {ROWS}) AS n;
INSERT INTO delivery (message, part, hop, due, token, expires, notice, addressees)
SELECT n, 0, 'hop' || n % 1000, CASE WHEN n % 2 = 1 THEN n END, 0, 0, n, '[]'
FROM generate_series(1, {ROWS}) AS n;
INSERT INTO hop SELECT 'hop' || n, n FROM generate_series(1, 999) AS n;
INSERT INTO captured SELECT n + 1000, n, 'c' || n, n, '', '[]', NULL, '', '', '', '', 1, 1, 2
FROM generate_series(1, {FEWER}) AS n;
INSERT INTO mailbox SELECT n + 1000, n, 1, false, 0, 0, '', '', '', '{{}}', '{{}}', '', '', '', '',
       '', '', '' FROM generate_series(1, {FEWER}) AS n;
INSERT INTO report (id, type, message, resource, subject, at, data)
SELECT 'r' || n, '', '', '', '', n, '{{}}' FROM generate_series(1, {FEWER}) AS n;
INSERT INTO report_delivery SELECT 's' || n % 10, n, 0, n FROM generate_series(1, {FEWER}) AS n;
INSERT INTO operation SELECT 'o' || n, '', n, '', '', 'm' || n, false
FROM generate_series(1, {FEWER}) AS n;
"""
FLUSH = "SELECT pg_stat_force_next_flush()"
FILLED = re.findall(r"INSERT INTO (\w+)", FILL)
SMALL = (
    "counter", "node", "segment", "writer", "record", "departed", "suppressed_period", "question",
    "pause", "rate", "turn", "refresh_token", "lost_node",
    "failed_login",
)  # fmt: skip
READS_ALL = {
    "count_captured", "count_deliveries", "delete_all_periods", "inboxes",
    "live_segments", "load_records", "nodes", "report_backlog", "subscribed",
}  # fmt: skip
"""Statements whose result needs every row."""
ONE_BY_ONE = ("settle", "leases_of", "lock_deliveries", "finish_messages", "find_messages", "hold")
"""Statements that need a row for each of those that are given."""


async def use_everything(store: PostgresStore) -> None:
    """Let the store prepare its statements."""
    queue, mailbox, reports = store.deliveries, store.mailbox, store.reports
    await queue.take_over(NOON)
    for name in "abc":
        await store.put(message(name))
        await queue.put(mail(f"w{name}"), [planned(), planned()], leased=False)
    leases = [*await queue.lease(NOON, 9), *await queue.lease_overdue(NOON + DAY, 9)]
    emits = (dsn("d1"),)
    await queue.settle(leases[0], settlement("failed", emits=emits), NOON)
    await queue.settle(leases[1], settlement("deferred"), NOON)
    with pytest.raises(Exception, match=r"lease|dropped"):
        await queue.settle(leases[0], settlement("failed"), NOON)
    for action in ("hold", "release", "retry", "drop"):
        await queue.act(action, ["wb", "wa.1"], NOON)
    await queue.act("retry", None, NOON)
    await queue.forget(NOON - DAY)
    for ask in (queue.body, queue.message, queue.find):
        await ask("wc")
    await asyncio.gather(queue.list(), queue.count(), queue.next_due({"x"}), queue.looked_at())
    await store.operations.put(message(ID), OPERATION)
    await asyncio.gather(store.operations.get(ID), store.operations.has_message_id("<x>"))
    for read in (store.get, store.trace, store.body):
        await read("a")
    await asyncio.gather(store.list(), store.count(), store.get("last"), store.load_records())
    unread = await mailbox.read_on(9)
    await mailbox.record(unread[-1].seq, map(entry, unread))
    await reports.record(1, [PublishedReport(report("1"), ("x",))])
    [due] = await reports.due("x", NOON, 9)
    await reports.settle("x", [ReportSettlement(due.number, NOON, NOON + MINUTE, "500")])
    await asyncio.gather(
        reports.read_on(9), reports.list_reports("m1", 9), reports.list_reports(limit=9),
        reports.next_due("x", NOON), reports.backlog("x"), reports.dead_letters("x"),
    )  # fmt: skip
    await reports.expire(NOON - timedelta(days=9), 100)
    await mailbox.mark((Term(HasId(frozenset("a"))),), is_read=True)
    await store.delete(["a", "b"])
    await asyncio.to_thread(store.beat)
    await store.cluster.nodes()
    await store.cluster.ask("nobody", "why", {})
    await asyncio.to_thread(store._upkeep.repair_hops)


def explained(connection: Any, statement: str) -> str:
    rows = connection.execute(f"EXPLAIN {statement}", prepare=False).fetchall()
    return "\n".join(line for (line,) in rows)


def test_no_statement_reads_a_large_table_from_end_to_end(
    postgres: PostgresStores, tmp_path: Path
) -> None:
    with closing(postgres.open(tmp_path, beat=0.0)) as store:
        asyncio.run(use_everything(store))
        stop_upkeep(store)
        with postgres.connect() as connection:
            connection.execute(FILL)
        plans = plans_of(store)
        assert len(plans) > 50
        slow = {
            name: plan
            for name, plan in plans.items()
            if "Seq Scan on " in plan and name not in READS_ALL and not is_small(plan)
        }
        assert slow == {}


def test_what_was_vacuumed_while_it_was_empty_is_planned_anew_when_it_has_grown(
    postgres: PostgresStores, tmp_path: Path
) -> None:
    def whole_reads() -> set[str]:
        plans = plans_of(store)
        return {name for name in ONE_BY_ONE if has_whole_read(plans[name])}

    with closing(postgres.open(tmp_path, beat=0.0)) as store, postgres.connect() as admin:
        stop_upkeep(store)
        admin.execute(FILL)
        for table in FILLED:
            admin.execute(f"DELETE FROM {table}")
            admin.execute(FLUSH)  # or what is deleted counts again after the vacuum
            admin.execute(f"VACUUM (TRUNCATE off) {table}")
        asyncio.run(use_everything(store))
        admin.execute(FILL)
        assert whole_reads(), "otherwise nothing needs to be analyzed any more"
        admin.execute(FLUSH)
        store._health.analyze(admin)
        assert whole_reads() == set()
        assert admin.execute(SQL["grown_tables"]).fetchall() == []


def plans_of(store: PostgresStore) -> dict[str, str]:
    """Return how the statements would be executed that the sessions of a store have prepared."""
    names = {statement.replace("%s", "$N").rstrip(";"): name for name, statement in SQL.items()}
    plans: dict[str, str] = {}
    for session in store._sessions:
        connection = session.connection()
        prepared = connection.execute(
            "SELECT name, statement, parameter_types::text[] FROM pg_prepared_statements",
            prepare=False,
        ).fetchall()
        for name, statement, types in prepared:
            arguments = ", ".join(f"NULL::{each}" for each in types)
            call = f"EXECUTE {name}({arguments})" if types else f"EXECUTE {name}"
            plans[name_of(statement, names)] = explained(connection, call)
    return plans


def has_whole_read(plan: str) -> bool:
    """Tell whether a plan reads all messages or deliveries, by an index or without."""
    scans = re.findall(r"Scan.* on (?:message|delivery)\b.*\n *(.*)", plan)
    return any(not each.startswith("Index Cond") for each in scans)


def name_of(statement: str, names: dict[str, str]) -> str:
    """Return the name of a statement, in which psycopg has numbered the arguments."""
    text = re.sub(r"\$\d+", "$N", statement).rstrip(";")
    return names.get(text, text)


def is_small(plan: str) -> bool:
    """Tell whether only small tables are read from end to end."""
    return set(re.findall(r"Seq Scan on (\w+)", plan)) <= set(SMALL)


def test_an_action_on_all_looks_at_a_part_of_the_queue_at_a_time(
    postgres: PostgresStores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A statement that reads a whole queue for the few that are held would keep leases waiting."""
    batches: list[Any] = []
    act_on_some = QueueWriter.act_on_some

    def count(writer: QueueWriter, *arguments: Any) -> Any:
        batches.append(act_on_some(writer, *arguments))
        return batches[-1]

    async def hold(store: PostgresStore, name: str) -> int:
        """Queue a message, and hold it; return the key of its message."""
        await store.deliveries.take_over(NOON)
        await store.deliveries.put(mail(name), [planned()], leased=False)
        assert await store.deliveries.act("hold", [name], NOON) == 1
        with postgres.connect() as connection:
            row = connection.execute("SELECT key FROM message WHERE id = %s", (name,)).fetchone()
        return int(row[0])

    with closing(postgres.open(tmp_path / "a", node="a", beat=0.0)) as store:
        first = asyncio.run(hold(store, "m1"))
    with postgres.connect() as connection:
        connection.execute(
            "INSERT INTO delivery (message, part, hop, token, expires, notice, addressees)"
            " SELECT n, 0, 'hop', 0, 0, 0, '[]' FROM generate_series(%s, %s) AS n",
            (first + 1, first + 21_000),
        )
    with closing(postgres.open(tmp_path / "b", node="b", beat=0.0)) as store:
        assert asyncio.run(hold(store, "m2")) > first + 21_000
        monkeypatch.setattr(QueueWriter, "act_on_some", count)
        assert asyncio.run(store.deliveries.act("release", None, NOON)) == 2
    assert [number for number, _ in batches] == [1, 0, 1, 0]
