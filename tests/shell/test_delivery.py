"""All of delivery on real sockets: kills, stops, and an upstream that fails and returns."""

import asyncio
import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from gatepost.relay.deliverer import UNSETTLED
from gatepost.testing import Emulator
from tests import fork_server
from tests.loopback import eventually, free_port

ROOT = Path(__file__).parents[2]
GATEPOST = str(Path(sys.executable).with_name("gatepost"))
PATIENCE = 60.0
NOBODY = "<>"
"""The null sender, as aiosmtpd has it."""


class Sink:
    """Accepts mail, or by chance defers, refuses, stalls or disconnects."""

    def __init__(self, trouble: float, seed: int = 1) -> None:
        self._chance, self._trouble = random.Random(seed), trouble
        self.taken: Counter[tuple[str, str]] = Counter()
        """Message-ID's left part and recipient."""
        self.notices: list[bytes] = []

    async def handle_RCPT(
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        chance = self._chance.random()
        if envelope.mail_from != NOBODY and chance < self._trouble / 2:
            return "550 5.1.1 no such user" if chance < self._trouble / 6 else "450 4.2.0 later"
        envelope.rcpt_tos.append(address)
        del server
        return "250 2.1.5 ok"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:
        chance = self._chance.random()
        if chance < self._trouble / 6:
            assert isinstance(server.transport, asyncio.WriteTransport)
            server.transport.abort()
            return "421 gone"
        if chance < self._trouble / 2:
            return "451 4.3.0 busy"
        content = envelope.content
        assert isinstance(content, bytes)
        if envelope.mail_from == NOBODY:
            self.notices.append(content)
        else:
            id_ = content.partition(b"Message-ID: <")[2].partition(b"@")[0].decode()
            self.taken.update((id_, each) for each in envelope.rcpt_tos)
        return "250 2.0.0 taken"


class Listening(Controller):
    """Closes all connections when it stops: a killed client may seem to be connected."""

    def __init__(self, sink: Sink, port: int) -> None:
        super().__init__(sink, hostname="127.0.0.1", port=port)
        self._servers: list[SMTP] = []

    def factory(self) -> SMTP:
        server: SMTP = super().factory()  # type: ignore[no-untyped-call]
        self._servers.append(server)
        return server

    async def cut(self) -> None:
        for each in self._servers:
            if isinstance(each.transport, asyncio.WriteTransport):
                each.transport.abort()
        await asyncio.sleep(0.01)  # a loop closes a transport in its next turns


@contextmanager
def listening(sink: Sink, port: int = 0) -> Iterator[int]:
    controller = Listening(sink, port or free_port())
    controller.start()
    try:
        yield controller.port
    finally:
        asyncio.run_coroutine_threadsafe(controller.cut(), controller.loop).result(PATIENCE)
        controller.stop()


@pytest.fixture(autouse=True)
def _no_child_stays() -> Iterator[None]:
    yield
    while Relay.started:
        process = Relay.started.pop()
        process.kill()
        process.wait()


class Relay:
    """The child process, and its output."""

    started: ClassVar[list["subprocess.Popen[bytes]"]] = []

    def __init__(self, **plan: Any) -> None:
        command = [sys.executable, "-m", "tests.shell.delivery_child", json.dumps(plan)]
        self.process = fork_server.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True,
        )  # fmt: skip
        self.started.append(self.process)
        self.accepted: list[str] = []
        self.events: list[dict[str, Any]] = []
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"ready\n", self._failure()
        self._readers = [threading.Thread(target=each) for each in (self._read, self._listen)]
        for each in self._readers:
            each.start()

    def _failure(self) -> str:
        assert self.process.stderr is not None
        return str(self.process.stderr.read(), "utf-8")

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.endswith(b"\n"):
                self.accepted.append(line.decode().strip())

    def _listen(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if line.startswith(b"{") and line.endswith(b"}\n"):
                self.events.append(json.loads(line))

    def told(self, event: str) -> list[dict[str, Any]]:
        return [each for each in self.events if each["event"] == event]

    def end(self, number: int) -> None:
        self.process.send_signal(number)
        self.process.wait(PATIENCE)
        for each in self._readers:
            each.join(PATIENCE)
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()


def queue(data: Path, *arguments: str) -> Any:
    command = [GATEPOST, "queue", *arguments, "--data", str(data), "--json"]
    done = fork_server.run(command, capture_output=True, check=False, timeout=PATIENCE)
    return json.loads(done.stdout)


def is_empty(data: Path) -> bool:
    return not queue(data, "list")["deliveries"]


def wait_drained(data: Path, sink: Sink) -> None:
    """Wait as long as mail arrives: the speed of the machine is unknown."""
    seen, deadline = -1, 0.0
    while not is_empty(data):
        arrived = sum(sink.taken.values()) + len(sink.notices)
        if arrived > seen:
            seen, deadline = arrived, time.monotonic() + PATIENCE
        assert time.monotonic() < deadline, queue(data, "list", "--limit", "3")


@pytest.mark.parametrize(
    ("seed", "kills", "count"), [(1, 2, 50), pytest.param(2, 12, 400, marks=pytest.mark.compliance)]
)
def test_kills_lose_nothing(tmp_path: Path, seed: int, kills: int, count: int) -> None:
    chance = random.Random(seed)
    sink = Sink(0.3, seed)
    accepted: set[str] = set()
    failed: set[tuple[str, str]] = set()
    with listening(sink) as port:
        plan = {"data": str(tmp_path), "host": "127.0.0.1", "port": port, "sender": "a@x.example"}
        for _ in range(kills):
            relay = Relay(**plan, count=count, wait=0.3)
            time.sleep(chance.uniform(0.05, 0.5))
            relay.end(signal.SIGKILL)
            accepted.update(relay.accepted)
        sink._trouble = 0.0
        relay = Relay(**plan, wait=0.3)
        wait_drained(tmp_path, sink)
        relay.end(signal.SIGTERM)
        assert relay.process.returncode == 0
    for notice in sink.notices:
        for line in notice.decode().splitlines():
            if line.startswith("Final-Recipient: "):
                address = line.partition(";")[2].strip()
                failed.add((address.partition(".")[2].partition("@")[0], address))
    wanted = {(id_, f"u{number}.{id_}@example.net") for id_ in accepted for number in range(2)}
    assert len(accepted) > kills
    assert wanted - set(sink.taken) - failed == set()
    twice = sum(sink.taken.values()) - len(sink.taken)
    assert twice <= kills * (2 * 4 + UNSETTLED) * 2  # 4 connections: on the wire, and being settled


def test_a_stop_gives_back_and_the_queue_can_be_asked_meanwhile(tmp_path: Path) -> None:
    with listening(Sink(0.0)) as port:
        pass  # nobody is there any more
    plan = {"data": str(tmp_path), "host": "127.0.0.1", "port": port, "sender": "a@x.example"}
    relay = Relay(**plan, count=5, wait=600)
    eventually(lambda: len(relay.accepted) == 20 and bool(relay.told("next_hop_rests")))
    [one] = queue(tmp_path, "why", relay.accepted[-1])["deliveries"]
    assert f"127.0.0.1:{port}" in one["sentence"]
    assert one["next_attempt"]
    relay.end(signal.SIGTERM)
    assert relay.process.returncode == 0
    listed = queue(tmp_path, "list")["deliveries"]
    assert {each["state"] for each in listed} == {"waiting"}
    assert len(listed) == 20
    assert queue(tmp_path, "hold", relay.accepted[0]) == {"held": 1}
    assert queue(tmp_path, "drop", relay.accepted[1]) == {"dropped": 1}
    tried = next(each for each in listed if each["last_attempt"])
    [one] = queue(tmp_path, "why", tried["id"])["deliveries"]
    assert "did not accept it (while connecting)" in one["sentence"]
    sink = Sink(0.0)
    with listening(sink, port):
        relay = Relay(**plan, wait=600)
        assert queue(tmp_path, "retry", "--all")["retried"] <= 18
        eventually(lambda: len(sink.taken) == 36)
        assert queue(tmp_path, "release", "--all") == {"released": 1}
        eventually(lambda: len(sink.taken) == 38)
        eventually(lambda: is_empty(tmp_path))
        relay.end(signal.SIGTERM)
    assert sum(sink.taken.values()) == 38


def test_an_upstream_that_wants_login_goes_away_and_comes_back(tmp_path: Path) -> None:
    """Our own ACS in a second process: STARTTLS, AUTH LOGIN, a stop, and a wrong password."""
    with Emulator(data=tmp_path / "acs") as acs:
        plan = {
            "data": str(tmp_path), "host": "localhost", "port": acs.smtp.port,
            "sender": acs.sender, "tls": "required", "ca_file": acs.ca_file,
            "username": acs.username, "password": acs.password,
        }  # fmt: skip
        relay = Relay(**plan, count=3)
        eventually(lambda: acs.count() == 12)
        eventually(lambda: len(relay.told("message_delivered")) == 12)
        assert all("u0." in each.rcpt_to[0] for each in acs.messages())
        relay.end(signal.SIGTERM)
        wrong = Relay(**(plan | {"password": "wrong"}), count=5)
        eventually(lambda: len(wrong.accepted) == 20 and bool(wrong.told("sign_in_stopped")))
        [one] = queue(tmp_path, "why", wrong.accepted[-1])["deliveries"]
        assert one["sentence"].startswith("credential upstream at hub is refused: 535 ")
        eventually(lambda: bool(acs.events("auth_refused")))
        time.sleep(0.5)
        assert len(acs.events("auth_refused")) == 1
        assert len(wrong.told("sign_in_stopped")) == 1
        wrong.end(signal.SIGKILL)
        relay = Relay(**plan)
        eventually(lambda: acs.count() == 32)
        eventually(lambda: is_empty(tmp_path))
        relay.end(signal.SIGTERM)
