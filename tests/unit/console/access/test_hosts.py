"""The host names that the listener answers to (DNS rebinding)."""

import pytest

from gatepost.console.access.headers import header_of
from gatepost.console.access.hosts import ServedHosts
from tests.unit.console.access.guarded import TOKEN, Guarded

OURS = [
    "localhost:8025", "LOCALHOST:8025", "127.0.0.1:8025", "127.9.9.9:8025", "[::1]:8025",
    "[0:0:0:0:0:0:0:1]:8025", "192.0.2.1:8025", "mail:8025", "Mail:8025", "console.test:443",
]  # fmt: skip
FOREIGN = [
    "", "evil.test", "evil.test:8025", "localhost", "localhost:80", "localhost:8026", "127.0.0.1",
    "192.0.2.2:8025", "mail", "mail:443", "console.test:8025", "localhost.evil.test:8025", "::1",
    "[::1]", "[::1]:x", "localhost:8025:8025", "127.0.0.1.evil.test:8025", "localhost:", ":8025",
    "user@localhost:8025", "localhost:0x1f59", "localhost:\u00b28025", "[localhost]:8025",
    "2130706433:8025", "0.0.0.0:8025", "[::]:8025",
]  # fmt: skip


@pytest.fixture(scope="module")
def hosts() -> ServedHosts:
    return ServedHosts(8025, ["mail", "console.test:443"])


@pytest.mark.parametrize("host", OURS)
def test_our_names_and_addresses_are_answered(hosts: ServedHosts, host: str) -> None:
    assert hosts.contains(host, "http", "192.0.2.1")


@pytest.mark.parametrize("host", FOREIGN)
def test_no_other_host_is_answered(hosts: ServedHosts, host: str) -> None:
    assert not hosts.contains(host, "http", "192.0.2.1")


def test_the_scheme_has_a_usual_port() -> None:
    assert ServedHosts(80).contains("localhost", "http")
    assert ServedHosts(443).contains("[::1]", "https")
    assert ServedHosts(8025, ["console.test:443"]).contains("console.test", "https")


@pytest.mark.parametrize("path", ["/", "/api/v1/messages", "/static/x/y", "/sign-in", "/x"])
@pytest.mark.parametrize("host", ["evil.test:8025", ""])
def test_every_path_is_refused_by_another_name(path: str, host: str) -> None:
    answer = Guarded().ask(path, host=host, authorization=f"Bearer {TOKEN}")
    assert answer.status == 421
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_two_hosts_are_none() -> None:
    scope = {"headers": [(b"host", b"localhost:8025"), (b"host", b"localhost:8025")]}
    assert header_of(scope, b"host") == ""
    assert not ServedHosts(8025).contains("", "http")


def test_probes_know_no_host() -> None:
    guarded = Guarded()
    assert guarded.ask("/livez", host="10.0.0.5:80").body == b"ok"
    assert guarded.ask("//readyz", host="").status == 200
    guarded.refusal = "the disk is full"
    assert guarded.ask("/livez", host="").status == 200
    assert guarded.ask("/readyz", host="").status == 503
    assert guarded.ask("/livez", "POST", host="").status == 421
