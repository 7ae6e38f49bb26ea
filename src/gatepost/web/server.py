"""HTTP and HTTPS, served by uvicorn on sockets that we opened; signals stay ours."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import h11
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from gatepost.model.operator_event import ReportEvent
from gatepost.net.descriptors import Use
from gatepost.net.listen import Listener
from gatepost.policy.client_limits import LocalClientCounter
from gatepost.relay.descriptor_alarm import DescriptorAlarm
from gatepost.rest.errors import busy
from gatepost.web.connections import HandshakeLimit, WebAcceptor
from gatepost.web.whole_responses import WholeResponses

MAX_HEAD: Final = 65_536
"""Octets of a request's header."""
MOST_SMALL: Final = 10_000
"""Maximum number of small pieces of one body. Each takes ten microseconds, in which nothing else
runs."""
SMALL: Final = 64
"""Octets from which a piece is not small."""


class StrictConnection(h11.Connection):
    """A server's connection. What it refuses gets 400, and ends the connection."""

    def __init__(self) -> None:
        super().__init__(h11.SERVER, MAX_HEAD)
        self._small = 0

    def next_event(self) -> Any:
        """Return the next event. Raises h11.RemoteProtocolError."""
        event = super().next_event()
        if isinstance(event, h11.Data):
            self._small += len(event.data) < SMALL
            if self._small > MOST_SMALL:
                raise h11.RemoteProtocolError("a body in too many pieces")
        elif isinstance(event, h11.Request):
            self._small = 0
            names = {name for name, _ in event.headers}
            if {b"content-length", b"transfer-encoding"} <= names:  # RFC 9112 6.1: smuggling
                raise h11.RemoteProtocolError("two lengths of one body")
        return event


GRACE: Final = 2
"""Seconds for open requests at the end."""
LAST_RESPONSES: Final = 0.5
"""Seconds for responses to requests that are aborted then."""
NO_HTTP: Final = "no_http: the request, or the rest of its body, is not HTTP"


@dataclass(frozen=True, slots=True)
class WebLimits:
    """Limits for clients of the server."""

    head: float = 30.0
    """Seconds from a connection, or the last response, to the end of a request's header."""
    body: float = 90.0
    """Seconds for a body, after which the connection is aborted. The timeouts of the APIs are
    shorter, and are answered."""
    response: float = 60.0
    """Seconds for a client to read a response, after which the connection is aborted."""
    connections: int = 1000
    """Beyond this number requests get 503; beyond twice the number connections are aborted at once.
    """
    clients: LocalClientCounter | None = None
    """Counts connections by address; addresses with too many also get 503. None: no limit."""
    handshakes: HandshakeLimit | None = None
    """Counts unfinished TLS handshakes by address; with too many, connections are aborted. None: no
    limit."""
    use: Use = Use.SERVICE
    """How many file descriptors are left to others."""


class _Config(uvicorn.Config):
    limits: WebLimits
    report: ReportEvent
    alarm: DescriptorAlarm


class _Connection(H11Protocol):
    """One connection with timeouts, because uvicorn waits forever for a header or a body."""

    def __init__(self, config: _Config, *args: Any, **kwargs: Any) -> None:
        super().__init__(config, *args, **kwargs)
        self.conn = StrictConnection()
        self._limits, self._report = config.limits, config.report
        self._phase: object = None
        self._deadline: asyncio.TimerHandle | None = None
        self._read_by: asyncio.TimerHandle | None = None
        self._counted = ""
        self._is_over = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        excess = len(self.connections) - self._limits.connections
        if excess > self._limits.connections:
            transport.abort()
        elif excess > 0:
            self.app = busy
        elif not self._may_visit():
            self.app = self._visit_late
        self.app = WholeResponses(self.app, self)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._is_over = True
        self._set_deadline(None)
        self._stop_waiting()
        if self._counted and self._limits.clients is not None:
            self._limits.clients.leave(self._counted)
            self._counted = ""

    def _may_visit(self) -> bool:
        clients, address = self._limits.clients, self.client[0] if self.client else ""
        if clients is None or not address:
            return True
        if not clients.try_enter(address):
            return False
        self._counted = address
        return True

    async def _visit_late(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request of a client for which there was no place when it connected; refuse it if
        there is still none."""
        clients, address = self._limits.clients, self.client[0] if self.client else ""
        if clients is None or not await clients.try_enter_late(address):
            await busy(scope, receive, send)
        elif self._is_over:
            clients.leave(address)
        else:
            self._counted, self.app = address, WholeResponses(self.config.loaded_app, self)
            await self.config.loaded_app(scope, receive, send)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP. In the body of a request, the request ends, and a response
        that has begun is not changed."""
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if str(self.conn.our_state) in ("IDLE", "SEND_RESPONSE"):
            super().send_400_response(msg)
        else:
            self.transport.close()
        peer = self.client[0] if self.client else ""
        self._report("refused", peer=peer, reply="400 Bad Request", reason=NO_HTTP)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self.pause_writing()
        self._watch()

    def pause_writing(self) -> None:
        """Wait for a client that does not read, but not forever."""
        super().pause_writing()
        self._stop_waiting()
        self._read_by = self.loop.call_later(self._limits.response, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_waiting()

    def _stop_waiting(self) -> None:
        if self._read_by is not None:
            self._read_by.cancel()
            self._read_by = None

    def _watch(self) -> None:
        """Start the timeout for what the client must send next, once."""
        phase = str(self.conn.their_state), self.cycle
        if phase == self._phase:
            return
        self._phase = phase
        self._set_deadline(
            {"IDLE": self._limits.head, "SEND_BODY": self._limits.body}.get(phase[0])
        )

    def _set_deadline(self, seconds: float | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None
        if seconds is not None:
            self._deadline = self.loop.call_later(seconds, self.transport.abort)


def _ignore(event: str, **facts: Any) -> None:
    """Ignore an event."""


class _Server(uvicorn.Server):
    config: _Config
    _acceptor: WebAcceptor | None = None

    async def startup(self, sockets: Any = None) -> None:
        config, limits = self.config, self.config.limits
        acceptor = WebAcceptor(self._make, config.ssl, limits.handshakes, config.report)
        acceptor.start(sockets, config.alarm, limits.use)
        self._acceptor = acceptor
        await super().startup(sockets=[])

    def _make(self) -> asyncio.Protocol:
        return _Connection(self.config, self.server_state, self.lifespan.state)

    async def shutdown(self, sockets: Any = None) -> None:
        if self._acceptor is not None:
            await self._acceptor.stop()
        await super().shutdown(sockets=sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # signals stay the relay's, which drains first and then stops us


class WebServer:
    """One listener served with one application; ``stop`` ends it."""

    def __init__(
        self,
        listener: Listener,
        application: ASGIApp,
        certificate: tuple[Path, Path] | None = None,
        limits: WebLimits = WebLimits(),
        report: ReportEvent = _ignore,
        alarm: DescriptorAlarm | None = None,
    ) -> None:
        """``certificate``: chain and key in PEM, for HTTPS. ``report``: gets events of invalid
        HTTP. ``alarm``: that of the process."""
        chain, key = certificate or (None, None)
        config = _Config(
            application,
            http=_Connection,
            ws="none",
            log_config=None,
            log_level="critical",  # what fails is an event of ours; nothing else goes to stderr
            access_log=False,
            proxy_headers=False,  # X-Forwarded-For could forge the address in logs and traces
            lifespan="off",
            ssl_certfile=chain,
            ssl_keyfile=str(key) if key else None,
            timeout_graceful_shutdown=GRACE,
        )
        config.limits, config.report = limits, report
        config.alarm = alarm or DescriptorAlarm(report)
        self._server = _Server(config)
        self._serving = asyncio.ensure_future(self._server.serve(list(listener.sockets)))
        self._serving.add_done_callback(_report_end)

    def serve(self, application: ASGIApp) -> None:
        """Serve another application on new connections."""
        self._server.config.loaded_app = application

    def renew(self, chain: str, key: str | None) -> None:
        """Serve another certificate, which was checked, on new connections."""
        context = self._server.config.ssl
        if context is not None:
            context.load_cert_chain(chain, key)

    async def wait_started(self) -> None:
        """Return when it accepts connections."""
        while not self._server.started:
            if self._serving.done():
                self._serving.result()
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """Finish open requests, or abort them, and close."""
        self._server.should_exit = True
        await asyncio.wait([self._serving])  # its exception was reported
        cut_short = list(self._server.server_state.tasks)
        if cut_short:
            await asyncio.wait(cut_short, timeout=LAST_RESPONSES)


def _report_end(serving: "asyncio.Future[None]") -> None:
    """Report at once why a server has ended; ``stop`` sees it only later."""
    if not serving.cancelled() and (error := serving.exception()) is not None:
        serving.get_loop().call_exception_handler({"message": "", "exception": error})
