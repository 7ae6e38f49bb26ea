"""Scripted failures over real sockets: what a client sees, stage by stage and action by action."""

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.shell.in_process_relay import InProcessRelay, Plan, serving

CONTENT = b"From: <%s>\r\nSubject: Code 12\r\nX-Test: a\r\n b\r\n\r\nHello\r\n"


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcessRelay]:
    directory = tmp_path_factory.mktemp("relay")
    (directory / "other").mkdir()
    with serving(directory, Plan(has_failures=True)) as served:
        yield served


@pytest.fixture(autouse=True)
def _no_rules(relay: InProcessRelay) -> Iterator[None]:
    yield
    relay.script()


def content(relay: InProcessRelay) -> bytes:
    return CONTENT % relay.sender.encode()


def last_action(relay: InProcessRelay) -> str:
    return str(relay.reported("injected")[-1]["action"])


def injected_lines(relay: InProcessRelay, session: str) -> list[Any]:
    """Return what the transcript of a session that ends says of rules."""
    _wait_until(lambda: any(each.id == session for each in relay.records))
    record = next(each for each in relay.records if each.id == session)
    return [line[4] for line in record.lines if line[4] and "injected" in line[4]]


def steps(relay: InProcessRelay) -> Iterator[tuple[str, str]]:
    """Yield each stage of a session, and what the client gets there."""
    with relay.peer() as peer:
        yield "connect", peer.reply()
        yield "ehlo", peer.ask("EHLO client.example")
        yield "starttls", peer.ask("STARTTLS")
        peer.shake()
        peer.ask("EHLO client.example")
        yield "noop", peer.ask("NOOP")
        yield "rset", peer.ask("RSET")
        yield "auth", peer.login(relay.username, relay.password.reveal())
        yield "mail", peer.ask(f"MAIL FROM:<{relay.sender}>")
        yield "rcpt", peer.ask("RCPT TO:<bob@example.net>")
        yield "data", peer.ask("DATA")
        peer.send(content(relay) + b".\r\n")
        yield "message", peer.reply()
        yield "quit", peer.ask("QUIT")


def test_without_rules_everything_is_ordinary(relay: InProcessRelay) -> None:
    assert [reply[:3] for _, reply in steps(relay)] == (
        ["220", "250", "220", "250", "250", "235", "250", "250", "354", "250", "221"]
    )


@pytest.mark.parametrize("reply", ["421 4.3.2 Later", "451 4.7.1 Later", "554 5.7.1 Never"])
@pytest.mark.parametrize(
    "stage",
    ["connect", "ehlo", "starttls", "noop", "rset", "auth", "mail", "rcpt", "data", "message",
     "quit"],
)  # fmt: skip
def test_a_reply_comes_at_its_stage(relay: InProcessRelay, stage: str, reply: str) -> None:
    relay.script(f"{stage} -> reply {reply}")
    before = len(relay.messages())
    for at, answer in steps(relay):
        if at == stage:
            assert answer == reply
            break
        assert answer[:1] in ("2", "3"), at
    assert len(relay.messages()) == before + (stage == "quit")
    injected = relay.reported("injected")[-1]
    assert (injected["rule"], injected["action"], injected["stage"]) == ("r0", "reply", stage)
    line = injected_lines(relay, injected["session"])[-1]
    assert line["injected"] == {"rule": "r0", "action": "reply"}
    assert line["instead_of"][:3] in ("220", "250", "235", "354", "221")


def test_any_command_can_be_refused(relay: InProcessRelay) -> None:
    relay.script("command command=VRFY,XYZ,BDAT -> reply 451 4.0.0 Not now")
    with relay.secured() as peer:
        peer.login(relay.username, relay.password.reveal())
        assert peer.ask("VRFY ann") == "451 4.0.0 Not now"
        assert peer.ask("XYZ") == "451 4.0.0 Not now"
        assert peer.ask("ABC").startswith("500 ")
        assert peer.ask(f"MAIL FROM:<{relay.sender}>").startswith("250")
        assert peer.ask("RCPT TO:<bob@example.net>").startswith("250")
        assert peer.ask("NOOP").startswith("250")


def test_the_octets_of_a_refused_chunk_are_no_commands(tmp_path: Path) -> None:
    with serving(tmp_path, Plan(profile="gatepost", has_failures=True)) as relay:
        relay.script("data times=1 -> reply 451 4.3.0 Later", "noop -> reply 451 4.0.0 Command")
        with relay.signed_in() as peer:
            assert "CHUNKING" in peer.ask("EHLO client.example")
            peer.ask(f"MAIL FROM:<{relay.sender}>")
            peer.ask("RCPT TO:<bob@example.net>")
            peer.send(b"BDAT 6\r\nNOOP\r\nBDAT 6 LAST\r\nNOOP\r\n")
            assert [peer.reply(), peer.reply()] == ["451 4.3.0 Later"] * 2
            assert peer.ask("NOOP") == "451 4.0.0 Command"
            peer.ask(f"MAIL FROM:<{relay.sender}>")
            peer.ask("RCPT TO:<bob@example.net>")
            body = content(relay)
            peer.send(b"BDAT %d LAST\r\n%s" % (len(body), body))
            assert peer.reply().startswith("250")


def test_a_rule_does_not_grant_a_login(relay: InProcessRelay) -> None:
    relay.script("auth user=nobody -> pass", "auth -> delay 1ms ; go_on", "mail -> delay 1ms")
    with relay.secured() as peer:
        assert peer.login(relay.username, "wrong").startswith("535 ")
        assert peer.ask(f"MAIL FROM:<{relay.sender}>").startswith("530 ")


def test_two_refusals_then_success_for_each_recipient(relay: InProcessRelay) -> None:
    relay.script(
        "rcpt recipient=*@slow.test attempt=1-2 per=recipient -> reply 451 4.7.1 Try {attempt}"
    )

    def attempts(recipient: str) -> list[str]:
        with relay.signed_in() as peer:
            peer.ask(f"MAIL FROM:<{relay.sender}>")
            return [peer.ask(f"RCPT TO:<{recipient}>") for _ in range(3)]

    with ThreadPoolExecutor(20) as threads:
        replies = list(threads.map(attempts, [f"u{n}@slow.test" for n in range(20)]))
    assert (
        replies == [["451 4.7.1 Try 1", "451 4.7.1 Try 2", "250 2.1.5 Recipient OK"]] * 20
        or [each[:2] for each in replies] == [["451 4.7.1 Try 1", "451 4.7.1 Try 2"]] * 20
    )


def test_a_message_is_stored_and_never_acknowledged(relay: InProcessRelay) -> None:
    relay.script("message times=1 -> keep ; close before")
    before = len(relay.messages())
    with relay.signed_in() as peer:
        assert peer.deliver(relay.sender, content(relay)) == ""
    assert len(relay.messages()) == before + 1
    injected = relay.reported("injected")[-2:]
    assert [each["action"] for each in injected] == ["keep", "close"]
    lines = injected_lines(relay, injected[-1]["session"])
    assert lines[-1]["instead_of"].startswith("250 ")
    assert relay.reported("closed")[-1]["reason"] == "rule r0"
    assert relay.failures is not None
    assert list(relay.failures.injected.values())[-1] == ("r0",)


@pytest.mark.parametrize("do", ["delay 1ms", "keep ; close before"])
def test_what_rules_did_is_durable_before_the_message(relay: InProcessRelay, do: str) -> None:
    relay.script(f"message -> {do}")
    assert relay.failures is not None
    asked: list[asyncio.Future[None]] = []

    def keep(_message: str) -> asyncio.Future[None]:
        asked.append(asyncio.get_running_loop().create_future())
        return asked[0]

    async def answer() -> None:
        asked[0].set_result(None)

    before, relay.failures.keep = len(relay.messages()), keep
    try:
        with relay.signed_in() as peer, ThreadPoolExecutor(1) as thread:
            reply = thread.submit(peer.deliver, relay.sender, content(relay))
            _wait_until(lambda: asked)
            assert len(relay.messages()) == before
            relay.run(answer())
            assert reply.result() == "" or reply.result().startswith("250 ")
    finally:
        relay.failures.keep = lambda _message: None
    assert len(relay.messages()) == before + 1


def test_without_keep_nothing_is_stored(relay: InProcessRelay) -> None:
    relay.script("message -> close before")
    before = len(relay.messages())
    with relay.signed_in() as peer:
        assert peer.deliver(relay.sender, content(relay)) == ""
    assert len(relay.messages()) == before


def test_a_message_is_kept_and_refused(relay: InProcessRelay) -> None:
    relay.script("message times=1 -> keep ; reply 451 4.3.0 Maybe")
    before = len(relay.messages())
    with relay.signed_in() as peer:
        assert peer.deliver(relay.sender, content(relay)) == "451 4.3.0 Maybe"
        assert peer.deliver(relay.sender, content(relay)).startswith("250 ")
    assert len(relay.messages()) == before + 2


def test_a_message_is_discarded(relay: InProcessRelay) -> None:
    relay.script("message times=1 -> discard")
    before = len(relay.messages())
    with relay.signed_in() as peer:
        assert peer.deliver(relay.sender, content(relay)).startswith("250 ")
        assert peer.deliver(relay.sender, content(relay)).startswith("250 ")
    assert len(relay.messages()) == before + 1


@pytest.mark.parametrize(
    ("conditions", "matches"),
    [
        ("subject=code*", True),
        ('header.X-Test="/a b/"', True),
        ("header.X-Test=a", False),
        ("size=>10", True),
        ("size=>1000", False),
        ("recipient=bob@*", True),
    ],
)
def test_a_message_is_judged_by_its_content(
    relay: InProcessRelay, conditions: str, matches: bool
) -> None:
    relay.script(f"message {conditions} -> reply 552 5.3.4 No")
    with relay.signed_in() as peer:
        reply = peer.deliver(relay.sender, content(relay))
    assert reply == "552 5.3.4 No" if matches else reply.startswith("250 ")


def test_a_delay_is_only_for_its_client(tmp_path: Path) -> None:
    with (
        serving(tmp_path, Plan(has_failures=True)) as relay,
        relay.signed_in() as slow, relay.signed_in() as other,
    ):  # fmt: skip
        relay.script("mail user=* -> delay 1h", "rset -> delay 0.3s")
        slow.send(f"MAIL FROM:<{relay.sender}>\r\n".encode())
        for _ in range(50):
            assert other.ask("NOOP").startswith("250 ")
        start = time.monotonic()
        assert other.ask("RSET").startswith("250 ")
        assert time.monotonic() - start > 0.28


def test_pipelined_commands_wait_for_a_delay(relay: InProcessRelay) -> None:
    relay.script("noop attempt=2 -> delay 0.3s")
    with relay.greeted() as peer:
        start = time.monotonic()
        peer.send(b"NOOP\r\nNOOP\r\nRSET\r\n")
        assert [peer.reply()[:3] for _ in range(3)] == ["250"] * 3
        assert time.monotonic() - start > 0.25


@pytest.mark.parametrize("wait", ["stall forever", "delay 5m"])
def test_a_wait_ends_when_the_client_leaves(relay: InProcessRelay, wait: str) -> None:
    relay.script(f"ehlo -> {wait}")
    before = len(relay.reported("injected"))
    peer = relay.peer()
    peer.reply()
    peer.send(b"EHLO client.example\r\n")
    _wait_until(lambda: len(relay.reported("injected")) > before)
    assert relay.supervisor.connections == 1
    peer.sock.close()
    _wait_until(lambda: relay.supervisor.connections == 0)


def test_a_stall_ends_when_the_client_sends_no_more(relay: InProcessRelay) -> None:
    relay.script("ehlo -> stall forever")
    with relay.peer() as peer:
        peer.reply()
        peer.send(b"EHLO client.example\r\n")
        peer.sock.shutdown(socket.SHUT_WR)
        assert peer.is_closed()


def test_a_client_that_waits_cannot_fill_the_memory(relay: InProcessRelay) -> None:
    relay.script("connect -> delay 3s")
    with relay.peer() as peer:
        sent = peer.send_until_it_stalls(b"NOOP\r\n" * 1000)
    assert sent < 16 * 1024 * 1024


def test_keywords_of_ehlo_are_changed(relay: InProcessRelay) -> None:
    relay.script('ehlo tls=true times=1 -> ehlo drop="SIZE,AUTH PLAIN" add=X-NEW')
    with relay.secured() as peer:
        changed = peer.ask("EHLO client.example").split("\n")
    with relay.secured() as peer:
        pass
    relay.script('ehlo tls=true -> ehlo drop=SIZE,AUTH add="X-NEW 1"')
    with relay.secured() as peer:
        lines = [each[4:] for each in peer.ask("EHLO client.example").split("\n")]
        assert "X-NEW 1" in lines
        assert not [each for each in lines if each.startswith(("SIZE", "AUTH"))]
        assert peer.ask("AUTH LOGIN").startswith("504 ")
        relay.script()
        assert "X-NEW" not in peer.ask("EHLO client.example")
        assert peer.login(relay.username, relay.password.reveal()).startswith("235 ")
    assert changed


def test_rules_apply_to_open_sessions_at_once(relay: InProcessRelay) -> None:
    with relay.greeted() as peer:
        assert peer.ask("NOOP").startswith("250")
        relay.script("noop -> reply 451 4.0.0 Now")
        assert peer.ask("NOOP") == "451 4.0.0 Now"
        relay.script()
        assert peer.ask("NOOP").startswith("250")


def test_a_greeting_comes_octet_by_octet(relay: InProcessRelay) -> None:
    relay.script("connect -> pace 1/0.05")
    with relay.peer() as peer:
        times = []
        for _ in range(10):
            assert len(peer.sock.recv(1)) == 1
            times.append(time.monotonic())
    gaps = sorted(later - earlier for earlier, later in pairwise(times))
    assert gaps[len(gaps) // 2] > 0.04


def test_later_replies_follow_a_slow_one_in_order(relay: InProcessRelay) -> None:
    relay.script("noop attempt=1 -> pace 4/0.02 ; reply 451 4.0.0 Slow")
    with relay.greeted() as peer:
        peer.send(b"NOOP\r\nRSET\r\nNOOP\r\n")
        assert [peer.reply()[:3] for _ in range(3)] == ["451", "250", "250"]


def test_a_connection_is_reset_within_a_reply(relay: InProcessRelay) -> None:
    relay.script("ehlo -> close after_bytes=5 ; reset")
    with relay.peer() as peer:
        peer.reply()
        peer.send(b"EHLO client.example\r\n")
        assert peer.sock.recv(100) == b"250-r"
        with pytest.raises(ConnectionResetError):
            peer.sock.recv(100)


@pytest.mark.parametrize(
    ("actions", "received", "is_reset"),
    [
        ("close before", "", False),
        ("close after", "250 2.0.0 OK", False),
        ("reply 421 4.3.2 Bye ; close after", "421 4.3.2 Bye", False),
        ("reset", "", True),
        ("reply 421 4.3.2 Bye ; reset", "421 4.3.2 Bye", True),
        ("close after_bytes=3", "250", False),
        ("pace 2/0.01 ; close after", "250 2.0.0 OK", False),
    ],
)
def test_how_a_connection_ends(
    relay: InProcessRelay, actions: str, received: str, is_reset: bool
) -> None:
    relay.script(f"noop -> {actions}")
    with relay.greeted() as peer:
        peer.send(b"NOOP\r\nRSET\r\n")
        octets = b""
        try:
            while more := peer.sock.recv(100):
                octets += more
        except ConnectionResetError:
            assert is_reset
        else:
            assert not is_reset
    assert octets.decode().rstrip("\r\n") == received
    _wait_until(lambda: relay.reported("closed")[-1]["reason"] == "rule r0")


def test_output_at_a_rate(relay: InProcessRelay) -> None:
    relay.script("ehlo -> rate out=1000")
    with relay.peer() as peer:
        peer.reply()
        start = time.monotonic()
        octets = sum(len(peer.ask("EHLO client.example")) for _ in range(4))
        assert time.monotonic() - start > octets / 1000 * 0.7


def test_input_at_a_rate(relay: InProcessRelay) -> None:
    relay.script("data -> rate in=20000")
    body = content(relay) + b"x" * 70 + b"\r\n"
    body += (b"y" * 70 + b"\r\n") * 200
    with relay.signed_in() as peer:
        start = time.monotonic()
        assert peer.deliver(relay.sender, body).startswith("250 ")
        assert time.monotonic() - start > len(body) / 20000 * 0.7
        assert peer.ask("QUIT").startswith("221")


def test_a_session_ends_within_the_content(relay: InProcessRelay) -> None:
    relay.script("body size=>100000 attempt=1 -> close before")
    before = len(relay.messages())
    with relay.signed_in() as peer:
        peer.begin(relay.sender)
        line = b"y" * 70 + b"\r\n"
        with suppress(ConnectionError):
            for _ in range(4000):
                peer.send(line * 10)
        assert peer.is_closed()
    assert len(relay.messages()) == before


def test_content_is_refused_while_it_arrives(relay: InProcessRelay) -> None:
    relay.script("body size=>1000 -> reply 452 4.3.1 Full")
    with relay.signed_in() as peer:
        assert peer.deliver(relay.sender, content(relay)).startswith("250 ")
        long = content(relay) + (b"y" * 70 + b"\r\n") * 5000
        assert peer.deliver(relay.sender, long) == "452 4.3.1 Full"
        assert relay.failures is not None
        assert relay.failures.book.entry("r0").counters.seen == 1


# TLS.


def shake(relay: InProcessRelay, *, implicit: bool) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=relay.ca_file)
    if implicit:
        sock = socket.create_connection(("127.0.0.1", relay.tls_port), 10)
    else:
        peer = relay.greeted()
        assert peer.ask("STARTTLS").startswith("220 ")
        sock = peer.sock
    try:
        return context.wrap_socket(sock, server_hostname="localhost")
    except BaseException:
        sock.close()
        raise


@pytest.mark.parametrize("implicit", [True, False])
@pytest.mark.parametrize(
    ("tls", "reason"),
    [
        ("alert:protocol_version", "ALERT_PROTOCOL_VERSION"),
        ("alert:handshake_failure", "HANDSHAKE_FAILURE"),
        ("alert:unrecognized_name", "UNRECOGNIZED_NAME"),
        ("alert:internal_error", "INTERNAL_ERROR"),
        ("alert:certificate_expired", "CERTIFICATE_EXPIRED"),
        ("garbage", "WRONG_VERSION_NUMBER|RECORD_LAYER_FAILURE"),
        ("truncate=40", "EOF"),
        ("certificate=self-signed", "CERTIFICATE_VERIFY_FAILED"),
        ("maximum=TLSv1.1", "PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL"),
    ],
)
def test_how_tls_fails(relay: InProcessRelay, tls: str, reason: str, implicit: bool) -> None:
    stage = "tls" if implicit else "starttls"
    relay.script(f"{stage} -> tls {tls}")
    with pytest.raises(ssl.SSLError, match=reason):
        shake(relay, implicit=implicit)
    assert last_action(relay) == "tls"
    relay.script()
    with shake(relay, implicit=implicit) as healthy:
        assert healthy.version() == "TLSv1.3"


def test_starttls_is_refused(relay: InProcessRelay) -> None:
    relay.script("starttls -> tls refuse")
    with relay.greeted() as peer:
        assert peer.ask("STARTTLS").startswith("454 ")
        assert peer.ask("NOOP").startswith("250 ")


def test_a_handshake_is_delayed(relay: InProcessRelay) -> None:
    relay.script("tls listener=smtps -> delay 0.4s")
    start = time.monotonic()
    with shake(relay, implicit=True):
        assert time.monotonic() - start > 0.35
    with relay.secured():
        pass


@pytest.mark.parametrize("actions", ["reset", "close before"])
def test_a_handshake_is_cut(relay: InProcessRelay, actions: str) -> None:
    relay.script(f"tls -> {actions}")
    expected = ConnectionResetError if actions == "reset" else ssl.SSLError
    with pytest.raises(expected):
        shake(relay, implicit=True)


# Reserved addresses.


def test_reserved_addresses_need_no_rule(relay: InProcessRelay) -> None:
    with relay.signed_in() as peer:
        assert peer.ask("MAIL FROM:<451@fail.gatepost.test>").startswith("451 4.0.0 ")
        assert peer.ask(f"MAIL FROM:<{relay.sender}>").startswith("250 ")
        rcpt = [
            peer.ask(f"RCPT TO:<{local}@fail.gatepost.test>")[:9]
            for local in ("550-5.1.1", "451+x", "first-451", "first-451", "ann", "message-552")
        ]
        assert rcpt == ["550 5.1.1", "451 4.0.0", "451 4.0.0", *["250 2.1.5"] * 3]
        assert peer.ask("DATA").startswith("354 ")
        peer.send(content(relay) + b".\r\n")
        assert peer.reply().startswith("552 5.0.0 ")
        assert peer.deliver(relay.sender, content(relay)).startswith("250 ")
        peer.ask(f"MAIL FROM:<{relay.sender}>")
        start = time.monotonic()
        assert peer.ask("RCPT TO:<slow-1@fail.gatepost.test>").startswith("250 ")
        assert time.monotonic() - start > 0.9
        assert peer.ask("RCPT TO:<drop@fail.gatepost.test>") == ""


# Many at once.


def test_lanes_do_not_see_each_other(relay: InProcessRelay) -> None:
    relay.script("connect listener=smtp -> reply 421 4.3.2 A", "connect -> reply 554 5.3.2 B")
    replies: list[str] = []

    def visit(number: int) -> None:
        if number % 2:
            with relay.peer() as peer:
                replies.append("A" if peer.reply() == "421 4.3.2 A" else "?")
        else:
            with relay.tls_peer() as peer:
                replies.append("B" if peer.reply() == "554 5.3.2 B" else "?")

    with ThreadPoolExecutor(40) as threads:
        list(threads.map(visit, range(80)))
    assert sorted(replies) == ["A"] * 40 + ["B"] * 40


def _wait_until(is_done: "object", seconds: float = 30.0) -> None:
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while not is_done():  # type: ignore[operator]
        assert time.monotonic() < deadline
        pause.wait(0.01)


def test_a_message_names_the_rules_of_its_own_transaction(relay: InProcessRelay) -> None:
    relay.script("rcpt times=1 -> delay 1ms", "data -> delay 1ms ; go_on", "noop -> delay 1ms")
    assert relay.failures is not None
    with relay.signed_in() as peer:
        for _ in range(3):
            assert peer.ask("NOOP").startswith("250 ")
            assert peer.deliver(relay.sender, content(relay)).startswith("250 ")
    assert list(relay.failures.injected.values())[-3:] == [("r0", "r1"), ("r1",), ("r1",)]


def test_a_client_that_speaks_first_gets_the_greeting_that_a_rule_shapes(
    relay: InProcessRelay,
) -> None:
    relay.script("connect -> delay 50ms ; close after_bytes=3", "command -> reply 451 4.0.0 No")
    with relay.peer() as peer:
        peer.send(b"EHLO x\r\nNOOP\r\n")
        assert peer.rest() == b"220"
    assert relay.reported("internal_error") == []


def test_tls_begins_after_a_slow_reply(relay: InProcessRelay) -> None:
    relay.script("starttls -> pace 5/0.01", "ehlo tls=false -> rate out=5000")
    with relay.secured() as peer:
        assert peer.ask("NOOP").startswith("250 ")
    with relay.greeted() as peer:
        peer.send(b"STARTTLS\r\n")
        assert peer.sock.recv(1) == b"2"
        peer.send(b"NOOP\r\n")  # in clear, before the whole reply
        assert b"250 2.0.0 OK" not in peer.rest()
    assert relay.reported("internal_error") == []


def test_one_command_at_two_stages(relay: InProcessRelay) -> None:
    relay.script("command command=NOOP -> pace 5/0.01", "noop -> delay 20ms ; close after")
    with relay.greeted() as peer:
        peer.send(b"RSET\r\nNOOP\r\nRSET\r\n")
        assert peer.rest() == b"250 2.0.0 OK\r\n" * 2
    assert relay.reported("internal_error") == []
