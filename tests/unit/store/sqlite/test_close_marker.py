"""A log that is missing or cut off before the next start is detected."""

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gatepost.store.sqlite import StoreSettings, open_store
from gatepost.store.sqlite.close_marker import UNCLOSED
from tests.contract.messages import NOON, message
from tests.contract.queued import planned

SETTINGS = StoreSettings(reserve=0)


def killed(directory: Path, to: Path) -> None:
    """Leave in `to` what a store that was closed once, and then killed in use, would leave."""

    async def steps(name: str) -> None:
        await store.deliveries.take_over(NOON)
        await store.deliveries.put(message(name), [planned()])

    store = open_store(directory, SETTINGS)
    asyncio.run(steps("1-0"))
    store.close()
    store = open_store(directory, SETTINGS)
    asyncio.run(steps("2-0"))
    shutil.copytree(directory, to)
    store.close()


def looked_at(directory: Path) -> str:
    store = open_store(directory, SETTINGS)
    store.close()
    return store.recovered + store.begun + store.older


DAMAGES: list[Callable[[Path], None]] = [
    Path.unlink,
    lambda log: os.truncate(log, 0),
    lambda log: os.truncate(log, 4000),
]


@pytest.mark.parametrize("spoil", DAMAGES, ids=["gone", "emptied", "cut off"])
def test_a_missing_log_is_reported_once(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    left = tmp_path / "left"
    killed(tmp_path / "home", left)
    spoil(left / "store.db-wal")
    said = looked_at(left)
    assert "octets of its log are missing" in said
    assert "accepted last, from about 1-0 (2025-03-01T12:00:00Z) on, may be missing" in said
    assert looked_at(left) == ""


def test_a_store_that_was_killed_or_closed_misses_nothing(tmp_path: Path) -> None:
    killed(tmp_path / "home", tmp_path / "left")
    assert not (tmp_path / "home" / UNCLOSED).exists()
    assert (tmp_path / "left" / UNCLOSED).exists()
    assert looked_at(tmp_path / "home") == looked_at(tmp_path / "left") == ""
    assert not (tmp_path / "left" / UNCLOSED).exists()


def test_a_log_that_mending_takes_up_is_not_missed(tmp_path: Path) -> None:
    left = tmp_path / "left"
    killed(tmp_path / "home", left)
    os.truncate(left / "store.db", 8 * 4096)
    said = looked_at(left)
    assert "the store was damaged" in said
    assert "missing: unless" not in said
