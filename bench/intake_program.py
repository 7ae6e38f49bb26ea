"""Accepts messages in a store, as a relay does that has no clients: ``python -m
bench.intake_program KIND DIRECTORY URL NAME``.

KIND is ``sqlite``, ``postgres``, or ``bare`` for inserts without a store. Each line of the input is
a run: how many messages, and for how many clients at once (of bare inserts: the size of a group).
Each line of the output is its result, in JSON.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final

from bench.bare_inserts import BareInserts
from gatepost.model.address import parse_address
from gatepost.model.body import BytesBody
from gatepost.model.delivery import Planned
from gatepost.model.envelope import Envelope, Recipient
from gatepost.model.message import Submission
from gatepost.model.route import NextHop
from gatepost.store.postgres import PostgresSettings
from gatepost.store.postgres import open_store as open_postgres
from gatepost.store.sqlite import open_store as open_sqlite

SIZE: Final = 4096
CONTENT: Final = (b"Subject: bench\r\n\r\n" + b"It is stored, and nothing else.\r\n" * 200)[:SIZE]
_TO: Final = (Recipient(parse_address("user@example.test")),)
_FROM: Final = parse_address("a@example.com")

Run = Callable[[int, int], list[float]]
"""Stores messages; returns the seconds that each took, or each group."""


class StoreIntake:
    """Puts messages into a queue, leased, as when they are delivered from memory."""

    def __init__(self, store: Any, name: str) -> None:
        self._store, self._name, self._numbers = store, name, count()

    def run(self, messages: int, clients: int) -> list[float]:
        return asyncio.run(self._run(messages, clients))

    async def _run(self, messages: int, clients: int) -> list[float]:
        left, seconds = iter(range(messages)), list[float]()

        async def client() -> None:
            for _ in left:
                begun = time.perf_counter()
                await self._store.deliveries.put(*self._message())
                seconds.append(time.perf_counter() - begun)

        await asyncio.gather(*[client() for _ in range(clients)])
        return seconds

    def _message(self) -> tuple[Submission, list[Planned]]:
        id_, now = f"{self._name}-{next(self._numbers)}", datetime.now(UTC)
        message_id = f"<{id_}@example.com>"
        content = BytesBody(CONTENT)
        submission = Submission(id_, Envelope(_FROM, _TO), content, b"", now, message_id=message_id)
        expires, notice = now + timedelta(days=5), now + timedelta(hours=4)
        return submission, [Planned(NextHop("default"), _TO, now, expires, notice)]


def open_intake(kind: str, directory: Path, url: str, name: str) -> Run:
    """Return what stores messages."""
    if kind == "bare":
        return BareInserts(url, CONTENT).run
    if kind == "sqlite":
        return StoreIntake(open_sqlite(directory), name).run
    settings = PostgresSettings(lambda: url, node=name)
    return StoreIntake(open_postgres(directory, settings), name).run


def main() -> None:
    kind, directory, url, name = sys.argv[1:]
    run = open_intake(kind, Path(directory), url, name)
    print("ready", flush=True)
    for line in sys.stdin:
        messages, clients = map(int, line.split())
        milliseconds = sorted(each * 1000 for each in run(messages, clients))
        most = len(milliseconds) - 1
        result = {
            "p50": milliseconds[most // 2],
            "p99": milliseconds[most * 99 // 100],
            "worst": milliseconds[-1],
        }
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
