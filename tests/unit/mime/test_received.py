"""Trace fields and dates."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest

from gatepost.mime.dates import format_date
from gatepost.mime.received import Hop, received

HOP = Hop("client.example", "192.0.2.1", "ESMTP", "mx.example")
DATE = "Tue, 24 Nov 2026 10:00:00 +0000"


# fmt: off
PROTOCOLS = [
    (HOP,                                                     False, "ESMTP"),
    (HOP._replace(signed_in=True),                            False, "ESMTPA"),
    (HOP._replace(cipher="TLS_X"),                            False, "ESMTPS"),
    (HOP._replace(cipher="TLS_X", signed_in=True),            False, "ESMTPSA"),
    (HOP._replace(cipher="TLS_X", signed_in=True),            True,  "UTF8SMTPSA"),
    (HOP,                                                     True,  "UTF8SMTP"),
    (HOP._replace(protocol="SMTP"),                           False, "SMTP"),
]
# fmt: on


@pytest.mark.parametrize(("hop", "utf8", "protocol"), PROTOCOLS)
def test_protocol(hop: Hop, utf8: bool, protocol: str) -> None:
    """RFC 3848, RFC 6531 4.3."""
    assert f" with {protocol} id 1" in received(hop, "1", DATE, utf8=utf8).decode()


def test_the_field() -> None:
    hop = HOP._replace(cipher="TLS_AES_256_GCM_SHA384", signed_in=True)
    assert received(hop, "7-42", DATE).decode() == (
        "Received: from client.example ([192.0.2.1])\r\n"
        "\tby mx.example with ESMTPSA id 7-42 tls TLS_AES_256_GCM_SHA384;\r\n"
        f"\t{DATE}\r\n"
    )


def test_ipv6_is_tagged() -> None:
    assert b"([IPv6:2001:db8::1])" in received(HOP._replace(peer_address="2001:db8::1"), "1", DATE)


@pytest.mark.parametrize(
    "name",
    [
        "x\r\nBcc: evil@example.com",
        "x;y",
        "x (y)",
        "<x>",
        '"x"',
        "\u2028",
        "x\ty",
        "x=y",
        "é" * 200,
    ],
)
def test_a_client_writes_nothing_but_its_name(name: str) -> None:
    field = received(HOP._replace(peer_name=name), "1", DATE)
    assert re.fullmatch(
        rb"Received: from [A-Za-z0-9.\-_:\[\]?]+ \(\[192\.0\.2\.1\]\)\r\n\tby .*\r\n\t.*\r\n", field
    )
    assert field.count(b";") == 1


def test_a_client_without_a_name() -> None:
    assert b"from unknown (" in received(HOP._replace(peer_name=""), "1", DATE)


# fmt: off
DATES = [
    (datetime(2026, 11, 24, 10, 0, tzinfo=UTC),      "Tue, 24 Nov 2026 10:00:00 +0000"),
    (datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC),  "Thu, 29 Feb 2024 23:59:59 +0000"),
    (datetime(2026, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=2))),
                                                     "Wed, 31 Dec 2025 22:30:00 +0000"),
]
# fmt: on


@pytest.mark.parametrize(("moment", "expected"), DATES)
def test_dates(moment: datetime, expected: str) -> None:
    assert format_date(moment) == expected
