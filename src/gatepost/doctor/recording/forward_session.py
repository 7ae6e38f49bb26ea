"""Forwards one session between a client and its server, while a tap reads it."""

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Literal

from gatepost.doctor.certificate_facts import read_certificate
from gatepost.doctor.recording.client_side import ClientConnection, Event, WatchedStream
from gatepost.doctor.recording.forwarding_settings import OPENS_AHEAD, REWRITES, Forwarding
from gatepost.doctor.recording.session_evidence import SessionOutcome
from gatepost.doctor.recording.starttls_rewriting import StarttlsOffer
from gatepost.doctor.recording.tap import Tap
from gatepost.errors import GatepostError, ResolveError, TimedOut, TlsError
from gatepost.model.evidence import Connect, DialoguePhase, Resolution, TlsSeen, seen
from gatepost.net.async_stream import AsyncStream
from gatepost.net.clock import Clock
from gatepost.net.local_authority import is_issued_by
from gatepost.wire.reply_reader import ReplyReader

LAST_WORDS: Final = 2.0
"""Seconds for the server to finish after the client has sent everything."""
A_LOOK: Final = 1.0
"""Seconds: a client that disconnects within them without sending anything only checked whether the
port is open."""
_ALERT: Final = re.compile(r"ALERT_(\w{1,60})$")
_READY: Final = b"220 2.0.0 Ready to start TLS\r\n"
_NO_SERVER: Final = b"421 4.4.1 The server cannot be reached\r\n"
_NO_TLS: Final = b"454 4.7.0 TLS with the server failed\r\n"


class _Over(Exception):
    """The session ends here."""


class RecordedSession:
    """One connection of a client. Pass ``stream`` to the event loop, and call ``run`` once it is
    accepted."""

    def __init__(
        self,
        forwarding: Forwarding,
        clock: Clock,
        on_accepted: Callable[["RecordedSession"], None],
        on_real: Callable[["RecordedSession"], None],
    ) -> None:
        self._forwarding = forwarding
        self._clock = clock
        self._on_real = on_real
        self.client = ClientConnection(lambda: on_accepted(self))
        begins_with_tls = forwarding.client_tls == "implicit"
        self.tap = Tap(is_decrypted=forwarding.is_starttls_decrypted, tls=begins_with_tls)
        self.outcome = SessionOutcome(clock.now())
        self.is_real = False
        """It is more than a look whether the port is open."""
        self.stream = WatchedStream(
            self.client, self._handshake, forwarding.certificate if begins_with_tls else None
        )
        self._server: AsyncStream | None = None
        self._next_octets: asyncio.Task[bytes] | None = None
        self._next_event: asyncio.Task[Event] | None = None
        self._offer = StarttlsOffer() if forwarding.pair in REWRITES else None
        self._secured_at = -1
        self._octets = [0, 0]
        self._client_ended = self._client_lost = False
        self._only_looked = False
        """The client disconnected before there was anything to hear, to see whether the port is
        open."""

    async def run(self) -> None:
        """Forward until the session is over. Errors are in ``outcome``."""
        began = self._clock.monotonic()
        staying = asyncio.get_running_loop().call_later(A_LOOK, self._mark_real)
        try:
            async with asyncio.timeout(self._forwarding.limits.total):
                await self._carry()
        except TimeoutError:
            self._end("time", f"the session took longer than {self._forwarding.limits.total:g} s")
        except _Over:
            pass
        finally:
            staying.cancel()
            if not self._only_looked:
                self._mark_real()
            if not self.tap.has_greeting:
                self.outcome.waited_ms = round((self._clock.monotonic() - began) * 1000, 1)
            await self._close()
            self._record_tls_end()
            self.tap.finish()

    def stop(self) -> None:
        """End the session, because the diagnosis is wanted now."""
        self.client.stop()

    # Forwarding.

    async def _carry(self) -> None:
        first = await self._await_client()
        if first.kind != "connected":
            self._handle_event(first)
            self._only_looked = self._client_ended and not self.is_real
            # The client used no TLS: find out what the server does.
            if self.tap.client_records.hello is None and not self._only_looked:
                await self._reach()
            raise _Over
        await self._reach()
        if self._forwarding.pair in OPENS_AHEAD:
            await self._open_ahead()
        while True:
            await self._one_of_both()

    async def _await_client(self) -> Event:
        try:
            async with asyncio.timeout(self._forwarding.limits.idle):
                return await self.client.events.get()
        except TimeoutError:
            self._end("time", f"the client said nothing for {self._forwarding.limits.idle:g} s")
            return Event("lost")

    async def _reach(self) -> None:
        forwarding, began = self._forwarding, self._clock.monotonic()
        try:
            self._server = await AsyncStream.connect(forwarding.server, forwarding.limits.connect)
        except ResolveError as error:
            self.outcome.resolution = seen(Resolution(error=str(error)))
            await self._refuse(_NO_SERVER, str(error), "resolve")
        except (GatepostError, OSError) as error:
            ms = round((self._clock.monotonic() - began) * 1000, 1)
            self.outcome.connects = seen((Connect(forwarding.server.host, _outcome_of(error), ms),))
            await self._refuse(_NO_SERVER, str(error), "connect")
        else:
            ms = round((self._clock.monotonic() - began) * 1000, 1)
            self.outcome.connects = seen((Connect(self._server.peer_address, "ok", ms),))
        if forwarding.server_tls == "implicit":
            await self._secure_server()
        self._connected = self._clock.monotonic()

    @property
    def _reached_server(self) -> AsyncStream:
        assert self._server is not None  # noqa: S101 - the session begins with it
        return self._server

    async def _refuse(self, reply: bytes, why: str, phase: DialoguePhase) -> None:
        """Refuse to continue. Raises _Over."""
        if self.client.events.empty():  # else it has gone already
            self._mark_real()
        self.outcome.failure, self.outcome.phase = why, phase
        self.tap.note(ended_by="server")
        await self.client.write(reply)
        raise _Over

    async def _secure_server(self) -> None:
        forwarding, server = self._forwarding, self._reached_server
        assert forwarding.verifying is not None  # noqa: S101 - there is TLS
        trust = forwarding.ca_file or "system"
        try:
            layer = await server.start_tls(
                forwarding.verifying, forwarding.server.host, forwarding.limits.connect
            )
        except GatepostError as error:
            code = error.verify_code if isinstance(error, TlsError) else 0
            reason = error.verify_error if isinstance(error, TlsError) else ""
            failure = "" if code else str(error)
            self.outcome.tls = seen(
                TlsSeen(verify_code=code, verify_error=reason, trust=trust, failure=failure)
            )
            await self._refuse(_NO_TLS, f"TLS with the server failed: {error}", "tls")
        else:
            facts = layer.facts
            if is_issued_by(facts.chain, forwarding.local_authority):
                trust = forwarding.local_authority or trust
            self.outcome.tls = seen(
                TlsSeen(
                    facts.version,
                    facts.cipher,
                    read_certificate(facts.chain[0]) if facts.chain else None,
                    len(facts.chain),
                    verified=facts.verified,
                    trust=trust,
                )
            )

    async def _open_ahead(self) -> None:
        """Send STARTTLS for a client that will not: the greeting waits until TLS is up."""
        reader = ReplyReader()
        greeting = await self._ask(reader, b"")
        for command in (b"EHLO [127.0.0.1]\r\n", b"STARTTLS\r\n"):
            reply = await self._ask(reader, command)
            if not reply.startswith(b"2"):
                word = command.split()[0].decode()
                await self._refuse(
                    reply, f"the server answers {word} with {reply[:80]!r}", "starttls"
                )
        await self._secure_server()
        await self._to_client(greeting)

    async def _ask(self, reader: ReplyReader, command: bytes) -> bytes:
        server, idle = self._reached_server, self._forwarding.limits.idle
        try:
            if command:
                await server.send(command, idle)
            while (reply := reader.next_reply()) is None:
                octets = await server.receive(idle)
                if not octets:
                    self._end("server", "the server closed the connection")
                    raise _Over
                reader.feed(octets)
        except GatepostError as error:
            self._end("server", str(error))
            raise _Over from None
        del reply
        text = reader.text.replace("\n", "\r\n")
        return f"{text}\r\n".encode("utf-8", "surrogateescape")

    # Both sides.

    async def _one_of_both(self) -> None:
        """Wait for either side, and forward what it sent; the client first, which sent it before it
        could have received anything new."""
        waits: set[asyncio.Task[bytes] | asyncio.Task[Event]] = set()
        server = self._reached_server
        if self._next_octets is None:
            self._next_octets = asyncio.ensure_future(
                server.receive(2 * self._forwarding.limits.total)
            )
        waits.add(self._next_octets)
        if self._next_event is None and not self._client_lost:
            self._next_event = asyncio.ensure_future(self.client.events.get())
        if self._next_event is not None:
            waits.add(self._next_event)
        patience = LAST_WORDS if self._client_ended else self._forwarding.limits.idle
        done, _ = await asyncio.wait(waits, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            if not self._client_ended:
                self._end("time", f"nothing was said for {patience:g} s")
            raise _Over
        if self._next_event in done:
            event, self._next_event = self._next_event.result(), None
            await self._take_event(event)
        if self._next_octets in done:
            await self._read()

    async def _take_event(self, event: Event) -> None:
        if event.kind == "octets":
            await self._from_client(event.octets)
        elif event.kind == "secured":
            self.tap.begin_tls()
            self._secured_at = self.tap.client_octets
        else:
            self._handle_event(event)
            self._only_looked = self._client_ended and not self.is_real
            is_over = event.kind in ("stop", "failed") or self._only_looked
            if is_over or not self._is_reply_due():
                raise _Over

    def _is_reply_due(self) -> bool:
        """Tell whether an important reply is due, even if the client has disconnected."""
        return bool(self.tap.pending) and (not self._client_lost or not self.tap.has_greeting)

    def _handle_event(self, event: Event) -> None:
        if event.kind == "stop":
            self._end("stop", "the recording was stopped")
        elif event.kind == "failed" and event.error is not None:
            self._mark_real()
            alert = _ALERT.search(event.error.reason)
            self.tap.note(tls_end=(alert[1] if alert else event.error.reason).lower() or "failed")
            self._end("client", f"TLS with the client failed: {event.error}", "tls")
        else:
            self._client_ended = True
            self._client_lost = self._client_lost or event.kind == "lost"
            if event.kind == "ended" and self.tap.has_greeting:
                self._mark_real()  # it has read the greeting: who has not is reset, not ended
            if self.stream.is_shaking and self.tap.client_records.hello is not None:
                self.tap.note(tls_end="closed")
                self._end("client", "the client closed within the TLS handshake", "tls")

    async def _from_client(self, octets: bytes) -> None:
        server = self._reached_server
        self._mark_real()
        self._weigh(0, octets)
        self.tap.feed_client(octets)
        starts = self.tap.is_awaiting_starttls
        if starts and self._offer is not None:
            await self._start_here(octets)
            return
        try:
            await server.send(octets, self._forwarding.limits.idle)
        except GatepostError as error:
            if not self.outcome.failure:
                self.outcome.failure = str(error)
            # What it sent before it stopped reading is in the read.
        if not (starts and self._forwarding.is_starttls_decrypted):
            self.stream.resume()

    async def _start_here(self, octets: bytes) -> None:
        """Answer STARTTLS ourselves; octets received before it are forwarded."""
        server = self._reached_server
        at = octets.upper().rfind(b"STARTTLS")
        if at > 0:
            await server.send(octets[:at], self._forwarding.limits.idle)
        self.tap.feed_server(_READY)
        await self._start_client_tls(_READY)

    async def _start_client_tls(self, reply: bytes) -> None:
        assert self._forwarding.certificate is not None  # noqa: S101 - it opens TLS
        self._offer = None
        await self.client.write(reply)
        if not self.stream.is_closing:
            self.stream.start_tls(self._forwarding.certificate)
            self.stream.resume()

    async def _read(self) -> None:
        """Take what the server sent."""
        reading, self._next_octets = self._next_octets, None
        assert reading is not None  # noqa: S101 - it is done
        try:
            octets = reading.result()
        except GatepostError as error:
            self._end("server", str(error))
            raise _Over from None
        if not octets:
            self._end_by_server()
            raise _Over
        self._weigh(1, octets)
        if not self.tap.has_greeting:
            self.outcome.waited_ms = round((self._clock.monotonic() - self._connected) * 1000, 1)
        await self._to_client(octets)

    async def _to_client(self, octets: bytes) -> None:
        is_ours = self.tap.is_awaiting_starttls and self._forwarding.is_starttls_decrypted
        if self._offer is not None:
            hello = bool(self.tap.pending) and self.tap.pending[0] in ("EHLO", "LHLO")
            octets = self._offer.feed(octets, is_hello=hello)
        self.tap.feed_server(octets)
        if is_ours and not self.tap.is_awaiting_starttls:
            if self.tap.starttls_taken:
                await self._secure_server()
                await self._start_client_tls(octets)
                return
            self.stream.resume()
        await self.client.write(octets)

    def _end_by_server(self) -> None:
        if self.tap.last_verb == "QUIT" or self._client_ended or self.tap.conduct.is_opaque:
            return
        self._end("server", "the server closed the connection")

    def _weigh(self, direction: int, octets: bytes) -> None:
        self._octets[direction] += len(octets)
        if self._octets[direction] > self._forwarding.limits.octets:
            self._end("stop", f"more than {self._forwarding.limits.octets} octets were sent")
            raise _Over

    def _handshake(self, octets: bytes) -> None:
        """Look at the client's part of a TLS handshake with us."""
        self.tap.client_records.feed(octets)
        if not self.tap.client_records.is_tls:
            self.tap.feed_client(octets)
        self._mark_real()

    def _mark_real(self) -> None:
        if not self.is_real:
            self.is_real = True
            self._on_real(self)

    # The end.

    def _end(self, by: str, why: str, phase: DialoguePhase | None = None) -> None:
        self.tap.note(ended_by=by)
        self.outcome.failure = self.outcome.failure or why
        self.outcome.phase = self.outcome.phase or phase

    def _record_tls_end(self) -> None:
        """Note how the client ended TLS, if it did so before it sent anything."""
        tap, conduct = self.tap, self.tap.conduct
        by_client = conduct.ended_by == "client"
        with_server = self.outcome.tls.value
        if conduct.tls_end or (with_server is not None and not with_server.version):
            return  # the client was sent away
        if conduct.is_opaque:
            if tap.client_records.alert not in ("", "close_notify"):
                tap.note(tls_end=tap.client_records.alert)
            elif tap.client_records.has_refused:
                tap.note(tls_end="sealed alert")
            elif tap.server_records.alert not in ("", "close_notify"):
                words = tap.server_records.alert.replace("_", " ")
                hello = tap.client_records.hello
                if hello is None or not hello.is_old:  # else it is the client's version
                    self.outcome.tls = seen(TlsSeen(failure=f"the server's TLS alert: {words}"))
                self._end("server", f"the server ended TLS: {words}", "tls")
        elif by_client and self._forwarding.is_decrypted:
            silent = self._secured_at >= 0 and tap.client_octets == self._secured_at
            if silent or (
                self._forwarding.client_tls == "implicit" and self._is_silent_under_tls()
            ):
                tap.note(tls_end="silent")

    def _is_silent_under_tls(self) -> bool:
        """Tell whether implicit TLS was established, and then nothing came."""
        hello = self.tap.client_records.hello
        return hello is not None and not self.tap.client_octets and not self.stream.is_shaking

    async def _close(self) -> None:
        try:
            await self._part()
        finally:  # both sides must be closed in any case
            if self._server is not None:
                self._server.abort()
            if not self.client.closed.is_set():
                self.stream.abort()
                await asyncio.sleep(0)  # the event loop reports it in its next turn

    async def _part(self) -> None:
        """Close both sides."""
        tasks = [each for each in (self._next_octets, self._next_event) if each is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._server is not None:
            await self._server.close(0.2)
        self.stream.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS):
                await self.client.closed.wait()


def _outcome_of(error: Exception) -> Literal["refused", "timeout", "unreachable"]:
    if isinstance(error, TimedOut):
        return "timeout"
    return "refused" if "refused" in str(error).lower() else "unreachable"
