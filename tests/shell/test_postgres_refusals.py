"""The store on PostgreSQL, while the server refuses, or does not answer: nobody gets a 250 for what
is not committed, mail is refused soon, and the store comes back by itself."""

import asyncio
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from gatepost.errors import QueueError, QueueFull, Unconfirmed
from gatepost.store.postgres import PostgresSettings, PostgresStore, open_store
from gatepost.testing.postgres_server import PostgresServer
from tests.contract.messages import NOON, message
from tests.contract.queued import mail, planned, settlement
from tests.postgres_server import new_server
from tests.postgres_stores import stop_upkeep
from tests.shell.cut_proxy import CutProxy
from tests.shell.test_postgres_failures import accept, insist, run, stored

HUNG = "gatepost.store.postgres.thread_connection.HUNG"
SLOW_COMMIT = "synchronous_commit = on\nsynchronous_standby_names = '{}'\n"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with new_server("max_connections = 40\n") as made:
        yield made


@pytest.fixture(autouse=True)
def times(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse soon if the server cannot be reached, and not because the machine is slow."""
    monkeypatch.setattr("gatepost.store.postgres.thread_connection.GRACE", 0.1)
    monkeypatch.setattr(HUNG, 60.0)


@pytest.fixture
def store(server: PostgresServer, tmp_path: Path) -> Iterator[PostgresStore]:
    """Yield a store in a schema of its own, whose relay is a user like any other."""
    schema = f"t_{tmp_path.name[-40:]}".replace("-", "_").lower()
    with admin(server) as connection:
        connection.execute("DROP ROLE IF EXISTS relay")
        connection.execute("CREATE ROLE relay LOGIN")
        connection.execute(f"CREATE SCHEMA {schema} AUTHORIZATION relay")
    settings = PostgresSettings(lambda: url(server), schema)
    try:
        with closing(open_store(tmp_path, settings)) as made:
            yield made
    finally:
        with admin(server) as connection:
            connection.execute(f"DROP SCHEMA {schema} CASCADE")
            connection.execute("DROP OWNED BY relay")


def url(server: PostgresServer) -> str:
    return f"host={server.directory} user=relay dbname=postgres connect_timeout=2"


@contextmanager
def admin(server: PostgresServer) -> Iterator[Any]:
    with psycopg.connect(server.url, autocommit=True) as connection:
        yield connection


def raise_in(schema: str, table: str, condition: str, state: str) -> str:
    """Return statements after which the server refuses new rows with an SQLSTATE."""
    return f"""
        CREATE FUNCTION {schema}.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF {condition} THEN RAISE EXCEPTION 'refused' USING ERRCODE = '{state}'; END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON {schema}.{table}
        FOR EACH ROW EXECUTE FUNCTION {schema}.refuse();
    """


async def until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


def schema_of(store: PostgresStore) -> str:
    return store._opened.settings.schema


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "immediate"])
def test_a_restart_loses_and_repeats_nothing(
    server: PostgresServer, store: PostgresStore, number: signal.Signals
) -> None:
    names = [f"m{each}" for each in range(1500)]

    async def steps() -> None:
        await store.deliveries.take_over(NOON)
        accepting = asyncio.ensure_future(accept(store, names))
        await asyncio.sleep(0.2)
        await asyncio.to_thread(server.shut_down, number)
        await asyncio.to_thread(server.start)
        await accepting
        assert sorted(await stored(store)) == sorted(names)

    run(steps())


def test_a_server_that_hangs_is_noticed_and_what_waits_is_stored_once(
    server: PostgresServer, store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def steps() -> None:
        await store.deliveries.take_over(NOON)
        await store.deliveries.put(mail("a"), [planned()])
        with server.frozen():
            waiting = [store.deliveries.put(mail(f"b{each}"), [planned()]) for each in range(5)]
            monkeypatch.setattr(HUNG, 0.2)
            await until(lambda: store.refusal)
            with pytest.raises(QueueFull):
                await store.deliveries.put(mail("c"), [planned()])
        await asyncio.gather(*waiting)
        await until(lambda: not store.refusal)
        assert sorted(await stored(store)) == ["a", "b0", "b1", "b2", "b3", "b4"]

    run(steps())


def test_a_server_that_hangs_is_given_up_for_another_connection(
    server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if another one had been promoted meanwhile; what hung is ended before it is repeated."""
    monkeypatch.setattr("gatepost.store.postgres.store.ANSWER", 3.0)
    names = [f"m{each}" for each in range(400)]

    async def steps() -> None:
        await own.deliveries.take_over(NOON)
        accepting = asyncio.ensure_future(accept(own, names))
        await until(lambda: own._underway)
        with server.frozen():
            await until(lambda: "has not answered" in own._reach.reason)
        await accepting
        assert sorted(await stored(own)) == sorted(names)

    settings = PostgresSettings(lambda: server.url, "hangs")
    with closing(open_store(tmp_path, settings)) as own:
        run(steps())


def test_a_store_is_closed_while_the_server_hangs(
    server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever its threads wait for, and however much was given to them."""
    monkeypatch.setattr("gatepost.store.postgres.store.ANSWER", 1.0)
    monkeypatch.setattr("gatepost.store.postgres.health.ROUND", 0.05)

    async def steps() -> None:
        await own.deliveries.take_over(NOON)
        monkeypatch.setattr("gatepost.store.postgres.connections.ANSWER", 1.0)
        with server.frozen():
            waiting: list[Any] = [own.cluster.end_pause(f"x{each}") for each in range(30)]
            waiting += [own.deliveries.put(mail(f"m{each}"), [planned()]) for each in range(5)]
            results = asyncio.gather(*waiting, return_exceptions=True)
            await until(lambda: own.refusal)
            await asyncio.wait_for(asyncio.to_thread(own.close), 60)
            assert all(isinstance(each, QueueError) for each in await results)

    def url() -> str:
        return f"{server.url} connect_timeout=2"

    with closing(
        open_store(tmp_path, PostgresSettings(url, "closed", beat=0.1, upkeep=0.1))
    ) as own:
        run(steps())


def test_an_idle_relay_notices_a_server_that_hangs(
    server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def steps() -> None:
        await own.put(message("a"))
        with server.frozen():
            monkeypatch.setattr(HUNG, 0.2)
            await until(lambda: own.refusal)
        await until(lambda: not own.refusal)

    settings = PostgresSettings(lambda: server.url, "idle", beat=0.1)
    with closing(open_store(tmp_path, settings)) as own:
        run(steps())


def test_a_full_disk_refuses_mail_until_there_is_room(
    server: PostgresServer, store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gatepost.store.postgres.store.FULL", 0.2)
    schema = schema_of(store)

    async def steps() -> None:
        await store.deliveries.take_over(NOON)
        with admin(server) as connection:
            connection.execute(raise_in(schema, "message", "true", "53100"))
            with pytest.raises(QueueFull, match="disk"):
                await store.deliveries.put(mail("a"), [planned()])
            assert "disk" in store.refusal
            connection.execute(f"DROP FUNCTION {schema}.refuse CASCADE")
        await until(lambda: not store.refusal)
        await store.deliveries.put(mail("b"), [planned()])
        assert await stored(store) == ["b"]

    run(steps())


@pytest.mark.parametrize("state", ["40001", "40P01"], ids=["serialization", "deadlock"])
def test_a_transaction_that_met_another_is_repeated(
    server: PostgresServer, store: PostgresStore, state: str
) -> None:
    schema = schema_of(store)

    async def steps() -> None:
        await store.deliveries.take_over(NOON)
        with admin(server) as connection:
            connection.execute(f"CREATE SEQUENCE {schema}.tries")
            connection.execute(f"GRANT ALL ON SEQUENCE {schema}.tries TO relay")
            condition = f"nextval('{schema}.tries') <= 3"
            connection.execute(raise_in(schema, "message", condition, state))
            await store.deliveries.put(mail("a"), [planned()])
            [(tries,)] = connection.execute(f"SELECT last_value FROM {schema}.tries").fetchall()
        assert tries == 4
        assert await stored(store) == ["a"]

    run(steps())


def test_too_many_connections_defer_mail(server: PostgresServer, store: PostgresStore) -> None:
    async def steps() -> None:
        await store.deliveries.take_over(NOON)
        [lease] = await store.deliveries.put(mail("a"), [planned()])
        with admin(server) as connection:
            connection.execute("ALTER ROLE relay CONNECTION LIMIT 0")
            end_all(connection)
            settling = store.deliveries.settle(lease, settlement("delivered"), NOON)
            await until(lambda: "too many" in store.refusal)
            with pytest.raises(QueueFull):
                await store.deliveries.put(mail("b"), [planned()])
            connection.execute("ALTER ROLE relay CONNECTION LIMIT -1")
        await settling
        await insist(lambda: store.deliveries.put(mail("b"), [planned()]))
        assert await stored(store) == ["b"]

    run(steps())


@pytest.mark.parametrize("ends", [True, False], ids=["57P01", "25006"])
def test_a_database_that_takes_no_writes_defers_mail(
    server: PostgresServer, store: PostgresStore, *, ends: bool
) -> None:
    """As the old primary after a fail-over: connections are ended, or refuse writes."""
    schema = schema_of(store)

    async def steps() -> None:
        await store.deliveries.take_over(NOON)
        with admin(server) as connection:
            connection.execute("ALTER ROLE relay SET default_transaction_read_only = on")
            if ends:
                end_all(connection)
            else:
                connection.execute(raise_in(schema, "message", "true", "25006"))
            waiting = store.deliveries.put(mail("a"), [planned()])
            await until(lambda: "read-only" in store.refusal)
            connection.execute("ALTER ROLE relay RESET default_transaction_read_only")
            connection.execute(f"DROP FUNCTION IF EXISTS {schema}.refuse CASCADE")
            await waiting
        await until(lambda: not store.refusal)
        assert await stored(store) == ["a"]

    run(steps())


def wait_until_commits_wait(server: PostgresServer) -> None:
    """Return once a COMMIT waits for a standby: another process than that of a connection tells
    them to, some time after it was told itself."""
    has_begun_to_wait = threading.Event()

    def commit() -> None:
        while not has_begun_to_wait.is_set():
            probe.execute("SELECT pg_logical_emit_message(true, 'probe', '')")

    with admin(server) as connection, admin(server) as probe:
        pid = probe.info.backend_pid
        waits = f"SELECT 1 FROM pg_stat_activity WHERE pid = {pid} AND wait_event = 'SyncRep'"
        thread = threading.Thread(target=commit)
        thread.start()
        try:
            deadline = time.monotonic() + 60
            while not connection.execute(waits).fetchone():
                assert time.monotonic() < deadline
        finally:
            has_begun_to_wait.set()
            connection.execute("SELECT pg_cancel_backend(%s)", (pid,))
            thread.join()


def end_all(connection: Any) -> None:
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'relay'"
    )


def test_a_commit_that_no_standby_has_confirmed_is_no_success(
    server: PostgresServer, store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A COMMIT that is cancelled while it waits for a standby succeeds with a warning."""
    waits = "SELECT pid FROM pg_stat_activity WHERE usename = 'relay' AND wait_event = 'SyncRep'"

    async def steps() -> None:
        await store.deliveries.take_over(NOON)
        await store.deliveries.put(mail("a"), [planned()])
        with admin(server) as connection:
            server.configure(SLOW_COMMIT.format("nobody"))
            await asyncio.to_thread(wait_until_commits_wait, server)
            waiting = store.deliveries.put(mail("b"), [planned()])
            monkeypatch.setattr(HUNG, 0.2)
            first = await waiting_process()
            assert not waiting.done()
            connection.execute("SELECT pg_cancel_backend(%s)", (first,))
            await until(lambda: [first] != pids(connection) and pids(connection))
            assert not waiting.done(), "it was committed here alone"
            await until(lambda: store.refusal)
            server.configure(SLOW_COMMIT.format(""))
            await waiting
        await until(lambda: not store.refusal)
        assert sorted(await stored(store)) == ["a", "b"]

    def pids(connection: Any) -> list[int]:
        return [pid for (pid,) in connection.execute(waits).fetchall()]

    async def waiting_process() -> int:
        with admin(server) as connection:
            await until(lambda: pids(connection))
            return pids(connection)[0]

    try:
        run(steps())
    finally:
        server.configure(SLOW_COMMIT.format(""))


@pytest.mark.parametrize("cut", ["before", "after"])
def test_an_outcome_that_stays_unknown_is_no_refusal(
    server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: Any
) -> None:
    """A 451 says that the message is not stored: this client gets no reply."""
    monkeypatch.setattr("gatepost.store.postgres.thread_connection.PATIENCE", 0.0)
    proxy = CutProxy(server.directory, 1, (cut,))

    async def steps() -> None:
        await own.deliveries.take_over(NOON)
        await own.deliveries.put(mail("a"), [planned()])
        proxy.is_cutting = proxy.is_refusing = True
        with pytest.raises(Unconfirmed):
            await own.deliveries.put(mail("b"), [planned()])
        with pytest.raises(QueueError) as refused:
            await own.deliveries.put(mail("c"), [planned()])
        assert not isinstance(refused.value, Unconfirmed), "its COMMIT was never sent"

    settings = PostgresSettings(lambda: proxy.url, f"unknown_{cut}", writers=1, beat=0.0)
    with closing(proxy), closing(open_store(tmp_path, settings)) as own:
        stop_upkeep(own)  # its COMMIT could be the one that is cut
        run(steps())


def test_what_is_leased_is_delivered_while_the_database_is_away(
    server: PostgresServer, store: PostgresStore
) -> None:
    """Its results are written when the database is back."""

    async def steps() -> None:
        queue = store.deliveries
        await queue.take_over(NOON)
        leases = [(await queue.put(mail(f"m{each}"), [planned()]))[0] for each in range(20)]
        await asyncio.to_thread(server.kill)
        settling = [queue.settle(each, settlement("delivered"), NOON) for each in leases]
        await until(lambda: store.refusal)
        await asyncio.to_thread(server.start)
        await asyncio.gather(*settling)
        assert await stored(store) == []

    run(steps())
