"""The number of hops of a message."""

import pytest

from gatepost.mime.header_summary import count_hops

HOP = b"Received: from a by b;\r\n\tTue, 24 Nov 2026 10:00:00 +0000\r\n"


@pytest.mark.parametrize(
    ("head", "hops"),
    [
        (b"", 0),
        (b"Subject: x\r\n\r\n" + HOP, 0),
        (HOP + b"Subject: Received: x\r\n\r\nbody\r\n", 1),
        (HOP * 3 + b"RECEIVED : x\r\nX-Received: y\r\n\r\n", 4),
        (bytearray(HOP * 101), 101),
        (b"\r\n" + HOP, 0),
    ],
)
def test_received_fields_are_counted(head: bytes, hops: int) -> None:
    assert count_hops(head) == hops
