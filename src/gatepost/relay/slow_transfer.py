"""Octets that are sent or taken slowly, in slices."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from gatepost.net.interruptible_stream import HeldHello, InterruptibleStream

TICK: Final = 0.1
"""Seconds between two slices of a rate."""
LONGEST: Final = 3_600.0
"""Seconds for which octets are slowed down; a client that needs longer is not held up further."""
MAX_HELD: Final = 65_536
"""Octets that wait to be taken, above which nothing more is read."""


class SlowOutput:
    """Sends octets in the given slices, one after another."""

    __slots__ = ("_pieces", "_timer", "_wait", "_write", "on_sent", "rate")

    def __init__(self, write: Callable[[bytes], None], on_sent: Callable[[], None]) -> None:
        """``on_sent`` is called whenever everything has been sent after a wait."""
        self._write, self.on_sent = write, on_sent
        self.rate: int | None = None
        """Octets per second of what has no slices of its own; None: no limit."""
        self._pieces: deque[tuple[bytes, float]] = deque()
        """What is still to be sent, each with the seconds to wait after it."""
        self._wait = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_busy(self) -> bool:
        """Whether something is still to be sent."""
        return self._timer is not None

    def send(self, octets: bytes, size: int = 0, every: float = 0.0) -> None:
        """Send ``octets``, in slices of ``size`` every so many seconds if ``size`` is not 0."""
        if not size and self.rate is not None:
            size = max(1, int(self.rate * TICK))
            every = size / self.rate
        if not octets:
            return
        if size:
            every = min(every, LONGEST * size / len(octets))
        for at in range(0, len(octets), size or len(octets)):
            self._pieces.append((octets[at : at + (size or len(octets))], every))
        if self._timer is None:
            self._send_next()

    def _send_next(self) -> None:
        has_waited, self._timer = self._timer is not None, None
        while self._pieces:
            piece, wait = self._pieces.popleft()
            self._write(piece)
            if wait and (self._pieces or self.rate is not None):
                self._timer = asyncio.get_running_loop().call_later(wait, self._send_next)
                return
        if has_waited:
            self.on_sent()

    def send_rest(self) -> None:
        """Send everything at once."""
        self.stop()
        while self._pieces:
            self._write(self._pieces.popleft()[0])

    def stop(self) -> None:
        """Send nothing more by itself."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class SlowInput:
    """Stands between a stream and its handler, and passes on what comes at a rate."""

    __slots__ = ("_end", "_ended", "_handler", "_held", "_is_full", "_stream", "_timer", "rate")

    def __init__(self, handler: Any, stream: InterruptibleStream, rate: int) -> None:
        """``rate`` is in octets per second."""
        self._handler, self._stream, self.rate = handler, stream, rate
        self._held = bytearray()
        self._end = asyncio.get_running_loop().time() + LONGEST
        self._is_full = False
        self._ended = False
        self._timer: asyncio.TimerHandle | None = None

    def on_data(self, octets: bytes) -> None:
        """Hold ``octets``, and pass them on in slices."""
        self._held += octets
        if not self._is_full and len(self._held) > MAX_HELD:
            self._is_full = True
            self._stream.pause()
        if self._timer is None:
            self._pass_on()

    def _pass_on(self) -> None:
        self._timer = None
        if self._stream.is_closing:
            return
        if self._handler.is_blocked:  # it holds enough
            self._timer = asyncio.get_running_loop().call_later(TICK, self._pass_on)
            return
        loop = asyncio.get_running_loop()
        is_over = loop.time() > self._end
        size = len(self._held) if is_over else max(1, int(self.rate * TICK))
        piece = bytes(self._held[:size])
        del self._held[:size]
        self._timer = loop.call_later(0 if is_over else size / self.rate, self._after)
        self._handler.take_slowly(piece)

    def _after(self) -> None:
        self._timer = None
        if self._held:
            self._pass_on()
        elif self._ended:
            self._handler.on_end()
        if self._is_full and len(self._held) <= MAX_HELD // 2:
            self._is_full = False
            self._stream.resume()

    def on_end(self) -> None:
        """The peer sends no more; what it sent comes first."""
        self._ended = True
        if self._timer is None:
            self._handler.on_end()

    def on_close(self) -> None:
        """The connection has ended."""
        if self._timer is not None:
            self._timer.cancel()
        self._handler.on_close()

    def on_hello(self, hello: HeldHello) -> None:
        """A ClientHello is not slowed down."""
        self._handler.on_hello(hello)

    def __getattr__(self, name: str) -> Any:
        """Everything else is the handler's."""
        return getattr(self._handler, name)
