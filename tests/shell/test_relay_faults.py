"""Late, missing and wrong answers, and clients that disconnect meanwhile: no session may hang."""

import asyncio
import base64
import re
import socket
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gatepost.directory.contract import Directory
from gatepost.errors import Disconnected, QueueError, QueueFull, ResponseLost
from gatepost.model.address import Address
from gatepost.model.credentials import Credentials, Principal, Standing
from gatepost.model.message import Submission
from gatepost.model.reply import Reply
from gatepost.policy.client_limits import ClientCounts, ClientLimits, LocalClientCounter
from gatepost.testing.memory import MemoryStore
from tests.loopback import eventually
from tests.shell.in_process_relay import InProcessRelay, Plan, serving
from tests.shell.peer import PATIENCE, Peer, letter

SENDER = "a@example.com"
TALKATIVE = {"commands": 10**9}


class SlowStore(MemoryStore):
    """Commits when the test says."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[tuple[Submission, asyncio.Future[None]]] = []

    def put(self, submission: Submission) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.append((submission, future))
        return future

    async def commit(self) -> None:
        for submission, future in self.waiting:
            await super().put(submission)
            future.set_result(None)
        self.waiting.clear()

    async def fail(self, error: BaseException | None) -> None:
        for _, future in self.waiting:
            if error is None:
                future.cancel()
            else:
                future.set_exception(error)
        self.waiting.clear()


class LateDirectory:
    """Answers later, as one behind a socket does; fails when the test says."""

    def __init__(self, inner: Directory, failures: dict[str, BaseException | None]) -> None:
        self._inner = inner
        self._failures = failures
        self.mechanisms = inner.mechanisms
        self.delay = 0.0

    def identify(
        self, credentials: Credentials, mechanism: str
    ) -> "asyncio.Future[Principal | Reply]":
        return self._later("identify", partial(self._inner.identify, credentials, mechanism))

    def verifier(self, username: str, mechanism: str) -> "asyncio.Future[Any]":
        return self._later("verifier", partial(self._inner.verifier, username, mechanism))

    def standing(self, principal: Principal, sender: Address) -> "asyncio.Future[Standing]":
        return self._later("standing", partial(self._inner.standing, principal, sender))

    def _later(self, name: str, answer: Callable[[], Any]) -> "asyncio.Future[Any]":
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()

        def settle() -> None:
            failure = self._failures.get(name, self)
            if failure is self:
                future.set_result(answer())
            elif isinstance(failure, BaseException):
                future.set_exception(failure)
            else:
                future.cancel()

        loop.call_later(self.delay, settle)
        return future


def late(
    failures: dict[str, BaseException | None], delay: float = 0.0
) -> Callable[[Directory], Directory]:
    def make(inner: Directory) -> Directory:
        directory = LateDirectory(inner, failures)
        directory.delay = delay
        return directory

    return make


def slow(served: InProcessRelay) -> SlowStore:
    store = served.relay.store
    assert isinstance(store, SlowStore)
    return store


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


# The instant of acceptance.


def test_no_250_before_the_commit(tmp_path: Path) -> None:
    with serving(tmp_path, Plan("open", store=SlowStore)) as served, served.greeted() as peer:
        peer.begin(SENDER)
        peer.send(letter(SENDER) + b".\r\nNOOP\r\n")
        eventually(lambda: bool(slow(served).waiting))
        peer.sock.settimeout(0.1)
        with pytest.raises(TimeoutError):
            peer.reply()
        peer.sock.settimeout(PATIENCE)
        served.run(slow(served).commit())
        assert peer.reply().startswith("250 2.0.0 OK queued as ")
        assert peer.reply() == "250 2.0.0 OK"
        assert served.relay.budget.used == 0


FAILURES: list[tuple[BaseException | None, str]] = [
    (QueueFull("the disk is full"), "452 4.3.1 "),
    (QueueError("the sync failed"), "451 4.3.0 "),
    (Disconnected("the store process is gone"), "451 4.3.0 "),
    (RuntimeError("a bug"), "451 4.3.0 "),
    (None, "451 4.3.0 "),
]


def test_a_client_gets_no_reply_if_nobody_knows_whether_its_message_is_stored(
    tmp_path: Path,
) -> None:
    with serving(tmp_path, Plan("open", store=SlowStore)) as served, served.greeted() as peer:
        peer.begin(SENDER)
        peer.send(letter(SENDER) + b".\r\nNOOP\r\n")
        eventually(lambda: bool(slow(served).waiting))
        served.run(slow(served).fail(ResponseLost("the relay closed the connection")))
        assert peer.rest() == b""
        [told] = served.reported("not_stored")
        assert told["reply"] == ""
        assert served.relay.budget.used == 0


@pytest.mark.parametrize(
    ("failure", "reply"), FAILURES, ids=["full", "sync", "gone", "bug", "cancelled"]
)
def test_a_failed_commit_is_reported_and_the_connection_continues(
    tmp_path: Path, failure: BaseException | None, reply: str
) -> None:
    with serving(tmp_path, Plan("open", store=SlowStore)) as served, served.greeted() as peer:
        for _ in range(2):
            peer.begin(SENDER)
            peer.send(letter(SENDER) + b".\r\n")
            eventually(lambda: bool(slow(served).waiting))
            served.run(slow(served).fail(failure))
            assert peer.reply().startswith(reply)
        assert served.relay.budget.used == 0
        assert len(served.reported("not_stored")) == 2


def test_at_the_end_a_commit_in_flight_gets_its_250_then_421(tmp_path: Path) -> None:
    with serving(tmp_path, Plan("open", store=SlowStore)) as served:
        with served.greeted() as busy, served.greeted() as idle, served.greeted() as half:
            busy.begin(SENDER)
            busy.send(letter(SENDER) + b".\r\n")
            half.begin(SENDER)
            half.send(b"half a mess")
            eventually(lambda: bool(slow(served).waiting))
            stopping = asyncio.run_coroutine_threadsafe(served.supervisor.drain(5), served.loop)
            for peer in (idle, half):
                assert peer.rest() == b"421 4.3.2 Service shutting down\r\n"
            busy.sock.settimeout(0.1)
            with pytest.raises(TimeoutError):
                busy.reply()
            busy.sock.settimeout(PATIENCE)
            served.run(slow(served).commit())
            assert busy.reply().startswith("250 2.0.0 OK queued as ")
            assert busy.rest() == b"421 4.3.2 Service shutting down\r\n"
            for peer in (busy, idle, half):
                peer.sock.close()
            stopping.result(PATIENCE)
        assert len(served.messages()) == 1


def test_a_stop_does_not_wait_for_handshakes_or_stalled_clients(tmp_path: Path) -> None:
    with serving(tmp_path, Plan("open", TALKATIVE)) as served:
        silent = Peer.connect(served.tls_port, served.ca_file)
        shaking = served.greeted()
        assert shaking.ask("STARTTLS").startswith("220 ")
        shaking.send(b"\x16\x03\x01\x02\x00")
        deaf = served.greeted()
        deaf.send_until_it_stalls(b"HELP\r\n" * 10_000)
        with silent, shaking, deaf:
            began = time.monotonic()
            stopping = asyncio.run_coroutine_threadsafe(served.supervisor.drain(1.0), served.loop)
            stopping.result(PATIENCE)
            assert time.monotonic() - began < 20
            assert silent.rest() == b""
            assert shaking.rest() == b""


@pytest.mark.parametrize("leave", [Peer.reset, lambda peer: peer.sock.close()], ids=["rst", "fin"])
def test_a_client_that_left_during_its_commit_loses_nothing(
    tmp_path: Path, leave: Callable[[Peer], None]
) -> None:
    with serving(tmp_path, Plan("open", store=SlowStore)) as served:
        peer = served.greeted()
        peer.begin(SENDER)
        peer.send(letter(SENDER) + b".\r\nMAIL FROM:<x@example.com>\r\n")
        eventually(lambda: bool(slow(served).waiting))
        leave(peer)
        time.sleep(0.05)
        served.run(slow(served).commit())
        assert len(served.messages()) == 1
        assert served.reported("accepted"), "it is stored, so the operator hears of it"
        eventually(lambda: served.supervisor.connections == 0)
        assert not served.reported("internal_error")
        assert served.relay.budget.used == 0


# Flow control.


def test_reading_pauses_behind_an_open_question_and_nothing_is_lost(tmp_path: Path) -> None:
    plan = Plan("open", TALKATIVE, store=SlowStore)
    with serving(tmp_path, plan) as served, served.greeted() as peer:
        peer.begin(SENDER)
        peer.send(letter(SENDER) + b".\r\n")
        eventually(lambda: bool(slow(served).waiting))
        command = b"NOOP " + b"x" * 400 + b"\r\n"
        sent = peer.send_until_it_stalls(command * 100)
        [receiver] = served.supervisor._receivers
        assert receiver._session.buffered < 1024 * 1024
        served.run(slow(served).commit())
        assert peer.reply().startswith("250 2.0.0 OK queued as ")
        peer.sock.shutdown(socket.SHUT_WR)
        assert peer.rest().count(b"250 2.0.0 OK\r\n") == sent // len(command)


# A directory behind a socket.


def test_everything_works_with_answers_that_come_later(tmp_path: Path) -> None:
    with serving(tmp_path, Plan(around=late({}))) as served, served.signed_in() as peer:
        assert peer.deliver(served.sender, letter(served.sender)).startswith("250 ")
        assert peer.ask("MAIL FROM:<x@elsewhere.example>").startswith("501 5.1.7 ")
        assert peer.deliver(served.sender, letter("x@elsewhere.example")).startswith("501 5.1.7 ")
        assert served.relay.budget.used == 0


SECRET = "a-secret-in-an-error"


@pytest.mark.parametrize("failure", [RuntimeError(SECRET), None], ids=["error", "cancelled"])
def test_a_directory_that_fails_gets_a_4yz(tmp_path: Path, failure: BaseException | None) -> None:
    failures: dict[str, BaseException | None] = {"identify": failure}
    with serving(tmp_path, Plan(around=late(failures))) as served, served.secured() as peer:
        assert peer.login(served.username, "whatever").startswith("454 4.7.0 ")
        failures.clear()
        assert peer.login(served.username, served.password.reveal()).startswith("235 ")
        failures["standing"] = failure
        assert peer.ask(f"MAIL FROM:<{served.sender}>").startswith("451 4.3.0 ")
        failures.clear()
        peer.begin(served.sender)
        failures["standing"] = failure
        peer.send(letter("other@example.com") + b".\r\n")
        assert peer.reply().startswith("451 4.3.0 ")
        failures.clear()
        assert peer.deliver(served.sender, letter(served.sender)).startswith("250 ")
        assert served.relay.budget.used == 0
        assert len(served.reported("internal_error")) == 3
        assert SECRET not in str(served.events)


@pytest.mark.parametrize("leave", [Peer.reset, lambda peer: peer.sock.close()], ids=["rst", "fin"])
@pytest.mark.parametrize("question", ["AUTH", "MAIL", "DATA"])
def test_a_client_that_leaves_during_a_question_is_forgotten(
    tmp_path: Path, question: str, leave: Callable[[Peer], None]
) -> None:
    with serving(tmp_path, Plan(around=late({}, delay=0.1))) as served:
        peer = served.secured()
        if question != "AUTH":
            peer.login(served.username, served.password.reveal())
        if question == "DATA":
            peer.begin(served.sender)
        last = {
            "AUTH": f"AUTH LOGIN\r\n{encoded(served.username)}\r\n{encoded('x')}\r\n",
            "MAIL": f"MAIL FROM:<{served.sender}>\r\n",
            "DATA": "From: <other@example.com>\r\n\r\nhi\r\n.\r\n",
        }
        peer.send(last[question].encode())
        time.sleep(0.03)
        leave(peer)
        eventually(lambda: served.supervisor.connections == 0)
        time.sleep(0.15)
        assert not served.reported("internal_error")
        assert served.relay.budget.used == 0


def test_revoked_rights_count_at_the_next_command(tmp_path: Path) -> None:
    with serving(tmp_path, Plan()) as served, served.signed_in() as peer:
        assert peer.deliver(served.sender, letter(served.sender)).startswith("250 ")
        served.run(served.take_away())
        assert peer.ask(f"MAIL FROM:<{served.sender}>").startswith(("501 ", "530 ", "550 "))
        with served.secured() as other:
            refused = other.login(served.username, served.password.reveal())
            assert refused == "535 5.7.3 Authentication unsuccessful"


def test_the_true_reason_is_for_the_operator_alone(tmp_path: Path) -> None:
    with serving(tmp_path, Plan()) as served, served.secured() as peer:
        said = peer.login(served.username, "wrong-password")
        assert said == "535 5.7.3 Authentication unsuccessful"
        [refused] = served.reported("auth_refused")
        assert re.fullmatch(r"[a-z_]+: .+", refused["reason"])
        assert refused["username"] == served.username
        assert "wrong-password" not in str(served.events)
        assert served.password.reveal() not in str(served.events)


# Connections that are counted.


class LateQuotas:
    """Allows one connection of a principal at a time; the answer takes a while."""

    def __init__(self) -> None:
        self.entered: list[str] = []

    def enter(self, principal: Principal) -> "asyncio.Future[Reply | None]":
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Reply | None] = loop.create_future()
        refusal = Reply(421, "Too many connections") if principal.name in self.entered else None
        if refusal is None:
            self.entered.append(principal.name)
        loop.call_later(0.1, future.set_result, refusal)
        return future

    def leave(self, principal: Principal) -> None:
        self.entered.remove(principal.name)

    def admit(
        self, principal: Principal, sender: Address, recipients: Sequence[Address] = ()
    ) -> Reply | None:
        raise AssertionError(f"{principal.name} sends nothing here as {sender} to {recipients}")


def test_each_counted_connection_is_taken_off_once(tmp_path: Path) -> None:
    quotas = LateQuotas()
    with serving(tmp_path, Plan(quotas=quotas)) as served:
        for leave in (Peer.reset, lambda peer: peer.sock.close()):
            with served.signed_in() as first, served.secured() as second:
                assert len(quotas.entered) == 1
                said = second.login(served.username, served.password.reveal())
                assert said == "421 Too many connections"
                assert first.ask("NOOP").startswith("250 ")
            eventually(lambda: not quotas.entered)
            hasty = served.secured()
            user, password = encoded(served.username), encoded(served.password.reveal())
            hasty.send(f"AUTH LOGIN\r\n{user}\r\n{password}\r\n".encode())
            eventually(lambda: len(quotas.entered) == 1)
            leave(hasty)
            eventually(lambda: not quotas.entered)
        time.sleep(0.15)
        assert not quotas.entered


@pytest.mark.parametrize("delay", [0.0, 0.3], ids=["judged", "refused"])
def test_a_client_gone_during_login_counts_until_the_verdict(tmp_path: Path, delay: float) -> None:
    counts = ClientCounts(ClientLimits(sessions=1, first_delay=delay), time.monotonic)
    around = late({}, delay=0.3 - delay)
    with serving(tmp_path, Plan(around=around, clients=LocalClientCounter(counts))) as served:
        peer = served.secured()
        name, guess = encoded(served.username), encoded("guess")
        peer.send(f"AUTH LOGIN\r\n{name}\r\n{guess}\r\n".encode())
        time.sleep(0.1)
        peer.reset()
        eventually(lambda: served.supervisor.connections == 0)
        with served.peer() as hasty:
            assert hasty.reply().startswith("421 ")
        time.sleep(0.3)
        with served.peer() as patient:
            assert patient.reply().startswith("220 ")


REFUSALS = [
    ("NONSENSE with-a-secret", "500 5.5.1 Command not recognized", "a verb that is none"),
    ("AUTH PLAIN", "504 5.7.4 Unrecognized authentication type", "AUTH PLAIN is not offered"),
    ("AUTH LOGIN !!!", "501 5.5.2 Cannot decode base64", "in answer to AUTH"),
    ("MAIL FROM:<a@example.com>", "530 5.7.57 Client not authenticated to send mail.",
     "MAIL without a sign-in"),
    ("EHLO", "501 5.5.4 Syntax error in arguments", "in answer to EHLO"),
    ("STARTTLS", "503 5.5.1 Bad sequence of commands", "STARTTLS is not offered here"),
]  # fmt: skip


@pytest.mark.parametrize(("command", "reply", "reason"), REFUSALS)
def test_the_operator_hears_of_what_the_protocol_refuses(
    tmp_path: Path, command: str, reply: str, reason: str
) -> None:
    with serving(tmp_path, Plan()) as served, served.secured() as peer:
        assert peer.ask(command) == reply
        assert peer.ask("NOOP").startswith("250 ")
        assert served.reported("refused") == [
            {"peer": "127.0.0.1", "reply": reply, "reason": reason}
        ]
        assert "with-a-secret" not in str(served.events)


def test_the_operator_hears_of_a_cancelled_login(tmp_path: Path) -> None:
    with serving(tmp_path, Plan()) as served, served.secured() as peer:
        assert peer.ask("AUTH LOGIN").startswith("334 ")
        assert peer.ask("*") == "501 5.7.0 Authentication cancelled"
        assert [each["reply"] for each in served.reported("refused")] == [
            "501 5.7.0 Authentication cancelled"
        ]


# Faults of our own.


@pytest.mark.parametrize("event", ["signed_in", "accepted"])
def test_a_fault_of_ours_ends_in_421_and_never_in_silence(tmp_path: Path, event: str) -> None:
    """The report raises an unexpected error: earlier replies still arrive."""

    def report(name: str) -> None:
        if name == event:
            raise RuntimeError(SECRET)

    with serving(tmp_path, Plan(report=report)) as served, served.secured() as peer:
        if event == "signed_in":
            said = peer.login(served.username, served.password.reveal())
            assert said == "235 2.7.0 Authentication successful"
        else:
            peer.login(served.username, served.password.reveal())
            peer.begin(served.sender)
            peer.send(letter(served.sender) + b".\r\n")
            assert peer.reply().startswith("250 2.0.0 OK queued as ")
        assert peer.rest() == b"421 4.3.0 Local error, closing connection\r\n"
        [fault] = served.reported("internal_error")
        assert "RuntimeError at " in fault["reason"]
        assert SECRET not in str(served.events)
