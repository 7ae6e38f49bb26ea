"""Measures what it costs to lease and to settle deliveries in PostgreSQL while others wait.

The deliveries that are due belong to many next hops, as after an outage; the others are due later.
Half of what is leased is delivered, the other half is deferred.
"""

import asyncio
import sys
import time
from argparse import Namespace
from collections.abc import Awaitable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Final

import psycopg

from bench.database import Database, running_database
from bench.intake_program import CONTENT
from bench.load import Outcome
from bench.process import busy_seconds, cpu_seconds
from bench.report import Promise
from bench.scenarios import Runs, Scenario, floors
from gatepost.model.address import parse_address
from gatepost.model.body import BytesBody
from gatepost.model.delivery import Lease, Planned, Settlement, Verdict
from gatepost.model.envelope import Envelope, Recipient
from gatepost.model.message import Submission
from gatepost.model.reply import Reply
from gatepost.model.route import NextHop
from gatepost.store.postgres import PostgresSettings, open_store

NAME: Final = "leased and settled"
WAITING: Final = (0, 100_000, 1_000_000)
HOPS: Final = 10_000
DUE: Final = 4_000
"""Deliveries of one run, each to a next hop of its own."""
BATCH: Final = 200
LEASED: Final = f"leased, {BATCH} at once"
LOOKED: Final = "looked"
LOOKS: Final = 100
"""Leases of one run that find nothing."""
FLAT: Final = 2.0
"""The maximum processor time of a delivery, as a multiple of that with an empty queue, where next
hops need no row once their only delivery is leased."""
LOOK_MS: Final = 5.0
LATER: Final = timedelta(hours=2)
_REPLY: Final = Reply(250, "2.0.0 ok")
_FILL: Final = """
INSERT INTO {schema}.message SELECT n, 'waits-' || n, 0, 'a@example.com', NULL, 'waits', '', '', '',
    4096, 1, 0 FROM generate_series(1, {waiting}) AS n;
INSERT INTO {schema}.delivery (message, part, hop, due, token, expires, notice, addressees)
SELECT n, 0, 'default/' || n % {hops} || '.test', {due} + n, 0, {due} * 2, {due} * 2, '[]'
FROM generate_series(1, {waiting}) AS n;
INSERT INTO {schema}.hop SELECT hop, min(due) FROM {schema}.delivery GROUP BY hop;
"""


@dataclass(slots=True)
class Durations:
    """Seconds of each lease of a batch, each settlement, and each look that found nothing."""

    leases: list[float] = field(default_factory=list)
    settlements: list[float] = field(default_factory=list)
    looks: list[float] = field(default_factory=list)


def measurements(home: Path, options: Namespace) -> Iterator[tuple[dict[str, Runs], list[Promise]]]:
    """Measure queues of several lengths in turn, unless ``--only`` excludes it."""
    if options.only not in NAME or options.peers_only:
        return
    here = home / "leasing"
    here.mkdir(mode=0o755)
    rows = {step: dict[str, Runs]() for step in (LEASED, "settled", LOOKED)}
    with running_database(here) as database:
        for number, length in enumerate(WAITING):
            waiting = round(length * options.scale)
            print(f"{NAME}, {waiting:,} waiting ...", file=sys.stderr)
            settings = PostgresSettings(lambda: database.url, schema=f"leasing_{number}")
            with closing(open_store(here / str(number), settings)) as store:
                fill(database, settings.schema, waiting)
                queue = LeasedQueue(store, database)
                outcomes = [asyncio.run(queue.run()) for _ in range(options.rounds)]
            for (step, runs), each in zip(rows.items(), zip(*outcomes, strict=True), strict=True):
                name = f"{waiting:,} waiting, {HOPS:,} next hops" if waiting else "none waiting"
                runs[name] = Runs(Scenario(step, None, floors()), name, list(each))
    for step, runs in rows.items():
        yield runs, list(promises(step, runs))


def promises(step: str, measured: dict[str, Runs]) -> Iterator[Promise]:
    """Yield what a step may cost while many wait; the best run counts, because other work only adds
    to it."""
    empty, *others = measured.values()
    for each in others:
        if step == LOOKED:
            yield Promise(f"{step} for nothing, {each.server}", each.best("p50"), LOOK_MS, "ms")
        elif step == LEASED:
            grown = each.best("server_cpu") / empty.best("server_cpu")
            yield Promise(f"{NAME}: CPU, {each.server}, by none waiting", grown, FLAT, "x")


def fill(database: Database, schema: str, waiting: int) -> None:
    """Let deliveries to many next hops wait."""
    due = _microseconds(datetime.now(UTC) + LATER)
    text = _FILL.format(schema=schema, waiting=waiting, hops=HOPS, due=due)
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute(text.encode())
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


class LeasedQueue:
    """A store, from which deliveries are leased."""

    def __init__(self, store: Any, database: Database) -> None:
        self._queue, self._pid = store.deliveries, database.pid
        self._numbers = count()

    async def run(self) -> tuple[Outcome, Outcome, Outcome]:
        """Lease and settle deliveries; return the outcomes of both, and of looks for nothing."""
        now = datetime.now(UTC)
        await asyncio.gather(*[self._put(now) for _ in range(DUE)])
        durations, cpu, busy = Durations(), self._cpu(), busy_seconds()
        begun = time.perf_counter()
        while leases := await _timed(durations.leases, self._queue.lease(now, BATCH)):
            settle = partial(self._settle, durations.settlements, now)
            await asyncio.gather(*[settle(each, place) for place, each in enumerate(leases)])
        seconds = time.perf_counter() - begun
        durations.leases.pop()  # it found nothing
        own, database = (after - before for after, before in zip(self._cpu(), cpu, strict=True))
        foreign = max(0.0, busy_seconds() - busy - own - database) / seconds
        for _ in range(LOOKS):
            await _timed(durations.looks, self._queue.lease(now, BATCH))
        usual = Outcome(
            rate=DUE / seconds, p50=0.0, p99=0.0, worst=0.0, stalls=0, setup_p50=0.0,
            server_cpu=(own + database) / DUE * 1e6, foreign_cpu=foreign,
            database_cpu=database / DUE * 1e6,
        )  # fmt: skip
        leased, settled, looked = (
            with_times(usual, each)
            for each in (durations.leases, durations.settlements, durations.looks)
        )
        rate = LOOKS / sum(durations.looks)
        return leased, settled, replace(looked, rate=rate, server_cpu=0.0, database_cpu=0.0)

    def _cpu(self) -> tuple[float, float]:
        return time.process_time(), cpu_seconds(self._pid)

    async def _put(self, now: datetime) -> None:
        number = next(self._numbers)
        to = (Recipient(parse_address(f"user@{number % HOPS}.test")),)
        envelope = Envelope(parse_address("a@example.com"), to)
        mail = Submission(f"due-{number}", envelope, BytesBody(CONTENT), b"", now)
        hop = NextHop("default", f"{number % HOPS}.test")
        expires, notice = now + timedelta(days=5), now + timedelta(hours=4)
        await self._queue.put(mail, [Planned(hop, to, now, expires, notice)], leased=False)

    async def _settle(self, seconds: list[float], now: datetime, lease: Lease, place: int) -> None:
        if place % 2:
            settlement = Settlement((Verdict("delivered", _REPLY),))
        else:
            settlement = Settlement((Verdict("deferred", _REPLY),), next_at=now + LATER)
        await _timed(seconds, self._queue.settle(lease, settlement, now))


def with_times(outcome: Outcome, seconds: list[float]) -> Outcome:
    """Return an outcome with the times of a step."""
    ordered = sorted(each * 1000 for each in seconds)
    most = len(ordered) - 1
    return replace(
        outcome, p50=ordered[most // 2], p99=ordered[most * 99 // 100], worst=ordered[-1]
    )


async def _timed(seconds: list[float], step: Awaitable[Any]) -> Any:
    """Await a step, and note its duration; return its result."""
    begun = time.perf_counter()
    result = await step
    seconds.append(time.perf_counter() - begun)
    return result


def _microseconds(at: datetime) -> int:
    return round(at.timestamp() * 1e6)
