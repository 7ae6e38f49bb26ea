"""Nodes of two releases on one database, which the newer one migrates meanwhile."""

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from gatepost.errors import Unreadable
from gatepost.store.postgres.migrations import MIGRATIONS, check_version, contract
from gatepost.store.postgres.node import Superseded
from tests.contract.queued import mail, planned
from tests.postgres_server import new_server
from tests.postgres_stores import PostgresStores
from tests.shell.next_release import MIGRATION
from tests.shell.serve_process import wait_for
from tests.shell.test_serve_nodes import cluster, taken
from tests.shell.test_serve_postgres import Load
from tests.shell.upstreams import upstream

NEWER = len(MIGRATIONS) + 1
LATER_RELEASE = str(Path(__file__).with_name("next_release.py"))


@pytest.fixture
def schema(postgres: PostgresStores) -> Iterator[str]:
    """Yield a schema of the test's own, which keeps what is done to its tables."""
    name = f"migrated_{os.getpid()}"
    yield name
    with postgres.connect() as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {name} CASCADE")


class Release:
    """Opens stores as programs of this release, and of a later one, do."""

    def __init__(self, stores: PostgresStores, schema: str, directory: Path) -> None:
        self._stores, self._schema, self._directory = stores, schema, directory

    def open(self, name: str) -> Any:
        return self._stores.open(self._directory / name, schema=self._schema, node=name, beat=0.0)

    def open_later(self, name: str) -> Any:
        MIGRATIONS.append(MIGRATION)
        try:
            return self.open(name)
        finally:
            MIGRATIONS.pop()

    def contract(self) -> list[int]:
        """Contract as the later release does; return what was contracted."""
        MIGRATIONS.append(MIGRATION)
        try:
            with self.connect() as connection, connection.transaction():
                return contract(connection)
        finally:
            MIGRATIONS.pop()

    def connect(self) -> Any:
        connection = psycopg.connect(self._stores.url, autocommit=True)
        connection.execute(f"SET search_path = {self._schema}")
        return connection


@pytest.fixture
def release(postgres: PostgresStores, schema: str, tmp_path: Path) -> Release:
    return Release(postgres, schema, tmp_path)


def put(store: Any, name: str) -> None:
    async def wait() -> None:
        await store.deliveries.put(mail(name), [planned()])

    asyncio.run(wait())


def test_tables_are_contracted_once_no_older_node_is_left(release: Release) -> None:
    with closing(release.open("old")) as old:
        with closing(release.open_later("new")):
            put(old, "m1")
            assert release.contract() == []
        with closing(release.open("restarted")) as again:
            put(again, "m2")
    assert release.contract() == []  # nobody is there at all: nobody knows it
    with closing(release.open_later("new")):
        assert release.contract() == [NEWER]
        assert release.contract() == []
        with pytest.raises(Unreadable, match=f"knows version {NEWER} of its tables"):
            release.open("old")
    with release.connect() as connection:
        names = connection.execute("SELECT name FROM node").fetchall()
    assert names == []


def test_an_older_node_that_was_fenced_does_not_come_back(release: Release) -> None:
    with (
        closing(release.open("old")) as old,
        closing(release.open_later("new")),
        release.connect() as connection,
    ):
        connection.execute("DELETE FROM node WHERE name = 'old'")
        assert release.contract() == [NEWER]
        with pytest.raises(Superseded, match=f"knows version {NEWER}"):
            old._opened.node.rejoin(connection, lambda: None)


def test_tables_are_migrated_once(release: Release) -> None:
    opened: list[Any] = []
    threads = [
        threading.Thread(target=lambda name=name: opened.append(release.open(name)))
        for name in "abc"
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    with release.connect() as connection:
        rows = connection.execute("SELECT number FROM migration ORDER BY number").fetchall()
        check_version(connection)
    for each in opened:
        each.close()
    assert len(opened) == 3
    assert rows == [(number,) for number in range(1, NEWER)]


def test_a_table_that_somebody_reads_is_migrated_later(release: Release) -> None:
    release.open("first").close()
    with release.connect() as reader, release.connect() as watcher:
        waits = (
            "SELECT xact_start FROM pg_stat_activity"
            f" WHERE wait_event_type = 'Lock' AND query LIKE '{MIGRATION.expand}%'"
        )
        seen = set[Any]()

        def has_tried_twice() -> bool:
            seen.update(watcher.execute(waits).fetchall())
            return len(seen) == 2

        reader.execute("BEGIN; LOCK TABLE delivery IN ACCESS SHARE MODE")
        opened: list[Any] = []
        thread = threading.Thread(target=lambda: opened.append(release.open_later("new")))
        thread.start()
        try:
            wait_for(has_tried_twice)
        finally:
            reader.execute("COMMIT")
            thread.join()
    for each in opened:
        each.close()
    assert len(opened) == 1


@pytest.mark.compliance
def test_nodes_of_two_releases_share_a_database_under_load(tmp_path: Path) -> None:
    with (
        new_server() as server,
        upstream() as (hub, port),
        cluster(tmp_path, server.url) as nodes,
        psycopg.connect(server.url, autocommit=True) as watcher,
    ):
        a = nodes.start("a", port)
        [(schema,)] = watcher.execute(
            "SELECT schemaname FROM pg_tables WHERE tablename = 'delivery'"
        ).fetchall()
        watcher.execute(f"SET search_path = {schema}")
        loads = [Load(a)]
        b = nodes.start("b", port, program=LATER_RELEASE)
        loads.append(Load(b))
        wait_for(lambda: all(len(each.accepted) >= 50 for each in loads))
        # The older one stops, and starts again beside the newer one, which keeps the database now.
        loads[0].stop()
        assert a.stop() == 0
        a = nodes.start("a", port)
        loads.append(Load(a))
        wait_for(lambda: len(loads[-1].accepted) >= 50)
        assert versions(watcher) == [(NEWER, False)]
        assert {priority for (priority,) in priorities(watcher)} == {0, 7}
        # It is upgraded: nobody needs the default any more.
        loads[-1].stop()
        assert a.stop() == 0
        a = nodes.start("a", port, program=LATER_RELEASE)
        loads.append(Load(a))
        wait_for(lambda: versions(watcher) == [(NEWER, True)])
        for each in (loads[1], loads[-1]):
            more = len(each.accepted) + 50
            wait_for(lambda each=each, more=more: len(each.accepted) >= more)
        for each in loads:
            each.stop()
        with pytest.raises(AssertionError, match=f"knows version {NEWER}"):
            nodes.start("c", port)
        sent = {name for each in loads for name in each.accepted}
        wait_for(lambda: sent <= taken(hub).keys())
        assert [name for name, times in taken(hub).items() if times > 1] == []


def versions(connection: Any) -> list[tuple[int, bool]]:
    """Return the newest version of the tables, and whether it is contracted."""
    query = "SELECT number, contracted IS NOT NULL FROM migration ORDER BY number DESC LIMIT 1"
    return list(connection.execute(query).fetchall())


def priorities(connection: Any) -> list[tuple[int]]:
    return list(connection.execute("SELECT DISTINCT priority FROM delivery").fetchall())
