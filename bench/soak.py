"""Runs a relay under load for a limited time, and checks that memory and file handles stay level.

Clients connect, sign in under TLS, send and leave, some without QUIT; the upstream accepts, defers,
refuses, stalls and disconnects. The configuration limits what is kept, so everything should be
level after a while. ``python -m bench.soak SECONDS`` runs it alone; `-v` shows the samples.
"""

import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bench.process import PROC, memory_kib
from bench.report import Promise
from gatepost.testing import Mischief
from tests.shell.peer import letter
from tests.shell.serve_process import ServeProcess, relaying
from tests.shell.upstreams import upstream

SECONDS = 60.0
SENDERS = 4
GROWTH_MIB = 6.0
GROWTH_HANDLES = 12
FROM = "app@example.com"
CONFIG = """
[limits]
connections_per_address = 1000
[[listener]]
name = "submission"
address = "127.0.0.1:0"
certificate = "cert.pem"
key = "key.pem"
[retry.soon]
table = ["1s"]
expire = "5s"
warn = "never"
[target.hub]
kind = "smarthost"
servers = ["127.0.0.1:{port}"]
tls = "none"
[[route]]
name = "hub"
recipients = ["hub.test"]
to = "hub"
retry = "soon"
"""


@dataclass(frozen=True)
class Sample:
    """The resources of the relay at one moment."""

    kib: float
    handles: int


def soak(home: Path, seconds: float = SECONDS) -> Iterator[Promise]:
    """Run the load for so many seconds; compare the last third with the second one."""
    home.mkdir()
    with (
        upstream(Mischief(stall=0.5)) as (_, port),
        relaying(home, CONFIG.format(port=port), base=BASE) as relay,
    ):
        stop, sent = threading.Event(), [0] * SENDERS
        threads = [
            threading.Thread(target=_send, args=(relay, stop, sent, number), daemon=True)
            for number in range(SENDERS)
        ]
        for each in threads:
            each.start()
        samples = list(_watch(relay.process.pid, seconds))
        stop.set()
        for each in threads:
            each.join(30)
    if "-v" in sys.argv:
        for sample in samples[:: max(1, len(samples) // 24)]:
            print(sample)
    third = len(samples) // 3
    before, after = samples[third : 2 * third], samples[2 * third :]
    grown = statistics.median(s.kib for s in after) - statistics.median(s.kib for s in before)
    more = max(s.handles for s in after) - max(s.handles for s in before)
    name = f"soak of {seconds:.0f} s, {sum(sent)} messages"
    yield Promise(f"{name}: memory grown", grown / 1024, GROWTH_MIB, "MiB")
    yield Promise(f"{name}: handles more", more, GROWTH_HANDLES, "")


BASE = """
hostname = "relay.example"
[storage]
directory = "data"
free_space = 0
history_messages = 200
[[directory.account]]
name = "app"
password = { environment = "APP_PASSWORD" }
senders = ["example.com"]
"""


def _watch(pid: int, seconds: float) -> Iterator[Sample]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(min(0.25, seconds / 60))
        handles = len(list((PROC / str(pid) / "fd").iterdir()))
        yield Sample(memory_kib(pid), handles)


def _send(relay: ServeProcess, stop: threading.Event, sent: list[int], number: int) -> None:
    """Send mail as one client after another, until told to stop."""
    turn = 0
    while not stop.is_set():
        turn += 1
        with suppress(OSError, AssertionError):
            peer = relay.signed_in("submission")
            for each in range(5):
                peer.begin(FROM, f"{number}.{turn}.{each}@hub.test")
                peer.send(letter(FROM) + b"x" * 2_000 + b"\r\n.\r\n")
                sent[number] += peer.reply().startswith("250 ")
            if turn % 3:
                peer.ask("QUIT")
            peer.sock.close()


def main() -> int:
    """Print the promises; return 1 if one is not kept."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    with tempfile.TemporaryDirectory(dir="/var/tmp") as home:
        found = list(soak(Path(home) / "soak", seconds))
    for each in found:
        print(f"{each.name}: {each.measured:.1f} {each.unit} (at most {each.bound:g})")
    return int(not all(each.kept for each in found))


if __name__ == "__main__":
    raise SystemExit(main())
