"""Several ``gatepost serve`` on one database: one is killed, stopped or drained, and the mail that
it has accepted arrives from another."""

import http.client
import json
import shutil
import signal
import smtplib
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from gatepost.testing import Upstream
from gatepost.testing.postgres_server import PostgresServer
from tests.postgres_server import new_server
from tests.shell.serve_process import (
    PATIENCE,
    RECIPIENT,
    SENDER,
    ServeProcess,
    relaying,
    wait_for,
)
from tests.shell.test_serve_postgres import BASE, HUB, Load, connect, names, send
from tests.shell.upstreams import mute, upstream
from tests.shell.webhook_endpoint import Webhook

HEALTH = 'health = "127.0.0.1:0"'
QUICK = """
[cluster]
beat = "1s"
dead_after = "3s"
"""
"""Mail of a node that dies is taken over soon; one on a busy machine may be taken for dead."""
PROVIDER = "providers/Microsoft.Communication/communicationServices"
EVENTS = f"""
[events]
topic = "/subscriptions/1/resourceGroups/r/{PROVIDER}/contoso"
"""


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with new_server() as made:
        yield made


class Cluster:
    """Starts nodes that share a database."""

    def __init__(self, directory: Path, url: str, stack: ExitStack, more: str) -> None:
        self._directory, self._url, self._stack, self._more = directory, url, stack, more

    def start(self, name: str, port: int, program: str = "", url: str = "") -> ServeProcess:
        """Start a node whose next hop is at a port of 127.0.0.1; ``program`` is a file with another
        one than ours, and ``url`` another way to the database."""
        directory = self._directory / name
        directory.mkdir(exist_ok=True)
        self._copy_key(directory)
        (directory / "database").write_text(f"{url or self._url}\n")
        (directory / "database").chmod(0o600)
        schema = f"nodes_{self._directory.name[-20:]}".replace("-", "_").lower()
        base = BASE.replace("SCHEMA", schema)
        base = base.replace("[storage]", f"{HEALTH}{self._more}\n[storage]", 1)
        text = HUB.format(port=port)
        relay = relaying(directory, text, "--node", name, base=base, program=program)
        return self._stack.enter_context(relay)

    def _copy_key(self, directory: Path) -> None:
        """Give a node the key of another one."""
        for key in self._directory.glob("*/data/key"):
            if not (directory / "data").exists():
                (directory / "data").mkdir(mode=0o700)
                shutil.copy(key, directory / "data" / "key")


@contextmanager
def cluster(directory: Path, url: str, more: str = "") -> Iterator[Cluster]:
    with ExitStack() as stack:
        yield Cluster(directory, url, stack, more)


def taken(hub: Upstream) -> Counter[str]:
    return Counter(name for each in hub.taken for name in names([each.message_id]))


def why(relay: ServeProcess) -> dict[str, Any]:
    """Return why the only delivery waits."""
    [listed] = relay.ask("queue", "list")["deliveries"]
    [delivery] = relay.ask("queue", "why", listed["message"])["deliveries"]
    return {**delivery, "message": listed["message"]}


def attempted(relay: ServeProcess) -> bool:
    """Tell whether the only delivery is being attempted."""
    return "being delivered now" in why(relay)["sentence"]


def explained_by(relay: ServeProcess, node: str) -> dict[str, Any] | None:
    """Return why the only delivery waits, if the node that has it has answered."""
    answer = why(relay)
    return answer if answer["sentence"].endswith(f"(on {node})") else None


def health(relay: ServeProcess, path: str = "/health") -> dict[str, Any]:
    address = relay.ready["health"].removeprefix("http://").removesuffix("/health")
    with closing(http.client.HTTPConnection(address, timeout=30)) as client:
        client.request("GET", path)
        document: dict[str, Any] = json.load(client.getresponse())
        return document


@contextmanager
def statuses(relay: ServeProcess) -> Iterator[set[str]]:
    """Yield what the health check says meanwhile."""
    seen, is_over = set[str](), threading.Event()

    def look() -> None:
        while not is_over.wait(0.1):
            with suppress(OSError, ValueError, http.client.HTTPException):
                seen.add(health(relay)["status"])

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        is_over.set()
        thread.join()


@pytest.mark.compliance
def test_nodes_are_listed_and_one_is_drained(server: PostgresServer, tmp_path: Path) -> None:
    with mute() as silent, upstream() as (hub, port), cluster(tmp_path, server.url) as nodes:
        a, b = nodes.start("a", silent), nodes.start("b", port)
        with connect(a) as client:
            send(client, "m1")
        delivery = wait_for(lambda: explained_by(b, "a"))
        assert (delivery["state"], delivery["node"]) == ("leased", "a")
        listed = {each["name"]: each for each in b.ask("nodes")["nodes"]}
        assert {name: each["leases"] for name, each in listed.items()} == {"a": 1, "b": 0}
        assert {name: each["own"] for name, each in listed.items()} == {"a": False, "b": True}

        with closing(connect(a)) as client, statuses(a) as seen:
            client.mail(SENDER)
            client.rcpt(RECIPIENT)
            client.putcmd("data")
            assert client.getreply()[0] == 354
            assert b.ask("node", "drain", "nobody")["error"]
            assert b.ask("node", "drain", "a") == {"draining": "a"}
            code = 421  # a busy machine may take longer than sessions get
            with suppress(smtplib.SMTPServerDisconnected):
                client.send(b"Message-ID: <m2@example.com>\r\n\r\nbegun before\r\n.\r\n")
                code, _ = client.getreply()
            assert a.process.wait(2 * PATIENCE) == 0
        assert code in (250, 421)
        assert "draining" in seen
        arrived = {"m1": 1, "m2": 1} if code == 250 else {"m1": 1}
        wait_for(lambda: taken(hub) == arrived)
        assert [each["name"] for each in b.ask("nodes")["nodes"]] == ["b"]


@pytest.mark.compliance
def test_mail_of_a_killed_node_arrives_from_another(server: PostgresServer, tmp_path: Path) -> None:
    with mute() as silent, upstream() as (hub, port), cluster(tmp_path, server.url, QUICK) as nodes:
        a, b = nodes.start("a", silent), nodes.start("b", port)
        with connect(a) as client:
            send(client, "m1")
        message = why(b)["message"]
        a.process.send_signal(signal.SIGKILL)
        a.process.wait()
        wait_for(lambda: taken(hub) == {"m1": 1})
        b.wait_event("node_taken_over", node="a", by="b", leases=1)
        wait_for(lambda: b.ask("queue", "list")["deliveries"] == [])
        [delivery] = b.ask("queue", "why", message)["deliveries"]
        assert (delivery["taken_over"]["from"], delivery["taken_over"]["by"]) == ("a", "b")
        assert "b took it over from a" in delivery["sentence"]


@pytest.mark.compliance
def test_an_account_that_is_changed_on_one_node_is_changed_on_all(
    server: PostgresServer, tmp_path: Path
) -> None:
    with mute() as silent, cluster(tmp_path, server.url) as nodes:
        a, b = nodes.start("a", silent), nodes.start("b", silent)
        wait_for(lambda: len(b.ask("nodes")["nodes"]) == 2)
        password = a.ask("account", "create", "printer", "--sender", "@example.com")["password"]
        with b.secured("submission") as peer:
            assert peer.login("printer", password).startswith("235 ")
        assert a.ask("account", "delete", "printer")
        with b.secured("submission") as peer:
            assert peer.login("printer", password).startswith("535 ")


@pytest.mark.compliance
def test_a_node_that_was_stopped_in_an_attempt_sends_nothing_twice(
    server: PostgresServer, tmp_path: Path
) -> None:
    with mute() as silent, upstream() as (hub, port), cluster(tmp_path, server.url, QUICK) as nodes:
        a, b = nodes.start("a", silent), nodes.start("b", port)
        with connect(a) as client:
            send(client, "m1")
        wait_for(lambda: attempted(b))
        a.process.send_signal(signal.SIGSTOP)
        wait_for(lambda: taken(hub) == {"m1": 1})
        a.process.send_signal(signal.SIGCONT)
        a.wait_event("node_renewed")
        with connect(a) as client:
            send(client, "m2")
        assert a.stop() == 0
        wait_for(lambda: taken(hub) == {"m1": 1, "m2": 1})
        wait_for(lambda: b.ask("queue", "list")["deliveries"] == [])


@pytest.mark.compliance
def test_a_node_that_is_stopped_under_load_loses_nothing(
    server: PostgresServer, tmp_path: Path
) -> None:
    """It is stopped in its groups and attempts, others take over, and it comes back."""
    with upstream() as (hub, port), cluster(tmp_path, server.url, QUICK) as nodes:
        a, b = nodes.start("a", port), nodes.start("b", port)
        loads = [Load(a), Load(b)]
        for number in range(1, 4):
            before = len(loads[0].accepted)
            wait_for(lambda before=before: len(loads[0].accepted) >= before + 30)
            a.process.send_signal(signal.SIGSTOP)
            b.wait_event("node_taken_over", number)
            a.process.send_signal(signal.SIGCONT)
            a.wait_event("node_renewed", number)
        for each in loads:
            each.stop()
        accepted = {name for each in loads for name in each.accepted}
        wait_for(lambda: accepted <= set(taken(hub)))
        wait_for(lambda: b.ask("queue", "list")["deliveries"] == [])
        twice = [name for name, number in taken(hub).items() if number > 1]
        assert len(twice) <= 3 * 20, "more than can have been in flight"


@pytest.mark.compliance
def test_what_any_node_delivers_is_reported_once(server: PostgresServer, tmp_path: Path) -> None:
    """To a webhook that one of them has been told of; also after the sender of reports died."""
    more = QUICK + EVENTS
    with (
        upstream() as (_, port),
        Webhook() as endpoint,
        cluster(tmp_path, server.url, more) as nodes,
    ):
        a, b = nodes.start("a", port), nodes.start("b", port)
        a.ask("webhook", "create", endpoint.url, "--name", "hook")
        for number in range(10):
            for relay in (a, b):
                with connect(relay) as client:
                    send(client, f"{relay.directory.name}{number}")
        expected = {f"<{node}{number}@example.com>" for node in "ab" for number in range(10)}
        wait_for(lambda: _reported(endpoint) == expected)
        assert len({each["id"] for each in endpoint.reports}) == len(expected)

        a.process.send_signal(signal.SIGKILL)
        a.process.wait()
        with connect(b) as client:
            send(client, "b10")
        wait_for(lambda: _reported(endpoint) == expected | {"<b10@example.com>"})

        gone = "gone@example.net"
        a = nodes.start("a", port)
        b.ask("suppression", "add", gone)
        wait_for(lambda: _suppressed(a) == [gone])


def _reported(endpoint: Webhook) -> set[str]:
    return {each["data"]["internetMessageId"] for each in endpoint.reports}


def _suppressed(relay: ServeProcess) -> list[str]:
    return [each["address"] for each in relay.ask("suppression", "list")["suppressed"]]


@pytest.mark.compliance
def test_all_nodes_know_whether_one_of_them_delivers(
    server: PostgresServer, tmp_path: Path
) -> None:
    """The node b has no mail at all."""
    after = '\ndegraded_after = "1s"'
    with mute() as silent, cluster(tmp_path, server.url, after + QUICK) as nodes:
        a, b = nodes.start("a", silent), nodes.start("b", silent)
        assert health(b)["delivering"] is True
        with connect(a) as client:
            send(client, "m1")
        found = wait_for(lambda: health(b, "/health/delivering").get("degraded"))
        assert [each["target"] for each in found] == ["hub"]
        [one] = wait_for(lambda: health(a, "/health/delivering").get("degraded"))
        assert one["target"] == "hub"
