"""Runs it: load by REST and SMTP, kills, a quiet phase, and the verdict on mail and events."""

import argparse
import asyncio
import os
import random
import signal
import ssl
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from bench.exit_crash.applications import Applications
from bench.exit_crash.events import judge_events
from bench.exit_crash.providers import (
    WELL,
    ApiProvider,
    Feedback,
    Subscriber,
    read_mailgun,
    read_ses,
)
from bench.exit_crash.relay import DOMAINS, MX, ExitRelay
from gatepost.app.data_directory import open_queue
from gatepost.errors import GatepostError
from gatepost.processes.event_loop import run
from gatepost.testing.crash.senders import Senders
from gatepost.testing.crash.verdict import (
    CrashRecords,
    CrashVerdict,
    Kill,
    Pair,
    SentMessage,
    judge,
)
from gatepost.testing.crash.victim import CONNECTIONS
from gatepost.testing.upstream import WELL as SMTP_WELL
from gatepost.testing.upstream import Mischief, Taken, Upstream
from tests.shell.reporting_relay import KEY, SENDER, furnish

PAUSE: Final = 0.1
READ_ON: Final = 2.0
DRAIN: Final = 150.0
"""Seconds for the queue, the webhooks and the events to come to an end."""


@dataclass(slots=True)
class ExitCrash:
    """One run in the empty directory ``home``."""

    home: Path
    messages: int
    kills: int
    workers: int
    seed: int
    taken: list[Taken] = field(default_factory=list)
    strokes: list[Kill] = field(default_factory=list)

    async def run(self) -> "ExitVerdict":
        """Run it. Raises NotServed."""
        task = asyncio.current_task()
        assert task is not None
        # Whoever ends us must not leave a relay behind.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        chance = random.Random(self.seed)
        hops = [Upstream(self.seed + each, Mischief(), self.taken) for each in range(2)]
        ses = ApiProvider(read_ses, self.taken, chance)
        mailgun = ApiProvider(read_mailgun, self.taken, chance)
        subscriber = Subscriber(chance)
        for each in (ses.endpoint, mailgun.endpoint, subscriber.endpoint):
            await each.start()
        ports = [await each.start() for each in hops]
        secret = await furnish(self.home / "data")
        places = {
            "inside_port": ports[0], "mx_port": ports[1],
            "mailgun_url": mailgun.endpoint.url, "ses_url": ses.endpoint.url,
        }  # fmt: skip
        relay = ExitRelay(self.home, (), self.workers, providers=places, secret=secret)
        feedback = Feedback(relay, chance)
        mailgun.on_taken = feedback.tell_mailgun
        world = World(relay, hops, [ses, mailgun], subscriber, feedback)
        try:
            return await self._run(world, chance)
        finally:
            relay.clean_up()
            world.close()

    async def _run(self, world: "World", chance: random.Random) -> "ExitVerdict":
        relay, account = world.relay, world.relay.account
        await relay.start()
        await relay.wait_ready()
        await world.subscribe()
        senders = Senders(account, DOMAINS, PAUSE, chance, author=SENDER)
        context = ssl.create_default_context(cafile=account.ca_file)
        applications = Applications(relay.api, KEY, SENDER, DOMAINS, context, chance, PAUSE)
        tasks = [asyncio.create_task(senders.send_on(f"s{each}")) for each in range(3)]
        tasks += [asyncio.create_task(applications.send_on()) for _ in range(6)]
        returns = asyncio.create_task(world.return_mail(self.taken))

        def count() -> int:
            return len(senders.sent) + len(applications.sent)

        for number in range(1, self.kills + 1):
            await relay.wait_ready()
            while count() < (number - chance.random()) * self.messages / (self.kills + 1):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            await self._kill(world, chance)
            print(f"{number} kills, {count()} messages accepted", file=sys.stderr)
        while count() < self.messages:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        for each in tasks:
            each.cancel()
        await relay.wait_ready()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(1)  # requests that were begun are answered
        # Of what came by SMTP, the header may be changed; of what came by REST, we make it.
        sent = [
            replace(each, content=each.content.partition(b"\r\n\r\n")[2]) for each in senders.sent
        ]
        sent += [replace(each, content=b"") for each in applications.sent]
        records = CrashRecords(sent, self.taken, self.strokes)
        queued = await world.drain(records)
        returns.cancel()
        await relay.stop()
        records = replace(records, queued=queued, refused=world.refused())
        faults = [*applications.faults, *relay.reported("internal_error")]
        faults += _damaged(applications.sent, self.taken)
        faults += [f"process {pid} is left behind" for pid in relay.left_behind()]
        return ExitVerdict(
            judge(records), world.event_faults(records), faults,
            {
                "by SMTP": len(senders.sent), "by REST": len(applications.sent),
                "kills": dict(Counter(each.victim for each in self.strokes)),
                "starts": relay.starts, "fates": dict(world.fates()),
                "troubles": dict(senders.troubles + applications.troubles),
                "feedback": dict(world.feedback.counts),
                "events": dict(world.subscriber.statuses),
                "events sent again": world.subscriber.repeated,
            },
        )  # fmt: skip

    async def _kill(self, world: "World", chance: random.Random) -> None:
        relay, at = world.relay, asyncio.get_running_loop().time()
        fronts = relay.fronts() if self.workers else []
        whom = chance.choice(("worker", "store", "relay") if fronts else ("store", "relay"))
        if whom == "worker":
            with suppress(ProcessLookupError):
                os.kill(chance.choice(fronts), signal.SIGKILL)
            self.strokes.append(Kill("worker", at, at))
            return
        await relay.kill(alone=whom == "store")
        await world.quiet()
        in_flight = 2 * CONNECTIONS * len(DOMAINS)
        over = asyncio.get_running_loop().time()
        self.strokes.append(Kill("store" if whom == "store" else "relay", at, over, in_flight))
        await relay.start()


def _damaged(sent: Sequence[SentMessage], taken: Sequence[Taken]) -> list[str]:
    """Return which messages of the e-mail API lost their text."""
    texts = {each.message_id: each.content for each in sent}
    return [
        f"the text of {each.message_id} is damaged"
        for each in taken
        if texts.get(each.message_id, b"") not in each.content
    ]


@dataclass(slots=True)
class World:
    """What is around the relay."""

    relay: ExitRelay
    hops: Sequence[Upstream]
    apis: Sequence[ApiProvider]
    subscriber: Subscriber
    feedback: Feedback

    async def subscribe(self) -> None:
        """Have the relay send its events."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gatepost.cli.main", "webhook", "create",
            f"{self.subscriber.endpoint.url}/hook", "--data", str(self.relay.data),
            stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        if await process.wait():
            raise RuntimeError("the webhook was not created")

    async def return_mail(self, taken: Sequence[Taken]) -> None:
        """Return some of the mail that the server with an address for bounces has taken."""
        seen = 0
        while True:
            for each in taken[seen:]:
                if each.recipients[0].endswith(f"@{MX}") and each.sender:
                    self.feedback.tell_mx(each)
            seen = len(taken)
            await asyncio.sleep(0.1)

    async def quiet(self) -> None:
        """Return when nothing is open any more that the relay has begun."""
        waits = [each.quiet(READ_ON) for each in self.hops]
        await asyncio.gather(*waits, *[each.endpoint.quiet(READ_ON) for each in self.apis])

    async def drain(self, records: CrashRecords) -> frozenset[Pair]:
        """Let all be well; return what is left of the queue."""
        for hop in self.hops:
            hop.mischief = Mischief(SMTP_WELL)
        for api in self.apis:
            api.weights = WELL
        self.subscriber.is_well = True
        await self.relay.stop()  # in good order, for once
        await self.relay.start()
        await self.relay.wait_ready()
        async with open_queue(self.relay.data) as ask:
            await ask("retry", {"all": True})  # or a used-up quota would be one for an hour
        loop = asyncio.get_running_loop()
        deadline = loop.time() + DRAIN
        left = await self._queued()
        while loop.time() < deadline:
            if not left and not self.feedback.tasks and not self.event_faults(records):
                await asyncio.sleep(3)  # an event too many would come now
                break
            await asyncio.sleep(0.3)
            left = await self._queued()
        return left

    async def _queued(self) -> frozenset[Pair]:
        try:
            async with open_queue(self.relay.data) as ask:
                document = await ask("list", {})
        except GatepostError:
            return frozenset({("", "")})
        return frozenset(
            (each["message_id"], one["address"])
            for each in document["deliveries"]
            for one in each["recipients"]
            if one["fate"] == "waiting"
        )

    def refused(self) -> Collection[str]:
        """Return the recipients of whom an event says that they were not reached."""
        events = self.subscriber.events.values()
        return {each["recipient"] for each in events if each["status"] in ("Bounced", "Failed")}

    def event_faults(self, records: CrashRecords) -> list[str]:
        """Return what is wrong with the events of a run that is over."""
        return judge_events(records, self.states(), self.feedback.bounced)

    def states(self) -> Mapping[str, Sequence[str]]:
        """Return the statuses of the events that have come, by recipient."""
        states: defaultdict[str, list[str]] = defaultdict(list)
        for event in self.subscriber.events.values():
            states[event["recipient"]].append(event["status"])
        return states

    def fates(self) -> Counter[str]:
        """Return what became of attempts."""
        some = [*[each.fates for each in self.hops], *[each.fates for each in self.apis]]
        return sum(some, Counter())

    def close(self) -> None:
        """End everything."""
        for hop in self.hops:
            hop.close()
        for task in self.feedback.tasks:
            task.cancel()
        for each in (*[api.endpoint for api in self.apis], self.subscriber.endpoint):
            each.close()


@dataclass(frozen=True, slots=True)
class ExitVerdict:
    """The result."""

    mail: CrashVerdict
    events: list[str]
    """What is wrong with the events."""
    faults: list[str]
    counts: dict[str, Any]

    @property
    def is_good(self) -> bool:
        """Nothing was lost, nothing repeated without a reason, and events are complete."""
        return self.mail.is_good and not self.events and not self.faults

    def show(self) -> None:
        """Print it."""
        for name, value in self.counts.items():
            print(f"{name}: {value}")
        mail = self.mail
        print(f"accepted {mail.acknowledged}, recipients {mail.promised}: arrived {mail.arrived}, "
              f"refused {mail.notified}, waiting {mail.queued}, LOST {len(mail.lost)}, "
              f"DAMAGED {len(mail.damaged)}")  # fmt: skip
        print(f"twice: by a kill {mail.doubled_by_kill}, by a lost answer "
              f"{mail.doubled_by_upstream}, WITHOUT A REASON {len(mail.unexplained)}, "
              f"TOO MANY {len(mail.crowded)}")  # fmt: skip
        print(f"EVENTS WRONG {len(self.events)}, FAULTS {len(self.faults)}")
        for each in (*mail.lost, *mail.damaged, *mail.unexplained, *mail.crowded, *self.events,
                     *self.faults)[:40]:  # fmt: skip
            print(each)
        print("The promise is kept." if self.is_good else "The promise is BROKEN.")


def main() -> int:
    """Parse the command line, and run it."""
    parser = argparse.ArgumentParser(prog="bench.exit_crash", description=__doc__)
    parser.add_argument("--messages", type=int, default=3000)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gatepost-exit-") as home:
        crash = ExitCrash(
            Path(home), options.messages, options.kills, options.workers, options.seed
        )
        try:
            verdict = run(crash.run())
        except asyncio.CancelledError:
            return 1
    verdict.show()
    return 0 if verdict.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
