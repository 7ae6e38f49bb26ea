"""Frames from octets in any pieces."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.errors import Disconnected
from gatepost.processes.rpc_frames import CONTENT, MAX_FRAME, SOON, FrameStream


class Wire(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.ended = ""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def close(self) -> None:
        self.ended = "closed"

    def abort(self) -> None:
        self.ended = "aborted"


class End:
    """A frame stream on a wire; use it inside a running loop."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.contents: list[bytes] = []
        self.losses = 0
        self.wire = Wire()
        self.stream = FrameStream(self._take, self._lose)
        self.stream.connection_made(self.wire)

    def _take(self, _stream: FrameStream, frame: bytes, content: Sequence[bytes]) -> None:
        self.frames.append(frame)
        self.contents.append(b"".join(content))

    def _lose(self) -> None:
        self.losses += 1


def in_loop(steps: Any) -> None:
    async def run() -> None:
        result = steps()
        if result is not None:
            await result

    asyncio.run(run())


def framed(*frames: bytes) -> bytes:
    return b"".join(len(frame).to_bytes(4, "big") + frame for frame in frames)


@given(st.lists(st.binary(max_size=40), max_size=6), st.lists(st.integers(1, 9), max_size=40))
def test_frames_survive_any_split(frames: list[bytes], cuts: list[int]) -> None:
    def steps() -> None:
        end, octets = End(), framed(*frames)
        for cut in cuts:
            end.stream.data_received(octets[:cut])
            octets = octets[cut:]
        end.stream.data_received(octets)
        assert end.frames == frames

    in_loop(steps)


@given(
    st.lists(st.tuples(st.binary(max_size=20), st.lists(st.binary(max_size=40), max_size=3))),
    st.lists(st.integers(1, 30), max_size=40),
)
def test_content_behind_frames_survives_any_split(
    calls: list[tuple[bytes, list[bytes]]], cuts: list[int]
) -> None:
    async def steps() -> None:
        end, other = End(), End()
        for frame, content in calls:
            end.stream.send(frame, content)
        await asyncio.sleep(0)
        octets = b"".join(end.wire.written)
        for cut in cuts:
            other.stream.data_received(octets[:cut])
            octets = octets[cut:]
        other.stream.data_received(octets)
        assert other.frames == [frame for frame, _ in calls]
        assert other.contents == [b"".join(content) for _, content in calls]

    in_loop(steps)


def test_content_is_not_copied_where_it_comes_alone() -> None:
    async def steps() -> None:
        end, got = End(), list[bytes]()
        end.stream = FrameStream(lambda _stream, _frame, content: got.extend(content), end._lose)
        end.stream.connection_made(end.wire)
        content = b"x" * 100
        end.stream.data_received((1 | CONTENT).to_bytes(4, "big") + (100).to_bytes(4, "big") + b"f")
        end.stream.data_received(content)
        assert got[0] is content

    in_loop(steps)


def test_frames_of_one_loop_turn_are_one_write() -> None:
    async def steps() -> None:
        end = End()
        end.stream.send(b"one")
        end.stream.send(b"")
        end.stream.send(b"three")
        assert end.wire.written == []
        await asyncio.sleep(0)
        assert end.wire.written == [framed(b"one", b"", b"three")]
        await asyncio.sleep(0)
        assert len(end.wire.written) == 1

    in_loop(steps)


def test_a_non_urgent_frame_goes_with_the_next_one() -> None:
    async def steps() -> None:
        end = End()
        end.stream.send_soon(b"last".upper)
        await asyncio.sleep(0)
        assert end.wire.written == []
        end.stream.send(b"one")
        end.stream.send(b"two")
        await asyncio.sleep(0)
        assert end.wire.written == [framed(b"one", b"two", b"LAST")]
        await asyncio.sleep(2 * SOON)
        assert len(end.wire.written) == 1

    in_loop(steps)


def test_a_non_urgent_frame_goes_alone_after_a_moment() -> None:
    async def steps() -> None:
        end = End()
        said = ["one"]
        end.stream.send_soon(lambda: " ".join(said).encode())
        said.append("two")  # it is made when it goes out
        await asyncio.sleep(10 * SOON)
        assert end.wire.written == [framed(b"one two")]

    in_loop(steps)


def test_closing_sends_what_was_given() -> None:
    async def steps() -> None:
        end = End()
        end.stream.send(b"last")
        end.stream.send_soon(b"very last".title)
        end.stream.close()
        assert end.wire.written == [framed(b"last", b"Very Last")]
        assert end.wire.ended == "closed"
        await asyncio.sleep(0)
        assert len(end.wire.written) == 1

    in_loop(steps)


@pytest.mark.parametrize(
    "lengths",
    [
        (MAX_FRAME + 1).to_bytes(4, "big"),
        (MAX_FRAME + 1 | CONTENT).to_bytes(4, "big") + bytes(4),
        CONTENT.to_bytes(4, "big") + (MAX_FRAME + 1).to_bytes(4, "big"),
    ],
)
def test_a_frame_too_large_cuts_the_connection(lengths: bytes) -> None:
    def steps() -> None:
        end = End()
        end.stream.data_received(framed(b"good") + lengths)
        assert end.frames == [b"good"]
        assert end.wire.ended == "aborted"

    in_loop(steps)


def test_nothing_is_sent_after_the_connection_is_lost() -> None:
    async def steps() -> None:
        end = End()
        end.stream.send(b"too late")
        end.stream.connection_lost(None)
        assert end.losses == 1
        await asyncio.sleep(0)
        assert end.wire.written == []
        with pytest.raises(Disconnected):
            end.stream.send(b"later")

    in_loop(steps)
