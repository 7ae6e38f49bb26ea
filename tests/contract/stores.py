"""What the tests of every store share."""

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, TypeAlias

from gatepost.store.sqlite import SqliteStore
from gatepost.testing.memory import MemoryStore

if TYPE_CHECKING:  # where psycopg is not installed, the others are tested
    from gatepost.store.postgres import PostgresStore

AnyStore: TypeAlias = "MemoryStore | SqliteStore | PostgresStore"


def run(steps: Awaitable[Any]) -> None:
    asyncio.run(asyncio.wait_for(steps, 60))
