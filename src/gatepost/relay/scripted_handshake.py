"""TLS handshakes that rules of scripted failures are asked about, from the ClientHello on."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

from gatepost.failures.decision import Decision, Firing
from gatepost.failures.event_facts import EventFacts, SessionFacts
from gatepost.failures.grammar import TlsFault
from gatepost.failures.injection import InjectedAction
from gatepost.model.value_or_future import Later
from gatepost.net.interruptible_stream import HeldHello
from gatepost.relay.failure_rules import FailureRules
from gatepost.relay.listener_state import ListenerState, ServerCertificate
from gatepost.relay.safe_error_text import error_of
from gatepost.wire.tls_records import encode_alert

GARBAGE: Final = b"500 5.5.1 Command not recognized\r\n"
"""What a server sends that replied 220 to STARTTLS, and then knows nothing of TLS."""


class ShakingConnection(Protocol):
    """What a handshake needs of its connection."""

    @property
    def identity(self) -> SessionFacts:
        """The session."""

    def note_tls(
        self, firing: Firing, action: InjectedAction, seconds: float | None = None
    ) -> None:
        """Report what is done."""

    def extend(self, seconds: float) -> None:
        """Give the handshake more time."""

    def use_certificate(self, certificate: ServerCertificate) -> None:
        """Take note of the certificate that is served."""


class ScriptedHandshake:
    """The handshakes of one connection, one after another."""

    __slots__ = ("_connection", "_listener", "_rules", "firing")

    def __init__(
        self, connection: ShakingConnection, rules: FailureRules, listener: ListenerState
    ) -> None:
        self._connection, self._rules, self._listener = connection, rules, listener
        self.firing: Firing | None = None
        """What a rule at ``starttls`` has decided for the next handshake."""

    def begin(self, hello: HeldHello) -> None:
        """Ask, and do what is decided."""
        firing, self.firing = self.firing, None
        if firing is not None:
            self._spoil(hello, firing)
            return
        decision = self._rules.decide(EventFacts("tls", self._connection.identity))
        _call_with(decision, partial(self._carry_out, hello))

    def _carry_out(self, hello: HeldHello, decision: Decision | None) -> None:
        if hello.is_over:
            return
        if decision is None or not decision.firings:
            hello.proceed()
            return
        firing, seconds = decision.firings[-1], sum(each.delay for each in decision.firings)
        for each in decision.firings:
            if each.delay:
                self._connection.note_tls(each, "delay", each.delay)
        if firing.do.stall is not None:
            silence = None if firing.do.stall == "forever" else firing.do.stall
            self._connection.note_tls(firing, "stall", silence)
            if silence is None:
                return  # until the time-out
            seconds += silence
        if not seconds:
            self._spoil(hello, firing)
            return
        self._connection.extend(seconds)
        asyncio.get_running_loop().call_later(seconds, self._spoil, hello, firing)

    def _spoil(self, hello: HeldHello, firing: Firing) -> None:
        do, connection = firing.do, self._connection
        if hello.is_over:
            return
        if do.reset:
            connection.note_tls(firing, "reset")
            hello.reset()
        elif do.close is not None:
            connection.note_tls(firing, "close")
            hello.close()
        elif do.tls is None:
            hello.proceed()
        else:
            connection.note_tls(firing, "tls")
            self._answer(hello, do.tls)

    def _answer(self, hello: HeldHello, tls: str | TlsFault) -> None:
        if isinstance(tls, TlsFault):
            if tls.truncate is not None:
                hello.truncate(tls.truncate)
            else:
                certificate = self._rules.faulty_certificate(tls, self._listener.name)
                self._connection.use_certificate(certificate)
                hello.proceed(certificate.context)
        elif tls == "garbage":
            hello.answer_raw(GARBAGE)
        elif tls != "stall":  # which lasts until the time-out
            hello.answer_raw(encode_alert(tls.removeprefix("alert:")))


def _call_with(answer: Later[Decision], then: Callable[[Decision | None], None]) -> None:
    """Call ``then`` with an answer: now if it is there, else later; with None if there is none."""
    if isinstance(answer, asyncio.Future):
        answer.add_done_callback(
            lambda future: then(None if error_of(future) is not None else future.result())
        )
    else:
        then(answer)  # type: ignore[arg-type]  # only futures are awaited here
