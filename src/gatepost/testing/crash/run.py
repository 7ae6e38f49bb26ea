"""The test run: load, kills, a quiet phase, and the verdict."""

import asyncio
import math
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal

from gatepost.app.data_directory import open_queue
from gatepost.errors import GatepostError
from gatepost.testing.crash.database import BLOWS, CrashDatabase
from gatepost.testing.crash.senders import Senders
from gatepost.testing.crash.verdict import (
    SETTLED_WITHIN,
    SETTLING,
    CrashRecords,
    CrashVerdict,
    Kill,
    Pair,
    judge,
)
from gatepost.testing.crash.verdict import Victim as Whom
from gatepost.testing.crash.victim import CONNECTIONS, Victim, hub_domain
from gatepost.testing.upstream import WELL, Mischief, Taken, Upstream

HUBS: Final = 3
"""Number of upstreams: what the relay learns about one does not delay the others."""
PAUSE: Final = 0.02
"""Seconds between two messages of a sender, on average."""
LONGEST: Final = 5.0
"""Maximum seconds of load until a kill, however few messages were sent."""
WHILE_STARTING: Final = 0.15
"""The share of kills that happen before the relay serves."""
STARTING: Final = (0.0, 1.0)
"""Seconds from the start of the process to such a kill."""
READ_ON: Final = 2.0
"""Maximum seconds in which an upstream reads what a relay sent before it was killed."""
_VICTIMS: Final[dict[Whom | Literal["database"], int]] = {
    "worker": 3, "store": 3, "relay": 4, "database": 4, "node paused": 2,
}  # fmt: skip
PAUSED: Final = (0.5, 12.0)
"""Seconds for which a node is paused: others take it for dead after eight."""
DEAD: Final = 10.0
"""Seconds for which a node that was killed sometimes stays away, so that others take over."""
STAYS_DEAD: Final = 0.2
"""The share of kills after which it does."""

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class CrashPlan:
    """The parameters of the test."""

    messages: int = 10_000
    """Minimum number of acknowledged messages."""
    kills: int = 200
    workers: int = 2
    """Number of front processes; 0: one process does everything."""
    senders: int = 6
    seed: int = 0
    drain: float = 300.0
    """Seconds for the queue to become empty at the end."""
    mischief: Mischief = field(default_factory=Mischief)
    store: Literal["sqlite", "postgres"] = "sqlite"
    """Where the relay keeps mail; a database is killed, too."""
    nodes: int = 1
    """Number of relays that share the database."""


@dataclass(frozen=True, slots=True)
class CrashResult:
    """The result of the test."""

    verdict: CrashVerdict
    kills: Counter[str]
    starts: int
    longest_outage: float
    """Seconds from a kill to the next ready relay."""
    seconds: float
    fates: Counter[str]
    """What the upstreams did with transactions."""
    troubles: Counter[str]
    """The errors that senders got."""
    events: Counter[str]
    """What the relay reported."""
    faults: list[str]
    """Internal errors that it reported, and processes that it left behind."""

    @property
    def is_good(self) -> bool:
        """No acknowledged mail was lost, and the relay reported no internal error."""
        return self.verdict.is_good and not self.faults


async def run_crash(
    plan: CrashPlan, home: Path, progress: Progress = lambda _: None
) -> CrashResult:
    """Run ``plan`` in the empty directory ``home``. Raises NotServed."""
    return await _Run(plan, home, progress).run()


class _Run:
    def __init__(self, plan: CrashPlan, home: Path, progress: Progress) -> None:
        self._plan, self._home, self._progress = plan, home, progress
        self._chance = random.Random(plan.seed)  # noqa: S311 - a test's, to be repeated
        self._taken: list[Taken] = []
        self._kills: list[Kill] = []
        self._upstreams = [
            Upstream(plan.seed + number, plan.mischief, self._taken) for number in range(HUBS)
        ]
        self._database = CrashDatabase() if plan.store == "postgres" else None
        self._victims: list[Victim] = []
        self._senders: Senders

    async def run(self) -> CrashResult:
        plan, loop = self._plan, asyncio.get_running_loop()
        begun = loop.time()
        ports = [await each.start() for each in self._upstreams]
        url = ""
        if self._database is not None:
            await self._database.start()
            url = self._database.url
        self._victims = victims = [
            Victim(self._home, ports, plan.workers, url, f"node-{number}")
            for number in range(1, plan.nodes + 1)
        ]
        servers = tuple([server for each in victims for server in each.account.servers])
        account = replace(victims[0].account, servers=servers)
        domains = [*map(hub_domain, range(HUBS))] * 6 + [plan.mischief.hopeless]
        self._senders = Senders(account, domains, PAUSE, self._chance)
        try:
            await self._start_all()
            async with self._sending():
                await self._kill_all()
                await self._senders.wait_for(plan.messages, plan.drain)
            self._progress("the upstream is well again; the queue drains")
            queued = await self._drain()
            await self._stop_all()
            faults = [
                fault
                for each in victims
                for fault in (
                    *each.reported("internal_error"),
                    *each.reported("notification_lost"),
                    *[f"process {pid} is left behind" for pid in each.left_behind()],
                )
            ]
        finally:
            for victim in victims:
                victim.clean_up()
            for each in self._upstreams:
                each.close()
            if self._database is not None:
                self._database.stop()
        return CrashResult(
            judge(CrashRecords(self._senders.sent, self._taken, self._kills, queued)),
            Counter(each.victim for each in self._kills),
            sum(each.starts for each in victims),
            max([outage for each in victims for outage in each.outages], default=0.0),
            loop.time() - begun,
            sum((each.fates for each in self._upstreams), Counter()),
            self._senders.troubles,
            sum((each.events() for each in victims), Counter()),
            faults,
        )

    async def _start_all(self) -> None:
        for each in self._victims:
            await each.start()
        await self._wait_ready()

    async def _stop_all(self) -> None:
        for each in self._victims:
            await each.stop()

    async def _wait_ready(self) -> None:
        await asyncio.gather(*[each.wait_ready() for each in self._victims])

    @asynccontextmanager
    async def _sending(self) -> AsyncIterator[None]:
        tasks = [
            asyncio.create_task(self._senders.send_on(f"sender-{number}"))
            for number in range(self._plan.senders)
        ]
        try:
            yield
        finally:
            for each in tasks:
                each.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _kill_all(self) -> None:
        """Kills are spread over the messages, each at a random one of its share."""
        chance, share = self._chance, self._plan.messages / max(1, self._plan.kills)
        for number in range(1, self._plan.kills + 1):
            if chance.random() < WHILE_STARTING and self._kills:
                await asyncio.sleep(chance.uniform(*STARTING))
            else:
                await self._wait_ready()
                count = math.ceil((number - 1 + chance.random()) * share)
                with suppress(TimeoutError):
                    async with asyncio.timeout(LONGEST):
                        await self._senders.wait_for(count, LONGEST)
                await asyncio.sleep(chance.uniform(0.0, 2 * PAUSE))
            victim = chance.choice(self._victims)
            await self._kill_one(victim, self._choose(victim))
            if number % 10 == 0 or number == self._plan.kills:
                self._progress(f"{number} kills, {len(self._senders.sent)} messages acknowledged")
        await self._wait_ready()

    def _choose(self, victim: Victim) -> Whom | Literal["database"]:
        fronts = victim.fronts() if self._plan.workers else []
        absent = {
            "worker" if not fronts else "",
            "database" if self._database is None else "",
            "node paused" if len(self._victims) == 1 else "",
        }
        names = [each for each in _VICTIMS if each not in absent]
        return self._chance.choices(names, [_VICTIMS[each] for each in names])[0]

    async def _kill_one(self, victim: Victim, whom: Whom | Literal["database"]) -> None:
        at = asyncio.get_running_loop().time()
        if whom == "database":
            await self._strike_database(at)
            return
        if whom == "worker":
            with suppress(ProcessLookupError, IndexError):
                os.kill(self._chance.choice(victim.fronts()), signal.SIGKILL)
                self._kills.append(Kill(whom, at, at))
            return
        if whom == "node paused":
            with victim.paused():
                await asyncio.sleep(self._chance.uniform(*PAUSED))
        else:
            await victim.kill(alone=whom == "store")
        await asyncio.gather(*[each.quiet(READ_ON) for each in self._upstreams])
        # Of each connection one delivery may be on the wire, and one be about to be settled.
        in_flight, over = 2 * CONNECTIONS * HUBS, asyncio.get_running_loop().time()
        in_flight += self._unsettled(at)
        self._kills.append(Kill(whom, at, over, in_flight))
        if whom != "node paused":
            if len(self._victims) > 1 and self._chance.random() < STAYS_DEAD:
                await asyncio.sleep(DEAD)
            await victim.start()

    async def _strike_database(self, at: float) -> None:
        """Let something happen to the database, which does not interrupt deliveries."""
        assert self._database is not None  # noqa: S101 - it was chosen
        blow = await self._database.strike(self._chance)
        self._kills.append(Kill(blow, at, asyncio.get_running_loop().time()))

    def _unsettled(self, at: float) -> int:
        """Return how many deliveries may wait for the database to settle them; meanwhile, their
        connections are used for others."""
        if self._database is None:
            return 0
        since = at - SETTLING
        for each in reversed(self._kills):
            if each.victim in BLOWS and since < each.over + SETTLED_WITHIN:
                since = min(since, each.at - SETTLING)
        return sum(each.at >= since for each in self._taken)

    async def _drain(self) -> frozenset[Pair]:
        """Let the queue empty itself; return what is left of it."""
        for each in self._upstreams:
            each.mischief = Mischief(WELL)
        await self._stop_all()  # in good order, for once; and they forget what they have learned
        await self._start_all()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._plan.drain
        left = await self._queued()
        while left and loop.time() < deadline:
            await asyncio.sleep(0.2)
            left = await self._queued()
        return left

    async def _queued(self) -> frozenset[Pair]:
        try:
            async with open_queue(self._victims[0].data) as ask:
                document = await ask("list", {})
        except GatepostError as error:
            self._progress(f"the queue does not answer: {error}")
            return frozenset({("", "")})
        return frozenset(
            (each["message_id"], one["address"])
            for each in document["deliveries"]
            for one in each["recipients"]
            if one["fate"] == "waiting"
        )
