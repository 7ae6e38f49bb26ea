"""Accepts connections until one of them is a session."""

import asyncio
from contextlib import AsyncExitStack
from typing import Final

from gatepost.doctor.recording.forward_session import RecordedSession
from gatepost.doctor.recording.forwarding_settings import Forwarding
from gatepost.net.clock import SystemClock
from gatepost.net.listen import Listener

MOST_AT_ONCE: Final = 20
"""Maximum connections that are open before one of them is the session."""


class NobodyCame(Exception):
    """Recording was stopped, or timed out, before a session began."""


class Recorder:
    """Records one session."""

    def __init__(self, forwarding: Forwarding) -> None:
        self._forwarding = forwarding
        self._clock = SystemClock()
        self._is_over = False
        self._open: dict[RecordedSession, asyncio.Task[None]] = {}
        self._chosen: RecordedSession | None = None
        self._first: asyncio.Future[RecordedSession] = asyncio.get_running_loop().create_future()
        self._servers: list[asyncio.Server] = []

    async def serve(self, listener: Listener, stack: AsyncExitStack) -> None:
        """Accept connections until the first session."""
        loop = asyncio.get_running_loop()
        for sock in listener.sockets:
            server = await loop.create_server(self._take, sock=sock)
            self._servers.append(server)
            stack.callback(server.close)
        stack.push_async_callback(self._end)

    def _take(self) -> asyncio.BaseProtocol:
        return RecordedSession(self._forwarding, self._clock, self._begin, self._choose).stream

    def _begin(self, session: RecordedSession) -> None:
        """Start a session when its connection is accepted."""
        if self._is_over or len(self._open) >= MOST_AT_ONCE:
            session.stream.abort()
            return
        self._open[session] = task = asyncio.ensure_future(session.run())
        task.add_done_callback(lambda _: self._done(session))

    def _choose(self, session: RecordedSession) -> None:
        """Take this session; accept no more connections, and close the others."""
        if self._first.done():
            return
        self._chosen = session
        self._first.set_result(session)
        for server in self._servers:
            server.close()
        for other in self._open:
            if other is not session:
                other.stop()

    def _done(self, session: RecordedSession) -> None:
        if session is not self._chosen:
            del self._open[session]

    def stop(self) -> None:
        """End what is in progress."""
        if self._chosen is not None:
            self._chosen.stop()
        elif not self._first.done():
            self._first.set_exception(NobodyCame("stopped before anybody connected"))

    async def wait(self, seconds: float | None) -> RecordedSession:
        """Return the session once it is over. Raises NobodyCame."""
        try:
            async with asyncio.timeout(seconds):
                session = await asyncio.shield(self._first)
        except TimeoutError:
            raise NobodyCame(f"nobody connected within {seconds:g} s") from None
        await self._open[session]
        return session

    async def _end(self) -> None:
        """Close all connections, including those accepted at this moment."""
        self._is_over = True
        tasks = list(self._open.values())
        for task in tasks:
            task.cancel()
        sessions = list(self._open)
        await asyncio.gather(*tasks, return_exceptions=True)
        for session in sessions:  # a task that is cancelled before it began closes nothing
            session.stream.abort()
