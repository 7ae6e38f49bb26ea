"""From a name to the greeting: addresses, connections, and which side speaks first."""

import time
from collections.abc import Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Literal

from gatepost.doctor.parallel import start
from gatepost.doctor.probe_connection import Talk
from gatepost.doctor.probe_settings import Visit
from gatepost.errors import Disconnected, GatepostError, RemoteProtocolError, TimedOut
from gatepost.model.evidence import Connect, Greeting, TlsFirst
from gatepost.net.dial import Endpoint, connect_to
from gatepost.net.sync_stream import SyncStream
from gatepost.net.tls import client_context

MAX_ADDRESSES: Final = 8
GLANCE: Final = 0.05
"""Seconds between two checks whether a greeting or a TLS answer has come."""
_MAX_ALIEN: Final = 200
ENOUGH: Final = 0.3
"""Seconds without a greeting that suffice if TLS is answered and no proof of silence is needed."""

ConnectOutcome = Literal["ok", "refused", "timeout", "unreachable"]
ConnectResult = tuple[ConnectOutcome, float, SyncStream | None]


@dataclass(frozen=True, slots=True)
class Reached:
    """The result for every address, and a connection to the first one that accepted."""

    connects: tuple[Connect, ...]
    endpoint: Endpoint | None = None
    stream: SyncStream | None = None
    late: tuple[tuple[int, "Future[ConnectResult]"], ...] = ()
    """Connections that were still in progress, by their index in ``connects``."""

    def wait_for_late(self, seconds: float) -> tuple[Connect, ...]:
        """Return the result for every address, after up to ``seconds`` more for late ones."""
        wait([attempt for _, attempt in self.late], timeout=seconds)
        connects = list(self.connects)
        for index, attempt in self.late:
            if attempt.done():
                outcome, ms, _ = attempt.result()
                connects[index] = Connect(connects[index].address, outcome, round(ms, 1))
            else:
                waited = connects[index].ms + seconds * 1000
                connects[index] = replace(connects[index], ms=round(waited, 1))
        return tuple(connects)


def connect_all(endpoints: tuple[Endpoint, ...], visit: Visit) -> Reached:
    """Connect to every address at once; keep the best connection, close the others."""
    began = time.monotonic()
    tries = {
        endpoint: start(partial(_connect, endpoint, visit.patience.connect))
        for endpoint in endpoints[:MAX_ADDRESSES]
    }
    _wait_for_one(tries, visit)
    connects: list[Connect] = []
    late: list[tuple[int, Future[ConnectResult]]] = []
    best: tuple[Endpoint, SyncStream] | None = None
    for endpoint, attempt in tries.items():
        if not attempt.done():
            attempt.add_done_callback(_close_late)
            late.append((len(connects), attempt))
            elapsed = (time.monotonic() - began) * 1000
            connects.append(Connect(endpoint.address, "timeout", round(elapsed, 1)))
            continue
        outcome, ms, stream = attempt.result()
        connects.append(Connect(endpoint.address, outcome, round(ms, 1)))
        if stream is not None and best is None:
            best = endpoint, stream
        elif stream is not None:
            stream.abort()
    if best is None:
        return Reached(tuple(connects), late=tuple(late))
    return Reached(tuple(connects), *best, tuple(late))


def _connect(endpoint: Endpoint, timeout: float) -> ConnectResult:
    began = time.monotonic()
    stream: SyncStream | None = None
    outcome: ConnectOutcome = "ok"
    try:
        stream = SyncStream(connect_to(endpoint, timeout))
    except TimeoutError:
        outcome = "timeout"
    except ConnectionRefusedError:
        outcome = "refused"
    except OSError:
        outcome = "unreachable"
    return outcome, (time.monotonic() - began) * 1000, stream


def _wait_for_one(tries: Mapping[Endpoint, "Future[ConnectResult]"], visit: Visit) -> None:
    """Wait until all are done, or one has succeeded and the others have had enough time."""
    deadline = time.monotonic() + visit.patience.connect + 1
    while (left := deadline - time.monotonic()) > 0:
        done, pending = wait(tries.values(), timeout=min(left, GLANCE))
        if not pending:
            return
        if any(attempt.result()[2] is not None for attempt in done):
            wait(pending, timeout=visit.patience.others)
            return


def _close_late(attempt: "Future[ConnectResult]") -> None:
    stream = attempt.result()[2]
    if stream is not None:
        stream.abort()


def try_tls_first(visit: Visit, endpoint: Endpoint) -> TlsFirst:
    """Send a ClientHello before anything else, on a separate connection."""
    try:
        talk = Talk.open(visit, endpoint, client_context(verify=False))
    except OSError as error:
        return TlsFirst(False, failure=str(error))
    try:
        talk.secure()
    except GatepostError as error:
        talk.close(politely=False)
        return TlsFirst(False, failure=talk.explain(error))
    try:
        greeting = talk.greeting()
    except GatepostError as error:
        talk.close(politely=False)
        return TlsFirst(True, failure=talk.explain(error), alien=alien_line(error))
    talk.close()
    return TlsFirst(True, greeting)


def alien_line(error: GatepostError) -> str:
    """Return the line that is not an SMTP reply, or ""."""
    return error.line[:_MAX_ALIEN] if isinstance(error, RemoteProtocolError) else ""


def is_tls_answered(first: "Future[TlsFirst]") -> bool:
    """Return whether it is known now that TLS is answered."""
    return first.done() and first.result().answered


def await_greeting(talk: Talk, visit: Visit, first: "Future[TlsFirst]", limit: float) -> Greeting:
    """Wait up to ``limit`` seconds for a greeting without TLS, less once TLS was answered."""
    began = time.monotonic()
    stays_in_clear = visit.settings.tls in ("starttls", "none")
    enough = visit.patience.silence if stays_in_clear else ENOUGH
    while True:
        try:
            return Greeting(talk.reply_within(GLANCE), _since(began))
        except TimedOut:
            waited = time.monotonic() - began
        except Disconnected:
            return Greeting(None, _since(began), closed=True)
        except RemoteProtocolError as error:
            talk.session.is_usable = False  # a server with another protocol does not know QUIT
            return Greeting(None, _since(began), alien=alien_line(error))
        if waited > (enough if is_tls_answered(first) else limit):
            return Greeting(None, _since(began))


def _since(began: float) -> float:
    return round((time.monotonic() - began) * 1000, 1)
