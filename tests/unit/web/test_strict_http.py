"""Requests that only an attacker sends are not HTTP."""

import h11
import pytest

from gatepost.web.server import MOST_SMALL, SMALL, StrictConnection

CHUNKED = b"POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n"


def read(octets: bytes) -> list[object]:
    connection = StrictConnection()
    found: list[object] = []
    connection.receive_data(octets)
    while (event := connection.next_event()) is not h11.NEED_DATA:
        found.append(type(event))
        if event is h11.PAUSED:
            break
    return found


def test_a_body_has_one_length() -> None:
    """RFC 9112 6.1, 6.3: two servers could see different requests in the same octets."""
    with pytest.raises(h11.RemoteProtocolError, match="two lengths"):
        read(CHUNKED + b"Content-Length: 6\r\n\r\n0\r\n\r\n")
    assert read(CHUNKED + b"\r\n1\r\na\r\n") == [h11.Request, h11.Data]


def test_a_body_comes_in_pieces_of_some_size() -> None:
    piece = b"%x\r\n%s\r\n" % (SMALL, b"a" * SMALL)
    whole = CHUNKED + b"\r\n" + piece + b"1\r\na\r\n" * MOST_SMALL + piece
    assert len(read(whole)) == MOST_SMALL + 3
    with pytest.raises(h11.RemoteProtocolError, match="pieces"):
        read(whole + b"1\r\na\r\n")
