"""One connection, on a fake stream."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from gatepost.directory.contract import Directory
from gatepost.model.credentials import Credentials, Principal
from gatepost.model.envelope import Envelope
from gatepost.model.message import Submission
from gatepost.model.profile import StrictLimits
from gatepost.model.route import MxTarget, Route
from gatepost.net.tls import Context
from gatepost.policy.client_limits import ClientCounts, ClientLimits, LocalClientCounter
from gatepost.policy.quotas import LocalQuotas, SubscriptionQuotas
from gatepost.profiles import load_profile
from gatepost.queue.store_contract import Selection
from gatepost.relay.client_connection import Receiver
from gatepost.relay.listener_state import ServerCertificate, plain_listener_state
from gatepost.relay.shared_by_connections import Relay
from gatepost.relay.spool import Budget
from gatepost.routing.route import Router
from gatepost.testing.memory import MemoryStore
from gatepost.wire.server.replies import Replies
from gatepost.wire.server.session import MAX_UNSENT, SessionSettings
from tests.unit.relay.clear_stream import ClearStream


class SlowStore(MemoryStore):
    """Says that it has a message when a test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def put(self, submission: Submission) -> asyncio.Future[None]:
        super().put(submission)
        return self.kept


def report(event: str, **facts: Any) -> None:
    """Nobody wants to know."""


class Kept(MemoryStore):
    """Knows the envelopes that it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.envelopes: list[Envelope] = []

    def put(self, submission: Submission) -> asyncio.Future[None]:
        self.envelopes.append(submission.envelope)
        return super().put(submission)


def test_auth_of_mail_is_not_believed_without_a_login() -> None:
    async def main() -> None:
        store, stream, nobody = Kept(), ClearStream(), cast("Directory", None)
        relay = Relay(
            nobody, store, Budget(Path()), report, lambda: "m1", lambda: datetime.now(UTC)
        )
        relay.router = Router([Route("out", (MxTarget("direct"),))])
        state = plain_listener_state(
            SessionSettings(load_profile("open"), "h", frozenset({"PLAIN"})), None
        )
        receiver = Receiver(relay, state, lambda _receiver: None)
        receiver.on_accept(stream)  # type: ignore[arg-type]
        receiver.on_connect()
        receiver.on_data(
            b"EHLO client.example\r\nMAIL FROM:<a@example.com> AUTH=boss@example.com\r\n"
            b"RCPT TO:<b@example.com>\r\nDATA\r\nSubject: hi\r\n\r\nHello\r\n.\r\n"
        )
        await store.wait(Selection(), timeout=5)
        assert [each.auth for each in store.envelopes] == ["<>"]

    asyncio.run(main())


@pytest.mark.parametrize(
    "header",
    [
        "From: Printer\r\n",
        "From: undisclosed:;\r\n",
        f"From: {', '.join(f'a{number}@b.example' for number in range(60))}\r\n",
        f"From: a@b.example\r\n{'X: y' * 20_000}\r\n",
    ],
)
def test_authors_are_not_checked_if_no_login_is_required(header: str) -> None:
    """A device in a network that may relay writes what it likes."""

    async def main() -> None:
        stream, nobody = ClearStream(), cast("Directory", None)
        relay = Relay(
            nobody, MemoryStore(), Budget(Path()), report, lambda: "m1", lambda: datetime.now(UTC)
        )
        profile = replace(load_profile("open"), checks_sender=True)
        receiver = Receiver(
            relay, plain_listener_state(SessionSettings(profile, "h"), None), lambda _: None
        )
        receiver.on_accept(stream)  # type: ignore[arg-type]
        receiver.on_connect()
        receiver.on_data(
            b"EHLO a\r\nMAIL FROM:<printer@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n"
            + f"{header}Subject: scan\r\n\r\nHello\r\n.\r\n".encode()
        )
        await relay.store.wait(Selection(), timeout=5)
        await asyncio.sleep(0)
        assert b"250 2.0.0 OK" in stream.said

    asyncio.run(main())


def test_a_client_that_waits_for_an_answer_is_not_idle() -> None:
    async def main() -> None:
        store, stream, nobody = SlowStore(), ClearStream(), cast("Directory", None)
        relay = Relay(
            nobody, store, Budget(Path()), report, lambda: "m1", lambda: datetime.now(UTC)
        )
        state = plain_listener_state(SessionSettings(load_profile("open"), "mail.example"), None)
        receiver = Receiver(relay, state, lambda _receiver: None)
        receiver.on_accept(stream)  # type: ignore[arg-type]
        receiver.on_connect()
        receiver.on_data(
            b"EHLO client.example\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\n"
            b"DATA\r\nSubject: hi\r\n\r\nHello\r\n.\r\n"
        )
        await store.wait(Selection(), timeout=5)
        relay.tick = 1000.0
        store.kept.set_result(None)
        await asyncio.sleep(0)
        assert b"250 2.0.0 OK" in stream.said
        assert receiver.deadline == 1000.0 + load_profile("open").limits.idle

    asyncio.run(main())


def test_endless_pipelining_does_not_block_other_connections() -> None:
    async def main() -> None:
        relay = Relay(
            cast("Directory", None), MemoryStore(), Budget(Path()), report, lambda: "m1",
            lambda: datetime.now(UTC),
        )  # fmt: skip
        state = plain_listener_state(SessionSettings(load_profile("open"), "mail.example"), None)
        receiver, stream = Receiver(relay, state, lambda _receiver: None), ClearStream()
        receiver.on_accept(stream)  # type: ignore[arg-type]
        receiver.on_connect()
        stream.said = b""
        receiver.on_data(b"NOOP\r\n" * (MAX_UNSENT + 1))
        receiver.on_data(b"NOOP\r\n" * (MAX_UNSENT - 1))
        for turn in (1, 2, 2):
            assert stream.said.count(b"250 ") == turn * MAX_UNSENT
            await asyncio.sleep(0)

    asyncio.run(main())


@pytest.mark.parametrize("goodbye", ["QUIT", "the end of the connection"])
def test_a_client_is_uncounted_at_quit_before_it_disconnects(goodbye: str) -> None:
    async def main() -> None:
        clients = LocalClientCounter(ClientCounts(ClientLimits(sessions=1), lambda: 0.0))
        relay = Relay(
            cast("Directory", None), MemoryStore(), Budget(Path()), report, lambda: "m1",
            lambda: datetime.now(UTC), clients=clients,
        )  # fmt: skip
        state = plain_listener_state(SessionSettings(load_profile("open"), "mail.example"), None)
        streams = [ClearStream(), ClearStream(), ClearStream()]
        receivers = [Receiver(relay, state, lambda _receiver: None) for _ in streams]
        for stream, receiver in zip(streams, receivers, strict=True):
            receiver.on_accept(stream)  # type: ignore[arg-type]
        receivers[0].on_connect()
        receivers[1].on_connect()
        assert streams[1].said.startswith(b"421 ")
        if goodbye == "QUIT":
            receivers[0].on_data(b"QUIT\r\n")
            assert b"\r\n221 " in streams[0].said
        else:
            receivers[0].on_end()
        receivers[2].on_connect()
        assert streams[2].said.startswith(b"220 ")
        receivers[0].on_close()
        assert not clients.try_enter("192.0.2.1"), "it is uncounted once"

    asyncio.run(main())


def test_refusals_are_reported_before_the_end_of_the_session() -> None:
    async def main() -> None:
        told: list[str] = []

        def note(event: str, **facts: Any) -> None:
            told.append(event)

        stream, nobody = ClearStream(), cast("Directory", None)
        relay = Relay(
            nobody, MemoryStore(), Budget(Path()), note, lambda: "m1", lambda: datetime.now(UTC)
        )
        state = plain_listener_state(SessionSettings(load_profile("open"), "mail.example"), None)
        receiver = Receiver(relay, state, lambda _receiver: None)
        receiver.on_accept(stream)  # type: ignore[arg-type]
        receiver.on_connect()
        receiver.on_data(b"NONSENSE\r\n" * 50)
        assert b"\r\n421 " in stream.said
        assert set(told) == {"refused", "closed"}
        assert told.index("closed") == len(told) - 1

    asyncio.run(main())


class Anybody:
    """A directory that lets everybody in."""

    mechanisms = frozenset({"PLAIN"})

    def identify(self, credentials: Credentials, mechanism: str) -> Principal:
        return Principal(credentials.username, mechanism)


def test_a_second_login_under_tls_is_counted_once() -> None:
    """STARTTLS has a sign-in forgotten (RFC 3207 4.2)."""

    async def main() -> None:
        stream, directory = ClearStream(), cast("Directory", Anybody())
        one = StrictLimits(connections=1)
        quotas = LocalQuotas(SubscriptionQuotas(one, Replies(), lambda _: False, lambda: 0.0))
        relay = Relay(
            directory, MemoryStore(), Budget(Path()), report, lambda: "m1",
            lambda: datetime.now(UTC), quotas=quotas,
        )  # fmt: skip
        setting = SessionSettings(load_profile("open"), "mail.example", Anybody.mechanisms)
        certificate = ServerCertificate(cast("Context", None))
        receiver = Receiver(
            relay, plain_listener_state(setting, certificate), lambda _receiver: None
        )
        receiver.on_accept(stream)  # type: ignore[arg-type]
        receiver.on_connect()
        sign_in = b"EHLO client.example\r\nAUTH PLAIN AGFwcABzZWNyZXQ=\r\n"
        receiver.on_data(sign_in + b"STARTTLS\r\n")
        assert b"\r\n235 " in stream.said
        stream.said, stream.is_shaking = b"", False
        receiver.on_tls()
        receiver.on_data(sign_in)
        assert b"\r\n235 " in stream.said
        assert quotas.enter(Principal("app")) is not None
        receiver.on_close()
        assert quotas.enter(Principal("app")) is None

    asyncio.run(main())


def test_unfinished_handshakes_are_limited_by_address() -> None:
    """They come before the greeting, at which connections are counted."""

    async def main() -> None:
        relay = Relay(
            cast("Directory", None), MemoryStore(), Budget(Path()), report, lambda: "m1",
            lambda: datetime.now(UTC),
        )  # fmt: skip
        setting = SessionSettings(load_profile("open"), "mail.example")
        state = replace(plain_listener_state(setting, None, implicit=True), handshakes=2)

        def come(address: str = "192.0.2.1") -> tuple[Receiver, ClearStream]:
            receiver, stream = Receiver(relay, state, lambda _receiver: None), ClearStream()
            stream.peer_address = address
            receiver.on_accept(stream)  # type: ignore[arg-type]
            return receiver, stream

        (first, _), (second, _) = come(), come()
        assert come()[1].is_closing
        assert not come("192.0.2.2")[1].is_closing
        first.on_connect()
        assert not come()[1].is_closing
        assert come()[1].is_closing
        second.on_close()
        assert not come()[1].is_closing

    asyncio.run(main())


def test_the_directory_gets_the_address_of_the_client() -> None:
    """By it it lets each have its turn; an IPv6 network is one."""

    class Asked(Anybody):
        peer = ""

        def identify(self, credentials: Credentials, mechanism: str) -> Principal:
            self.peer = credentials.peer
            return super().identify(credentials, mechanism)

    async def main() -> None:
        stream, asked = ClearStream(), Asked()
        stream.peer_address = "2001:db8::17"
        relay = Relay(
            cast("Directory", asked), MemoryStore(), Budget(Path()), report, lambda: "m1",
            lambda: datetime.now(UTC),
        )  # fmt: skip
        setting = SessionSettings(load_profile("open"), "mail.example", Anybody.mechanisms)
        receiver = Receiver(relay, plain_listener_state(setting, None), lambda _receiver: None)
        receiver.on_accept(stream)  # type: ignore[arg-type]
        receiver.on_connect()
        receiver.on_data(b"EHLO client.example\r\nAUTH PLAIN AGFwcABzZWNyZXQ=\r\n")
        assert asked.peer == "2001:db8::/64"

    asyncio.run(main())


def test_each_login_has_a_new_nonce() -> None:
    async def main() -> None:
        stream, nobody = ClearStream(), cast("Directory", None)
        relay = Relay(
            nobody, MemoryStore(), Budget(Path()), report, lambda: "m1", lambda: datetime.now(UTC)
        )
        profile = replace(load_profile("open"), in_clear=("AUTH CRAM-MD5",))
        setting = SessionSettings(profile, "mail.example", frozenset({"CRAM-MD5"}))
        receiver = Receiver(relay, plain_listener_state(setting, None), lambda _receiver: None)
        receiver.on_accept(stream)  # type: ignore[arg-type]
        receiver.on_connect()
        receiver.on_data(b"EHLO client.example\r\n")
        receiver.on_data(b"AUTH CRAM-MD5\r\n*\r\nAUTH CRAM-MD5\r\n")
        first, second = [each for each in stream.said.splitlines() if each.startswith(b"334 ")]
        assert first != second

    asyncio.run(main())
