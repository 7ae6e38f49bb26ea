"""Addresses of servers as users write them, and the errors when none is reached."""

import socket

import pytest

from gatepost.errors import ConfigError, ConnectError, ResolveError, TimedOut
from gatepost.net.dial import Endpoint, Server, endpoints, parse_server, unreachable, unresolved

SERVERS = [
    ("mail.example", Server("mail.example", 587), "mail.example:587"),
    ("mail.example:25", Server("mail.example", 25), "mail.example:25"),
    (" mail.example:2465 ", Server("mail.example", 2465), "mail.example:2465"),
    ("192.0.2.1:25", Server("192.0.2.1", 25), "192.0.2.1:25"),
    ("[::1]:2587", Server("::1", 2587), "[::1]:2587"),
    ("[::1]", Server("::1", 587), "[::1]:587"),
    ("::1", Server("::1", 587), "[::1]:587"),
    ("1e100.example", Server("1e100.example", 587), "1e100.example:587"),
    ("504.example.com", Server("504.example.com", 587), "504.example.com:587"),
    ("0xmail", Server("0xmail", 587), "0xmail:587"),
    ("fe80::1%eth0", Server("fe80::1%eth0", 587), "[fe80::1%eth0]:587"),
]


@pytest.mark.parametrize(("text", "server", "shown"), SERVERS)
def test_servers(text: str, server: Server, shown: str) -> None:
    assert parse_server(text) == server
    assert str(server) == shown


@pytest.mark.parametrize(
    "text",
    ["", ":25", "host:", "host:0", "host:65536", "host:smtp", "host:-1", "[::1", "[::1]25",
     "smtp://host", "user@host", "ho st", "host\n:25", "host:٣",
     "one,two", "one;two:25", "*", "<>", "'host'", "host:25:tls", "one:25,two:25",
     "504", "504:587", "5.7.4", "127.1", "2130706433", "0x7f000001", "0x7F.1", "0177.0.0.1",
     "1.2.3.4.5", "256.1.1.1", "mail.504", "\uff15\uff10\uff14"],
)  # fmt: skip
def test_invalid_server_addresses(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_server(text)


ONE = Endpoint(socket.AF_INET, ("192.0.2.1", 25))
TWO = Endpoint(socket.AF_INET6, ("2001:db8::1", 25, 0, 0))
HERE = Server("mail.example", 25)


def test_every_address_reports_its_own_failure() -> None:
    refused = ConnectionRefusedError(111, "Connection refused")
    error = unreachable(HERE, [(ONE, refused), (TWO, TimeoutError("timed out"))])
    assert isinstance(error, ConnectError)
    assert error.phase == "connect"
    assert "192.0.2.1:25: Connection refused; [2001:db8::1]:25: no answer in time" in str(error)


def test_silence_at_every_address_is_a_timeout() -> None:
    error = unreachable(HERE, [(ONE, TimeoutError("timed out")), (TWO, TimeoutError("timed out"))])
    assert isinstance(error, TimedOut)
    assert isinstance(error, TimeoutError)
    assert error.phase == "connect"


def test_a_name_without_address() -> None:
    error = unresolved(HERE, socket.gaierror(-2, "Name or service not known"))
    assert isinstance(error, ResolveError)
    assert (error.phase, str(error)) == ("resolve", "mail.example: Name or service not known")
    assert "mail.example" in str(unresolved(HERE, UnicodeError("label too long")))


def test_an_address_counts_once() -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 25))] * 2
    assert endpoints(found) == (ONE,)
