"""``gatepost serve`` during changes: of its configuration and its certificates, under load."""

import os
import signal
import socket
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gatepost.processes.control_socket import SOCKET
from tests import fork_server
from tests.shell.peer import Peer, letter
from tests.shell.processes import children, is_alive
from tests.shell.serve_process import (
    RECIPIENT,
    SENDER,
    ServeProcess,
    put_certificate,
    relaying,
    wait_for,
)

SUBMISSION = """
[[listener]]
name = "submission"
address = "127.0.0.1:0"
certificate = "cert.pem"
key = "key.pem"
"""
SECOND = """
[[listener]]
name = "second"
address = "127.0.0.1:0"
tls = "none"
"""
LOCAL = """
[[listener]]
name = "local"
unix = "smtp.sock"
"""
MORE = """
[[directory.account]]
name = "second"
password = { environment = "APP_PASSWORD" }
senders = ["example.com"]
[[route]]
recipients = ["more.example"]
to = "keep"
"""


def served_certificate(peer: Peer) -> bytes:
    assert isinstance(peer.sock, ssl.SSLSocket)
    found = peer.sock.getpeercert(binary_form=True)
    assert found is not None
    return found


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[ServeProcess]:
    with relaying(tmp_path, SUBMISSION) as relay:
        yield relay


@pytest.mark.parametrize("how", ["by itself", "told to"])
def test_a_new_certificate_is_for_new_connections(relay: ServeProcess, how: str) -> None:
    with relay.signed_in("submission") as before:
        old = served_certificate(before)
        new = put_certificate(relay.directory, relay.authority)
        if how == "told to":
            relay.reloaded()
        else:
            relay.wait_event("certificate_reloaded")
        with relay.signed_in("submission") as after:
            assert served_certificate(after) == new != old
            assert after.deliver(SENDER, letter(SENDER)).startswith("250 ")
        assert before.deliver(SENDER, letter(SENDER)).startswith("250 "), (
            "it goes on by the old one"
        )
        assert served_certificate(before) == old


def test_a_certificate_that_cannot_be_used_is_not(relay: ServeProcess) -> None:
    with relay.secured("submission") as peer:
        good = served_certificate(peer)
    (relay.directory / "key.pem").write_text("no key")
    relay.reload()
    told = relay.wait_event("certificate_kept")
    assert told["file"] == "cert.pem"
    assert told["reason"]
    with relay.secured("submission") as peer:
        assert served_certificate(peer) == good
    new = put_certificate(relay.directory, relay.authority)
    relay.reloaded()
    with relay.secured("submission") as peer:
        assert served_certificate(peer) == new


def test_a_configuration_with_mistakes_changes_nothing(relay: ServeProcess) -> None:
    port = relay.listener("submission")["port"]
    relay.reload(SUBMISSION + "[limits]\nidel = 1\n[[listener]]\naddress = 'x'\n")
    relay.wait_event("reload_refused", 2)
    reasons = [each["reason"] for each in relay.events("reload_refused")]
    assert any("unknown key limits.idel (did you mean idle?)" in each for each in reasons)
    assert all(each.startswith("gatepost.toml:") for each in reasons)
    taken = socket.create_server(("127.0.0.1", 0))
    busy = f"[[listener]]\naddress = '127.0.0.1:{taken.getsockname()[1]}'\ntls = 'none'\n"
    relay.reload(SUBMISSION + busy)
    relay.wait_event("reload_refused", 3)
    relay.reload(SUBMISSION + busy.replace("'none'", "'starttls'"))
    relay.wait_event("reload_refused", 4)
    taken.close()
    pair = relay.authority.issue("localhost", valid_until=datetime.now(UTC) - timedelta(days=1))
    kept = {name: (relay.directory / name).read_bytes() for name in ("cert.pem", "key.pem")}
    Path(pair.key).replace(relay.directory / "key.pem")
    Path(pair.certificate).replace(relay.directory / "cert.pem")
    relay.reload(SUBMISSION + "[limits]\nrecipients = 3\n")
    wait_for(lambda: "cert.pem: it expired" in relay.events("reload_refused")[-1]["reason"])
    for name, content in kept.items():
        (relay.directory / name).write_bytes(content)
    assert relay.listener("submission")["port"] == port
    with relay.signed_in("submission") as peer:
        assert peer.deliver(SENDER, letter(SENDER)).startswith("250 ")


def test_a_ready_file_that_cannot_be_written_ends_nothing(relay: ServeProcess) -> None:
    draft = relay.data / ".ready.json.new"
    draft.mkdir()
    relay.reload()
    relay.wait_event("ready_not_written")
    draft.rmdir()
    relay.reloaded()


def test_listeners_come_stay_and_go(relay: ServeProcess) -> None:
    port = relay.listener("submission")["port"]
    with relay.signed_in("submission") as stays:
        relay.reloaded(SUBMISSION + SECOND)
        with relay.greeted("second") as peer:
            assert peer.ask("NOOP").startswith("250 ")
            second = relay.listener("second")["port"]
            relay.reloaded(SUBMISSION + "[limits]\nrecipients = 3\n")
            assert peer.ask("NOOP").startswith("250 "), "a session outlives its listener"
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", second), 1)
        assert stays.deliver(SENDER, letter(SENDER)).startswith("250 ")
        assert relay.listener("submission")["port"] == port
        with relay.greeted("submission") as new:
            assert "RCPTMAX=3" in new.ask("EHLO client.example")
        assert "RCPTMAX=1000" in stays.ask("EHLO client.example"), "it has what it began with"


def test_a_unix_socket_that_was_deleted_comes_back(relay: ServeProcess) -> None:
    relay.reloaded(SUBMISSION + LOCAL)
    path = Path(relay.listener("local")["unix"])
    with relay.greeted("local") as stays:
        path.unlink()
        relay.reloaded()
        with relay.greeted("local") as new:
            assert new.ask("NOOP").startswith("250 ")
        assert stays.ask("NOOP").startswith("250 ")
    relay.reloaded(SUBMISSION)
    assert not path.exists()


def test_accounts_and_routes_change(relay: ServeProcess) -> None:
    with relay.signed_in("submission") as peer:
        assert peer.ask(f"MAIL FROM:<{SENDER}>").startswith("250 ")
        assert peer.ask("RCPT TO:<bob@more.example>").startswith("550 ")
        relay.reloaded(SUBMISSION + MORE)
        assert peer.ask("RCPT TO:<bob@more.example>").startswith("250 ")
    with relay.secured("submission") as peer:
        assert peer.login("second", "secret").startswith("235 ")
        made = relay.ask("account", "create", "third", "--sender", SENDER)
        assert len(made["password"]) >= 32
        with relay.secured("submission") as other:
            assert other.login("third", made["password"]).startswith("235 ")
            assert other.deliver(SENDER, letter(SENDER)).startswith("250 ")
            relay.ask("account", "delete", "third")
            assert other.ask(f"MAIL FROM:<{SENDER}>").startswith("530 ")
        relay.reloaded(SUBMISSION)
        assert peer.ask(f"MAIL FROM:<{SENDER}>").startswith("530 "), "its account is gone"
    names = [each["name"] for each in relay.ask("account", "list")["accounts"]]
    assert names == ["app"]


class Load:
    """Clients that send all the time, each message on its own connection or all on one."""

    def __init__(self, relay: ServeProcess, number: int = 2) -> None:
        self.accepted: list[str] = []
        self.troubles: list[str] = []
        self._relay, self._over = relay, threading.Event()
        self._threads = [
            threading.Thread(target=self._send, args=(each,)) for each in range(number)
        ]

    @contextmanager
    def running(self) -> Iterator["Load"]:
        for each in self._threads:
            each.start()
        try:
            yield self
        finally:
            self._over.set()
            for each in self._threads:
                each.join(30)

    def _send(self, client: int) -> None:
        number = 0
        try:
            while not self._over.is_set():
                with self._relay.signed_in("submission") as peer:
                    for _ in range(3):
                        number += 1
                        subject = f"message {client}-{number}"
                        content = f"From: <{SENDER}>\r\nSubject: {subject}\r\n\r\nhello\r\n"
                        reply = peer.deliver(SENDER, content.encode())
                        if reply.startswith("250 "):
                            self.accepted.append(subject)
                        else:
                            self.troubles.append(reply)
        except (OSError, AssertionError) as error:
            self.troubles.append(repr(error))


@pytest.mark.parametrize("workers", [0, 1])
def test_reloads_under_load_lose_no_message_and_refuse_no_client(
    tmp_path: Path, workers: int
) -> None:
    """Listeners, routes and limits change while clients send."""
    changes = [
        SUBMISSION + SECOND,
        SUBMISSION + "[limits]\nrecipients = 5\n",
        SUBMISSION + '[[route]]\nrecipients = ["more.example"]\nto = "keep"\n',
        SUBMISSION,
    ]
    with relaying(tmp_path, SUBMISSION, "--workers", str(workers)) as relay:
        first = children(relay.process.pid)
        with Load(relay).running() as load:
            for change in changes:
                before = len(load.accepted)
                relay.reloaded(change)
                wait_for(lambda before=before: len(load.accepted) > before + 4)
        assert load.troubles == []
        kept = {each["subject"] for each in relay.ask("messages", "list")["messages"]}
        assert set(load.accepted) <= kept
        assert len(load.accepted) == len(set(load.accepted))
        wait_for(lambda: len(children(relay.process.pid)) == workers)
        assert not first & children(relay.process.pid), "fronts were replaced"
        assert relay.stop() == 0


def refuses(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except ConnectionRefusedError:
        return True
    return False


def test_fronts_that_were_replaced_keep_their_sessions(tmp_path: Path) -> None:
    with relaying(tmp_path, SUBMISSION, "--workers", "1") as relay:
        [front] = children(relay.process.pid)
        with relay.signed_in("submission") as peer:
            relay.reloaded(SUBMISSION + SECOND)
            assert is_alive(front)
            assert peer.deliver(SENDER, letter(SENDER)).startswith("250 ")
            with relay.greeted("second") as other:
                assert other.ask("NOOP").startswith("250 ")
            second = relay.listener("second")["port"]
            relay.reloaded(SUBMISSION)
            wait_for(lambda: refuses(second))
        wait_for(lambda: not is_alive(front))
        wait_for(lambda: len(children(relay.process.pid)) == 1)


def test_a_reload_that_cannot_start_its_fronts_changes_nothing(tmp_path: Path) -> None:
    with relaying(tmp_path, SUBMISSION + SECOND, "--workers", "1") as relay:
        fronts = children(relay.process.pid)
        store_process = relay.data / SOCKET
        store_process.rename(tmp_path / "away")
        relay.reload(SUBMISSION + MORE)
        assert "a front process did not start" in relay.wait_event("reload_refused")["reason"]
        (tmp_path / "away").rename(store_process)
        assert children(relay.process.pid) == fronts
        with relay.greeted("second") as peer:
            assert peer.login("second", "secret").startswith("535 ")
            assert peer.login("app", "secret").startswith("235 ")
            assert peer.ask(f"MAIL FROM:<{SENDER}>").startswith("250 ")
            assert peer.ask("RCPT TO:<bob@more.example>").startswith("550 ")
        relay.reloaded()
        with relay.secured("submission") as peer:
            assert peer.login("second", "secret").startswith("235 ")


@pytest.mark.skipif(sys.platform != "linux", reason="needs files in memory")
def test_fronts_that_die_while_a_certificate_is_half_renewed_serve_the_old_one(
    tmp_path: Path,
) -> None:
    with relaying(tmp_path, SUBMISSION, "--workers", "1") as relay:
        victims = children(relay.process.pid)
        with relay.secured("submission") as peer:
            good = served_certificate(peer)
        (tmp_path / "cert.pem").write_bytes(b"half of a cert")
        (tmp_path / "key.pem").write_bytes(b"half of a key")
        for each in victims:
            os.kill(each, signal.SIGKILL)
        wait_for(lambda: len(children(relay.process.pid) - victims) == len(victims))
        with relay.signed_in("submission") as peer:
            assert served_certificate(peer) == good
            assert peer.deliver(SENDER, letter(SENDER)).startswith("250 ")
        new = put_certificate(tmp_path, relay.authority)
        relay.reloaded()
        with relay.secured("submission") as peer:
            assert served_certificate(peer) == new
        assert "Traceback" not in (tmp_path / "log").read_text()


def test_any_number_of_fronts_at_any_start(tmp_path: Path) -> None:
    for kept, number in enumerate((2, 0, 1), 1):
        with relaying(tmp_path, SUBMISSION, "--workers", str(number)) as relay:
            assert len(children(relay.process.pid)) == number
            with relay.signed_in("submission") as peer:
                assert peer.deliver(SENDER, letter(SENDER)).startswith("250 ")
            assert relay.stop() == 0
            assert not (relay.data / "ready.json").exists()
            assert relay.ask("messages", "count") == {"count": kept}


def test_sessions_are_counted_across_fronts(tmp_path: Path) -> None:
    limits = "[limits]\nconnections_per_address = 3\n"
    with relaying(tmp_path, SUBMISSION + limits, "--workers", "2") as relay:
        peers = [relay.peer("submission") for _ in range(6)]
        greetings = sorted(each.reply()[:3] for each in peers)
        assert greetings == ["220"] * 3 + ["421"] * 3
        for each in peers:
            each.sock.close()


class Listening:
    """A service manager's socket."""

    def __init__(self, path: Path) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(str(path))
        self.sock.settimeout(20)

    def next(self) -> dict[str, str]:
        lines = self.sock.recv(4096).decode().splitlines()
        return dict(line.split("=", 1) for line in lines)


def test_the_service_manager_is_notified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manager = Listening(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    with relaying(tmp_path, SUBMISSION) as relay:
        first = manager.next()
        assert first == {"READY": "1", "MAINPID": str(relay.process.pid)}
        relay.reload()
        begins = manager.next()
        assert begins["RELOADING"] == "1"
        assert int(begins["MONOTONIC_USEC"]) <= time.clock_gettime(time.CLOCK_MONOTONIC) * 1e6
        assert manager.next() == {"READY": "1"}
        assert relay.stop() == 0
        assert manager.next() == {"STOPPING": "1"}
    manager.sock.close()


def test_a_directory_is_one_relay_s(relay: ServeProcess) -> None:
    second = fork_server.run(
        [sys.executable, "-m", "gatepost.cli.main", "serve", "--config", "gatepost.toml"],
        cwd=relay.directory, env={**os.environ, "APP_PASSWORD": "secret"},
        capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    assert second.returncode == 1
    assert str(relay.process.pid) in second.stderr
    with relay.greeted("submission") as peer:
        assert peer.ask("NOOP").startswith("250 ")


def test_a_commit_that_runs_at_the_stop_still_gets_its_250(relay: ServeProcess) -> None:
    with relay.signed_in("submission") as peer, relay.greeted("submission") as idle:
        peer.begin(SENDER, RECIPIENT)
        peer.send(letter(SENDER) + b".\r\n")
        relay.process.terminate()
        replies = peer.rest().decode()
        assert replies.startswith("250 2.0.0 OK queued")
        assert idle.reply().startswith("421 ")
    assert relay.process.wait(20) == 0
