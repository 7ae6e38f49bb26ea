"""Dot-stuffing and its removal, for any split."""

import re

from hypothesis import given
from hypothesis import strategies as st

from gatepost.client.transaction import stuff
from gatepost.wire.content import ChunkReader, DataReader, Newlines

ROUGH = st.lists(
    st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"..", b"\r\n.", b"a", b" ", b"\xff", b"x" * 70]),
    max_size=40,
).map(b"".join)
NEWLINE = re.compile(rb"\r\n|\r|\n")


def pieces_of(octets: bytes, sizes: list[int]) -> list[bytes]:
    pieces, at = [], 0
    for size in sizes:
        pieces.append(octets[at : at + size])
        at += size
    return [*pieces, octets[at:]]


def read(pieces: list[bytes]) -> tuple[bytes, bytes, bool]:
    reader, buffer, content = DataReader(), bytearray(), b""
    for piece in pieces:
        buffer += piece
        while not reader.is_complete and (got := reader.read(buffer)) is not None:
            content += got
    return content, bytes(buffer), reader.is_complete


SIZES = st.lists(st.integers(0, 9), max_size=30)


@given(ROUGH, SIZES, SIZES)
def test_the_server_reads_what_the_client_stuffs(
    rough: bytes, windows: list[int], cuts: list[int]
) -> None:
    content = NEWLINE.sub(b"\r\n", rough)
    wire = b"".join(stuff(pieces_of(content, windows)))
    got, rest, ended = read(pieces_of(wire + b"QUIT\r\n", cuts))
    assert ended
    assert rest == b"QUIT\r\n"
    expected = content if content.endswith(b"\r\n") or not content else content + b"\r\n"
    assert got in (expected, content + b"\r\n" if not content else expected)


@given(ROUGH, SIZES)
def test_the_end_is_the_first_crlf_dot_crlf(rough: bytes, cuts: list[int]) -> None:
    octets = rough + b"\r\n.\r\n"
    got, rest, ended = read(pieces_of(octets, cuts))
    assert ended
    if octets.startswith(b".\r\n"):
        assert (got, rest) == (b"", octets[3:])
        return
    raw, _, behind = octets.partition(b"\r\n.\r\n")
    lines = [line.removeprefix(b".") for line in (raw + b"\r\n").split(b"\r\n")]
    assert rest == behind
    assert got == NEWLINE.sub(b"\r\n", b"\r\n".join(lines))


@given(ROUGH, SIZES)
def test_newlines_over_any_cut(rough: bytes, cuts: list[int]) -> None:
    newlines = Newlines()
    *head, last = pieces_of(rough, cuts)
    got = b"".join(newlines.convert(piece, last=False) for piece in head)
    got += newlines.convert(last, last=True)
    assert got == NEWLINE.sub(b"\r\n", rough)
    assert newlines.met_bare == (got != rough)


@given(ROUGH, SIZES, SIZES)
def test_chunks_over_any_cut(rough: bytes, sizes: list[int], cuts: list[int]) -> None:
    chunks = pieces_of(rough, sizes)
    newlines, got, buffer = Newlines(), b"", bytearray()
    waiting = [
        ChunkReader(newlines, len(chunk), last=at == len(chunks) - 1)
        for at, chunk in enumerate(chunks)
    ]
    for piece in pieces_of(rough + b"QUIT\r\n", cuts):
        buffer += piece
        while waiting and (read := waiting[0].read(buffer)) is not None:
            got += read
            if waiting[0].is_complete:
                del waiting[0]
    assert not waiting
    assert bytes(buffer) == b"QUIT\r\n"
    assert got == NEWLINE.sub(b"\r\n", rough)
