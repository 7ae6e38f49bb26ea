"""The PROXY protocol: valid and invalid headers by HAProxy's specification."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.wire.proxy_header import (
    MAX_V1,
    MAX_V2,
    SIGNATURE,
    BadProxyHeader,
    ProxyHeader,
    ProxyReader,
    crc32c,
)

V4 = bytes([192, 0, 2, 7, 198, 51, 100, 1]) + struct.pack(">HH", 4000, 587)
V6 = bytes(15) + b"\x01" + bytes(15) + b"\x02" + struct.pack(">HH", 1, 2)
MAPPED = bytes(10) + b"\xff\xff" + V4[:4] + bytes(16) + struct.pack(">HH", 1, 2)


def v2(command: int, family: int, fields: bytes) -> bytes:
    return SIGNATURE + bytes([command, family]) + struct.pack(">H", len(fields)) + fields


def tlv(kind: int, value: bytes) -> bytes:
    return bytes([kind]) + struct.pack(">H", len(value)) + value


def with_checksum(fields: bytes, *, wrong: bool = False) -> bytes:
    zeroed = v2(0x21, 0x11, fields + tlv(3, bytes(4)))
    checksum = crc32c(zeroed) ^ wrong
    return v2(0x21, 0x11, fields + tlv(3, struct.pack(">I", checksum)))


HEADERS = [
    (b"PROXY TCP4 192.0.2.7 198.51.100.1 4000 587\r\n", "192.0.2.7"),
    (b"PROXY TCP6 2001:db8::7 2001:db8::1 4000 587\r\n", "2001:db8::7"),
    (b"PROXY TCP6 ::ffff:192.0.2.7 ::ffff:198.51.100.1 4000 587\r\n", "192.0.2.7"),
    (b"PROXY TCP4 192.0.2.7 198.51.100.1 65535 0\r\n", "192.0.2.7"),
    (b"PROXY UNKNOWN\r\n", ""),
    (b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", ""),
    (v2(0x21, 0x11, V4), "192.0.2.7"),
    (v2(0x21, 0x21, V6), "::1"),
    (v2(0x21, 0x21, MAPPED), "192.0.2.7"),
    (v2(0x20, 0x00, b""), ""),
    (v2(0x20, 0x11, V4), ""),
    (v2(0x21, 0x00, b"whatever"), ""),
    (v2(0x21, 0x31, bytes(216)), ""),
    (v2(0x21, 0x11, V4 + tlv(1, b"h2") + tlv(4, b"")), "192.0.2.7"),
    (with_checksum(V4), "192.0.2.7"),
    (with_checksum(V4 + tlv(2, b"mail.example.com")), "192.0.2.7"),
]

BROKEN = [
    b"EHLO client.example\r\n",
    b"\x16\x03\x01\x02\x00",
    b"PROXIE",
    b"PROXY TCP4 192.0.2.7 198.51.100.1 4000\r\n",
    b"PROXY TCP4  192.0.2.7 198.51.100.1 4000 587\r\n",
    b"PROXY TCP4 192.0.2.7 198.51.100.1 4000 587 \r\n",
    b"PROXY TCP4 2001:db8::7 2001:db8::1 4000 587\r\n",
    b"PROXY TCP4 192.0.2.256 198.51.100.1 4000 587\r\n",
    b"PROXY TCP4 192.0.2.7 198.51.100.1 4000 65536\r\n",
    b"PROXY TCP4 192.0.2.7 198.51.100.1 0400 587\r\n",
    b"PROXY TCP4 192.0.2.7 198.51.100.1 -1 587\r\n",
    b"PROXY TCP4 \xd9\xa1.0.2.7 198.51.100.1 4000 587\r\n",
    b"PROXY UDP4 192.0.2.7 198.51.100.1 4000 587\r\n",
    b"PROXY TCP4 192.0.2.7 198.51.100.1 4000 587" + b" " * MAX_V1,
    v2(0x11, 0x11, V4),
    v2(0x22, 0x11, V4),
    v2(0x21, 0x11, V4[:11]),
    v2(0x21, 0x21, V4),
    v2(0x21, 0x11, V4 + b"\x01\x00"),
    v2(0x21, 0x11, V4 + b"\x01\x00\x09h2"),
    with_checksum(V4, wrong=True),
    SIGNATURE + bytes([0x21, 0x11]) + struct.pack(">H", MAX_V2 + 1),
]


@pytest.mark.parametrize(("header", "address"), HEADERS)
def test_headers(header: bytes, address: str) -> None:
    assert ProxyReader().feed(header + b"EHLO x\r\n") == (ProxyHeader(address), b"EHLO x\r\n")


@pytest.mark.parametrize("header", BROKEN)
def test_malformed_headers_are_refused_and_not_repeated(header: bytes) -> None:
    with pytest.raises(BadProxyHeader) as caught:
        ProxyReader().feed(header)
    assert "192.0.2" not in str(caught.value), "what came is not repeated"


@given(st.sampled_from(HEADERS), st.lists(st.integers(1, 30), max_size=30))
def test_any_header_survives_any_split(case: tuple[bytes, str], cuts: list[int]) -> None:
    octets, reader, found = case[0], ProxyReader(), None
    while octets:
        assert found is None
        size = cuts.pop() if cuts else len(octets)
        found = reader.feed(octets[:size])
        octets = octets[size:]
    assert found == (ProxyHeader(case[1]), b"")


@given(st.binary(max_size=200))
def test_no_octets_do_more_than_be_refused(octets: bytes) -> None:
    for start in (b"", b"PROXY ", SIGNATURE, SIGNATURE + b"\x21\x11"):
        try:
            found = ProxyReader().feed(start + octets)
        except BadProxyHeader:
            continue
        assert found is None or isinstance(found[0], ProxyHeader)


def test_the_checksum_is_castagnoli_s() -> None:
    assert crc32c(b"123456789") == 0xE3069283  # the check value of RFC 3720's polynomial
