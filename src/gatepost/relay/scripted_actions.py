"""What rules of scripted failures do to a connection: it waits, is slowed down, ends.

``scripted_connection`` asks the rules, at each stage of a session.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from gatepost.failures.decision import Decision, Firing
from gatepost.failures.event_facts import SessionFacts
from gatepost.failures.grammar import Stage
from gatepost.failures.injection import InjectedAction, Injection
from gatepost.model.fast_dataclass import dataclass
from gatepost.model.message import Submission
from gatepost.model.reply import Reply
from gatepost.net.interruptible_stream import InterruptibleStream
from gatepost.relay.client_connection import HIGH_WATER, Receiver
from gatepost.relay.failure_rules import FailureRules
from gatepost.relay.listener_state import ListenerState, ServerCertificate
from gatepost.relay.safe_error_text import error_of
from gatepost.relay.scripted_handshake import ScriptedHandshake
from gatepost.relay.shared_by_connections import Relay
from gatepost.relay.slow_transfer import SlowInput, SlowOutput
from gatepost.wire.server.interruptible_session import InterruptibleSession, make_interruptible
from gatepost.wire.server.session import SessionSettings

BEFORE_RESET: Final = 0.05
"""Seconds for what was sent to arrive before a reset, which may overtake it."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """An event that rules are asked about, and what can be done with it."""

    stage: Stage
    go_on: Callable[[], None]
    """The ordinary way."""
    refuse: Callable[[Reply], None]
    """Reply instead."""
    ordinary: Reply | None = None
    """The reply that would follow."""
    message: Submission | None = None
    """At ``message``."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What is done to the next reply."""

    firing: Firing
    stage: Stage

    @property
    def is_last(self) -> bool:
        """Whether the connection ends with it."""
        return self.firing.do.close is not None or self.firing.do.reset


class FaultyReceiver(Receiver):
    """The handler of a stream, to which rules can do something."""

    __slots__ = (
        "_after_output", "_after_wait", "_counted", "_fired", "_handshake", "_identity",
        "_input", "_is_cut", "_is_parting", "_output", "_resets", "_rules",
        "_shape", "_timer",
    )  # fmt: skip

    _session: InterruptibleSession
    _stream: InterruptibleStream

    def __init__(
        self,
        relay: Relay,
        state: ListenerState,
        on_lost: Callable[[Receiver], None],
        *,
        unwanted: bool = False,
    ) -> None:
        super().__init__(relay, state, on_lost, unwanted=unwanted)
        assert relay.failures is not None  # noqa: S101 - the supervisor has looked
        self._rules: FailureRules = relay.failures
        self._identity: SessionFacts | None = None
        self._timer: asyncio.TimerHandle | None = None
        """Runs while the client waits because of a rule."""
        self._after_wait: asyncio.Future[None] | None = None
        self._shape: Shape | None = None
        self._output: SlowOutput | None = None
        """None: everything is sent at once."""
        self._input: SlowInput | None = None
        self._after_output: Callable[[], None] | None = None
        """What waits until everything has been sent."""
        self._is_cut = self._is_parting = self._resets = False
        self._handshake: ScriptedHandshake | None = None
        self._fired: tuple[str, ...] = ()
        """The rules that fired in this transaction."""
        self._counted: tuple[str, ...] = ()
        """The rules that need not be asked again about this content."""

    def _make_session(
        self, setting: SessionSettings, peer: str, *, encrypted: bool
    ) -> InterruptibleSession:
        return make_interruptible(setting, peer, encrypted=encrypted)

    @property
    def identity(self) -> SessionFacts:
        """What does not change during the session; made when it is first needed."""
        if self._identity is None:
            name, lane = self._listener.name, self._listener.lane
            self._identity = SessionFacts(self._session_id(), name, lane, self.peer)
        return self._identity

    def _session_id(self) -> str:
        return self._relay.next_id()

    # Asking, and doing what was decided.

    def _carry_out(self, occasion: Occasion, decision: Decision) -> None:
        self._counted += decision.counted if occasion.stage == "body" else ()
        if not decision.firings:
            occasion.go_on()
            return
        seconds = 0.0
        for firing in decision.firings:
            if firing.rule not in self._fired:
                self._fired += (firing.rule,)
            self._prepare(firing, occasion)
            seconds += firing.delay
        last = decision.firings[-1]
        stall = last.do.stall
        if stall is not None:
            seconds += self._session.profile.limits.idle if stall == "forever" else stall
        if seconds:
            self._wait(seconds, partial(self._finish, occasion, last))
        else:
            self._finish(occasion, last)

    def _prepare(self, firing: Firing, occasion: Occasion) -> None:
        """Do what comes first, and needs no reply."""
        do, stage = firing.do, occasion.stage
        if firing.delay:
            self._note(firing, "delay", stage, seconds=firing.delay)
        if do.stall is not None:
            silence = None if do.stall == "forever" else do.stall
            self._note(firing, "stall", stage, seconds=silence)
        if do.ehlo is not None:
            self._session.change_offer(do.ehlo.drop, do.ehlo.add)
            self._note(firing, "ehlo", stage)
        if do.rate is not None:
            self._slow_down(do.rate.in_, do.rate.out)
            self._note(firing, "rate", stage, octets=do.rate.in_ or do.rate.out)
        if do.outcome is not None:
            self._note(firing, "outcome", stage)

    def _finish(self, occasion: Occasion, firing: Firing) -> None:
        do, stage = firing.do, occasion.stage
        ends_silently = (
            do.close == "before"
            or do.stall == "forever"
            or (do.reset and do.close is None and firing.reply is None)
        )
        if do.discard:
            self._discard(occasion, firing)
        elif ends_silently:
            cut = partial(self._cut, firing, stage, occasion.ordinary)
            self._keep(occasion, firing, cut) if do.keep else cut()
        else:
            if stage != "connect":
                self._flush()  # replies to earlier commands
                if self._session.is_ending:  # with one of them
                    self._session.abandon("")
                    return
            if do.pace is not None or do.close is not None or do.reset:
                self._shape = Shape(firing, stage)
                self._output = self._output or SlowOutput(self._send_slice, self._on_output_sent)
            if do.tls is not None:
                self._spoil_tls(occasion, firing)
            elif firing.reply is None:
                occasion.go_on()
            else:
                self._reply(occasion, firing, firing.reply)
            if not self._session.is_waiting:
                self._flush()  # now, before replies to other commands

    def _reply(self, occasion: Occasion, firing: Firing, reply: Reply) -> None:
        instead = str(occasion.ordinary or "")
        self._note(firing, "reply", occasion.stage, reply=str(reply), instead_of=instead)
        reply = reply.because(f"rule {firing.rule}")
        if firing.do.keep:
            self._keep(occasion, firing, partial(occasion.refuse, reply))
        else:
            occasion.refuse(reply)

    def _spoil_tls(self, occasion: Occasion, firing: Firing) -> None:
        if firing.do.tls == "refuse":
            refusal = self._session.replies.TLS_UNAVAILABLE
            self._note(
                firing, "tls", occasion.stage, reply=str(refusal),
                instead_of=str(occasion.ordinary or ""),
            )  # fmt: skip
            occasion.refuse(refusal.because(f"rule {firing.rule}"))
        else:
            self._of_handshake.firing = firing
            occasion.go_on()

    def _cut(self, firing: Firing, stage: Stage, ordinary: Reply | None = None) -> None:
        """End without a reply."""
        self._resets = firing.do.reset
        action: InjectedAction = "reset" if firing.do.reset else "close"
        self._note(firing, action, stage, instead_of=str(ordinary or ""))
        if stage == "connect":
            self._session.withhold()  # the greeting, which nobody gets
        self._session.abandon(f"rule {firing.rule}")

    def _note(self, firing: Firing, action: InjectedAction, stage: Stage, **facts: Any) -> None:
        self._inject(Injection(firing.rule, action, stage, **facts))

    def _inject(self, injection: Injection) -> None:
        """Report what a rule does; of a reply, before it is sent."""
        self._relay.report(
            "injected", rule=injection.rule, action=injection.action, stage=injection.stage,
            session=self.identity.session, peer=self.peer,
        )  # fmt: skip

    # TLS.

    @property
    def _of_handshake(self) -> ScriptedHandshake:
        if self._handshake is None:
            self._handshake = ScriptedHandshake(self, self._rules, self._listener)
        return self._handshake

    def note_tls(
        self, firing: Firing, action: InjectedAction, seconds: float | None = None
    ) -> None:
        """Report what is done to a handshake."""
        self._note(firing, action, "tls", seconds=seconds)

    def _begin_tls(self, certificate: ServerCertificate) -> None:
        """Begin when the reply to STARTTLS has been sent; until then, nothing is read."""
        if self._output is not None and self._output.is_busy:
            self._stream.pause()
            self._after_output = partial(self._begin_late_tls, certificate)
        else:
            super()._begin_tls(certificate)

    def _begin_late_tls(self, certificate: ServerCertificate) -> None:
        super()._begin_tls(certificate)
        self._stream.resume()

    def use_certificate(self, certificate: ServerCertificate) -> None:
        """Take note of the certificate that is served."""
        self._certificate = certificate

    def extend(self, seconds: float) -> None:
        """Give the handshake more time."""
        self.deadline += seconds

    # Waiting.

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        """Call ``then`` after some seconds, or as soon as nobody waits any more."""
        loop = asyncio.get_running_loop()
        self._after_wait = waited = loop.create_future()
        self._timer = loop.call_later(seconds, self._end_wait)

        def go_on(_: object) -> None:
            then()

        self.when(waited, go_on)

    def _end_wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._after_wait is not None and not self._after_wait.done():
            self._after_wait.set_result(None)

    # Slow transfer.

    def _slow_down(self, octets_in: int | None, octets_out: int | None) -> None:
        if octets_out is not None:
            self._output = self._output or SlowOutput(self._send_slice, self._on_output_sent)
            self._output.rate = octets_out
        if octets_in is not None:
            if self._input is None:
                self._input = SlowInput(self, self._stream, octets_in)
                self._stream.interpose(self._input)
            self._input.rate = octets_in

    @property
    def is_blocked(self) -> bool:
        """Whether nothing more should be taken now."""
        is_blocked = self._open or self._stalled
        return is_blocked and not self._early and self._session.buffered > HIGH_WATER

    def take_slowly(self, octets: bytes) -> None:
        """Take a slice of what the client has sent."""
        self._touch()
        self.on_data(octets)

    def _resume(self) -> None:
        if self._shape is not None and not self._session.is_waiting:
            self._flush()  # now, before replies to other commands
        super()._resume()

    def _flush(self) -> None:
        octets = self._session.send()
        if octets:
            self._write(octets)

    def _write(self, octets: bytes) -> None:
        if self._output is None:
            self._stream.write(octets)
        else:
            self._send_slowly(self._output, octets)

    def _send_slowly(self, output: SlowOutput, octets: bytes) -> None:
        if self._is_cut:
            return
        shape, self._shape = self._shape, None
        if shape is None:
            output.send(octets)
        else:
            self._send_shaped(output, shape, octets)
        self._stalled = self._stalled or output.is_busy

    def _send_shaped(self, output: SlowOutput, shape: Shape, octets: bytes) -> None:
        """Send the first reply as a rule says, and the others as usual, unless it is the last."""
        firing, do = shape.firing, shape.firing.do
        end = _end_of_reply(octets)
        first, rest = octets[:end], octets[end:]
        if do.close is not None and not isinstance(do.close, str):
            first = first[: do.close.after_bytes]
        if do.pace is not None:
            self._note(firing, "pace", shape.stage, octets=len(first))
            output.send(first, do.pace.bytes, do.pace.every)
        else:
            output.send(first)
        if not shape.is_last:
            output.send(rest)
            return
        self._resets = do.reset
        self._note(firing, "reset" if do.reset else "close", shape.stage, octets=len(first))
        self._is_cut = True
        self._session.stop_after_reply(f"rule {firing.rule}")
        asyncio.get_running_loop().call_soon(self._end_cut)

    def _end_cut(self) -> None:
        """Close, even if a later command still waits for something."""
        if self._open:
            self._part()
        else:
            self._run()

    def _send_slice(self, octets: bytes) -> None:
        self._touch()
        self._stream.write(octets)

    def _on_output_sent(self) -> None:
        after, self._after_output = self._after_output, None
        if self._is_parting:
            self._part()
        elif after is not None and not self._stream.is_closing:
            self._stalled = False
            after()
        elif not self._stream.is_closing:
            self._stalled = False
            self._resume()

    def on_drain(self) -> None:
        if self._output is None or not self._output.is_busy:
            super().on_drain()

    def _part(self) -> None:
        if self._output is not None and self._output.is_busy:
            self._is_parting = True
        elif self._resets:
            self._leave()
            asyncio.get_running_loop().call_later(BEFORE_RESET, self._stream.reset)
        else:
            super()._part()

    # What the stream and the supervisor call.

    def on_end(self) -> None:
        super().on_end()
        self._end_wait()  # whoever left does not keep the connection until the delay ends

    def on_close(self) -> None:
        self._end_wait()
        if self._output is not None:
            self._output.stop()
        super().on_close()

    def shut_down(self) -> None:
        self._end_wait()
        if self._output is not None:
            self._output.send_rest()
        super().shut_down()

    def _refuse_message(self, reply: Reply) -> None:
        self._drop_content()
        self._session.reply(reply)

    def _discard(self, occasion: Occasion, firing: Firing) -> None:
        """Reply as if the message were stored."""
        assert occasion.ordinary is not None  # noqa: S101 - only messages are discarded
        self._note(firing, "discard", occasion.stage)
        self._refuse_message(occasion.ordinary)

    def _keep(self, occasion: Occasion, firing: Firing, then: Callable[[], None]) -> None:
        """Store a message, and then do something else than acknowledge it."""
        message = occasion.message
        assert message is not None  # noqa: S101 - only messages are kept
        self._note(firing, "keep", occasion.stage)
        self.when(
            self._rules.note_stored(message.id, self._fired), partial(self._put, message, then)
        )

    def _put(self, message: Submission, then: Callable[[], None], _noted: None) -> None:
        self._open = True
        self._relay.batcher.put(message, partial(self._on_kept, message, then))

    def _on_kept(
        self, message: Submission, then: Callable[[], None], put: "asyncio.Future[None]"
    ) -> None:
        if error_of(put) is not None:
            self._on_put(message, put)
            return
        self._open = False
        self._drop_content()
        self._touch()
        try:
            then()
        except Exception as error:  # noqa: BLE001 - as in _run
            self._break(error)
        self._resume()


def _end_of_reply(octets: bytes) -> int:
    """Return where the first reply ends, which may have several lines."""
    at = 0
    while (end := octets.find(b"\n", at)) >= 0:
        is_last, at = octets[at + 3 : at + 4] != b"-", end + 1
        if is_last:
            return at
    return len(octets)
