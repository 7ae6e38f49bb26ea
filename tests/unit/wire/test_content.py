"""The end of the content, and its octets."""

import pytest

from gatepost.wire.content import WINDOW, ChunkReader, DataReader, Newlines


def read_data(chunks: list[bytes]) -> tuple[bytes, bytes, DataReader]:
    """What a DATA with these chunks is: content, the octets behind it, and its reader."""
    reader, buffer, content = DataReader(), bytearray(), b""
    for chunk in chunks:
        buffer += chunk
        while not reader.is_complete and (piece := reader.read(buffer)) is not None:
            content += piece
    return content, bytes(buffer), reader


def one_by_one(octets: bytes) -> list[bytes]:
    return [octets[at : at + 1] for at in range(len(octets))]


# fmt: off
CONTENT = [
    (b".\r\n",                             b""),
    (b"\r\n.\r\n",                         b"\r\n"),
    (b"a\r\n.\r\n",                        b"a\r\n"),
    (b"..\r\n.\r\n",                       b".\r\n"),
    (b"...\r\n.\r\n",                      b"..\r\n"),
    (b".a\r\n.\r\n",                       b"a\r\n"),
    (b"a\r\n..b\r\n.\r\n",                 b"a\r\n.b\r\n"),
    (b"a\r\n.b\r\n.\r\n",                  b"a\r\nb\r\n"),
    (b"a\r\n..\r\n..\r\n.\r\n",            b"a\r\n.\r\n.\r\n"),
    (b"a.\r\n.\r\n",                       b"a.\r\n"),
    (b"a\r\n. \r\n.\r\n",                  b"a\r\n \r\n"),
    (b"a\r\n \r\n.\r\n",                   b"a\r\n \r\n"),
    (b"a\nb\r\n.\r\n",                     b"a\r\nb\r\n"),
    (b"a\rb\r\n.\r\n",                     b"a\r\nb\r\n"),
    (b"a\n\rb\r\n.\r\n",                   b"a\r\n\r\nb\r\n"),
    (b"a\r\r\nb\r\n.\r\n",                 b"a\r\n\r\nb\r\n"),
    (b"a\r\r\n.\r\n",                      b"a\r\n\r\n"),
    (b"\xff\xfe8-bit\r\n.\r\n",            b"\xff\xfe8-bit\r\n"),
]
# fmt: on


@pytest.mark.parametrize(("octets", "expected"), CONTENT)
def test_content(octets: bytes, expected: bytes) -> None:
    for chunks in ([octets + b"QUIT\r\n"], one_by_one(octets)):
        content, rest, reader = read_data(chunks)
        assert reader.is_complete
        assert content == expected
        assert rest in (b"", b"QUIT\r\n")


# Every published disguise of the end of data, within a line of content and at its start.
DISGUISES = [
    b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\r", b"\r\n.\n", b"\r.\r\n", b"\n.\r", b"\r.\n",
    b"\r\n\0.\r\n", b"\r\n.\0\r\n", b"\r\n.\r\r\n", b"\r\n .\r\n", b"\r\n. \r\n", b"\r\n.\t\r\n",
    b"\r\r\n.\n", b"\n\r.\r\n", b"\r\n.\r\0\n", b"\r\n\r.\r\n", b"\r\n\n.\r\n", b"\r\n\x0b.\r\n",
    b"\xe2\x80\xa8.\xe2\x80\xa8", b"\xc2\x85.\xc2\x85", b"\r\n..\r\n", b"\r\n.\n\r\n", b"\n.\n\r\n",
]  # fmt: skip


@pytest.mark.parametrize("disguise", DISGUISES)
@pytest.mark.parametrize("before", [b"", b"text"])
def test_only_crlf_dot_crlf_ends_the_content(disguise: bytes, before: bytes) -> None:
    octets = before + disguise + b"MAIL FROM:<evil@example.com>\r\n.\r\n"
    for chunks in ([octets], one_by_one(octets)):
        content, rest, reader = read_data(chunks)
        assert reader.is_complete
        assert rest == b""
        assert content.endswith(b"MAIL FROM:<evil@example.com>\r\n")
        assert content.count(b"\r") == content.count(b"\n") == content.count(b"\r\n")


# fmt: off
SEAMS = [
    (b"\r\n.\r\n",               b"\r\n"),
    (b"\r\n..x\r\n.\r\n",        b"\r\n.x\r\n"),
    (b"\r\n...\r\n.\r\n",        b"\r\n..\r\n"),
    (b"\r\r\n..\r\n.\r\n",      b"\r\n\r\n.\r\n"),
    (b"\n.\r\n\r\n.\r\n",       b"\r\n.\r\n\r\n"),
]
# fmt: on


@pytest.mark.parametrize(("seam", "expected"), SEAMS)
@pytest.mark.parametrize("behind", range(9))
def test_a_long_message_is_cut_anywhere(seam: bytes, expected: bytes, behind: int) -> None:
    """Dots and line ends around the place where a piece is handed on."""
    for length in range(WINDOW - 9, WINDOW + 9):
        octets = b"x" * length + seam
        content, rest, reader = read_data([octets[: length + behind], octets[length + behind :]])
        assert reader.is_complete
        assert rest == b""
        assert content == b"x" * length + expected


def test_pieces_are_handed_on_while_more_comes() -> None:
    reader, buffer = DataReader(), bytearray(b"y\r\n" * WINDOW)
    piece = reader.read(buffer)
    assert piece is not None
    assert len(buffer) < 8
    assert not reader.is_complete


# fmt: off
NEWLINES = [
    ([b"a\r\n"],              b"a\r\n",         False),
    ([b"a\r", b"\n"],         b"a\r\n",         False),
    ([b"a\r", b"b"],          b"a\r\nb",        True),
    ([b"a\r", b"\r", b"\n"],  b"a\r\n\r\n",     True),
    ([b"\n"],                 b"\r\n",          True),
    ([b"a\r"],                b"a\r\n",         True),
    ([b"\n\r"],               b"\r\n\r\n",      True),
    ([b"a\r\n\n"],            b"a\r\n\r\n",     True),
    ([b"\n", b"\r\n"],        b"\r\n\r\n",      True),
    ([b"a\r", b"", b"\n"],    b"a\r\n",         False),
]
# fmt: on


@pytest.mark.parametrize(("pieces", "expected", "bare"), NEWLINES)
def test_newlines(pieces: list[bytes], expected: bytes, bare: bool) -> None:
    newlines = Newlines()
    *head, last = pieces
    converted = b"".join(newlines.convert(piece, last=False) for piece in head)
    assert converted + newlines.convert(last, last=True) == expected
    assert newlines.met_bare is bare


@pytest.mark.parametrize("octets", [b"\0", b"a\r\n\0b\r\n", b"\r\n.\0\r\n"])
def test_nul_is_noticed(octets: bytes) -> None:
    newlines = Newlines()
    newlines.convert(octets, last=True)
    assert newlines.met_nul


def test_chunks_are_counted_and_nothing_else() -> None:
    newlines, buffer = Newlines(), bytearray(b"a\r\n.\r\n.b\rQUIT\r\n")
    first, second = ChunkReader(newlines, 8, last=False), ChunkReader(newlines, 1, last=True)
    assert first.read(buffer) == b"a\r\n.\r\n.b"
    assert first.is_complete
    assert second.read(buffer) == b"\r\n"
    assert bytes(buffer) == b"QUIT\r\n"


def test_a_chunk_of_nothing_ends_at_once() -> None:
    reader = ChunkReader(Newlines(), 0, last=True)
    assert reader.read(bytearray()) == b""
    assert reader.is_complete
