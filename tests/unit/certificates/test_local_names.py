"""What certificates of a local server are valid for."""

import pytest
from cryptography import x509

from gatepost.certificates.local_names import (
    NAMES,
    are_permitted,
    names_of,
    parse_name,
    subtrees_for,
)
from gatepost.errors import ConfigError
from gatepost.net.interfaces import list_addresses


@pytest.mark.parametrize(
    ("hosts", "more", "besides"),
    [
        (["localhost", "127.0.0.1", "::1"], (), ()),
        (["127.0.0.2", "localhost"], (), ("127.0.0.2",)),
        (["Devbox.Example."], (), ("devbox.example",)),
        (["fd00:0::2"], (), ("fd00::2",)),
        (["fe80::1%eth0"], (), ("fe80::1",)),
        (["localhost"], ("mail", "mail", "MAIL", "10.1.2.3"), ("mail", "10.1.2.3")),
        (
            ["localhost"],
            ("*.mail.test", "müller.example"),
            ("*.mail.test", "xn--mller-kva.example"),
        ),
        ([], ("smtp_relay",), ("smtp_relay",)),
    ],
)
def test_a_server_has_the_names_of_loopback_and_its_own(
    hosts: list[str], more: tuple[str, ...], besides: tuple[str, ...]
) -> None:
    assert names_of(hosts, more) == (*NAMES, *besides)


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_every_address_is_those_of_this_machine(host: str) -> None:
    addresses = list_addresses()
    assert "127.0.0.1" in addresses
    assert not any("%" in each or each.startswith("fe80") for each in addresses)
    assert set(names_of([host])) == {*NAMES, *addresses}


@pytest.mark.parametrize(
    "name",
    ["", ".", "a b", "mail:2587", "-mail", "mail-", "a..b", "*", "a.*.b", "*mail", "http://mail",
     "1.2.3.4/8", "a" * 64, ".".join(["a" * 60] * 5), "☃.example", "a\nb", "[::1]"],
)  # fmt: skip
def test_anything_else_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="is neither a host name nor an IP address"):
        parse_name(name)


@pytest.mark.parametrize(
    ("known", "asked", "permitted"),
    [
        (NAMES, NAMES, True),
        (NAMES, ("a.communication.localhost", "mail.localhost"), True),
        (NAMES, ("127.0.0.2",), False),
        (NAMES, ("mail",), False),
        (("127.0.0.2",), ("127.8.8.8",), True),
        (("172.17.0.2",), ("172.18.0.3",), True),
        (("172.17.0.2",), ("172.32.0.3", "192.168.1.1"), False),
        (("192.0.2.7",), ("192.0.2.7",), True),
        (("192.0.2.7",), ("192.0.2.8",), False),
        (("fd00::2",), ("fd12::3",), True),
        (("2001:db8::2",), ("2001:db8::3",), False),
        (("mail",), ("mail", "a.mail", "*.mail"), True),
        (("mail",), ("email",), False),
        (("*.mail.test",), ("mail.test",), True),
        ((), ("localhost",), False),
    ],
)
def test_an_authority_may_certify(
    known: tuple[str, ...], asked: tuple[str, ...], permitted: bool
) -> None:
    """Addresses of a private network change, so it may certify all of the network."""
    assert are_permitted(asked, subtrees_for(known)) is permitted


def test_an_authority_without_limits_permits_nothing() -> None:
    assert not are_permitted(["localhost"], [])
    assert not are_permitted(["localhost"], [x509.RFC822Name("localhost")])
