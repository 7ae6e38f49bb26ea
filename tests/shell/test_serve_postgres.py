"""``gatepost serve`` with its store on PostgreSQL: real clients, and kills of either side."""

import os
import signal
import smtplib
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatepost.testing.postgres_server import PostgresServer
from tests.postgres_server import new_server
from tests.shell.serve_process import RECIPIENT, SENDER, ServeProcess, relaying, wait_for
from tests.shell.upstreams import upstream

BASE = """
hostname = "relay.example"
[storage]
kind = "postgres"
url = { file = "database" }
schema = "SCHEMA"
directory = "data"
[[directory.account]]
name = "app"
password = { environment = "APP_PASSWORD" }
senders = ["example.com"]
[[listener]]
name = "submission"
address = "127.0.0.1:0"
certificate = "cert.pem"
key = "key.pem"
[retry.soon]
table = ["1s"]
jitter = 0
"""
HUB = """
[target.hub]
kind = "smarthost"
servers = ["127.0.0.1:{port}"]
tls = "none"
[[route]]
recipients = ["example.net"]
to = "hub"
retry = "soon"
"""
KEEP = """
[target.keep]
kind = "capture"
[[route]]
recipients = ["example.net"]
to = "keep"
"""


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with new_server() as made:
        yield made


@pytest.fixture
def schema(server: PostgresServer, tmp_path: Path) -> str:
    """Return a schema that nobody has used, and write the file with the URL."""
    (tmp_path / "database").write_text(server.url + "\n")
    (tmp_path / "database").chmod(0o600)
    return f"serve_{tmp_path.name[-20:]}".replace("-", "_").lower()


def config(schema: str, text: str) -> dict[str, str]:
    return {"base": BASE.replace("SCHEMA", schema), "text": text}


def connect(relay: ServeProcess) -> smtplib.SMTP:
    """Return a client that has signed in."""
    client = smtplib.SMTP("localhost", relay.listener("submission")["port"], timeout=90)
    client.starttls(context=ssl.create_default_context(cafile=relay.authority.ca_file))
    client.login("app", "secret")
    return client


def send(client: smtplib.SMTP, name: str) -> None:
    text = f"From: <{SENDER}>\r\nMessage-ID: <{name}@example.com>\r\n\r\nbody {name}\r\n"
    client.sendmail(SENDER, [RECIPIENT], text)


class Load:
    """Clients that send all the time; ``accepted`` has the names that got their 250."""

    def __init__(self, relay: ServeProcess, clients: int = 4) -> None:
        self._relay, self._stopped = relay, threading.Event()
        self.accepted: list[str] = []
        self._threads = [
            threading.Thread(target=self._run, args=(each,)) for each in range(clients)
        ]
        for each in self._threads:
            each.start()

    def stop(self) -> None:
        self._stopped.set()
        for each in self._threads:
            each.join()

    def _run(self, number: int) -> None:
        count = 0
        while not self._stopped.is_set():
            try:
                with connect(self._relay) as client:
                    while not self._stopped.is_set():
                        count += 1
                        name = f"{os.getpid()}-{id(self)}-{number}-{count}"
                        send(client, name)
                        self.accepted.append(name)
            except (smtplib.SMTPException, OSError):
                self._stopped.wait(0.05)


def refusal(relay: ServeProcess) -> int:
    """Return the code with which MAIL is refused; 0: it is accepted."""
    with connect(relay) as client:
        code, _ = client.mail(SENDER)
        client.rset()
    return 0 if code == 250 else code


def names(taken: list[str]) -> set[str]:
    return {each.removeprefix("<").removesuffix("@example.com>") for each in taken}


def test_captured_mail_is_shown_by_the_relay_and_without_it(
    server: PostgresServer, schema: str, tmp_path: Path
) -> None:
    with relaying(tmp_path, **config(schema, KEEP)) as relay:
        with connect(relay) as client:
            for number in range(3):
                send(client, f"n{number}")
        assert relay.ask("messages", "count")["count"] == 3
        assert b"body n2" in relay.raw()
        assert relay.stop() == 0
        assert relay.ask("messages", "count")["count"] == 3
        assert b"body n2" in relay.raw()
        assert not (relay.data / "store.db").exists()
        assert "host=" not in (relay.data / "store.json").read_text(), "it may be a secret"


def test_a_killed_relay_loses_nothing(server: PostgresServer, schema: str, tmp_path: Path) -> None:
    with upstream() as (hub, port):
        text = config(schema, HUB.format(port=port))
        accepted: list[str] = []
        for _ in range(2):
            with relaying(tmp_path, **text) as relay:
                load = Load(relay)
                wait_for(lambda load=load: len(load.accepted) >= 40)
                relay.process.send_signal(signal.SIGKILL)
                relay.process.wait()
                load.stop()
                accepted += load.accepted
                (relay.data / "ready.json").unlink()
        with relaying(tmp_path, **text):
            wait_for(lambda: set(accepted) <= names([each.message_id for each in hub.taken]))


def test_a_killed_database_defers_mail_and_the_relay_goes_on(
    server: PostgresServer, schema: str, tmp_path: Path
) -> None:
    with upstream() as (hub, port):
        text = config(schema, HUB.format(port=port))
        with relaying(tmp_path, **text) as relay:
            load = Load(relay)
            wait_for(lambda: len(load.accepted) >= 40)
            server.kill()
            wait_for(lambda: refusal(relay) // 100 == 4)  # who has sent a message waits
            before = len(load.accepted)
            server.start()
            wait_for(lambda: len(load.accepted) >= before + 40)
            load.stop()
            assert relay.process.poll() is None
            assert refusal(relay) == 0
            wait_for(lambda: set(load.accepted) <= names([each.message_id for each in hub.taken]))
            wait_for(lambda: relay.ask("queue", "list")["deliveries"] == [])


def test_without_its_database_it_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "database").write_text("host=/nowhere user=relay password=verysecret dbname=mail")
    (tmp_path / "database").chmod(0o600)
    with pytest.raises(AssertionError) as failed:  # noqa: SIM117
        with relaying(tmp_path, **config("x", KEEP)):
            pass
    assert "the database cannot be reached" in str(failed.value)
    assert "verysecret" not in str(failed.value)


@pytest.mark.compliance
@pytest.mark.parametrize("options", [(), ("--workers", "1")], ids=["alone", "workers"])
def test_a_database_that_hangs_defers_mail_and_the_relay_goes_on(
    server: PostgresServer, schema: str, tmp_path: Path, options: tuple[str, ...]
) -> None:
    with upstream() as (hub, port):
        text = config(schema, HUB.format(port=port))
        with relaying(tmp_path, text.pop("text"), *options, **text) as relay:
            load = Load(relay)
            wait_for(lambda: len(load.accepted) >= 40)
            with server.frozen():
                wait_for(lambda: refusal(relay) // 100 == 4)
                before = len(load.accepted)
            wait_for(lambda: len(load.accepted) >= before + 40)
            load.stop()
            assert relay.process.poll() is None
            wait_for(lambda: refusal(relay) == 0)
            wait_for(lambda: set(load.accepted) <= names([each.message_id for each in hub.taken]))
