"""Every store, one after the other."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gatepost.store.sqlite import StoreSettings, open_store
from gatepost.testing.memory import MemoryStore
from tests.contract.stores import AnyStore


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AnyStore]:
    """``SETTINGS`` of the module are those of SQLite."""
    made: AnyStore = MemoryStore()
    if request.param == "sqlite":
        made = open_store(tmp_path, getattr(request.module, "SETTINGS", StoreSettings(reserve=0)))
    elif request.param == "postgres":
        made = request.getfixturevalue("postgres").open(tmp_path)
    yield made
    made.close()
