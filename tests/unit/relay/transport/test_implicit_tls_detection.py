"""A port that is silent before TLS: detected within seconds, without sending a secret."""

import asyncio
from typing import cast

import pytest

from gatepost.client.connection import AsyncConnection
from gatepost.client.session import ClientSession, Peer, TimedReply
from gatepost.diagnosis.diagnose import diagnose
from gatepost.errors import Refused, TimedOut
from gatepost.model.reply import Reply
from gatepost.net.dial import Server
from gatepost.relay.transport.connection_opener import ServerSettings
from gatepost.relay.transport.implicit_tls_detection import SILENCE, unless_silent
from gatepost.relay.transport.sign_in_evidence import LONGEST, MOST, SignInEvidence
from gatepost.testing.clock import FakeClock
from tests.simulated_delivery import run

SERVER = Server("hub.example", 465)


class _Open:
    """A connection that stands."""

    was_closed = False

    async def close(self) -> None:
        self.was_closed = True


OPEN = cast("AsyncConnection", _Open())


class Scene:
    """A server that greets in clear after so many seconds, and in TLS or not."""

    def __init__(self, greets_after: float, *, in_tls: bool, goes_on_for: float = 0) -> None:
        self.clock, self.asked = FakeClock(), 0
        self.evidence = SignInEvidence(ServerSettings(SERVER))
        self._greets_after, self._goes_on_for, self._in_tls = greets_after, goes_on_for, in_tls
        self.was_given_up = False

    async def _open(self) -> AsyncConnection:
        session = ClientSession(Peer(SERVER, "me.example"))
        self.evidence.meet(session, "192.0.2.1")
        try:
            await asyncio.sleep(self._greets_after)
            session.phase = "ehlo"
            await asyncio.sleep(self._goes_on_for)
        except asyncio.CancelledError:
            self.was_given_up = True
            raise
        return OPEN

    async def ask(self) -> bool:
        self.asked += 1
        await asyncio.sleep(1)
        return self._in_tls

    def play(self) -> AsyncConnection:
        found = run(self.clock, unless_silent(self._open(), self.evidence, self.ask))
        return cast("AsyncConnection", found)


def test_a_server_that_sends_a_greeting_is_not_probed() -> None:
    scene = Scene(SILENCE / 2, in_tls=True)
    assert scene.play() is OPEN
    assert scene.asked == 0


def test_a_port_for_implicit_tls_is_detected_without_a_long_wait() -> None:
    scene = Scene(300, in_tls=True)
    with pytest.raises(TimedOut, match="this port is for implicit TLS") as caught:
        scene.play()
    assert scene.was_given_up
    assert scene.clock.monotonic() == SILENCE + 1
    assert caught.value.phase == "greeting"
    seen = scene.evidence.evidence_of(caught.value, scene.clock.now())
    assert [each.id for each in diagnose(seen).findings] == ["starttls_on_implicit_tls_port"]


@pytest.mark.parametrize(("greets_after", "in_tls"), [(60, False), (SILENCE + 0.5, True)])
def test_a_slow_server_gets_the_timeout_of_the_rfc(greets_after: float, in_tls: bool) -> None:
    scene = Scene(greets_after, in_tls=in_tls)
    assert scene.play() is OPEN
    assert scene.asked == 1


def test_a_greeting_during_the_probe_is_used() -> None:
    """It may be signing in by now."""
    scene = Scene(SILENCE + 0.5, in_tls=True, goes_on_for=30)
    assert scene.play() is OPEN


def test_a_connection_opened_too_late_is_closed() -> None:
    late = _Open()

    async def open_() -> AsyncConnection:
        return cast("AsyncConnection", late)

    async def end_while_it_opens() -> None:
        scene = Scene(0, in_tls=False)
        trying = asyncio.create_task(unless_silent(open_(), scene.evidence, scene.ask))
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # it is open, and nobody has been told
        trying.cancel()
        with pytest.raises(asyncio.CancelledError):
            await trying

    asyncio.run(end_while_it_opens())
    assert late.was_closed


def test_a_connection_opened_after_the_end_is_closed() -> None:
    late = _Open()

    async def open_() -> AsyncConnection:
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            await asyncio.sleep(0.1)  # it says goodbye, say, and comes about all the same
        return cast("AsyncConnection", late)

    async def end_twice() -> None:
        scene = Scene(0, in_tls=False)
        trying = asyncio.create_task(unless_silent(open_(), scene.evidence, scene.ask))
        for _ in range(2):
            await asyncio.sleep(0.01)
            trying.cancel()
        with pytest.raises(asyncio.CancelledError):
            await trying
        assert not late.was_closed
        await asyncio.sleep(1)

    run(FakeClock(), end_twice())
    assert late.was_closed


def test_long_replies_are_shortened_for_the_doctor() -> None:
    evidence, session = (
        SignInEvidence(ServerSettings(SERVER)),
        ClientSession(Peer(SERVER, "me.example")),
    )
    evidence.meet(session, "192.0.2.1")
    reply = Reply(554, "\n".join(["x" * 10_000] * 500))
    assert session.listen_in is not None
    session.listen_in(TimedReply("greeting", "", reply, 0.0, 0.0))
    greeting = evidence.evidence_of(Refused(reply).at("greeting"), FakeClock().now()).greeting.value
    assert greeting is not None
    assert greeting.reply is not None
    assert len(greeting.reply.text) == LONGEST


def test_of_a_long_dialogue_the_doctor_gets_the_beginning() -> None:
    evidence, session = (
        SignInEvidence(ServerSettings(SERVER)),
        ClientSession(Peer(SERVER, "me.example")),
    )
    evidence.meet(session, "192.0.2.1")
    for _ in range(20):
        session.transcript.client("EHLO me.example")
        session.transcript.server("\n".join(["250-" + "x" * 120] * 500))
    error = Refused(Reply(535, "x" * 60_000)).at("auth")
    found = evidence.evidence_of(error, FakeClock().now())
    assert sum(len(line.text) for line in found.transcript) <= MOST
    assert found.transcript[0].text == "EHLO me.example"
    assert len(found.failure) <= LONGEST
