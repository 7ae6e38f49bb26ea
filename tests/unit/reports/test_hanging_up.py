"""A change that is being written takes effect in the store and in memory, although its caller
hangs up."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from gatepost.directory.contract import Record
from gatepost.testing.memory import MemoryStore
from tests.unit.reports.world import URL, Document, World, opened


class Slow(MemoryStore):
    """A store whose commits return a moment later."""

    committed: asyncio.Event | None = None

    async def save_records(
        self, put: Iterable[Record], delete: Iterable[tuple[str, str]] = ()
    ) -> None:
        await super().save_records(put, delete)
        if self.committed is not None:
            self.committed.set()
            await asyncio.sleep(0)


async def known(world: World) -> tuple[list[Document], list[Document]]:
    outcomes = (await world.ask("outcome_list"))["outcomes"]
    return outcomes, (await world.ask("webhook_list"))["webhooks"]


@pytest.mark.parametrize(
    ("operation", "fields"),
    [
        ("outcome_set", {"target": "ann@example.net", "status": "Bounced"}),
        ("outcome_delete", {"name": "bob@example.net"}),
        ("webhook_create", {"url": URL, "name": "second"}),
        ("webhook_delete", {"name": "first"}),
    ],
)
def test_a_committed_request_counts_although_the_caller_hangs_up(
    operation: str, fields: dict[str, Any]
) -> None:
    async def main() -> None:
        store = Slow()
        async with opened(store=store) as world:
            await world.ask("outcome_set", target="bob@example.net", status="Bounced")
            await world.ask("webhook_create", url=URL, name="first")
            before = await known(world)
            store.committed = asyncio.Event()
            asking = asyncio.ensure_future(world.ask(operation, **fields))
            await store.committed.wait()
            asking.cancel()
            await world.settle()
            after = await known(world)
            assert after != before
            async with opened(store=store) as restarted:
                assert await known(restarted) == after

    asyncio.run(asyncio.wait_for(main(), 60))
