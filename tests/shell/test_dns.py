"""Our resolver with real nameservers: silent ones, several, long answers, resolv.conf."""

import asyncio
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatepost.errors import ConfigError
from gatepost.net.dial import Server
from gatepost.net.dns import DnsResolver, parse_nameserver
from tests.nameserver import Nameserver, nameserver

ZONE = """
example.net MX 10 mx.example.net
mx.example.net A 192.0.2.1
silent.example FAIL silence
"""


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Server, Nameserver]]:
    with nameserver(ZONE) as served:
        yield served


def closed_port() -> Server:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        return Server("127.0.0.1", free.getsockname()[1])


def test_silence_ends_at_the_deadline(served: tuple[Server, Nameserver]) -> None:
    resolver = DnsResolver((served[0],), deadline=0.3)
    start = time.monotonic()
    answer = asyncio.run(resolver.mx("silent.example"))
    assert time.monotonic() - start < 8, "by default it would be 10"
    assert answer.kind == "failed"
    assert answer.reason.endswith(f": {served[0].host}:{served[0].port}: no answer in time")


def test_the_next_nameserver_answers(served: tuple[Server, Nameserver]) -> None:
    resolver = DnsResolver((closed_port(), served[0]), deadline=5)
    assert asyncio.run(resolver.mx("example.net")).kind == "found"


def test_answers_are_cached(served: tuple[Server, Nameserver]) -> None:
    server, made = served

    def times(cached: int, name: str) -> int:
        resolver = DnsResolver((server,), cached=cached)
        before = made.questions.count(f"MX {name}")
        for _ in range(3):
            asyncio.run(resolver.mx(name))
        return made.questions.count(f"MX {name}") - before

    assert times(64, "example.net") == 1
    assert times(64, "nowhere.example") == 1
    assert times(0, "example.net") == 3


def test_the_system_s_configuration_is_followed(tmp_path: Path) -> None:
    system = tmp_path / "resolv.conf"
    resolver = DnsResolver(system=system, deadline=1)
    answer = asyncio.run(resolver.mx("example.net"))
    assert (answer.kind, "no nameserver is configured" in answer.reason) == ("failed", True)
    system.write_text("nameserver 127.0.0.254\noptions timeout:1 attempts:1\n")
    answer = asyncio.run(resolver.mx("example.net"))
    assert answer.kind == "failed"
    assert "127.0.0.254" in answer.reason


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("192.0.2.53", Server("192.0.2.53", 53)),
        ("127.0.0.1:5353", Server("127.0.0.1", 5353)),
        ("[2001:db8::53]:54", Server("2001:db8::53", 54)),
        ("2001:db8::53", Server("2001:db8::53", 53)),
    ],
)
def test_nameservers_are_addresses(text: str, server: Server) -> None:
    assert parse_nameserver(text) == server


@pytest.mark.parametrize("text", ["ns.example.net", "ns:53", "", "192.0.2.1:0"])
def test_a_nameserver_is_no_name(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_nameserver(text)
