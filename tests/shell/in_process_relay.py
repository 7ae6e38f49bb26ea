"""A relay in a thread of the test's own process, so that a test can look inside and disturb it."""

import asyncio
import itertools
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from gatepost.directory.contract import Directory
from gatepost.failures.grammar import TlsFault
from gatepost.failures.read_rule import read_rule
from gatepost.failures.rule_in_one_line import parse_line
from gatepost.failures.rulebook import Rulebook
from gatepost.model.profile import Limits, Profile
from gatepost.model.secret import Secret
from gatepost.model.session_record import SessionRecord
from gatepost.net.listen import listen
from gatepost.net.tls import server_context
from gatepost.policy.client_limits import ClientCounter
from gatepost.policy.quotas import Quotas
from gatepost.profiles import load_profile
from gatepost.queue.store_contract import Store
from gatepost.relay.connection_supervisor import Supervisor
from gatepost.relay.failure_rules import LocalFailureRules
from gatepost.relay.listener_state import ServerCertificate, plain_listener_state
from gatepost.relay.session_recorder import SessionRecorder
from gatepost.relay.shared_by_connections import Relay
from gatepost.relay.spool import Budget
from gatepost.testing.memory import MemoryStore
from gatepost.wire.server.session import SessionSettings
from tests.certificates import make_authority
from tests.contract.directories import azure
from tests.shell.peer import Peer

T = TypeVar("T")
PATIENCE = 60.0


@dataclass
class Plan:
    """What differs from an ordinary relay."""

    profile: str = "acs"
    limits: dict[str, Any] = field(default_factory=dict)
    store: Callable[[], Store] = MemoryStore
    around: Callable[[Directory], Directory] | None = None
    """Makes the directory to serve with from the usual one."""
    quotas: Quotas | None = None
    clients: ClientCounter | None = None
    budget: int = 64 * 1024 * 1024
    max_connections: int = 100
    loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
    report: Callable[[str], None] | None = None
    """Called with each event before it is recorded."""
    has_failures: bool = False
    """Whether there may be rules of scripted failures."""


@dataclass
class InProcessRelay:
    """A running relay, and the credentials of its user."""

    relay: Relay
    supervisor: Supervisor
    loop: asyncio.AbstractEventLoop
    port: int
    tls_port: int
    ca_file: str
    username: str
    password: Secret
    sender: str
    take_away: Callable[[], Awaitable[None]]
    events: list[tuple[str, dict[str, Any]]]
    failures: LocalFailureRules | None
    records: list[SessionRecord]
    """Of the sessions that have ended, if there may be rules."""

    def script(self, *lines: str) -> list[str]:
        """Replace all rules of scripted failures; return the ids of the new ones."""
        rules = [read_rule({"id": f"r{n}", **parse_line(line)}) for n, line in enumerate(lines)]

        async def put() -> None:
            assert self.failures is not None
            self.failures.book.put_all("test", [], self.failures.time())
            self.failures.book.put_all("test", rules, self.failures.time())

        self.run(put())
        return [each.id for each in rules]

    def run(self, step: Awaitable[T]) -> T:
        """Await ``step`` in the relay's loop."""

        async def wait() -> T:
            return await step

        return asyncio.run_coroutine_threadsafe(wait(), self.loop).result(PATIENCE)

    def reported(self, event: str) -> list[dict[str, Any]]:
        """Return the reports with this name."""
        return [facts for name, facts in self.events if name == event]

    def messages(self) -> list[bytes]:
        """Return the content of every message in the store, oldest first."""

        async def read() -> list[bytes]:
            store = self.relay.store
            found = reversed(await store.list())
            return [b"".join((await store.body(each.id)).chunks()) for each in found]

        return self.run(read())

    def peer(self) -> Peer:
        """Return a client that has read nothing yet."""
        return Peer.connect(self.port, self.ca_file)

    def tls_peer(self) -> Peer:
        """Return a client of the port with implicit TLS."""
        peer = Peer.connect(self.tls_port, self.ca_file)
        peer.shake()
        return peer

    def greeted(self) -> Peer:
        """Return a client that has read the greeting and sent EHLO."""
        return self.peer().greet()

    def secured(self) -> Peer:
        """Return a client that has sent STARTTLS and EHLO again."""
        return self.greeted().secure()

    def signed_in(self) -> Peer:
        """Return a client that has signed in."""
        peer = self.secured()
        peer.login(self.username, self.password.reveal())
        return peer


@contextmanager
def serving(directory: Path, plan: Plan) -> Iterator[InProcessRelay]:
    """Run a relay during the ``with``; it is drained at the end."""
    loop = plan.loop()
    thread = threading.Thread(target=loop.run_forever, name="relay")
    thread.start()
    try:
        served = asyncio.run_coroutine_threadsafe(_start(directory, plan), loop).result(PATIENCE)
        try:
            yield served
        finally:
            served.run(served.supervisor.drain(0.2))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE)
        loop.close()


async def _start(directory: Path, plan: Plan) -> InProcessRelay:
    authority = make_authority(directory)
    pair = authority.issue("localhost", "127.0.0.1")
    case = await azure()
    serves = plan.around(case.directory) if plan.around else case.directory
    events: list[tuple[str, dict[str, Any]]] = []

    def report(event: str, **facts: Any) -> None:
        if plan.report is not None:
            plan.report(event)
        events.append((event, facts))

    numbers = itertools.count(1)
    profile = changed(load_profile(plan.profile), **plan.limits)
    relay = Relay(
        directory=serves,
        store=plan.store(),
        quotas=plan.quotas,
        clients=plan.clients,
        budget=Budget(directory, plan.budget),
        report=report,
        next_id=lambda: f"1-{next(numbers)}",
        now=lambda: datetime.now(UTC),
    )
    failures, records = None, list[SessionRecord]()
    if plan.has_failures:
        relay.failures = failures = _failures(directory)
        relay.recorder = SessionRecorder(
            relay.now, time.monotonic, lambda ended: records.append(ended.conclude())
        )
    supervisor = Supervisor(relay, plan.max_connections)
    clear, implicit = listen("127.0.0.1", 0), listen("127.0.0.1", 0)
    ports = clear.port, implicit.port
    setting = SessionSettings(profile, "relay.example", serves.mechanisms)
    certificate = ServerCertificate(server_context(pair.certificate, pair.key))
    await supervisor.serve(clear, plain_listener_state(setting, certificate, name="smtp"))
    await supervisor.serve(
        implicit, plain_listener_state(setting, certificate, name="smtps", implicit=True)
    )
    return InProcessRelay(
        relay, supervisor, asyncio.get_running_loop(), *ports, authority.ca_file,
        case.username, case.password, case.allowed, case.take_away, events, failures, records,
    )  # fmt: skip


def _failures(directory: Path) -> LocalFailureRules:
    def faulty_certificate(fault: TlsFault, _listener: str) -> ServerCertificate:
        authority = make_authority(directory / "other")
        pair = authority.issue("localhost", "127.0.0.1")
        newest = fault.maximum or "TLSv1.3"
        return ServerCertificate(server_context(pair.certificate, pair.key, newest=newest))

    book = Rulebook(1, has_reserved=True)
    return LocalFailureRules(book, lambda: datetime.now(UTC), faulty_certificate, has_reserved=True)


def changed(profile: Profile, **limits: Any) -> Profile:
    """Return the profile with other limits."""
    kept: Limits = replace(profile.limits, **limits)
    return replace(profile, limits=kept)
