"""Measures whether mail for servers that work is delayed by thousands that hang.

``python -m bench.isolation --hops 4000``: a relay gets mail for as many servers that hang, at each
stage of a session, and for domains about which the DNS is silent. Meanwhile new messages go to a
smarthost, and to domains of which some are new. For each stage, it prints how long these took, the
longest delay of a NOOP at the relay, and the memory of the relay.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench.hung_servers import STAGES, address_of
from tests.shell.peer import Peer
from tests.shell.serve_process import ServeProcess, relaying

CONFIG: Final = """
[limits]
connections_per_address = 1000
[[listener]]
name = "submission"
address = "127.0.0.1:0"
certificate = "cert.pem"
key = "key.pem"
[dns]
nameservers = ["127.0.0.1:{port}"]
timeout = "{timeout}"
[target.hub]
kind = "smarthost"
servers = ["{hub}:{port}"]
tls = "none"
[target.direct]
kind = "mx"
port = {port}
tls = "none"
[[route]]
name = "hub"
recipients = ["hub.test"]
to = "hub"
[[route]]
name = "direct"
to = "direct"
"""
MEDIAN, WORST = 1.0, 5.0
"""Seconds within which a new message arrives at a server that works."""


class Servers:
    """The process of ``bench.hung_servers``, and what it has told."""

    def __init__(self, port: int, dark: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.hung_servers", str(port), str(dark)],
            stdout=subprocess.PIPE,
        )
        self.arrived: dict[str, float] = {}
        self.asked: Counter[str] = Counter()
        self._ready = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._ready.wait(60):
            raise RuntimeError("the servers do not start")

    def _read(self) -> None:
        for line in self._process.stdout or ():
            told = json.loads(line)
            if "arrived" in told:
                self.arrived[told["arrived"]] = told["at"]
            elif "asked" in told:
                self.asked[told["asked"]] += 1
            else:
                self._ready.set()

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        if self._process.stdout is not None:
            self._process.stdout.close()


@contextmanager
def world(dark: int, timeout: str = "10s") -> Iterator[tuple[Servers, ServeProcess]]:
    """Run the servers and a relay during the ``with``. ``timeout`` is that of the DNS."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    servers = Servers(port, dark)
    try:
        with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
            hub = address_of("well", 9_999)
            text = CONFIG.format(port=port, hub=hub, timeout=timeout)
            with relaying(Path(directory), text) as relay:
                yield servers, relay
    finally:
        servers.stop()


def submit(peer: Peer, recipient: str) -> tuple[str, float]:
    """Send a message; return its id in the queue, and the time of its acceptance."""
    peer.begin("app@example.com", recipient)
    peer.send(b"From: <app@example.com>\r\n\r\nhello\r\n.\r\n")
    reply = peer.reply()
    if not reply.startswith("250 "):
        raise RuntimeError(reply)
    return reply.split()[-1], time.monotonic()


class Lag(threading.Thread):
    """Sends NOOP all the time, and keeps the longest delay of a reply."""

    def __init__(self, relay: ServeProcess) -> None:
        super().__init__(daemon=True)
        self._peer, self.worst, self.ends = relay.signed_in("submission"), 0.0, False

    def run(self) -> None:
        with self._peer:
            while not self.ends:
                begun = time.monotonic()
                self._peer.ask("NOOP")
                self.worst = max(self.worst, time.monotonic() - begun)
                time.sleep(0.05)


def quantiles(waits: Sequence[float]) -> str:
    ordered = sorted(waits)
    median, most = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
    return f"median {median:.3f} s, 99 % {most:.3f} s, worst {ordered[-1]:.3f} s"


def memory(process: int) -> int:
    """Return the resident memory of a process in MiB."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20


def measure(stage: str, options: argparse.Namespace) -> bool:
    """Measure one stage; tell whether the promise is kept."""
    kinds = {"hub": "hub.test", "known": "well0.test", "new": ""}
    sent: dict[str, dict[str, float]] = {kind: {} for kind in kinds}
    with world(options.hops if stage == "dark" else 0) as (servers, relay):
        lag = Lag(relay)
        lag.start()
        with relay.signed_in("submission") as peer, relay.signed_in("submission") as other:
            if options.known:  # the DNS of these is known before
                submit(other, "first@well0.test")
            ends = time.monotonic() + options.seconds
            ids: list[str] = []

            def fill() -> None:
                for number in range(options.hops * options.messages):
                    hop = number % options.hops
                    ids.append(submit(peer, f"{number}@{stage}{hop}.test")[0])

            filling = threading.Thread(target=fill)
            filling.start()
            number = 0
            while time.monotonic() < ends:
                number += 1
                for kind, domain in kinds.items():
                    to = f"{kind}{number}@{domain or f'well{number}.test'}"
                    sent[kind][to] = time.monotonic()
                    submit(other, to)
                time.sleep(options.pause)
            filling.join()
        lag.ends = True
        time.sleep(5)
        lag.join()
        if options.why:
            for id_ in (ids[0], ids[len(ids) // 2], ids[-1]):
                [one] = relay.ask("queue", "why", id_)["deliveries"]
                print(f"    why: {one['sentence']}")
        used, arrived = memory(relay.process.pid), dict(servers.arrived)
    print(f"{stage}: {options.hops} servers, {options.hops * options.messages} messages", end="; ")
    print(
        f"longest NOOP {lag.worst:.3f} s, {used} MiB, {servers.asked.total()} questions,", end=" "
    )
    print(f"{max(servers.asked.values(), default=0)} at most about one name")
    is_kept = True
    for kind, times in sent.items():
        never = time.monotonic()
        waits = [max(0.0, arrived.get(to, never) - at) for to, at in times.items()]
        lost = sum(to not in arrived for to in times)
        print(f"    {kind}: {quantiles(waits)} of {len(waits)}; {lost} did not arrive", flush=True)
        is_kept &= sorted(waits)[len(waits) // 2] <= MEDIAN and max(waits) <= WORST
    return is_kept


def main() -> int:
    """Measure all stages, or some."""
    parser = argparse.ArgumentParser(prog="bench.isolation", description=__doc__)
    stages = [*(each for each in STAGES if each != "well"), "silent"]
    parser.add_argument("stages", nargs="*", default=stages, help=f"of {', '.join(stages)}")
    parser.add_argument("--hops", type=int, default=4000, help="servers that hang")
    parser.add_argument("--messages", type=int, default=1, help="messages for each of them")
    parser.add_argument("--seconds", type=float, default=60.0, help="time for each stage")
    parser.add_argument("--pause", type=float, default=0.1, help="seconds between new messages")
    parser.add_argument("--known", action="store_true", help="one domain has had mail before")
    parser.add_argument("--why", action="store_true", help="print why some messages wait")
    options = parser.parse_args()
    kept = [measure(stage, options) for stage in options.stages]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
