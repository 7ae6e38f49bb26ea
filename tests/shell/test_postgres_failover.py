"""The store on PostgreSQL, when its server dies and a standby takes its place."""

import asyncio
from contextlib import closing
from pathlib import Path

from gatepost.store.postgres import PostgresSettings, open_store
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
            assert await accepting == set(names)
            assert sorted(await stored(store)) == sorted(names)
            assert store.refusal == ""

        with closing(open_store(tmp_path, PostgresSettings(lambda: url))) as store:
            run(steps())
