"""Frames of remote calls over a local stream socket: four octets of length, then the frame.

Content can follow a frame without being copied into it. Then the first bit of the length is set,
and four more octets have the length of the content.
"""

import asyncio
import select
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, cast

from gatepost.errors import Disconnected
from gatepost.model.units import MIB
from gatepost.net.unix_socket import LENGTH, bind_for_owner, connect

MAX_FRAME: Final = 64 * MIB
CONTENT: Final = 0x8000_0000
"""Of a length: there is content behind the frame."""
MAX_JOINED: Final = 65_536
"""Octets up to which copying them into one piece is cheaper than writing many."""
SOON: Final = 0.02
"""Seconds that a frame which is not urgent waits for one that is."""

OnFrame = Callable[["FrameStream", bytes, Sequence[bytes]], None]
"""Takes a frame and its content, in the pieces in which it came."""


class FrameStream(asyncio.Protocol):
    """One end of a connection that carries frames in both directions."""

    def __init__(self, on_frame: OnFrame, on_lost: Callable[[], None]) -> None:
        self._on_frame = on_frame
        self._on_lost = on_lost
        self._buffer = bytearray()
        self._frame = b""
        """The incomplete content after it is received in pieces; ``_missing`` octets are to
        come."""
        self._pieces: list[bytes] = []
        self._missing = 0
        self._transport: asyncio.Transport
        self._loop = asyncio.get_running_loop()
        self._waiting: list[bytes] = []
        self._is_due = False
        """Pending data is written at the end of this turn of the event loop."""
        self._last: list[Callable[[], bytes]] = []
        """Functions that create the frames to be sent after those."""
        self._later: asyncio.TimerHandle | None = None
        self._lost = False

    @property
    def is_cut_off(self) -> bool:
        """True if the other end has disconnected, even if there is unread data."""
        if self._lost:
            return True
        hung_up = select.poll()
        hung_up.register(self._transport.get_extra_info("socket"), 0)  # this is told at any rate
        return bool(hung_up.poll(0))

    @property
    def unsent(self) -> int:
        """Number of octets that were written, but not yet passed to the system."""
        return self._transport.get_write_buffer_size()

    def send(self, frame: bytes, content: Sequence[bytes] = ()) -> None:
        """Send one frame and its content. Raises Disconnected if the other end has disconnected."""
        self._wait(frame, content)
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._flush)

    def send_soon(self, make: Callable[[], bytes]) -> None:
        """Send one frame after the next one if that follows soon; it is created when it is sent.

        Raises Disconnected if the other end has disconnected.
        """
        self._check()
        self._last.append(make)
        if not self._is_due and self._later is None:
            self._later = self._loop.call_later(SOON, self._flush)

    def _check(self) -> None:
        if self._lost:
            raise Disconnected("the relay's control socket is closed")

    def _wait(self, frame: bytes, content: Sequence[bytes] = ()) -> None:
        self._check()
        if content:
            lengths = (len(frame) | CONTENT) << 32 | sum(map(len, content))
            self._waiting += (lengths.to_bytes(2 * LENGTH, "big"), frame, *content)
        else:
            self._waiting += (len(frame).to_bytes(LENGTH, "big"), frame)

    def _flush(self) -> None:
        """Write everything that one turn of the event loop sent in one call."""
        self._is_due = False
        if self._later is not None:
            self._later.cancel()
            self._later = None
        for make in () if self._lost else self._last:
            self._wait(make())
        if self._waiting and not self._lost:
            if sum(map(len, self._waiting)) < MAX_JOINED:
                self._transport.write(b"".join(self._waiting))
            else:
                self._transport.writelines(self._waiting)
        self._waiting, self._last = [], []

    def close(self) -> None:
        """Close after everything was sent."""
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Pass on complete frames; keep the rest."""
        if self._missing:
            start = self._take_content(data)
            if start < len(data):
                self.data_received(data[start:])
        elif not self._buffer:
            start = self._take_frames(data)
            self._buffer += data[start:] if start else data
        else:
            self._buffer += data
            start = self._take_frames(self._buffer)
            del self._buffer[:start]

    def _take_frames(self, octets: bytes | bytearray) -> int:
        """Pass on the frames at the beginning of ``octets``; return the offset of the rest."""
        start = 0
        with memoryview(octets) as view:
            while len(view) - start >= LENGTH:
                length = int.from_bytes(view[start : start + LENGTH], "big")
                has_content = length >= CONTENT
                begin = start + (2 * LENGTH if has_content else LENGTH)
                end = begin + (length & ~CONTENT)
                if end - begin > MAX_FRAME:
                    self._transport.abort()
                    return len(view)
                if len(view) < end:
                    break
                frame, start = bytes(view[begin:end]), end
                if not has_content:
                    self._on_frame(self, frame, ())
                    continue
                self._missing = int.from_bytes(view[begin - LENGTH : begin], "big")
                if self._missing > MAX_FRAME:
                    self._transport.abort()
                    return len(view)
                self._frame = frame
                start += self._take_content(view[end:])
        return start

    def _take_content(self, octets: bytes | memoryview) -> int:
        """Store a part of a content; pass the frame on when its content is complete.

        Returns the number of octets used.
        """
        taken = min(self._missing, len(octets))
        if taken:
            self._pieces.append(bytes(octets[:taken]))  # of octets as a whole this is not a copy
            self._missing -= taken
        if not self._missing:
            frame, pieces = self._frame, self._pieces
            self._frame, self._pieces = b"", []
            self._on_frame(self, frame, pieces)
        return taken

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - how matters not
        """Report the end, once."""
        self._lost = True
        self._on_lost()


async def serve_frames(path: Path, make: Callable[[], FrameStream]) -> asyncio.Server:
    """Listen at ``path``, for its owner only; a stale socket file is replaced."""
    sock = bind_for_owner(path)
    sock.setblocking(False)
    return await asyncio.get_running_loop().create_unix_server(make, sock=sock, backlog=128)


async def connect_frames(path: Path, make: Callable[[], FrameStream]) -> FrameStream:
    """Connect to the server at ``path``. Raises ConnectError if there is none."""
    sock = connect(path)
    sock.setblocking(False)
    _, stream = await asyncio.get_running_loop().create_unix_connection(make, sock=sock)
    return stream
