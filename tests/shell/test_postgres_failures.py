"""The store on PostgreSQL, while connections break and servers die: nothing that was accepted is
lost, and nothing is stored twice."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest

from gatepost.errors import LeaseLost, QueueError
from gatepost.model.delivery import Lease
from gatepost.model.note import Note
from gatepost.queue.deliveries_contract import QueueSelection
from gatepost.queue.notes_contract import EXPIRED
from gatepost.store.postgres import PostgresSettings, PostgresStore, open_store
from gatepost.testing.postgres_server import PostgresServer
from tests.contract.messages import NOON, message
from tests.contract.queued import MINUTE, mail, planned, settlement
from tests.postgres_server import new_server
from tests.postgres_stores import PostgresStores, stop_upkeep
from tests.shell.cut_proxy import CutProxy

RV = TypeVar("RV")


def run(steps: Any) -> None:
    asyncio.run(asyncio.wait_for(steps, 120))


async def insist(attempt: Callable[[], Awaitable[RV]]) -> RV:
    """Try it until the store does not refuse it, as clients do."""
    deadline = time.monotonic() + 100
    while True:
        try:
            return await attempt()
        except QueueError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.05)


async def accept(store: PostgresStore, names: list[str]) -> None:
    """Queue messages from twenty clients, until all of them are accepted."""
    left = iter(names)

    async def client() -> None:
        for name in left:
            [lease] = await insist(partial(store.deliveries.put, mail(name), [planned()]))
            assert lease.message.id == name

    await asyncio.gather(*[client() for _ in range(20)])


async def stored(store: PostgresStore) -> list[str]:
    return [each.message for each in await insist(store.deliveries.list)]


@pytest.fixture
def proxy(postgres_server: str) -> Iterator[CutProxy]:
    directory = Path(postgres_server.split(maxsplit=1)[0].removeprefix("host="))
    made = CutProxy(directory)
    yield made
    made.close()


def test_a_lost_answer_of_a_commit_loses_and_repeats_nothing(
    postgres: PostgresStores, proxy: CutProxy, tmp_path: Path
) -> None:
    names = [f"m{number}" for number in range(1500)]

    async def steps() -> None:
        await store.deliveries.take_over(NOON)
        proxy.is_cutting = True
        await accept(store, names)
        proxy.is_cutting = False
        assert set(proxy.cuts) == {"before", "after", "late", "half-open"}
        assert sorted(await stored(store)) == sorted(names)

    with closing(postgres.open(tmp_path, url=lambda: proxy.url)) as store:
        run(steps())


def test_leases_and_settlements_survive_a_lost_answer(
    postgres: PostgresStores, proxy: CutProxy, tmp_path: Path
) -> None:
    """What was leased is known to us, or to nobody; what was settled stays settled."""
    names = [f"m{number}" for number in range(400)]

    async def steps() -> None:
        queue = store.deliveries
        await queue.take_over(NOON)
        await asyncio.gather(*[queue.put(mail(n), [planned()], leased=False) for n in names])
        proxy.is_cutting = True
        leased: list[str] = []
        while leases := await queue.lease(NOON + MINUTE, 20):
            leased += [each.message.id for each in leases]
            results = await asyncio.gather(
                *[queue.settle(each, settlement("delivered"), NOON) for each in leases],
                return_exceptions=True,
            )
            assert results == [None] * len(leases)
        proxy.is_cutting = False
        assert proxy.cuts
        assert sorted(leased) == sorted(names)
        assert await queue.list() == []

    with closing(postgres.open(tmp_path, url=lambda: proxy.url)) as store:
        run(steps())


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    with new_server() as made:
        yield made


def test_a_killed_server_loses_nothing_and_the_store_comes_back(
    server: PostgresServer, tmp_path: Path
) -> None:
    names = [f"m{number}" for number in range(3000)]

    async def steps() -> None:
        await store.deliveries.take_over(NOON)
        accepting = asyncio.ensure_future(accept(store, names))
        for _ in range(2):
            await asyncio.sleep(0.3)
            await asyncio.to_thread(server.kill)
            await asyncio.sleep(0.1)
            await asyncio.to_thread(server.start)
        await accepting
        assert sorted(await stored(store)) == sorted(names)
        assert store.refusal == ""

    settings = PostgresSettings(lambda: server.url)
    with closing(open_store(tmp_path, settings)) as store:
        run(steps())


def test_while_the_server_is_away_mail_is_refused_soon(
    server: PostgresServer, tmp_path: Path
) -> None:
    async def steps() -> None:
        await store.put(message("a"))
        await asyncio.to_thread(server.kill)
        waiting = store.put(message("b"))
        deadline = time.monotonic() + 100
        while not store.refusal:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        with pytest.raises(QueueError):
            await store.put(message("c"))
        with pytest.raises(QueueError):
            await store.get("a")
        await asyncio.to_thread(server.start)
        await waiting
        while store.refusal:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        assert [each.id for each in await store.list()] == ["b", "a"]

    settings = PostgresSettings(lambda: server.url)
    with closing(open_store(tmp_path, settings)) as store:
        run(steps())


def test_a_message_that_was_refused_after_all_is_taken_back(
    server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its COMMIT arrived, and its client got 451: without that, nobody would ever deliver it."""
    monkeypatch.setattr("gatepost.store.postgres.thread_connection.PATIENCE", 0.0)
    monkeypatch.setattr("gatepost.store.postgres.message_inserter.LOOK", 0.05)
    proxy = CutProxy(server.directory, 1, ("after",))

    async def steps() -> None:
        await store.deliveries.take_over(NOON)
        await store.deliveries.put(mail("a"), [planned()])
        proxy.is_cutting = proxy.is_refusing = True
        with pytest.raises(QueueError):
            await store.deliveries.put(mail("b"), [planned()])
        assert proxy.cuts == ["after"]
        proxy.is_cutting = proxy.is_refusing = False
        deadline = time.monotonic() + 30
        while (names := await try_to_list()) != ["a"]:
            assert time.monotonic() < deadline, names
            await asyncio.sleep(0.05)
        await store.deliveries.put(mail("b"), [planned()])

    async def try_to_list() -> list[str]:
        with suppress(QueueError):
            return await stored(store)
        return []

    settings = PostgresSettings(lambda: proxy.url, writers=1, beat=0.0)
    with closing(proxy), closing(open_store(tmp_path, settings)) as store:
        stop_upkeep(store)  # its COMMIT could be the one that is cut
        run(steps())


def test_what_was_settled_can_be_forgotten_and_its_contents_dropped(
    postgres: PostgresStores, tmp_path: Path
) -> None:
    async def steps(store: PostgresStore) -> None:
        queue = store.deliveries
        await queue.take_over(NOON)
        leases: list[Lease] = []
        for number in range(40):
            leases += await queue.put(mail(f"m{number}", body=bytes(10_000)), [planned()])
            await store.put(message(f"c{number}", body=b"c" * 10_000))
        for lease in leases[:-1]:
            await queue.settle(lease, settlement("delivered"), NOON)
        await store.delete([f"c{number}" for number in range(39)])
        before = tables()
        await asyncio.to_thread(store._upkeep.drop_segments)
        after = tables()
        assert len(after) < len(before)
        for read in (queue.body("m39"), store.body("c39")):
            body = await read
            assert body.size == 10_000
            assert len(b"".join(body.chunks())) == 10_000
        with pytest.raises(LeaseLost):
            await queue.settle(leases[0], settlement("delivered"), NOON)
        everything = QueueSelection(states=("settled",))
        assert len(await queue.list(everything)) == 39

    def tables() -> list[str]:
        with postgres.connect() as connection:
            query = "SELECT tablename FROM pg_tables WHERE schemaname = %s"
            rows = connection.execute(query, (postgres.schema,)).fetchall()
            return [name for (name,) in rows if name.startswith("body_")]

    with closing(postgres.open(tmp_path, segment=50_000)) as store:
        run(steps(store))


def test_notes_are_deleted_as_fast_as_they_end(postgres: PostgresStores, tmp_path: Path) -> None:
    """However many there are: each delivery may write some."""
    long_ago = datetime(2000, 1, 1, tzinfo=UTC)
    some = [Note("accepted out", str(each), "", long_ago) for each in range(3 * EXPIRED)]

    async def steps(store: PostgresStore) -> None:
        await store.notes.put(some)
        await asyncio.to_thread(store._upkeep.expire)

    with closing(postgres.open(tmp_path, beat=0.0)) as store, postgres.connect() as connection:
        stop_upkeep(store)
        run(steps(store))
        assert connection.execute("SELECT count(*) FROM note").fetchone() == (0,)
