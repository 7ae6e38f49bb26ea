"""A relay with dead next hops, silent nameservers and slow clients keeps working."""

import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from gatepost.operator_log.writer import Reporter
from gatepost.testing import Mischief, Upstream
from tests.loopback import eventually
from tests.nameserver import Nameserver, nameserver
from tests.shell.peer import PATIENCE, Peer
from tests.shell.serve_process import ServeProcess, relaying, wait_for
from tests.shell.upstreams import black_hole, mute, stalls_in_tls, upstream

SENDER = "app@example.com"
LISTENERS = """
[limits]
connections_per_address = 200
idle = "3s"
[[listener]]
name = "submission"
address = "127.0.0.1:0"
certificate = "cert.pem"
key = "key.pem"
[retry.soon]
table = ["1s"]
jitter = 0
[dns]
nameservers = ["{nameserver}"]
timeout = "500ms"
"""
HUB = """
[target.{name}]
kind = "smarthost"
servers = ["{server}"]
tls = "{tls}"
verify = {verify}
connections = 4
[[route]]
name = "{name}"
recipients = ["{name}.test"]
to = "{name}"
retry = "soon"
"""
BY_NAME = """
[target.{name}]
kind = "mx"
port = {port}
tls = "none"
[[route]]
name = "{name}"
recipients = ["{name}.test"]
to = "{name}"
retry = "soon"
"""
ZONE = """
silent.test FAIL silence
broken.test FAIL servfail
"""


def hub(name: str, server: str, tls: str = "none") -> str:
    verify = "false" if tls != "none" else "true"
    return HUB.format(name=name, server=server, tls=tls, verify=verify)


@dataclass
class Place:
    """A relay, a working next hop, and the nameserver."""

    relay: ServeProcess
    good: Upstream
    port: int
    names: Nameserver

    def submit(self, recipient: str, peer: Peer | None = None) -> str:
        """Send one message; return its id in the queue."""
        with ExitStack() as stack:
            peer = peer or stack.enter_context(self.relay.signed_in("submission"))
            peer.begin(SENDER, recipient)
            peer.send(f"From: <{SENDER}>\r\n\r\nhello\r\n.\r\n".encode())
            reply = peer.reply()
            assert reply.startswith("250 "), reply
        return reply.split()[-1]

    def why(self, id_: str) -> str:
        """Return the sentence of ``queue why``."""
        [one] = self.relay.look_up("why", id_)
        sentence: str = one["sentence"]
        return sentence

    def has(self, recipient: str) -> bool:
        return any(recipient in each.recipients for each in list(self.good.taken))


@contextmanager
def among_the_dead(directory: Path) -> Iterator[Place]:
    with ExitStack() as stack:
        good, port = stack.enter_context(upstream())
        where, names = stack.enter_context(nameserver(ZONE))
        text = LISTENERS.format(nameserver=where)
        text += hub("good", f"127.0.0.1:{port}")
        text += hub("dark", f"127.0.0.1:{stack.enter_context(black_hole())}")
        text += hub("mute", f"127.0.0.1:{stack.enter_context(mute())}")
        text += hub("stalls", f"127.0.0.1:{stack.enter_context(stalls_in_tls())}", "required")
        for name in ("silent", "broken"):
            text += BY_NAME.format(name=name, port=port)
        relay = stack.enter_context(relaying(directory, text))
        yield Place(relay, good, port, names)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with among_the_dead(tmp_path_factory.mktemp("faults")) as made:
        yield made


def test_dead_next_hops_delay_no_other(place: Place) -> None:
    """More mail for each dead hop than it has connections, then one message for the working hop.

    A server gets one connection until it greets."""
    with place.relay.signed_in("submission") as peer:
        waiting = {
            name: [place.submit(f"{number}@{name}.test", peer) for number in range(8)]
            for name in ("dark", "mute", "stalls")
        }
        begun = time.monotonic()
        place.submit("now@good.test", peer)
    wait_for(lambda: place.has("now@good.test"))
    assert time.monotonic() - begun < 10
    for name, ids in waiting.items():
        sentences = [place.why(each) for each in ids]
        connections = 4 if name == "stalls" else 1
        tried = sum("is being delivered now" in each for each in sentences)
        assert tried == connections, (name, sentences)
        limit = "all 4 connections in use" if name == "stalls" else "has one connection until then"
        assert sum(limit in each for each in sentences) == 8 - connections, sentences
        listed = place.relay.ask("queue", "list")["deliveries"]
        assert {each["id"].partition(".")[0] for each in listed} >= set(ids)


@pytest.mark.parametrize("name", ["silent", "broken"])
def test_a_name_that_cannot_be_looked_up_is_waited_for(place: Place, name: str) -> None:
    domain = f"{name}.test"
    id_ = place.submit(f"ann@{domain}")
    deferred = place.relay.wait_event("message_deferred", id=id_)
    assert deferred["reply"].startswith("451 4.4.3 ")
    wait_for(lambda: "DNS" in place.why(id_))  # but while it tries again
    place.names.change(f"{domain} MX 10 mail.{domain}\nmail.{domain} A 127.0.0.1")
    place.relay.ask("queue", "retry", "--all")
    wait_for(lambda: place.has(f"ann@{domain}"))


def dribble(peer: Peer, text: bytes) -> Peer:
    """Send the beginning of a command, and then a single octet at intervals."""
    peer.send(text)
    return peer


PHASES = ["greeting", "command", "handshake", "login", "envelope", "content", "end"]


def dribbler(relay: ServeProcess, phase: str) -> Peer:
    """Return a client that reaches ``phase``, and is slow there."""
    if phase == "greeting":
        return relay.peer("submission")
    if phase == "command":
        return dribble(relay.greeted("submission"), b"EHL")
    if phase == "handshake":
        peer = relay.greeted("submission")
        peer.ask("STARTTLS")
        return dribble(peer, b"\x16\x03\x01\x02")
    if phase == "login":
        peer = relay.secured("submission")
        peer.ask("AUTH LOGIN")
        return dribble(peer, b"dX")
    peer = relay.signed_in("submission")
    if phase == "envelope":
        peer.ask(f"MAIL FROM:<{SENDER}>")
        return dribble(peer, b"RCPT TO:")
    peer.begin(SENDER, "slow@good.test")
    return dribble(peer, b"From: x\r\n" if phase == "content" else b"From: x\r\n\r\nx\r\n.\r")


def test_slow_clients_delay_no_other_and_silent_ones_get_a_421(place: Place) -> None:
    crowd = [(phase, dribbler(place.relay, phase)) for phase in PHASES for _ in range(6)]
    begun = time.monotonic()
    for number in range(5):
        place.submit(f"{number}@good.test")
        for phase, peer in crowd:
            if phase in ("command", "login", "envelope", "content"):
                peer.send(b"X")
    wait_for(lambda: all(place.has(f"{number}@good.test") for number in range(5)))
    assert time.monotonic() - begun < 10
    for phase, peer in crowd:
        peer.sock.settimeout(PATIENCE)
        if phase != "handshake":  # which has a time of its own, and no words for its end
            said = peer.rest()
            assert re.fullmatch(rb"(220[^\r]*\r\n)?421 4\.4\.2 [^\r]*\r\n", said), (phase, said)
        peer.sock.close()
    assert not place.has("slow@good.test"), "what has no end is not a message"
    assert not place.relay.events("internal_error")


def test_it_stops_in_time_and_keeps_what_waits(tmp_path: Path) -> None:
    with among_the_dead(tmp_path) as place:
        with place.relay.signed_in("submission") as peer:
            ids = [place.submit(f"last@{name}.test", peer) for name in ("dark", "mute", "stalls")]
        begun = time.monotonic()
        assert place.relay.stop() == 0
        assert time.monotonic() - begun < 10
        listed = place.relay.ask("queue", "list")["deliveries"]
        assert {each["message"] for each in listed} >= set(ids)
        assert {each["state"] for each in listed} == {"waiting"}


@contextmanager
def small_disk(directory: Path) -> Iterator[None]:
    """Mount a file system of 40 MiB during the ``with``."""
    directory.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=40m", "gatepost-test", str(directory)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small file system")
    try:
        yield
    finally:
        subprocess.run(["umount", str(directory)], check=True)


def fill(file: Path, *, leave: int) -> None:
    """Fill the disk except for ``leave`` octets, or until the relay has taken the last of it."""
    with file.open("ab", buffering=0) as filler, suppress(OSError):
        while (room := os.statvfs(file).f_bavail * os.statvfs(file).f_frsize) > leave:
            filler.write(bytes(min(room - leave, 1 << 20)))


@pytest.mark.parametrize("leave", [64 * 1024, 0])
def test_a_full_disk_refuses_and_drains(tmp_path: Path, leave: int) -> None:
    """Waiting mail is delivered while new mail is refused; later new mail is accepted again."""
    with small_disk(tmp_path / "data"), ExitStack() as stack:
        good, port = stack.enter_context(upstream(Mischief({"defer_content": 1})))
        text = LISTENERS.replace("[dns]", "").partition("nameservers")[0]
        text += hub("good", f"127.0.0.1:{port}")
        relay = stack.enter_context(relaying(tmp_path, text))
        place = Place(relay, good, port, None)  # type: ignore[arg-type]
        with relay.signed_in("submission") as peer:
            ids = [place.submit(f"{number}@good.test", peer) for number in range(200)]
            filler = tmp_path / "data/filler"
            fill(filler, leave=leave)
            refused = wait_for(lambda: refusal(peer))
            assert refused.startswith("452 4.3.1"), refused
        fill(filler, leave=leave)  # but for the reserve of 16 MiB, if that was taken by now
        good.mischief.weights = {"accept": 1}
        wait_for(lambda: len({each.recipients for each in list(good.taken)}) >= len(ids))
        wait_for(lambda: not relay.ask("queue", "list")["deliveries"])
        filler.unlink()
        with relay.signed_in("submission") as peer:
            last = wait_for(lambda: accepted(place, peer))
        wait_for(lambda: place.has("last@good.test"))
        came = [each.recipients for each in good.taken]
        assert len(came) == len(set(came)) >= len([*ids, last]), "nothing came twice"
        assert relay.stop() == 0


def accepted(place: Place, peer: Peer) -> str:
    """Send one more message; return its id, or an empty text if it is refused."""
    time.sleep(0.1)
    try:
        return place.submit("last@good.test", peer)
    except AssertionError:
        peer.ask("RSET")
        return ""


def refusal(peer: Peer) -> str:
    """Send a message; return the reply that refuses it, or an empty text if none does."""
    reply = peer.ask(f"MAIL FROM:<{SENDER}>")
    if not reply.startswith("250 "):
        return reply
    peer.ask("RCPT TO:<more@good.test>")
    peer.ask("DATA")
    peer.send(b"From: <app@example.com>\r\n\r\n" + b"0123456789abcde\r\n" * 3_000 + b".\r\n")
    reply = peer.reply()
    return "" if reply.startswith("250 ") else reply


def test_a_log_on_a_full_disk_goes_on_when_there_is_room(tmp_path: Path) -> None:
    log = os.open("/dev/full", os.O_WRONLY)
    reporter = Reporter(log, as_json=True)
    reporter("lost")
    reporter("lost")
    eventually(lambda: reporter._dropped == 2)
    time.sleep(0.2)  # it tries to say so, in vain
    with (tmp_path / "log").open("wb") as room:
        os.dup2(room.fileno(), log)
    reporter("kept")
    reporter.close()
    os.close(log)
    told = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    counts = {each["event"]: each.get("count") for each in told}
    assert counts == {"kept": None, "lines_dropped": 2}


def test_the_black_hole_is_one() -> None:
    with black_hole() as port, socket.socket() as client:
        client.settimeout(0.5)
        with pytest.raises(TimeoutError):
            client.connect(("127.0.0.1", port))
