"""Measures relaying: accepted over STARTTLS and AUTH LOGIN, stored durably, delivered to a sink.

A rate is that of the sink: from the generator's first connection to the arrival of the last
message. Ours and Postfix relay to one next hop, over at most twenty connections.
"""

import json
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from bench.load import Load, LoadFailed, Outcome, command, environment
from bench.process import busy_seconds, cpu_seconds
from bench.report import Promise, ratio
from bench.scenarios import Runs, Scenario, floors, measure
from bench.servers import OURS, TWO_WORKERS, Server
from bench.sink import Sink, running_sink
from compliance.postfix import Postfix, running_postfix
from tests.certificates import make_authority
from tests.commands import GATEPOST

CONNECTIONS: Final = 20
"""To the sink: Postfix's default_destination_concurrency_limit."""
PATIENCE: Final = 300.0
CPU_SHARE: Final = 0.25
"""Our maximum CPU time for a message on a kept connection, as a fraction of Postfix's."""
CPU_SHARE_WITH_HANDSHAKE: Final = 0.6
"""The same on a new connection. OpenSSL's handshake costs both the same: a bare ``openssl
s_server`` needs more than an eighth of Postfix's time for one."""
_SETTLED: Final = 1.0
"""Seconds after the last arrival in which servers clean up; their CPU time is included."""


@dataclass(frozen=True, slots=True)
class RelayServer(Server):
    """A server and the sink that it relays to."""

    sink: Sink
    others: "tuple[RelayServer, ...]" = ()
    """More nodes that relay to the same sink; each gets a part of the load."""
    database: int = 0
    """The process of the database; 0: there is none."""

    @property
    def nodes(self) -> "tuple[RelayServer, ...]":
        """All that get a part of the load."""
        return (self, *self.others)

    def cpu(self) -> tuple[float, float]:
        """Return the seconds of processor time of the nodes, and of the database."""
        database = cpu_seconds(self.database) if self.database else 0.0
        return sum(cpu_seconds(each.pid) for each in self.nodes), database


@dataclass(frozen=True, slots=True)
class RelayLoad:
    """A load that is complete when the sink has received it."""

    load: Load

    def scaled(self, scale: float) -> "RelayLoad":
        """Return the same with fewer or more messages."""
        return replace(self, load=self.load.scaled(scale))

    def run(self, server: Server) -> Outcome:
        """Send it, and wait until everything has arrived. Raises LoadFailed if something has
        not."""
        assert isinstance(server, RelayServer)
        sink, part = server.sink, self.load.scaled(1 / len(server.nodes))
        messages = part.messages * len(server.nodes)
        wanted = sink.count + messages
        (own, stored), sunk, busy = server.cpu(), cpu_seconds(sink.pid), busy_seconds()
        start = time.monotonic()
        with ExitStack() as stack:
            generators = [stack.enter_context(_generator(each, part)) for each in server.nodes]
            arrived = sink.wait_for(wanted, PATIENCE)
            seconds = time.monotonic() - start
            results = [_result(each) for each in generators]
        if not arrived:
            raise LoadFailed(f"{server.name}: {wanted - sink.count} did not arrive")
        elapsed = busy_seconds() - busy
        time.sleep(_SETTLED)
        own_now, stored_now = server.cpu()
        stored = stored_now - stored
        used = own_now - own + stored
        others = used + cpu_seconds(sink.pid) - sunk
        others += sum(each["client_cpu_seconds"] for each in results)
        return Outcome(
            rate=messages / seconds,
            p50=max(each["message_ms"]["p50"] for each in results),
            p99=max(each["message_ms"]["p99"] for each in results),
            worst=max(each["message_ms"]["max"] for each in results),
            stalls=sum(each["stalls"] for each in results),
            setup_p50=max(each["setup_ms"]["p50"] for each in results),
            server_cpu=used / messages * 1e6,
            foreign_cpu=max(0.0, elapsed - others) / seconds,
            database_cpu=stored / messages * 1e6,
        )


def _generator(server: RelayServer, load: Load) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        command(server, *load.arguments()), env=environment(server),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def _result(generator: "subprocess.Popen[bytes]") -> dict[str, Any]:
    """Return what a generator prints. Raises LoadFailed if it reports a failure."""
    printed, complaint = generator.communicate(timeout=PATIENCE)
    if generator.returncode:
        raise LoadFailed((complaint + printed).decode().strip())
    result: dict[str, Any] = json.loads(printed)
    return result


# fmt: off
SCENARIOS: Final = (
    Scenario("end to end, 4 KB, kept, TLS + AUTH",
             RelayLoad(Load(5000, per_connection=250, secure=True)), floors(postfix=4.0)),
    Scenario("end to end, 100 KB, kept, TLS + AUTH",
             RelayLoad(Load(1000, per_connection=50, size=102_400, secure=True)),
             floors(postfix=2.0)),
    Scenario("end to end, 4 KB, new TLS + AUTH for each",
             RelayLoad(Load(2000, secure=True)), floors(postfix=2.0)),
)
# fmt: on


def rates(home: Path, options: Namespace) -> Iterator[dict[str, Runs]]:
    """Yield the results of the scenarios that ``--only`` selects."""
    for number, scenario in enumerate(SCENARIOS):
        if options.only not in scenario.name:
            continue
        print(f"{scenario.name} ...", file=sys.stderr)
        scaled = replace(scenario, load=scenario.load.scaled(options.scale))
        here = home / f"relaying-{number}"
        here.mkdir(mode=0o755)
        with ExitStack() as stack:
            running: list[Server] = [stack.enter_context(postfix(here / "postfix"))]
            if not options.peers_only:
                running += [stack.enter_context(gatepost(here, workers)) for workers in (1, 2)]
            yield measure(scaled, running, options.rounds)


def promises(measured: dict[str, Runs]) -> Iterator[Promise]:
    """Yield the CPU times for a message that are permitted, besides the rates."""
    for ours in (OURS, TWO_WORKERS):
        if (
            ours in measured
            and "postfix" in measured
            and ratio(measured[ours], measured["postfix"])
        ):
            scenario = measured[ours].scenario
            share = measured[ours].median("server_cpu") / measured["postfix"].median("server_cpu")
            is_kept = scenario.load.load.per_connection > 1
            most = CPU_SHARE if is_kept else CPU_SHARE_WITH_HANDSHAKE
            yield Promise(f"{scenario.name}: CPU of {ours} by postfix", share, most, "x")


@contextmanager
def postfix(home: Path) -> Iterator[RelayServer]:
    """Yield Postfix with its default configuration, a relayhost, and no held mail."""
    with running_postfix(home) as server, running_sink(home) as sink:
        _relay_to(server, sink.port)
        yield RelayServer(
            "postfix", server.pid, server.port, server.username, server.password,
            "a@example.com", sink,
        )  # fmt: skip


def _relay_to(server: Postfix, port: int) -> None:
    settings = (f"relayhost=[127.0.0.1]:{port}", "smtpd_recipient_restrictions=permit")
    subprocess.run(["postconf", "-c", server.home / "etc", "-e", *settings], check=True)
    server.control("reload")
    server.wait_listening()


CONFIG: Final = """\
hostname = "relay.example.com"
workers = {workers}

[[listener]]
address = "127.0.0.1:0"
tls = "starttls"
certificate = "{certificate}"
key = "{key}"

[[directory.account]]
name = "user"
password = {{ file = "{password}" }}
senders = ["example.com"]

[storage]
directory = "{data}"
{storage}
[target.sink]
kind = "smarthost"
servers = ["127.0.0.1:{port}"]
tls = "none"
connections = {connections}

[[route]]
to = "sink"
"""


@contextmanager
def gatepost(home: Path, workers: int) -> Iterator[RelayServer]:
    """``gatepost serve`` with one smarthost; ``workers`` 1: in one process."""
    here = home / f"gatepost-{workers}"
    here.mkdir()
    with running_sink(here) as sink, running_relay(here, sink.port, workers) as (pid, port):
        name = OURS if workers == 1 else TWO_WORKERS
        yield RelayServer(name, pid, port, "user", "secret", "a@example.com", sink)


@contextmanager
def running_relay(
    home: Path, sink: int, workers: int = 1, storage: str = ""
) -> Iterator[tuple[int, int]]:
    """Run ``gatepost serve`` in ``home`` during a ``with``; yield its process and its port.

    ``storage`` are more lines of the table.
    """
    pair = make_authority(home).issue("localhost", "127.0.0.1")
    (home / "password").write_text("secret")
    text = CONFIG.format(
        workers=workers if workers > 1 else 0,
        certificate=pair.certificate,
        key=pair.key,
        password=home / "password",
        data=home / "data",
        storage=storage,
        port=sink,
        connections=CONNECTIONS,
    )
    with served(home, text) as ready:
        [listener] = ready["listeners"]
        yield ready["pid"], listener["port"]


@contextmanager
def served(home: Path, text: str) -> Iterator[dict[str, Any]]:
    """Run ``gatepost serve`` with a configuration, which stores in ``home``/data, during a
    ``with``; yield ready.json."""
    (home / "gatepost.toml").write_text(text)
    with (
        (home / "events").open("wb") as events,
        subprocess.Popen(
            [GATEPOST, "serve", "--config", home / "gatepost.toml", "--json"], stdout=events
        ) as process,
    ):
        try:
            path = home / "data/ready.json"
            deadline = time.monotonic() + PATIENCE
            while not path.exists() or json.loads(path.read_text())["pid"] != process.pid:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise TimeoutError("gatepost serve did not come up")
                time.sleep(0.01)
            ready: dict[str, Any] = json.loads(path.read_text())
            yield ready
        finally:
            process.terminate()
