"""Accepts the connections of a process, ends idle ones, and drains all when it stops."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from typing import Final

from gatepost.net.listen import Listener
from gatepost.net.server_stream import ServerStream
from gatepost.relay.context import Relay
from gatepost.relay.faults import explain
from gatepost.relay.listener_state import ListenerState
from gatepost.relay.receive import Receiver

SWEEP: Final = 1.0
"""Seconds between two searches for idle peers."""


class Supervisor:
    """Serves one relay on any number of listeners."""

    def __init__(self, relay: Relay, max_connections: int = 20_000) -> None:
        self._relay = relay
        self._max = max_connections
        self._receivers: set[Receiver] = set()
        self._servers: dict[Listener, list[asyncio.Server]] = {}
        self._emptied: asyncio.Event = asyncio.Event()
        self._sweeper: asyncio.TimerHandle | None = None
        self._no_handles = False
        """The process had no free file handle at the last check."""

    @property
    def connections(self) -> int:
        """The connections that are open now."""
        return len(self._receivers)

    async def serve(self, listener: Listener, state: ListenerState) -> None:
        """Accept connections on ``listener``, whose settings are in ``state``."""
        loop = asyncio.get_running_loop()
        self._relay.tick = loop.time() + SWEEP
        for sock in listener.sockets:
            server = await loop.create_server(
                partial(self._accept, state), sock=sock, backlog=1_024
            )
            self._servers.setdefault(listener, []).append(server)
        if self._sweeper is None:
            self._sweeper = loop.call_later(SWEEP, self._sweep)

    async def withdraw(self, listener: Listener) -> None:
        """Accept nothing more on ``listener``, and close it; open connections stay.

        asyncio starts an accepted connection one turn later. If its server were closed by then, the
        connection would be lost, and stay open until the garbage collector runs.
        """
        servers = self._servers.pop(listener, [])
        for sock in listener.sockets if servers else ():
            with suppress(NotImplementedError):  # Windows accepts connections without a reader
                asyncio.get_running_loop().remove_reader(sock)
        await asyncio.sleep(0)
        for server in servers:
            server.close()

    def _accept(self, state: ListenerState) -> ServerStream:
        full = len(self._receivers) >= self._max
        receiver = Receiver(self._relay, state, self._forget, unwanted=full or self._relay.draining)
        self._receivers.add(receiver)
        certificate = state.certificate if state.implicit else None
        return ServerStream(
            receiver,
            certificate.context if certificate else None,
            state.proxies.__contains__ if state.proxies else None,
        )

    def _forget(self, receiver: Receiver) -> None:
        self._receivers.discard(receiver)
        if not self._receivers:
            self._emptied.set()

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweeper = loop.call_later(
            SWEEP, self._sweep
        )  # first, so that an error below does not end it
        now = loop.time()
        self._relay.tick = now + SWEEP
        for receiver in [each for each in self._receivers if each.deadline < now]:
            try:
                receiver.time_out()
            except Exception as error:  # noqa: BLE001 - the others are looked at, too
                self._relay.report("internal_error", peer=receiver.peer, reason=explain(error))
                receiver.abort()
        self._look_for_handles()

    def _look_for_handles(self) -> None:
        """Report once that no connection can be accepted: not every event loop does."""
        before, self._no_handles = self._no_handles, False
        for listener in self._servers:
            try:
                listener.sockets[0].dup().close()
            except OSError as error:
                self._no_handles = True
                if not before:
                    reason = f"no connection can be accepted: {explain(error)}"
                    self._relay.report("internal_error", reason=reason)
            return

    async def retire(self) -> None:
        """Accept nothing more; return when the last connection has ended by itself."""
        for listener in list(self._servers):
            await self.withdraw(listener)
        while self._receivers:
            self._emptied.clear()
            await self._emptied.wait()

    async def drain(self, seconds: float) -> None:
        """Accept nothing more, reply 421 to all, let commits in progress end, and then abort what
        is left."""
        self._relay.draining = True
        for listener in list(self._servers):
            await self.withdraw(listener)
        for receiver in list(self._receivers):
            receiver.shut_down()
        if self._receivers:
            self._emptied.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._emptied.wait()
            except TimeoutError:
                _abort(self._receivers)
        if self._sweeper is not None:
            self._sweeper.cancel()


def _abort(receivers: Iterable[Receiver]) -> None:
    for receiver in list(receivers):
        receiver.abort()
