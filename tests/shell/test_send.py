"""Both drivers on real sockets, with scripted servers."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from gatepost.client.connection import Password, Receipt
from gatepost.client.settings import Options, Timeouts, Tls, TlsMode
from gatepost.errors import (
    AuthenticationRefused,
    ConfigError,
    ConnectError,
    ContentRefused,
    Disconnected,
    GatepostError,
    RemoteProtocolError,
    ResolveError,
    TimedOut,
    TlsError,
)
from gatepost.submit import connect, connect_async, send, send_async
from tests.certificates import Authority, Pair, make_authority
from tests.shell.smtp_server import Behaviour, Client, SmtpServer, serving

MESSAGE = b"From: a@example.com\r\nTo: b@example.net\r\n\r\n.dot\r\nHello\r\n"
PASSWORD = "correct horse"

Submit = Callable[..., Receipt]


def blocking(
    message: bytes,
    server: str,
    username: str | None = None,
    password: Password | None = None,
    *,
    tls: Tls,
    options: Options,
) -> Receipt:
    with connect(server, username, password, tls=tls, options=options) as connection:
        return connection.send(message)


def in_a_loop(
    message: bytes,
    server: str,
    username: str | None = None,
    password: Password | None = None,
    *,
    tls: Tls,
    options: Options,
) -> Receipt:
    async def run() -> Receipt:
        async with connect_async(server, username, password, tls=tls, options=options) as open_one:
            return await open_one.send(message)

    return asyncio.run(run())


@pytest.fixture(params=[blocking, in_a_loop])
def submit(request: pytest.FixtureRequest, authority: Authority) -> Submit:
    def call(
        server: SmtpServer,
        *login: str,
        message: bytes = MESSAGE,
        tls: Tls | None = None,
        timeouts: Timeouts | None = None,
    ) -> Receipt:
        tls = tls or Tls(ca_file=authority.ca_file)
        options = Options(timeouts or Timeouts(), local_name="client.example")
        receipt: Receipt = request.param(message, server.address, *login, tls=tls, options=options)
        return receipt

    return call


def hello(client: Client, *lines: str) -> None:
    client.say("220 mail.example ESMTP")
    client.hear()
    client.say(*(f"250-{line}" for line in ("mail.example", *lines)), "250 HELP")


def secured(client: Client, *lines: str) -> None:
    """The dialogue until EHLO under TLS is answered."""
    hello(client, "STARTTLS")
    client.hear()
    client.say("220 go")
    client.start_tls()
    client.hear()
    client.say(*(f"250-{line}" for line in ("mail.example", *lines)), "250 HELP")


def take_message(client: Client, *lines: str) -> None:
    """Accept one message, and QUIT."""
    client.answer("250 ok", "250 ok", "354 go")
    client.hear_content()
    client.say("250 2.0.0 queued")
    client.answer("221 bye")
    client.wait_for_end()


def implicit(client: Client) -> None:
    client.start_tls()
    hello(client)
    take_message(client)


def with_starttls(client: Client) -> None:
    secured(client)
    take_message(client)


def in_clear(client: Client) -> None:
    hello(client)
    take_message(client)


@pytest.mark.parametrize(
    ("behaviour", "mode", "version"),
    [
        (with_starttls, "starttls", "TLSv1.3"),
        (implicit, "implicit", "TLSv1.3"),
        (in_clear, "none", ""),
    ],
)
def test_a_message_arrives(
    submit: Submit, authority: Authority, pair: Pair, behaviour: Behaviour, mode: str, version: str
) -> None:
    with serving(behaviour, pair) as server:
        receipt = submit(server, tls=Tls(mode, authority.ca_file))  # type: ignore[arg-type]  # a word of the table
    assert (receipt.accepted, receipt.reply.text, receipt.tls) == (
        ("b@example.net",),
        "queued",
        version,
    )
    heard = server.clients[0].heard
    assert heard[-4:] == [b"..dot", b"Hello", b".", b"QUIT"]
    assert [line.tls for line in receipt.transcript.lines][-1] is bool(version)


def test_the_shortest_way(authority: Authority, pair: Pair) -> None:
    tls = Tls(ca_file=authority.ca_file)
    with serving(with_starttls, pair) as server:
        assert send(MESSAGE, server.address, tls=tls).accepted == ("b@example.net",)
        receipt = asyncio.run(send_async(MESSAGE, server.address, tls=tls))
        assert receipt.accepted == ("b@example.net",)


def test_several_messages_on_one_connection(authority: Authority, pair: Pair) -> None:
    def two(client: Client) -> None:
        secured(client)
        client.answer("250 ok", "550 no")
        client.answer("250 reset")
        take_message(client)

    with (
        serving(two, pair) as server,
        connect(server.address, tls=Tls(ca_file=authority.ca_file)) as c,
    ):
        with pytest.raises(GatepostError):
            c.send(MESSAGE)
        assert c.send(MESSAGE).reply.code == 250
    assert len(server.clients) == 1


def shaking_hands(client: Client) -> None:
    hello(client, "STARTTLS")
    client.hear()
    client.say("220 go")
    with pytest.raises(OSError, match=r"(?i)alert"):
        client.start_tls()


def test_an_untrusted_authority_is_refused_and_hears_why(
    submit: Submit, pair: Pair, tmp_path: Path
) -> None:
    with serving(shaking_hands, pair) as server, pytest.raises(TlsError) as caught:
        submit(server, "me", PASSWORD, tls=Tls(ca_file=make_authority(tmp_path).ca_file))
    assert (caught.value.phase, caught.value.verify_code) == ("tls", 20)
    assert PASSWORD not in str(server.clients[0].heard)


def test_a_wrong_name_is_refused(submit: Submit, authority: Authority) -> None:
    with (
        serving(shaking_hands, authority.issue("other.example")) as server,
        pytest.raises(TlsError, match="localhost") as caught,
    ):
        submit(server)
    assert caught.value.verify_code == 62


def test_unverified_is_a_decision_of_the_user(submit: Submit, authority: Authority) -> None:
    with serving(with_starttls, authority.issue("other.example")) as server:
        assert submit(server, tls=Tls(verify=False)).tls == "TLSv1.3"


@pytest.mark.parametrize("together", [True, False])
def test_octets_injected_before_tls(submit: Submit, pair: Pair, together: bool) -> None:
    def inject(client: Client) -> None:
        hello(client, "STARTTLS")
        client.hear()
        if together:
            client.say("220 go", "250-injected", "250 AUTH PLAIN")
        else:
            client.say("220 go")
            time.sleep(0.1)
            client.say("250-injected", "250 AUTH PLAIN")
        client.wait_for_end()

    with serving(inject, pair) as server, pytest.raises((RemoteProtocolError, TlsError)):
        submit(server, "me", PASSWORD)
    assert server.clients[0].heard[1] == b"STARTTLS"
    assert not any(b"AUTH" in line for line in server.clients[0].heard)


def test_504_leads_to_the_next_mechanism(submit: Submit, pair: Pair) -> None:
    def like_acs(client: Client) -> None:
        secured(client, "AUTH PLAIN LOGIN")
        client.answer("504 5.7.4 Unrecognized authentication type")
        client.answer("334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "235 welcome")
        take_message(client)

    with serving(like_acs, pair) as server:
        receipt = submit(server, "me", PASSWORD)
    assert receipt.mechanism == "LOGIN"
    assert PASSWORD not in str(receipt.transcript)


def test_535_stops_and_the_password_went_out_once(submit: Submit, pair: Pair) -> None:
    def deny(client: Client) -> None:
        secured(client, "AUTH LOGIN PLAIN")
        client.answer("535 5.7.3 Authentication unsuccessful")
        client.answer("221 bye")
        client.wait_for_end()

    with serving(deny, pair) as server, pytest.raises(AuthenticationRefused) as caught:
        submit(server, "me", PASSWORD)
    assert (caught.value.reply.code, caught.value.mechanism) == (535, "PLAIN")
    assert sum(line.startswith(b"AUTH") for line in server.clients[0].heard) == 1
    assert server.clients[0].heard[-1] == b"QUIT"
    assert "AUTH PLAIN [redacted]" in str(caught.value.transcript)


def silent(client: Client) -> None:
    client.wait_for_end()


def silent_after_hello(client: Client) -> None:
    hello(client, "STARTTLS")
    client.wait_for_end()


def silent_in_the_handshake(client: Client) -> None:
    hello(client, "STARTTLS")
    client.hear()
    client.say("220 go")
    client.wait_for_end()


def silent_after_the_content(client: Client) -> None:
    secured(client)
    client.answer("250 ok", "250 ok", "354 go")
    client.hear_content()
    client.wait_for_end()


def a_drop_now_and_then(client: Client) -> None:
    """Slower than the whole reply may take, but never silent for long."""
    for octet in b"220-mail.example\r\n" * 4:
        client.socket.sendall(bytes([octet]))
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("behaviour", "phase"),
    [
        (silent, "greeting"),
        (a_drop_now_and_then, "greeting"),
        (silent_after_hello, "starttls"),
        (silent_in_the_handshake, "tls"),
        (silent_after_the_content, "content"),
    ],
)
def test_timeouts_name_their_phase(
    submit: Submit, pair: Pair, behaviour: Behaviour, phase: str
) -> None:
    def bear(client: Client) -> None:
        try:
            behaviour(client)
        except OSError:
            pass  # we hung up

    with serving(bear, pair) as server, pytest.raises(TimedOut) as caught:
        submit(server, timeouts=Timeouts(**{phase: 0.3}))
    assert caught.value.phase == phase


def test_a_slow_server_is_waited_for(submit: Submit, pair: Pair) -> None:
    """Every octet is sent alone, also during the handshake."""

    def dribble(client: Client) -> None:
        secured(client)
        for reply in ("250 ok", "250 ok", "354 go"):
            client.hear()
            for octet in f"{reply}\r\n".encode():
                client.socket.sendall(bytes([octet]))
                time.sleep(0.002)
        client.hear_content()
        client.say("250 ok")
        client.answer("221 bye")

    with serving(dribble, pair) as server:
        assert submit(server).reply.code == 250


BIG = MESSAGE + b"x" * 78 * 200_000 + b"\r\n"


@pytest.mark.parametrize("reset", [True, False])
@pytest.mark.parametrize("tls", [True, False])
def test_552_in_the_middle_of_a_big_body(
    submit: Submit, authority: Authority, pair: Pair, tls: bool, reset: bool
) -> None:
    def refuse_early(client: Client) -> None:
        (secured if tls else hello)(client)
        client.answer("250 ok", "250 ok", "354 go")
        client.socket.recv(1_000)
        client.say("552 5.3.4 Message size exceeds limit")
        if not reset:
            while client.socket.recv(65_536):
                pass

    def bear(client: Client) -> None:
        try:
            refuse_early(client)
        except OSError:
            pass  # we hung up

    with serving(bear, pair) as server, pytest.raises(ContentRefused) as caught:
        submit(server, message=BIG, tls=Tls("starttls" if tls else "none", authority.ca_file))
    assert (caught.value.reply.code, caught.value.phase) == (552, "content")


def test_a_server_that_does_not_read(submit: Submit, pair: Pair) -> None:
    has_left = threading.Event()

    def sit(client: Client) -> None:
        secured(client)
        client.answer("250 ok", "250 ok", "354 go")
        has_left.wait(60)

    with serving(sit, pair) as server:
        with pytest.raises(TimedOut) as caught:
            submit(server, message=BIG, timeouts=Timeouts(block=0.3))
        has_left.set()
    assert caught.value.phase == "content"


def test_a_cut_under_tls_differs_from_a_close(submit: Submit, pair: Pair) -> None:
    def cut(client: Client) -> None:
        secured(client)
        client.hear()

    def close(client: Client) -> None:
        cut(client)
        client.socket.unwrap()  # type: ignore[attr-defined]  # it is an SSLSocket by now

    with serving(cut, pair) as server, pytest.raises(Disconnected, match="without closing TLS"):
        submit(server)
    with serving(close, pair) as server, pytest.raises(Disconnected, match="closed the connection"):
        submit(server)


def test_goodbye_goes_both_ways(submit: Submit, pair: Pair) -> None:
    """The scripted server does not tolerate ragged ends: it fails without our close_notify."""
    with serving(with_starttls, pair) as server:
        submit(server)
    assert server.failure is None


def test_a_closed_port_is_a_connect_error(submit: Submit, pair: Pair) -> None:
    with SmtpServer(in_clear, pair) as server:
        pass
    with pytest.raises(ConnectError) as caught:
        submit(server)
    assert caught.value.phase == "connect"


def test_no_such_name() -> None:
    with pytest.raises(ResolveError) as caught:
        send(MESSAGE, "no-such-host.invalid:25")
    assert caught.value.phase == "resolve"
    with pytest.raises(ResolveError):
        asyncio.run(send_async(MESSAGE, "no-such-host.invalid:25"))


def test_a_cancelled_task_sends_nothing_more(authority: Authority, pair: Pair) -> None:
    has_recipient = threading.Event()

    def slow(client: Client) -> None:
        secured(client)
        client.answer("250 ok")
        client.hear()
        has_recipient.set()
        client.wait_for_end()

    async def run(server: SmtpServer) -> None:
        sending = asyncio.create_task(
            send_async(MESSAGE, server.address, tls=Tls(ca_file=authority.ca_file))
        )
        await asyncio.to_thread(has_recipient.wait, 30)
        sending.cancel()
        await sending

    def bear(client: Client) -> None:
        try:
            slow(client)
        except OSError:
            pass  # we hung up

    with serving(bear, pair) as server, pytest.raises(asyncio.CancelledError):
        asyncio.run(run(server))
    assert server.clients[0].heard[-1].startswith(b"RCPT")


# The time for the whole call.


def stall_at_once(client: Client) -> None:
    client.wait_for_end()


def drip(client: Client) -> None:
    """A greeting whose lines never end: no single wait is long."""
    with suppress(OSError):
        while True:
            client.say("220-mail.example")
            time.sleep(0.02)


def drip_octets(client: Client) -> None:
    hello(client)
    with suppress(OSError):
        while True:
            client.socket.sendall(b"2")
            time.sleep(0.02)


def stall_in_the_handshake(client: Client) -> None:
    hello(client, "STARTTLS")
    client.answer("220 go")
    client.wait_for_end()  # a hello may contain the end of a line


def stall_after_the_content(client: Client) -> None:
    hello(client)
    client.answer("250 ok", "250 ok", "354 go")
    client.hear_content()
    client.wait_for_end()


def stop_reading(client: Client) -> None:
    hello(client)
    client.answer("250 ok", "250 ok", "354 go")
    time.sleep(3)


def send_and_wait(*given: object, **named: object) -> Receipt:
    return asyncio.run(send_async(*given, **named))  # type: ignore[arg-type]


@pytest.mark.parametrize("sending", [send, send_and_wait])
@pytest.mark.parametrize(
    "behaviour",
    [
        stall_at_once, drip, drip_octets, stall_in_the_handshake, stall_after_the_content,
        stop_reading,
    ],
)  # fmt: skip
def test_a_timeout_is_for_the_whole_call(
    sending: Submit, behaviour: Behaviour, pair: Pair, authority: Authority
) -> None:
    mode: TlsMode = "starttls" if behaviour is stall_in_the_handshake else "none"
    large = MESSAGE + (b"x" * 70 + b"\r\n") * 300_000 * (behaviour is stop_reading)
    with serving(behaviour, pair) as server:
        began = time.monotonic()
        with pytest.raises(TimedOut) as caught:
            sending(large, server.address, tls=Tls(mode, ca_file=authority.ca_file), timeout=1.0)
        took = time.monotonic() - began
    assert 0.9 < took < 20
    assert caught.value.phase
    assert caught.value.transcript is not None


@pytest.mark.parametrize("sending", [send, send_and_wait])
def test_what_was_accepted_in_time_was_sent(sending: Submit, pair: Pair) -> None:
    """Also if the server does not answer QUIT."""

    def accept(client: Client) -> None:
        hello(client)
        client.answer("250 ok", "250 ok", "354 go")
        client.hear_content()
        client.say("250 queued")
        client.hear()
        client.wait_for_end()

    with serving(accept, pair) as server:
        began = time.monotonic()
        assert sending(MESSAGE, server.address, tls=Tls("none"), timeout=3).reply.code == 250
        assert time.monotonic() - began < 20


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_a_timeout_that_is_none(timeout: float) -> None:
    with pytest.raises(ConfigError, match="it is a positive number of seconds"):
        send(MESSAGE, "localhost:1", timeout=timeout)
    with pytest.raises(ConfigError, match="it is a positive number of seconds"):
        connect("localhost:1", timeout=timeout)


def test_a_silent_name_service_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()

    def never(*_: object, **__: object) -> list[object]:
        answered.wait(60)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", never)
    for sending in (send, send_and_wait):
        began = time.monotonic()
        with pytest.raises(TimedOut, match="in time") as caught:
            sending(MESSAGE, "mail.example:25", timeout=0.2)
        assert time.monotonic() - began < 20
        assert caught.value.phase in ("resolve", "connect")
    answered.set()


def test_each_message_of_a_connection_has_its_time(pair: Pair) -> None:
    def accept(client: Client) -> None:
        hello(client)
        for _ in range(2):
            client.answer("250 ok", "250 ok", "354 go")
            client.hear_content()
            client.say("250 queued")
        client.wait_for_end()

    with (
        serving(accept, pair) as server,
        connect(server.address, tls=Tls("none"), timeout=2) as connection,
    ):
        connection.send(MESSAGE)
        time.sleep(2.1)
        connection.send(MESSAGE)
        with pytest.raises(TimedOut):
            connection.send(MESSAGE)
