"""Runs a queue in PostgreSQL at a steady rate, and samples the sizes of its tables and indexes.

Mail is accepted and delivered, some of it at the second attempt. The history is kept for so short
a time that as much is deleted as is accepted, and tables of contents are small, so that many are
dropped: after a while everything should be level. ``python -m bench.bloat SECONDS`` runs it alone.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final

import psycopg
from rich.console import Console
from rich.table import Table

from bench.database import Database, running_database
from bench.intake_program import CONTENT
from bench.report import Promise, promises_table
from gatepost.model.address import parse_address
from gatepost.model.body import BytesBody
from gatepost.model.delivery import Lease, Planned, Settlement, Verdict
from gatepost.model.envelope import Envelope, Recipient
from gatepost.model.message import Submission
from gatepost.model.reply import Reply
from gatepost.model.route import NextHop
from gatepost.model.units import MIB
from gatepost.store.postgres import PostgresSettings, open_store
from gatepost.store.retention_limits import History

SECONDS: Final = 60.0
RATE: Final = 300
"""Messages a second."""
DEFERRED: Final = 7
"""One message of so many is delivered at the second attempt."""
AGAIN: Final = timedelta(seconds=5)
HOPS: Final = 500
KEPT: Final = timedelta(seconds=15)
"""How long the history is kept."""
SEGMENT: Final = 16 * MIB
SAMPLE: Final = 5.0
GROWTH: Final = 1.5
"""The maximum size in the last third of the time, as a multiple of that in the second third."""
_SIZES: Final = """
SELECT CASE WHEN relname LIKE 'body%' THEN 'contents' ELSE relname::text END,
       sum(pg_table_size(c.oid))::bigint, sum(pg_indexes_size(c.oid))::bigint
FROM pg_class AS c JOIN pg_namespace AS s ON s.oid = c.relnamespace
WHERE s.nspname = 'gatepost' AND c.relkind = 'r' GROUP BY 1
"""
_TABLES: Final = ("delivery", "message", "hop", "contents")
_REPLY: Final = Reply(250, "2.0.0 ok")
_FROM: Final = parse_address("a@example.com")
Sizes = dict[str, tuple[int, int]]
"""Octets of each table, and of its indexes."""


class SteadyQueue:
    """Accepts, leases and settles mail at a rate."""

    def __init__(self, store: Any) -> None:
        self._queue, self._numbers = store.deliveries, count()
        self.accepted = self.settled = 0

    async def run(self, seconds: float) -> None:
        """Do so for a time."""
        end = time.monotonic() + seconds
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._lease_until(end))
            begun = time.monotonic()
            while (now := time.monotonic()) < end:
                for _ in range(round((now - begun) * RATE) - self.accepted):
                    self.accepted += 1
                    tasks.create_task(self._deliver(next(self._numbers)))
                await asyncio.sleep(0.02)

    async def _deliver(self, number: int) -> None:
        now, domain = datetime.now(UTC), f"{number % HOPS}.test"
        to = (Recipient(parse_address(f"user@{domain}")),)
        hop, later = NextHop("default", domain), now + timedelta(days=1)
        mail = Submission(f"bloat-{number}", Envelope(_FROM, to), BytesBody(CONTENT), b"", now)
        leases = await self._queue.put(mail, [Planned(hop, to, now, later, later)])
        await self._settle(leases[0], is_deferred=number % DEFERRED == 0)

    async def _lease_until(self, end: float) -> None:
        while time.monotonic() < end:
            leases = await self._queue.lease(datetime.now(UTC), 100)
            await asyncio.gather(*[self._settle(each, is_deferred=False) for each in leases])
            await asyncio.sleep(0.2)

    async def _settle(self, lease: Lease, *, is_deferred: bool) -> None:
        now = datetime.now(UTC)
        settlement = Settlement((Verdict("delivered", _REPLY),))
        if is_deferred:
            settlement = Settlement((Verdict("deferred", _REPLY),), next_at=now + AGAIN)
        await self._queue.settle(lease, settlement, now)
        self.settled += 1


async def run(store: Any, database: Database, seconds: float) -> tuple[SteadyQueue, list[Sizes]]:
    """Run the queue; return it, and the sizes that were sampled."""
    queue, samples = SteadyQueue(store), list[Sizes]()

    def sample(connection: Any) -> Sizes:
        rows = connection.execute(_SIZES).fetchall()
        return {name: (table, indexes) for name, table, indexes in rows}

    with psycopg.connect(database.url, autocommit=True) as connection:
        running = asyncio.create_task(queue.run(seconds))
        while not running.done():
            await asyncio.wait({running}, timeout=SAMPLE)
            samples.append(await asyncio.to_thread(sample, connection))
        await running
    return queue, samples


def soak(home: Path, seconds: float = SECONDS) -> Iterator[Promise]:
    """Run it, print the sizes, and yield what is promised of them."""
    home.mkdir(mode=0o755)
    with running_database(home) as database:
        settings = PostgresSettings(
            lambda: database.url, history=History(age=KEPT), segment=SEGMENT, upkeep=5.0
        )
        with closing(open_store(home / "store", settings)) as store:
            queue, samples = asyncio.run(run(store, database, seconds))
    show(queue, samples, seconds)
    for name in _TABLES:
        for place, what in enumerate((name, f"indexes of {name}")):
            sizes = [each.get(name, (0, 0))[place] for each in samples]
            second, last = thirds(sizes)
            grown = last / second if second else 1.0
            yield Promise(f"{what}: last third by second third", grown, GROWTH, "x")


def thirds(sizes: list[int]) -> tuple[float, float]:
    """Return the means of the second third, and of the last one."""
    third = len(sizes) // 3
    return statistics.mean(sizes[third : 2 * third]), statistics.mean(sizes[2 * third :])


def show(queue: SteadyQueue, samples: list[Sizes], seconds: float) -> None:
    """Print twelve of the samples."""
    title = f"{queue.accepted / seconds:,.0f} messages/s, {queue.settled:,} settlements; MiB"
    table = Table(title=f"Sizes in the database at {title}", title_justify="left")
    for heading in ("s", *[f"{each} {what}" for each in _TABLES for what in ("table", "indexes")]):
        table.add_column(heading, justify="right")
    step = max(1, len(samples) // 12)
    for number, sizes in list(enumerate(samples, 1))[::step]:
        figures = [size for each in _TABLES for size in sizes.get(each, (0, 0))]
        table.add_row(f"{number * SAMPLE:.0f}", *[f"{each / MIB:,.1f}" for each in figures])
    Console(width=132).print(table)


def main() -> int:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    with tempfile.TemporaryDirectory(prefix="gatepost-bloat-", dir="/var/tmp") as directory:
        home = Path(directory)
        home.chmod(0o755)
        promises = list(soak(home / "bloat", seconds))
    Console(width=132).print(promises_table(promises))
    return 0 if all(each.kept for each in promises) else 1


if __name__ == "__main__":
    sys.exit(main())
