"""A process with a store under load that prints what was committed: ``store_child DIR``.

Each line on standard output is an id whose ``put`` had returned before.
"""

import asyncio
import os
import sys
from datetime import timedelta
from pathlib import Path

from gatepost.store.sqlite import Retention, SqliteStore, StoreSettings, open_store
from tests.contract.messages import message

PRODUCERS = 8
FOREVER = Retention(age=timedelta(days=36_500), messages=10**9)
SETTINGS = StoreSettings(retention=FOREVER, segment=1_000_000, upkeep=0.05)
SIZES = (10, 3_000, 16_385, 60_000, 500)


def body_of(id: str) -> bytes:
    """Return the body of an id; its size follows from the number in the id."""
    number = int(id.rsplit("-", 1)[1], 16)
    size = SIZES[number % len(SIZES)]
    return (f"{id} ".encode() * (size // len(id) + 1))[:size]


async def produce(store: SqliteStore, epoch: int, producer: int) -> None:
    number = producer
    while True:
        id_ = f"{epoch:x}-{number:08x}"
        await store.put(message(id_, body_of(id_)))
        os.write(1, f"{id_}\n".encode())
        number += PRODUCERS


async def main(directory: Path) -> None:
    store = open_store(directory, SETTINGS)
    epoch = await store.new_epoch()
    await asyncio.gather(*[produce(store, epoch, number) for number in range(PRODUCERS)])


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
