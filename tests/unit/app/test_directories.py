"""Directories from one configuration to the next."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gatepost.app.directories import Directories, ServedDirectory
from gatepost.app.keys import open_key
from gatepost.config.settings import AccountsDirectory, AzureDirectorySettings
from gatepost.directory.azure.entries import Tenant
from gatepost.directory.azure.rules import rules_of
from gatepost.directory.contract import Record
from gatepost.profiles import load_profile
from tests.unit.directory.memory import MemoryRecords

NOBODY: Any = None
"""Nothing is asked over HTTP."""
LENIENT, STRICT = [rules_of(load_profile("acs", strict=each)) for each in (False, True)]
NO_ACCOUNT = Record("account", "bob", {"senders": 1})


def test_a_change_counts_that_was_begun_under_the_configuration_before(tmp_path: Path) -> None:
    async def steps() -> None:
        records = MemoryRecords()
        made = Directories(records, open_key(tmp_path), NOBODY)
        prepared = await made.make([AzureDirectorySettings()])
        served = ServedDirectory(prepared.directory)
        prepared.take(served)
        assert made.azure is not None
        tenant = Tenant("one", "contoso.localhost")
        await made.azure.save([tenant])

        following = await made.make([AzureDirectorySettings(strict=True)])
        records.seconds = 0.01
        deleting = asyncio.ensure_future(made.azure.save([], [tenant]))
        following.take(served)
        await deleting
        assert made.azure.all(Tenant) == ()
        assert made.azure.rules == STRICT
        assert served.inner is made.azure

    asyncio.run(steps())


def test_rules_that_are_not_taken_do_not_count(tmp_path: Path) -> None:
    async def steps() -> None:
        made = Directories(MemoryRecords(), open_key(tmp_path), NOBODY)
        prepared = await made.make([AzureDirectorySettings()])
        prepared.take(ServedDirectory(prepared.directory))
        await made.make([AzureDirectorySettings(strict=True)])
        assert made.azure is not None
        assert made.azure.rules == LENIENT != STRICT

    asyncio.run(steps())


def test_accounts_that_could_not_be_read_are_not_half_of_them_the_next_time(
    tmp_path: Path,
) -> None:
    async def steps() -> None:
        made = Directories(MemoryRecords([NO_ACCOUNT]), open_key(tmp_path), NOBODY)
        for _ in range(2):
            with pytest.raises(ValueError, match="account bob"):
                await made.make([AccountsDirectory()])

    asyncio.run(steps())
