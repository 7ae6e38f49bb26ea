"""``gatepost up --workers``: mail continues when front processes or the supervisor die."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gatepost.app.data_directory import open_mailbox
from gatepost.app.front_main import FrontSetup
from gatepost.errors import GatepostError
from gatepost.processes.workers import Instruction, Workers
from gatepost.testing import Emulator
from tests import fork_server
from tests.commands import GATEPOST, PATIENCE
from tests.loopback import eventually
from tests.shell.peer import Peer, letter
from tests.shell.processes import children, is_alive
from tests.shell.test_up import OFF, signed_in, wait_ready

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture
def relay() -> Iterator[Emulator]:
    with Emulator(workers=2) as relay:
        yield relay


@pytest.fixture(scope="module")
def unhurt() -> Iterator[Emulator]:
    """A relay for tests that kill no process."""
    with Emulator(workers=2) as relay:
        yield relay


def deliver(relay: Emulator) -> None:
    with signed_in(relay.ready) as peer:
        assert peer.deliver(relay.sender, letter(relay.sender)).startswith("250 ")


def test_a_killed_worker_is_replaced_and_mail_goes_on(new_python: None, relay: Emulator) -> None:
    before = children(relay.pid)
    assert len(before) == 2
    deliver(relay)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    deliver(relay)  # waits in the listener's queue until one is back
    eventually(lambda: len(children(relay.pid) - before) == 2)
    relay.wait_event("worker_died")
    deliver(relay)
    assert relay.count() == 3


def test_killed_workers_lose_no_acknowledged_message(relay: Emulator) -> None:
    peers = [signed_in(relay.ready) for _ in range(6)]
    acknowledged = 0
    victims = children(relay.pid)
    for number in range(60):
        if number == 30:
            for pid in victims:
                os.kill(pid, signal.SIGKILL)
        for peer in list(peers):
            try:
                said = peer.deliver(relay.sender, letter(relay.sender))
            except (OSError, AssertionError):
                said = ""
            acknowledged += said.startswith("250 ")
            if not said:
                peer.sock.close()
                peers.remove(peer)
    assert acknowledged >= 30 * 6
    assert relay.count() >= acknowledged


def test_a_worker_that_is_killed_while_all_start_ends_nothing_else(tmp_path: Path) -> None:
    process = start_group(tmp_path / "data", tmp_path / "log")
    try:
        eventually(lambda: bool(children(process.pid)), PATIENCE)
        first = min(children(process.pid))
        os.kill(first, signal.SIGKILL)
        ready = wait_ready(tmp_path / "data", process)
        eventually(lambda: len(children(process.pid) - {first}) == 2, PATIENCE)
        with signed_in(ready) as peer:
            assert peer.deliver(ready["from"], letter(ready["from"])).startswith("250 ")
    finally:
        process.terminate()
        process.wait(PATIENCE)


@pytest.mark.parametrize("name", ["SIGUSR1", "SIGUSR2", "SIGALRM", "SIGHUP", "SIGPIPE"])
def test_a_signal_without_a_meaning_ends_no_process(unhurt: Emulator, name: str) -> None:
    before = children(unhurt.pid)
    for pid in (unhurt.pid, *before):
        os.kill(pid, getattr(signal, name))
    deliver(unhurt)
    assert children(unhurt.pid) == before


def test_no_worker_outlives_its_supervisor(tmp_path: Path) -> None:
    relay = Emulator(workers=2, data=tmp_path / "data")
    workers = children(relay.pid)
    assert len(workers) == 2
    with signed_in(relay.ready) as idle:
        relay.kill()
        assert idle.rest() == b"421 4.3.2 Service shutting down\r\n"
    eventually(lambda: not any(is_alive(pid) for pid in workers))
    with Emulator(data=relay.data) as again:
        deliver(again)


@pytest.mark.parametrize("told", [b"", b'{"text":"","fi', None])
def test_a_worker_that_loses_its_supervisor_at_the_start_is_silent(
    told: bytes | None, tmp_path: Path
) -> None:
    config = 'hostname = "x"\n[[listener]]\nunix = "s"\n[target.a]\nkind = "capture"\n'
    facts = {
        "text": f'{config}[[route]]\nto = "a"\n', "file": "x.toml", "data": str(tmp_path),
        "processes": 1, "listeners": {}, "mechanisms": [],
    }  # fmt: skip
    reads, writes = os.pipe()
    os.close(reads)
    done = fork_server.run(
        [sys.executable, "-m", "gatepost.app.front_main"],
        input=json.dumps(facts).encode() + b"\n" if told is None else told,
        stdout=writes, stderr=subprocess.PIPE, check=False, timeout=PATIENCE,
    )  # fmt: skip
    os.close(writes)
    assert (done.returncode, done.stderr) == (1, b"")


def test_killing_the_whole_group_loses_nothing_acknowledged(tmp_path: Path) -> None:
    data, acknowledged = tmp_path / "data", set[str]()
    for count in (3, 30):
        process = start_group(data, tmp_path / "log")
        ready = wait_ready(data, process)
        senders = [
            threading.Thread(target=send_until_cut, args=(ready, acknowledged)) for _ in range(4)
        ]
        for sender in senders:
            sender.start()
        wait_for_more(acknowledged, count)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for sender in senders:
            sender.join(10)
        (data / "ready.json").unlink()
    assert len(acknowledged) > 5, "the test must have something to lose"
    assert acknowledged <= asyncio.run(stored(data))


def test_a_client_gets_no_reply_if_the_store_process_dies_with_its_message(
    relay: Emulator,
) -> None:
    """It may have been committed, and a 451 would say that it was not."""
    with signed_in(relay.ready) as peer, signed_in(relay.ready) as idle:
        peer.begin(relay.sender)
        os.kill(relay.pid, signal.SIGSTOP)
        peer.send(letter(relay.sender) + b".\r\n")
        peer.sock.settimeout(0.2)
        with pytest.raises(TimeoutError):
            peer.reply()
        relay.kill()
        peer.sock.settimeout(PATIENCE)
        assert peer.rest() == b""
        assert idle.rest() == b"421 4.3.2 Service shutting down\r\n"


def start_group(data: Path, log: Path) -> "subprocess.Popen[bytes]":
    """Start two workers and their supervisor in their own process group."""
    with log.open("ab") as output:
        return fork_server.Popen(
            [GATEPOST, "up", "--data", data, *OFF, "--smtp", "127.0.0.1:0", "--workers", "2"],
            stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip


def wait_for_more(acknowledged: set[str], count: int) -> None:
    enough = len(acknowledged) + count
    eventually(lambda: len(acknowledged) >= enough)


def send_until_cut(ready: dict[str, Any], acknowledged: set[str]) -> None:
    """Send until the relay is gone; record the id of every message that got a 250."""
    try:
        with signed_in(ready) as peer:
            while said := peer.deliver(ready["from"], letter(ready["from"])):
                acknowledged.add(said.rpartition(" ")[2])
    except (OSError, AssertionError):
        return


async def stored(data: Path) -> set[str]:
    async with open_mailbox(data) as store:
        return {each.id for each in await store.list()}


def test_ctrl_c_reaches_all_of_them_and_shows_no_traceback(tmp_path: Path) -> None:
    """A terminal sends SIGINT to the whole group: the supervisor says when to stop."""
    data = tmp_path / "data"
    process = start_group(data, tmp_path / "log")
    ready = wait_ready(data, process)
    with signed_in(ready) as idle:
        os.killpg(process.pid, signal.SIGINT)
        assert idle.rest() == b"421 4.3.2 Service shutting down\r\n"
    assert process.wait(PATIENCE) == 0
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_workers_are_gone_after_a_stop_even_one_that_somebody_stopped() -> None:
    with Emulator(workers=2) as relay:
        workers = children(relay.pid)
        deliver(relay)
        os.kill(min(workers), signal.SIGSTOP)
        began = time.monotonic()
    assert time.monotonic() - began < 10
    assert not any(is_alive(pid) for pid in workers)


def test_a_large_message_travels_whole(unhurt: Emulator) -> None:
    content = letter(unhurt.sender, (b"0123456789" * 9 + b"\r\n") * 40_000)
    with signed_in(unhurt.ready) as peer:
        assert peer.deliver(unhurt.sender, content).startswith("250 ")
    assert unhurt.messages()[0].content == content


def test_refusals_and_reasons_are_those_of_one_process(unhurt: Emulator) -> None:
    with signed_in(unhurt.ready) as peer:
        assert peer.ask("MAIL FROM:<x@elsewhere.example>").startswith("501 5.1.7 ")
        domain = unhurt.sender.partition("@")[2]
        assert peer.ask(f"MAIL FROM:<nobody@{domain}>").startswith("550 5.3.5 ")
        assert peer.deliver(unhurt.sender, letter("x@elsewhere.example")).startswith("501 5.1.7 ")
    with Peer.connect(unhurt.smtps.port, unhurt.ca_file) as peer:
        peer.shake()
        peer.reply()
        peer.ask("EHLO client.example")
        assert peer.login(unhurt.username, "wrong") == "535 5.7.3 Authentication unsuccessful"
    unhurt.wait_event("auth_refused")


def test_a_front_that_cannot_start_says_why_and_none_is_left(tmp_path: Path) -> None:
    front = FrontSetup("hostname = 1", "gatepost.toml", str(tmp_path), 1, {}, ())
    told: list[str] = []

    def report(event: str, **facts: Any) -> None:
        assert event == "worker_died"
        told.append(facts["reason"])

    async def start() -> None:
        workers = Workers(report)
        text = msgspec.json.encode(front)
        await workers.prepare(Instruction("gatepost.app.front_main", lambda: text, ()), 1)

    before = children(os.getpid())
    with pytest.raises(GatepostError, match=r"did not start: process \d+ ended with 1: .*hostname"):
        asyncio.run(start())
    assert told
    assert all("ended with 1: gatepost.toml" in each for each in told), told
    assert children(os.getpid()) == before
