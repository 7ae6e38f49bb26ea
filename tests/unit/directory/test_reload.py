"""Directories of two relays that share a store: what one changes, the other reads again."""

import asyncio
from collections.abc import Callable

from gatepost.directory.accounts import AccountDirectory, Protection, StoredAccount
from gatepost.directory.azure.directory import AzureDirectory
from gatepost.directory.azure.entries import Application
from tests.contract.directories import QuickHasher
from tests.unit.directory.azure.world import KEY, NOW, entries
from tests.unit.directory.memory import MemoryRecords


def accounts(records: MemoryRecords) -> AccountDirectory:
    return AccountDirectory(records, Protection(b"k" * 32, QuickHasher()), lambda: 0.0)


def counter() -> tuple[list[int], Callable[[], asyncio.Future[None]]]:
    calls: list[int] = []

    def forget() -> "asyncio.Future[None]":
        calls.append(len(calls))
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    return calls, forget


def test_accounts_are_read_again() -> None:
    async def steps() -> None:
        records = MemoryRecords()
        one, other = accounts(records), accounts(records)
        await one.load()
        await other.load()
        calls, forget = counter()
        other.follow(forget)
        await one.save([StoredAccount("a", ""), StoredAccount("b", "")])
        await other.reload()
        assert [each.name for each in other.accounts] == ["a", "b"]
        version = other.version
        await one.save([StoredAccount("b", "", ("x@example.com",))], ["a"])
        await other.reload()
        assert [(each.name, each.senders) for each in other.accounts] == [("b", ("x@example.com",))]
        assert other.version > version
        assert len(calls) == 2
        await other.reload()
        assert len(calls) == 2, "nothing has changed"

    asyncio.run(steps())


def test_an_azure_directory_is_read_again() -> None:
    async def steps() -> None:
        records = MemoryRecords()
        one, other = [AzureDirectory(records, digest_key=KEY, clock=lambda: NOW) for _ in range(2)]
        await one.load()
        await other.load()
        calls, forget = counter()
        other.follow(forget)
        version = other.version
        await one.save(entries().values())
        await other.reload()
        found = [each for each in entries().values() if isinstance(each, Application)]
        assert found
        assert all(other.get(Application, each.key) == each for each in found)
        assert other.version > version
        assert calls == [0]

    asyncio.run(steps())
