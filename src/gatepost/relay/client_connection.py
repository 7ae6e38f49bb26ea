"""One connection: passes octets between its stream and session, and events to their handlers.

The session pauses while an answer is awaited. An answer that is available at once needs no task and
no turn of the event loop.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, Final, TypeVar, cast

from gatepost.errors import TlsError
from gatepost.model.message import Submission
from gatepost.model.operator_event import ReportEvent
from gatepost.model.reply import Reply
from gatepost.model.value_or_future import Later
from gatepost.net.server_stream import ServerStream
from gatepost.relay.authenticate import Claim
from gatepost.relay.counted_client import UNCOUNTED, CountedClient
from gatepost.relay.listener_state import ListenerState, ServerCertificate
from gatepost.relay.safe_error_text import BROKEN, NO_ANSWER, error_of, explain
from gatepost.relay.shared_by_connections import Relay
from gatepost.relay.sign_in import SignIn, after
from gatepost.relay.tls_reasons import explain_handshake
from gatepost.relay.transaction import MailTransactions
from gatepost.relay.unfinished_handshakes import TOO_MANY
from gatepost.wire.server import events
from gatepost.wire.server.quirky_session import make_session
from gatepost.wire.server.session import Session, SessionSettings

T = TypeVar("T")

_LF: Final = 10  # an int is searched for without an exception, which ``bytes in bytes`` catches
HIGH_WATER: Final = 65_536
"""Octets buffered while an answer is awaited before reading from the socket stops."""
MUCH: Final = 512
"""Octets received at once that count as activity of a client even without the end of a line."""
PROXY_TIMEOUT: Final = 5.0
"""Seconds for a proxy's header: it comes with the first packet, which may be lost once."""
HANDSHAKE_TIMEOUT: Final = 30.0
"""Seconds for a TLS handshake."""
_REFUSED_NETWORK: Final = "a [[listener.network]] with this address has refuse = true"
_TOO_MANY: Final = "limits.connections or limits.connections_per_address is reached"


class Receiver:
    """The handler of one accepted stream."""

    __slots__ = (
        "_certificate", "_early", "_idle", "_listener", "_of_mail", "_open", "_paused",
        "_peer_ended", "_relay", "_session", "_sign_in", "_stalled", "_stream", "_transactions",
        "_unwanted", "_visit", "deadline", "on_lost", "report",
    )  # fmt: skip

    def __init__(
        self,
        relay: Relay,
        state: ListenerState,
        on_lost: Callable[["Receiver"], None],
        *,
        unwanted: bool = False,
    ) -> None:
        """``unwanted``: there are too many connections; refuse instead of greeting."""
        self._relay = relay
        self._listener = state
        self._certificate = state.certificate
        self._unwanted = unwanted
        self._early = True
        """There is no session yet: a PROXY header or a TLS handshake is awaited."""
        self._visit: CountedClient[bool] = UNCOUNTED
        """The client as counted for its address."""
        self._sign_in: SignIn | None = None
        """None before the first AUTH."""
        self._transactions: MailTransactions | None = None
        """None before the first MAIL."""
        self._session: Session
        self._idle: float
        """Seconds after which a client that sends nothing counts as idle."""
        self._stream: ServerStream = None  # type: ignore[assignment]  # until it is accepted
        self._of_mail = OF_MAIL
        """The events that go to the transactions."""
        self._open = False
        """An answer is awaited, whose callback will continue the session."""
        self._paused = False
        self._peer_ended = False
        self._stalled = False
        """Commands wait until the peer has read earlier replies."""
        self.on_lost = on_lost
        self.report: ReportEvent = relay.report
        """Reports an event of this connection."""
        self.deadline = relay.tick + HANDSHAKE_TIMEOUT
        """The relay's tick at which the peer counts as idle."""

    @property
    def peer(self) -> str:
        """The client's address."""
        return self._stream.peer_address

    # What the stream calls.

    def on_accept(self, stream: ServerStream) -> None:
        """Begin; a PROXY header or a TLS handshake may come before the session."""
        self._stream = stream
        if stream.is_shaking:
            self.deadline = self._relay.tick + PROXY_TIMEOUT
        else:
            self._arrive()

    def on_proxy_header(self) -> None:
        """Take note that the PROXY header has arrived; the client's own timeout starts."""
        self.deadline = self._relay.tick + HANDSHAKE_TIMEOUT
        self._arrive()

    def _arrive(self) -> None:
        """Disconnect clients whose address has too many unfinished handshakes."""
        if not self._listener.implicit:
            return
        address, shaking = self.peer, self._relay.shaking
        if shaking.try_enter(address, self._listener.handshakes):
            self._visit = CountedClient(bool, partial(shaking.leave, address))
            self._visit.begin(answer=True, when=self.when, then=lambda _: None)
        else:
            self.on_tls_failure(TlsError(TOO_MANY))
            self.abort()

    def on_bad_proxy_header(self, reason: str) -> None:
        """Report an invalid PROXY header, so that a wrongly configured proxy is noticed."""
        self.report("proxy_header_refused", peer=self.peer, reason=reason)

    def on_connect(self) -> None:
        """Start the session: greet, or refuse."""
        address, stream = self._stream.peer_address, self._stream
        terms = self._listener.terms.of(address)
        encrypted = stream.tls is not None
        self._session = self._make_session(terms.setting, address, encrypted=encrypted)
        self._session.present(stream.presented)
        self._idle = self._session.profile.limits.idle
        self._early = False
        self._visit.end()  # unfinished handshakes
        self._touch()
        clients, replies = self._relay.clients, self._session.replies
        if terms.refuse:
            self._refuse_connection(replies.ACCESS_DENIED.because(_REFUSED_NETWORK))
        elif self._relay.draining:
            self._refuse_connection(replies.SHUTTING_DOWN)
        elif self._unwanted:
            self._refuse_connection(replies.TOO_MANY_CONNECTIONS.because(_TOO_MANY))
        elif clients is None:
            self._welcome(admitted=True)
        else:
            self._visit = CountedClient(bool, partial(clients.leave, address))
            self._visit.begin(clients.try_enter(address), self.when, self._welcome)

    def _welcome(self, admitted: bool) -> None:
        if not admitted:
            self._refuse_connection(self._session.replies.TOO_MANY_CONNECTIONS.because(_TOO_MANY))
        elif delay := self._session.profile.server.greeting_delay:
            self.when(after(delay, self), Receiver._run)
        else:
            self._run()

    def _refuse_connection(self, reply: Reply) -> None:
        self._session.withhold()  # the greeting
        self._end(reply)

    def on_data(self, octets: bytes) -> None:
        """Pass received octets to the session, and handle its events."""
        relay, session = self._relay, self._session
        relay.batcher.inputs += 1
        if _LF in octets or len(octets) >= MUCH:  # a client that sends single octets is idle
            self.deadline = relay.tick + self._idle
        session.receive(octets)
        if not (self._open or self._stalled):
            self._run()
        if (self._open or self._stalled) and not self._paused and session.buffered > HIGH_WATER:
            self._paused = True
            self._stream.pause()

    def on_tls(self) -> None:
        """Take note that the handshake after STARTTLS is done."""
        self._session.present(self._stream.presented)
        self._touch()

    def on_tls_failure(self, error: TlsError) -> None:
        """Report a failed handshake; the peer has received an alert."""
        reason = explain_handshake(str(error).removeprefix("TLS failed: "))  # the event says that
        self.report("tls_failed", peer=self._stream.peer_address, reason=reason)
        self._leave()

    def on_end(self) -> None:
        """Take note that the peer sends nothing more; it still gets pending replies."""
        self._peer_ended = True
        if not self._open and not self._stalled:
            self._part()

    def on_drain(self) -> None:
        """Continue with commands that waited until the peer read its replies."""
        if self._stalled:
            self._stalled = False
            self._resume()

    def on_close(self) -> None:
        """Drop an incomplete message; one that is being stored stays.

        The client counts as connected until a pending answer, so that disconnecting does not
        shorten the delay after a refused login.
        """
        if not self._open:
            self._leave()
        self._drop_auth()
        self.on_lost(self)

    # What the supervisor calls.

    def time_out(self) -> None:
        """End an idle connection, unless an answer is awaited."""
        if self._early or self._stream.is_shaking:
            self._unwanted = True
            if self._stream is not None:  # else the event loop passes it soon
                self._stream.time_out()
        elif not self._open:
            self._end(self._session.replies.TIMED_OUT)

    def shut_down(self) -> None:
        """Reply 421, after a pending answer: a commit in progress still gets its 250."""
        if self._early:
            self.abort()
        elif not self._open:
            self._end(self._session.replies.SHUTTING_DOWN)

    def abort(self) -> None:
        """Abort the connection."""
        self._unwanted = True
        if self._stream is not None:  # else the event loop passes it soon
            self._stream.abort()

    def _end(self, reply: Reply) -> None:
        if self._stream.is_shaking:
            self.abort()  # nothing can be said before the handshake is done
        else:
            self._session.end(reply)
            self._run()

    # The engine.

    _make_sign_in: ClassVar = SignIn

    def _make_session(self, setting: SessionSettings, peer: str, *, encrypted: bool) -> Session:
        return make_session(setting, peer, encrypted=encrypted)

    def _touch(self) -> None:
        self.deadline = self._relay.tick + self._idle

    def _run(self) -> None:
        session, of_mail = self._session, self._of_mail
        try:
            while not self._open:
                event = session.next_event()
                if session.refusals:  # of what came before the event
                    refusals, session.refusals = session.refusals, ()
                    for refusal in refusals:
                        self._report_refusal(refusal)
                if event is None:
                    break
                if (answer := of_mail.get(type(event))) is not None:
                    answer(self._transactions or self._mail, event)
                else:
                    self._HANDLERS[type(event)](self, event)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not leave a peer waiting
            self._break(error)
        is_full = session.is_full
        self._flush()
        if is_full:  # continue once the peer has read the replies, after a turn for others
            self._stalled = True
            if self._stream.is_writable:
                asyncio.get_running_loop().call_soon(self.on_drain)

    def _flush(self) -> None:
        octets = self._session.send()
        if octets:
            self._stream.write(octets)

    def when(self, answer: Later[T], then: Callable[[T], None]) -> None:
        """Call ``then`` with the answer: now if it is available, else later."""
        if isinstance(answer, asyncio.Future):
            self._open = True
            answer.add_done_callback(partial(self._take_answer, then))
        else:
            then(cast("T", answer))  # only futures are awaited here

    def _take_answer(self, then: Callable[[T], None], future: "asyncio.Future[T]") -> None:
        self._open = False
        if self._stream.is_closing:
            self._leave()  # nobody reads a reply
            return
        self._touch()  # the peer was not silent: it waited for us
        try:
            if (error := error_of(future)) is None:
                then(future.result())
            else:
                self._fail_temporarily(error)
        except Exception as error:  # noqa: BLE001 - as in _run
            self._break(error)
        self._resume()

    def _fail_temporarily(self, error: BaseException) -> None:
        """Reply with a temporary error, because the answer could not be determined; the client may
        try again (RFC 5321 4.2.1)."""
        self.report("internal_error", peer=self.peer, reason=explain(error))
        signing_in = self._sign_in is not None and self._sign_in.is_open
        refusal = self._session.replies.AUTH_UNAVAILABLE if signing_in else NO_ANSWER
        self._drop_auth()
        self._drop_content()
        self._session.reply(refusal)

    def _break(self, error: Exception) -> None:
        """Handle an unexpected exception: report it, reply 421 and close."""
        self._open = False
        self._drop_auth()
        self._drop_content()
        try:
            self.report("internal_error", peer=self.peer, reason=explain(error))
            self._session.end(BROKEN)
            self._flush()
        finally:
            self._part()

    def _resume(self) -> None:
        """Continue after an answer."""
        if self._stream.is_closing:
            self._leave()
            return
        if self._relay.draining and not self._open:
            self._session.end(self._session.replies.SHUTTING_DOWN)
        self._run()
        if self._paused and not (self._stalled or self._session.is_waiting):
            self._paused = False
            self._stream.resume()
        if self._peer_ended and not self._open and not self._stalled:
            self._part()

    def _part(self) -> None:
        """End the connection. The client may connect again before we notice that it has
        disconnected."""
        self._leave()
        self._stream.close()

    def _leave(self) -> None:
        self._visit.end()
        if self._sign_in is not None:
            self._sign_in.drop()
            self._sign_in.leave()
            self._sign_in = None  # a reference cycle would wait for the garbage collector
        self._drop_content()
        self._transactions = None  # as above

    # Events.

    def _start_tls(self, _event: events.StartTls) -> None:
        """Send 220 and start TLS, before which everything that was said is forgotten."""
        self._certificate = certificate = self._listener.certificate
        if certificate is None:
            self._session.reply(self._session.replies.TLS_UNAVAILABLE)
            return
        self._session.reply(self._session.replies.TLS_READY)
        self._flush()
        if self._session.encrypted:
            if self._sign_in is not None:
                self._sign_in.leave()  # the client must sign in again
            self._begin_tls(certificate)

    def _begin_tls(self, certificate: ServerCertificate) -> None:
        self._stream.start_tls(certificate.context)
        self.deadline = self._relay.tick + HANDSHAKE_TIMEOUT

    def _begin_auth(self, event: events.Auth) -> None:
        peer = self._stream.peer_address
        if self._sign_in is None:
            self._sign_in = self._make_sign_in(
                self._relay, self._session, peer, self.when, self.refuse, self.report
            )
        certificate = self._certificate
        bindings = certificate.bindings if certificate and self._session.encrypted else ()
        self._sign_in.begin(Claim(event.mechanism, event.initial, bindings, peer))

    def _go_on_auth(self, event: events.AuthResponse) -> None:
        if self._sign_in is not None:
            self._sign_in.respond(event.response)

    def _abort_auth(self, event: events.AuthAborted) -> None:
        self._drop_auth()
        self._report_refusal(event.reply)

    def _drop_auth(self) -> None:
        if self._sign_in is not None:
            self._sign_in.drop()

    @property
    def _mail(self) -> MailTransactions:
        if self._transactions is None:
            self._transactions = MailTransactions(self._relay, self._session, self._stream, self)
        return self._transactions

    def _drop_content(self) -> None:
        if self._transactions is not None:
            self._transactions.release()

    def store(self, message: Submission) -> None:
        """Hand a message to the store, together with others that end in these turns."""
        self._open = True
        self._relay.batcher.put(message, partial(self._on_put, message))

    def _on_put(self, message: Submission, put: "asyncio.Future[None]") -> None:
        self._open = False
        self._drop_content()
        self._touch()
        try:
            self._mail.on_stored(message, put)
        except Exception as error:  # noqa: BLE001 - as in _run
            self._break(error)
        self._resume()

    def hang_up(self) -> None:
        """Close the connection without a reply."""
        self._part()

    def refuse(self, reply: Reply) -> None:
        """Send a refusal, and report it."""
        self._session.reply(reply)
        self._report_refusal(reply)

    def _report_refusal(self, reply: Reply) -> None:
        self.report("refused", peer=self.peer, reply=str(reply), reason=reply.reason)

    def _close(self, event: events.Closing) -> None:
        self._flush()
        self._part()
        if (reply := event.reply).code != 221:
            self.report("closed", peer=self.peer, reply=str(reply), reason=reply.reason)

    _HANDLERS: ClassVar[dict[type[events.Event], Callable[[Any, Any], None]]] = {
        events.StartTls: _start_tls,
        events.Auth: _begin_auth,
        events.AuthResponse: _go_on_auth,
        events.AuthAborted: _abort_auth,
        events.Closing: _close,
    }


OF_MAIL: Final[dict[type[events.Event], Callable[[MailTransactions, Any], None]]] = {
    events.Sender: MailTransactions.check_sender,
    events.Rcpt: MailTransactions.check_recipient,
    events.ContentPiece: MailTransactions.take_content,
    events.ContentDropped: MailTransactions.content_dropped,
    events.Message: MailTransactions.take_message,
}
"""The handlers of events that the transactions of a connection answer."""
