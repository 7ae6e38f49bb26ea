"""The store on PostgreSQL, when its server dies and a standby takes its place."""

import asyncio
from contextlib import closing
from pathlib import Path

import pytest

from gatepost.store.postgres import PostgresSettings, open_store
from gatepost.store.postgres.connections import last_first
from tests.contract.messages import NOON
from tests.postgres_server import new_server, new_standby
from tests.shell.test_postgres_failures import accept, run, stored


def test_a_fail_over_to_a_synchronous_standby_loses_and_repeats_nothing(tmp_path: Path) -> None:
    names = [f"m{number}" for number in range(2000)]

    with new_server() as primary, new_standby(primary, "second") as standby:
        primary.configure("synchronous_standby_names = 'ANY 1 (second)'\n")
        url = f"host={primary.directory},{standby.directory} user=postgres dbname=postgres"

        async def steps() -> None:
            await store.deliveries.take_over(NOON)
            accepting = asyncio.ensure_future(accept(store, names))
            await asyncio.sleep(0.3)
            await asyncio.to_thread(primary.kill)
            await asyncio.to_thread(standby.promote)
            await accepting
            assert sorted(await stored(store)) == sorted(names)
            assert store.refusal == ""

        with closing(open_store(tmp_path, PostgresSettings(lambda: url))) as store:
            run(steps())


@pytest.mark.parametrize(
    ("host", "port", "last", "first"),
    [
        ("a,b,c", "", ("b", "5432"), ("b,a,c", "5432,5432,5432")),
        ("a,b", "1,2", ("b", "2"), ("b,a", "2,1")),
        ("a,a", "1,2", ("a", "2"), ("a,a", "2,1")),
        ("a,b", "7", ("b", "7"), ("b,a", "7,7")),
        ("a,b", "1,2", ("gone", "1"), ("a,b", "1,2")),
    ],
)
def test_the_server_that_was_there_last_is_tried_first(
    host: str, port: str, last: tuple[str, str], first: tuple[str, str]
) -> None:
    given = {"host": host, "user": "relay"} | ({"port": port} if port else {})
    found = last_first(given, last)
    assert (found["host"], found["port"], found["user"]) == (*first, "relay")


def test_one_server_stays_as_it_is() -> None:
    assert last_first({"host": "a", "port": "1"}, ("a", "1")) == {"host": "a", "port": "1"}
    assert last_first({"hostaddr": "1.1.1.1,2.2.2.2", "host": "a,b"}, ("b", "5432")) == {
        "hostaddr": "1.1.1.1,2.2.2.2", "host": "a,b"
    }  # fmt: skip
