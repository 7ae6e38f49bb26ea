"""A process with a queue under load that prints what was committed: ``queue_child DIR``.

Each line on standard output was durable before it was written: ``put ID`` (accepted), ``done ID``
(delivered), ``later ID`` (deferred), ``failed ID`` (with a DSN ``dsn-ID``).
"""

import asyncio
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gatepost.model.delivery import Lease, VerdictKind
from gatepost.queue.deliveries_contract import Deliveries
from gatepost.store.sqlite import StoreSettings, open_store
from tests.contract.queued import dsn, mail, planned, settlement

PRODUCERS = 8
SETTINGS = StoreSettings(segment=1_000_000, upkeep=0.05)
OUTCOMES: tuple[tuple[VerdictKind, str], ...] = (
    ("delivered", "done"), ("deferred", "later"), ("failed", "failed"),
)  # fmt: skip
SIZES = (10, 3_000, 16_385, 60_000, 500)
FAR = datetime(2100, 1, 1, tzinfo=UTC)


def say(what: str, id: str) -> None:
    os.write(1, f"{what} {id}\n".encode())


def body_of(id: str) -> bytes:
    """Return the body of an id; its size follows from the number in the id."""
    size = SIZES[int(id.rsplit("-", 1)[1]) % len(SIZES)]
    return (f"{id} ".encode() * (size // len(id) + 1))[:size]


async def try_once(queue: Deliveries, lease: Lease, number: int) -> None:
    outcome, word = OUTCOMES[number % len(OUTCOMES)]
    id_ = lease.message.id
    emits = (dsn(f"dsn-{id_}", FAR),) if outcome == "failed" else ()
    # Deferred mail comes back at once, so that leases are read from the store, too.
    again = datetime.now(UTC)
    await queue.settle(lease, settlement(outcome, again=again, emits=emits), again)
    say(word, id_)


async def produce(queue: Deliveries, epoch: int, producer: int) -> None:
    number = producer
    while True:
        id_ = f"{epoch}-{number}"
        [lease] = await queue.put(mail(id_, body=body_of(id_)), [planned()])
        say("put", id_)
        await try_once(queue, lease, number // PRODUCERS)
        number += PRODUCERS


async def retry(queue: Deliveries) -> None:
    turn = 0
    while True:
        for lease in await queue.lease(datetime.now(UTC), 10):
            turn += 1
            await try_once(queue, lease, turn)
        await asyncio.sleep(0.01)


async def main(directory: Path) -> None:
    store = open_store(directory, SETTINGS)
    queue = store.deliveries
    epoch = await queue.take_over(datetime.now(UTC) - timedelta(seconds=1))
    await asyncio.gather(
        retry(queue), *[produce(queue, epoch, number) for number in range(PRODUCERS)]
    )


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
