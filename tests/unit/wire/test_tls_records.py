"""TLS from outside: what a ClientHello and alerts show without the keys."""

import ssl
from collections.abc import Mapping

import pytest

from gatepost.wire.tls_records import RecordReader, parse_client_hello

ALERT = b"\x15\x03\x03\x00\x02\x02"


def client_hello(
    name: str | None = "mail.example.com", versions: Mapping[str, ssl.TLSVersion] | None = None
) -> bytes:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.set_ciphers("ALL:@SECLEVEL=0")
    for key, version in (versions or {}).items():
        setattr(context, key, version)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    layer = context.wrap_bio(incoming, outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        layer.do_handshake()
    return outgoing.read()


OLD = {
    "minimum_version": ssl.TLSVersion.MINIMUM_SUPPORTED, "maximum_version": ssl.TLSVersion.TLSv1_1,
}  # fmt: skip
TWO = {"maximum_version": ssl.TLSVersion.TLSv1_2}


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize(
    ("versions", "version", "old"),
    [({}, "TLSv1.3", False), (TWO, "TLSv1.2", False), (OLD, "TLSv1.1", True)],
)
def test_a_client_hello(versions: dict[str, ssl.TLSVersion], version: str, old: bool) -> None:
    octets = client_hello(versions=versions)
    for size in (1, 7, len(octets)):
        reader = RecordReader()
        for at in range(0, len(octets), size):
            reader.feed(octets[at : at + size])
        assert reader.hello is not None
        assert (reader.hello.version, reader.hello.server_name) == (version, "mail.example.com")
        assert reader.hello.is_old is old


def test_no_name_is_asked_for() -> None:
    hello = parse_client_hello(client_hello(None)[5:])
    assert hello is not None
    assert hello.server_name == ""


def test_a_client_hello_that_is_cut_or_makes_no_sense() -> None:
    whole = client_hello()[5:]
    assert parse_client_hello(whole[:-1]) is None
    for broken in (b"\x01\x00\x00\x03abc", b"\x01\x00\x00\x22" + b"\xff" * 34):
        hello = parse_client_hello(broken)
        assert hello is not None
        assert hello.version == ""


@pytest.mark.parametrize(
    ("octets", "alert"),
    [
        (ALERT + b"\x30", "unknown_ca"),
        (ALERT + b"\x46", "protocol_version"),
        (ALERT + b"\xfa", "alert 250"),
    ],
)
def test_an_alert_in_clear(octets: bytes, alert: str) -> None:
    reader = RecordReader()
    reader.feed(octets)
    assert reader.alert == alert


def test_an_alert_that_is_sealed_is_known_by_its_length() -> None:
    reader = RecordReader()
    reader.feed(b"\x14\x03\x03\x00\x01\x01\x17\x03\x03\x00\x13" + bytes(19))
    assert reader.has_refused
    reader.feed(b"\x17\x03\x03\x00\x35" + bytes(53))
    assert not reader.has_refused


@pytest.mark.parametrize(
    "octets", [b"220 mail ESMTP\r\n", b"\x16\x02\x00\x00\x01x", b"\x16\x03\x01\xff\xff"]
)
def test_octets_that_are_not_tls(octets: bytes) -> None:
    reader = RecordReader()
    reader.feed(octets)
    reader.feed(client_hello())
    assert not reader.is_tls
    assert reader.hello is None
