"""Accepts the connections of a process, ends idle ones, and drains all when it stops."""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from functools import partial
from typing import Any, Final

from gatepost.net.accept import Accepted, Acceptor
from gatepost.net.interruptible_stream import InterruptibleStream
from gatepost.net.listen import Listener
from gatepost.net.server_stream import ServerStream
from gatepost.relay.client_connection import Receiver
from gatepost.relay.listener_state import ListenerState
from gatepost.relay.recorded_connection import RecordedReceiver, RecordedScriptedReceiver
from gatepost.relay.safe_error_text import explain
from gatepost.relay.scripted_connection import ScriptedReceiver
from gatepost.relay.shared_by_connections import Relay

SWEEP: Final = 1.0
"""Seconds between two searches for idle peers."""

_KINDS: Final[Mapping[tuple[bool, bool], tuple[type[Receiver], type[ServerStream]]]] = {
    (False, False): (Receiver, ServerStream),
    (True, False): (ScriptedReceiver, InterruptibleStream),
    (False, True): (RecordedReceiver, ServerStream),
    (True, True): (RecordedScriptedReceiver, InterruptibleStream),
}
"""What serves a connection: with rules of scripted failures or not, recorded or not."""


class Supervisor:
    """Serves one relay on any number of listeners."""

    def __init__(self, relay: Relay, max_connections: int = 20_000) -> None:
        self._relay = relay
        self._max = max_connections
        self._receivers: set[Receiver] = set()
        self._acceptors: dict[Listener, Acceptor] = {}
        if relay.failures is not None:
            relay.failures.followers.add(self._follow_rules)
        self._emptied: asyncio.Event = asyncio.Event()
        self._sweeper: asyncio.TimerHandle | None = None

    @property
    def connections(self) -> int:
        """The connections that are open now."""
        return len(self._receivers)

    async def serve(self, listener: Listener, state: ListenerState) -> None:
        """Accept connections on ``listener``, whose settings are in ``state``."""
        loop = asyncio.get_running_loop()
        self._relay.tick = loop.time() + SWEEP
        self._acceptors[listener] = Acceptor(
            listener.sockets, partial(self._serve, state), self._lack_descriptors
        )
        if self._sweeper is None:
            self._sweeper = loop.call_later(SWEEP, self._sweep)

    async def withdraw(self, listener: Listener) -> None:
        """Accept nothing more on ``listener``, and close it; open connections stay."""
        acceptor = self._acceptors.pop(listener, None)
        if acceptor is None:
            return
        await acceptor.stop()
        for sock in listener.sockets:
            sock.close()

    def _lack_descriptors(self) -> None:
        self._relay.descriptors.lacks("clients over SMTP wait until others disconnect")

    def _serve(
        self, state: ListenerState, connection: Accepted, _address: str
    ) -> Coroutine[Any, Any, object]:
        loop = asyncio.get_running_loop()
        return loop.connect_accepted_socket(partial(self._receive, state), connection)

    def _receive(self, state: ListenerState) -> ServerStream:
        full = len(self._receivers) >= self._max
        relay = self._relay
        kind, stream = _KINDS[relay.failures is not None, relay.recorder is not None]
        receiver = kind(relay, state, self._forget, unwanted=full or relay.draining)
        self._receivers.add(receiver)
        certificate = state.certificate if state.implicit else None
        return stream(
            receiver,
            certificate.context if certificate else None,
            state.proxies.__contains__ if state.proxies else None,
        )

    def _follow_rules(self) -> None:
        """Have open sessions follow the rules of scripted failures, which have changed."""
        for receiver in self._receivers:
            if isinstance(receiver, ScriptedReceiver):
                receiver.follow_rules()

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

    async def retire(self) -> None:
        """Accept nothing more; return when the last connection has ended by itself."""
        for listener in list(self._acceptors):
            await self.withdraw(listener)
        while self._receivers:
            self._emptied.clear()
            await self._emptied.wait()

    async def drain(self, seconds: float) -> None:
        """Accept nothing more, reply 421 to all, let commits in progress end, and then abort what
        is left."""
        self._relay.draining = True
        for listener in list(self._acceptors):
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
        if self._relay.failures is not None:
            self._relay.failures.followers.discard(self._follow_rules)


def _abort(receivers: Iterable[Receiver]) -> None:
    for receiver in list(receivers):
        receiver.abort()
