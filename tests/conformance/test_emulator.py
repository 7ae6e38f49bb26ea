"""The public emulator, as somebody else's test suite uses it."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

import gatepost
from gatepost.testing import Emulator, EmulatorError, EmulatorServer, LocalRelay


@pytest.fixture(scope="module")
def shared() -> Iterator[Emulator]:
    with Emulator() as relay:
        yield relay


@pytest.fixture
def relay(shared: Emulator) -> Emulator:
    shared.clear()
    return shared


def send(relay: LocalRelay, subject: str = "Welcome", to: str = "ann@example.net") -> bytes:
    message = f"Date: x\r\nMessage-ID: <1@x>\r\nFrom: {relay.sender}\r\nTo: {to}\r\n"
    content = f"{message}Subject: {subject}\r\n\r\n.hello\r\n".encode()
    tls = gatepost.Tls(ca_file=relay.ca_file)
    gatepost.send(content, str(relay.smtp), relay.username, relay.password, tls=tls)
    return content


def test_a_message_is_captured_as_it_was_sent(relay: Emulator) -> None:
    content = send(relay, "=?utf-8?q?Gr=C3=BC=C3=9Fe?=")
    message = relay.wait(to="ann@example.net")
    assert message.content == content
    assert message.subject == "Grüße"
    assert message.parse()["Subject"] == "Grüße"
    assert message.mail_from == relay.sender
    assert message.rcpt_to == ("ann@example.net",)
    assert message.principal == relay.username
    assert relay.messages() == [message]


def test_waiting_chooses_by_recipient_and_subject(relay: Emulator) -> None:
    send(relay, "one", "ann@example.net")
    send(relay, "two", "bob@example.net")
    assert relay.wait(to="ann@example.net").subject == "one"
    assert relay.wait(subject="^t").rcpt_to == ("bob@example.net",)
    with pytest.raises(TimeoutError):
        relay.wait(to="cid@example.net", timeout=0.05)


def test_clearing_leaves_nothing(relay: Emulator) -> None:
    send(relay)
    send(relay)
    assert relay.count() == 2
    assert relay.clear() == 2
    assert relay.messages() == []


def test_it_says_why_a_login_failed(relay: Emulator) -> None:
    with pytest.raises(gatepost.AuthenticationRefused, match=r"535 5\.7\.3"):
        gatepost.send(
            b"From: a@b.example\r\nTo: c@d.example\r\n\r\n",
            str(relay.smtp), relay.username, "hunter2", tls=gatepost.Tls(ca_file=relay.ca_file),
        )  # fmt: skip
    assert relay.wait_event("auth_refused")["reason"].startswith("secret_wrong: ")
    assert relay.events("nothing") == []
    assert "hunter2" not in str(relay.events())


def test_it_may_be_asked_from_a_running_loop(relay: Emulator) -> None:
    async def ask() -> int:
        return relay.count()

    assert asyncio.run(ask()) == 0


def test_a_given_directory_keeps_mail_and_password(tmp_path: Path) -> None:
    data = tmp_path / "kept"
    with Emulator(data=data) as first:
        send(first)
        password = first.password
        with pytest.raises(EmulatorError, match="did not come up"):
            Emulator(data=data)
    with Emulator(data=data) as second:
        assert second.password == password
        assert second.count() == 1
        second.kill()
    assert data.exists()


def test_its_own_directory_goes_with_it(new_python: None) -> None:
    relay = Emulator()
    assert relay.data.exists()
    relay.stop()
    assert not relay.data.exists()
    relay.stop()


def test_an_emulator_that_cannot_start_says_why() -> None:
    with pytest.raises(EmulatorError, match="nowhere"):
        Emulator("nowhere")


# Many in one process.


@pytest.fixture(scope="module")
def server() -> Iterator[EmulatorServer]:
    with EmulatorServer() as server:
        yield server


def test_relays_of_one_server_have_nothing_in_common(server: EmulatorServer) -> None:
    with server.open() as first, server.open("gmail", strict=True) as second:
        send(first, "one")
        second.advance(timedelta(days=1))
        send(second, "two")
        assert [each.subject for each in first.messages()] == ["one"]
        assert [each.subject for each in second.messages()] == ["two"]
        assert second.messages()[0].received_at > first.messages()[0].received_at + timedelta(1)
        assert first.data != second.data
        assert first.pid == second.pid
        with pytest.raises(gatepost.AuthenticationRefused):
            gatepost.send(
                b"From: a@b.example\r\nTo: c@d.example\r\n\r\n",
                str(first.smtp), second.username, second.password,
                tls=gatepost.Tls(ca_file=first.ca_file),
            )  # fmt: skip
        assert second.events("auth_refused") == []
    assert not first.data.exists()
    first.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((first.smtp.host, first.smtp.port))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
def test_a_process_that_a_test_left_behind_does_not_keep_a_server() -> None:
    """It has inherited the pipe; and its own end leaves the server alone."""
    reading, writing = os.pipe()
    with EmulatorServer() as server:
        relay = server.open()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # there may be threads
            child = os.fork()
        if child == 0:
            with suppress(BaseException):
                os.close(writing)
                server._process.clean_up()  # type: ignore[union-attr]
                os.read(reading, 1)
            os._exit(0)
        assert relay.count() == 0
        began = time.monotonic()
    assert time.monotonic() - began < 10
    os.close(writing)
    os.waitpid(child, 0)
    os.close(reading)


def test_a_server_that_was_killed_is_replaced() -> None:
    with EmulatorServer() as server:
        first = server.open()
        os.kill(first.pid, signal.SIGKILL)
        while server.is_running:
            time.sleep(0.01)
        first.stop()
        second = server.open()
        send(second)
        assert second.count() == 1
    assert not first.data.parent.exists()
    assert not second.data.parent.exists()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the system has no SIGKILL")
def test_tests_that_are_killed_leave_neither_process_nor_files() -> None:
    program = (
        "from gatepost.testing import EmulatorServer; relay = EmulatorServer().open(); "
        "print(relay.pid, relay.data.parent, flush=True); input()"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as tests:
        assert tests.stdout is not None
        pid, base = tests.stdout.readline().decode().split()
        assert Path(base).exists()
        tests.kill()
    deadline = time.monotonic() + 30
    while Path(base).exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not Path(base).exists()
    while has_process(int(pid)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not has_process(int(pid))


def has_process(pid: int) -> bool:
    """Tell whether it is there, and has not ended."""
    shown = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, check=False)
    return bool(shown.stdout.strip(b"Z \n"))


@pytest.mark.parametrize(
    ("profile", "settings", "said"),
    [
        ("gmial", None, "did you mean gmail"),
        ("acs", {"strict.nothing": 1}, "unknown key strict.nothing"),
    ],
)
def test_a_wrong_argument_is_a_config_error(
    server: EmulatorServer, profile: str, settings: dict[str, object] | None, said: str
) -> None:
    with pytest.raises(gatepost.ConfigError, match=said):
        server.open(profile, settings=settings)
