"""Any message survives dot-stuffing, in any windows, and the server's reader, for any split."""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from gatepost.client.transaction import stuff
from gatepost.wire.content import DataReader

pieces = st.sampled_from([b".", b"..", b"\r\n", b"\r\n.", b"a", b"text", b"\r\n.\r\n"])
bodies = st.lists(pieces, max_size=20).map(b"".join)
sizes = st.lists(st.integers(1, 7), min_size=1)


def cut(wire: bytes, cuts: list[int]) -> Iterator[bytes]:
    at = turn = 0
    while at < len(wire):
        size = cuts[turn % len(cuts)]
        yield wire[at : at + size]
        at, turn = at + size, turn + 1


@given(bodies, sizes, sizes)
def test_stuffed_content_is_read_back(body: bytes, windows: list[int], packets: list[int]) -> None:
    wire = b"".join(stuff(cut(body, windows)))
    reader, buffer, read = DataReader(), bytearray(), b""
    for packet in cut(wire + b"QUIT\r\n", packets):
        buffer += packet
        if not reader.is_complete:
            read += reader.read(buffer) or b""
    assert reader.is_complete
    assert bytes(buffer) == b"QUIT\r\n"
    assert read == (body if body.endswith(b"\r\n") or not body else body + b"\r\n")
