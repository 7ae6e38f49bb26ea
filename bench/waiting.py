"""Measures a relay with a queue of a million waiting deliveries: start, memory, speed."""

import asyncio
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from bench.load import Load
from bench.process import memory_kib
from bench.relaying import RelayLoad, RelayServer, running_relay
from bench.report import Promise
from bench.scenarios import Runs, Scenario, floors, measure
from bench.servers import OURS, Server
from bench.sink import running_sink
from gatepost.model.address import parse_address
from gatepost.model.body import BytesBody
from gatepost.model.delivery import Planned
from gatepost.model.envelope import Envelope, Recipient
from gatepost.model.message import Submission
from gatepost.model.route import NextHop
from gatepost.store.sqlite import open_store

WAITING: Final = 1_000_000
NAME: Final = "delivery, with what waits"
START_S: Final = 5.0
MEMORY_MIB: Final = 300.0
SPEED: Final = 0.8
"""The minimum fraction of the rate with an empty queue."""
LOAD: Final = RelayLoad(Load(5000, per_connection=250, secure=True))
_BATCH: Final = 2_000
_BUSY: Final = 0.5
"""The fraction of deliveries that wait for the measured next hop; the others are spread."""
_HOPS: Final = 1_000
_LATER: Final = timedelta(hours=2)
_CONTENT: Final = b"Subject: waits\r\n\r\n" + b"It waits until its next hop is back.\r\n" * 20


def promises(home: Path, options: Namespace) -> Iterator[tuple[dict[str, Runs], list[Promise]]]:
    """Fill a store and measure it, unless ``--only`` excludes it."""
    if options.only not in NAME or options.peers_only:
        return
    count = round(WAITING * options.scale)
    print(f"{NAME} ({count:,}) ...", file=sys.stderr)
    with ExitStack() as stack:
        servers: list[Server] = []
        kept: list[Promise] = []
        for name, waiting in ((OURS, 0), (f"{OURS}, {count:,} waiting", count)):
            here = home / f"waiting-{waiting}"
            here.mkdir(mode=0o755)
            asyncio.run(fill(here / "data", waiting))
            sink = stack.enter_context(running_sink(here))
            begun = time.monotonic()
            pid, port = stack.enter_context(running_relay(here, sink.port))
            seconds = time.monotonic() - begun
            if waiting:
                kept.append(Promise(f"start, {waiting:,} waiting", seconds, START_S, "s"))
            servers.append(RelayServer(name, pid, port, "user", "secret", "a@example.com", sink))
        scenario = Scenario(NAME, LOAD.scaled(options.scale), floors())
        runs = measure(scenario, servers, options.rounds)
        empty, full = runs.values()
        memory = memory_kib(servers[1].pid) / 1024
        kept.append(Promise(f"memory, {count:,} waiting", memory, MEMORY_MIB, "MiB"))
        share = full.median("rate") / empty.median("rate") if not full.failure else 0.0
        kept.append(Promise(f"rate, {count:,} waiting by none", share, SPEED, "x", at_least=True))
        yield runs, kept


async def fill(data: Path, count: int) -> None:
    """Put ``count`` deliveries that are due in two hours into the queue of ``data``."""
    store = open_store(data)
    try:
        now = datetime.now(UTC)
        planned = [_planned(number, now) for number in range(_HOPS)]
        sender = parse_address("a@example.com")
        for first in range(0, count, _BATCH):
            await asyncio.gather(
                *[
                    store.deliveries.put(
                        Submission(
                            f"bench-{number}",
                            Envelope(sender, planned[number % _HOPS].recipients),
                            BytesBody(_CONTENT),
                            b"",
                            now,
                            message_id=f"<{number}@example.com>",
                        ),
                        [_due(planned[number % _HOPS], number)],
                        leased=False,
                    )
                    for number in range(first, min(count, first + _BATCH))
                ]
            )
    finally:
        store.close()


def _planned(number: int, now: datetime) -> Planned:
    hop = NextHop("default") if number < _HOPS * _BUSY else NextHop("elsewhere", f"{number}.test")
    to = Recipient(parse_address(f"user@{number}.test"))
    due = now + _LATER
    return Planned(hop, (to,), due, now + timedelta(days=5), now + timedelta(hours=4))


def _due(planned: Planned, number: int) -> Planned:
    """Return a delivery with its own due time."""
    return replace(planned, due=planned.due + timedelta(milliseconds=number))
