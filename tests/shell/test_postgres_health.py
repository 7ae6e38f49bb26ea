"""The health of a database: what ``gatepost check`` says, and what the relay does by itself."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import psycopg
import pytest
from click.testing import CliRunner

from gatepost.cli.check import check
from gatepost.errors import QueueError
from gatepost.store.postgres import Connector, PostgresStore, examine
from gatepost.store.postgres.examination import promise_of, standbys_needed
from gatepost.store.postgres.health import DatabaseHealth
from gatepost.store.postgres.lease_times import FEWEST, LeaseTimes
from tests.contract.messages import NOON
from tests.postgres_stores import PostgresStores


@pytest.fixture
def store(postgres: PostgresStores, tmp_path: Path) -> Iterator[PostgresStore]:
    with closing(postgres.open(tmp_path)) as made:
        yield made


def warnings(postgres: PostgresStores, url: str = "") -> str:
    connector = Connector(lambda: url or postgres.url, postgres.schema, "gatepost check")
    return "\n".join(examine(connector, 9).warnings)


def test_it_says_what_accepted_mail_survives(
    postgres: PostgresStores, store: PostgresStore
) -> None:
    found = examine(Connector(lambda: postgres.url, postgres.schema, "gatepost check"), 9)
    assert int(found.version.split(".")[0]) >= 15
    assert found.promise == "accepted mail survives a crash of the database, but no power cut"
    assert not found.pooled
    assert "fsync is off" in warnings(postgres)


@pytest.mark.parametrize(
    ("names", "commit", "promise"),
    [
        ("", "on", "not the loss of the database's disk"),
        ("ANY 1 (a, b)", "on", "on disk on a standby"),
        ("FIRST 2 (a, b, c)", "remote_apply", "on disk on 2 standbys"),
        ("*", "on", "on disk on a standby"),
        ("a", "remote_write", "received on a standby"),
        ("a", "local", "not the loss of the database's disk"),
    ],
)
def test_the_promise_depends_on_the_standbys(names: str, commit: str, promise: str) -> None:
    facts = {"fsync": "on", "synchronous_standby_names": names, "synchronous_commit": commit}
    assert promise in promise_of(facts)


def test_standbys_are_counted_by_their_setting() -> None:
    assert standbys_needed("ANY 2 (a, b, c)") == 2
    assert standbys_needed("3 (a, b, c)") == 3
    assert standbys_needed("s1") == standbys_needed("s1, s2") == 1


def test_it_checks_the_settings_of_autovacuum(
    postgres: PostgresStores, store: PostgresStore
) -> None:
    assert "too rare" not in warnings(postgres)
    with postgres.connect() as connection:
        try:
            connection.execute("ALTER TABLE hop RESET (autovacuum_vacuum_scale_factor)")
            connection.execute("ALTER TABLE delivery SET (autovacuum_enabled = off)")
            found = warnings(postgres)
        finally:
            connection.execute("ALTER TABLE hop SET (autovacuum_vacuum_scale_factor = 0.02)")
            connection.execute("ALTER TABLE delivery RESET (autovacuum_enabled)")
    assert "ALTER TABLE hop SET (autovacuum_vacuum_scale_factor = 0.02)" in found
    assert "autovacuum is off for delivery" in found
    assert "message" not in found


def test_it_counts_connections_and_knows_a_pooler(postgres: PostgresStores) -> None:
    with psycopg.connect(postgres.url, autocommit=True) as admin:
        admin.execute("DROP ROLE IF EXISTS narrow")
        admin.execute("CREATE ROLE narrow LOGIN CONNECTION LIMIT 3")
        try:
            url = postgres.url.replace("user=postgres", "user=narrow")
            found = warnings(postgres, url)
        finally:
            admin.execute("DROP ROLE narrow")
    assert "the user may open 3 more connections; this relay opens 9" in found
    assert "GRANT pg_read_all_stats" in found


def test_what_cannot_be_reached_is_an_error(postgres: PostgresStores) -> None:
    with pytest.raises(QueueError, match="cannot be reached"):
        warnings(postgres, "host=/nowhere dbname=none")


CONFIG = """
hostname = "relay.example.com"
[[listener]]
address = "127.0.0.1:0"
tls = "none"
[storage]
kind = "postgres"
url = {{ file = "{url}" }}
directory = "{directory}"
schema = "{schema}"
[target.keep]
kind = "capture"
[[route]]
to = "keep"
"""


@pytest.mark.parametrize("reachable", [True, False])
def test_the_command_says_it_and_passes_if_the_database_cannot_be_reached(
    postgres: PostgresStores, tmp_path: Path, *, reachable: bool
) -> None:
    url, config = tmp_path / "url", tmp_path / "gatepost.toml"
    url.touch(mode=0o600)
    url.write_text(postgres.url if reachable else "host=/nowhere dbname=none password=verysecret")
    directory = tmp_path / "data"
    config.write_text(CONFIG.format(url=url, directory=directory, schema=postgres.schema))
    text = CliRunner().invoke(check, ["--config", str(config)])
    document = json.loads(CliRunner().invoke(check, ["--config", str(config), "--json"]).stdout)
    problems = [each["message"] for each in document["warnings"] if each["where"] == "storage.url"]
    assert document["valid"], document["problems"]
    if reachable:
        assert ": accepted mail survives a crash of the database" in text.stdout
        assert "no power cut" in document["database"]["promise"]
        assert any("fsync is off" in each for each in problems)
    else:
        assert document["database"] is None
        assert "cannot be reached" in problems[0]
    assert "verysecret" not in text.output


TIMES = LeaseTimes(time.monotonic)
"""No lease was made."""


class Reports:
    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []

    def __call__(self, event: str, facts: Any) -> None:
        self.events.append((event, facts))


def test_a_snapshot_that_is_held_is_reported_once_with_its_holder(
    postgres: PostgresStores, store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gatepost.store.postgres.health.OLD", 0.0)
    reports = Reports()
    health = DatabaseHealth(store._health.session, reports, lambda: True, TIMES)
    with psycopg.connect(postgres.url, application_name="forgotten") as holder:
        holder.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        holder.execute("SELECT 1")
        pid = holder.info.backend_pid
        with closing(store.connect()) as connection:
            assert health.has_old_snapshots(connection)
            assert health.has_old_snapshots(connection)
    ours = [facts for _, facts in reports.events if str(pid) in facts["holder"]]
    assert [each["holder"] for each in ours] == [
        f"session {pid} of postgres (forgotten) idle in transaction"
    ]
    assert {event for event, _ in reports.events} == {"snapshot_held"}


def test_who_holds_a_snapshot_is_reported_once_whatever_he_does_meanwhile() -> None:
    connection, reports = MagicMock(), Reports()
    health = DatabaseHealth(MagicMock(), reports, lambda: True, TIMES)
    for rows in (
        [("session 1 of x", "active", "7", 70.0)],
        [("session 1 of x", "idle in transaction", "9", 90.0)],
        [("session 1 of x", "active", "9", 110.0), ("replication slot s", "", "3", 0.0)],
        [],
        [("session 1 of x", "active", "11", 80.0)],
    ):
        connection.execute.return_value.fetchall.return_value = rows
        health.has_old_snapshots(connection)
    held = {"holder": "session 1 of x active"}
    assert reports.events == [
        ("snapshot_held", {**held, "seconds": 70}),
        ("snapshot_held", {**held, "seconds": 80}),
    ]


def test_slow_leases_are_reported_until_they_are_quick_again(store: PostgresStore) -> None:
    now, reports = [0.0], Reports()
    times = LeaseTimes(lambda: now[0])
    health = DatabaseHealth(store._health.session, reports, lambda: False, times)
    for _ in range(FEWEST):
        times.note(0.25)
        health.round()
    assert reports.events == [("leases_slow", {"milliseconds": 250})]
    now[0] += 1_000
    health.round()
    for _ in range(FEWEST):
        times.note(0.3)
    health.round()
    assert reports.events[1:] == [("leases_slow", {"milliseconds": 300})]


def test_slow_leases_are_a_warning_of_the_health_check_and_of_the_examination(
    postgres: PostgresStores, tmp_path: Path
) -> None:
    with closing(postgres.open(tmp_path, beat=0.0, node="busy")) as opened:
        assert opened.cluster.warning == ""
        for _ in range(FEWEST):
            opened._lease_times.note(0.25)
        opened.beat()
        assert opened.cluster.warning.startswith("leases of mail take 250 ms")
        assert "node busy: leases of mail take 250 ms" in warnings(postgres)


def test_leases_are_timed(postgres: PostgresStores, tmp_path: Path) -> None:
    async def lease_often(deliveries: Any) -> None:
        for _ in range(FEWEST):
            await deliveries.lease(NOON, 1)

    with closing(postgres.open(tmp_path)) as opened:
        asyncio.run(lease_often(opened.deliveries))
        assert opened._lease_times.p99 > 0


def test_tables_with_much_that_is_dead_are_vacuumed(store: PostgresStore) -> None:
    """Nobody else does: autovacuum is off here."""
    with closing(store.connect()) as connection:
        connection.execute(
            "INSERT INTO hop SELECT 'hop' || n, n FROM generate_series(1, 20000) AS n"
        )
        connection.execute("DELETE FROM hop WHERE due > 5000")
        until(lambda: count(connection, "n_dead_tup") > 5000)
        before = count(connection, "vacuum_count")
        health = DatabaseHealth(store._health.session, Reports(), lambda: True, TIMES)
        assert "hop" in health.vacuum(connection)
        until(lambda: count(connection, "vacuum_count") > before)
        assert "hop" not in health.vacuum(connection), "not again at once"


def count(connection: Any, what: str) -> int:
    connection.execute("SELECT pg_stat_force_next_flush()")
    connection.execute("SELECT pg_stat_clear_snapshot()")
    query = f"SELECT coalesce(sum({what}), 0) FROM pg_stat_user_tables"
    query += " WHERE relname = 'hop' AND schemaname = current_schema()"
    return int(connection.execute(query).fetchone()[0])


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
