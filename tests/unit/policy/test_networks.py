"""Networks and their members."""

from ipaddress import ip_network

import pytest

from gatepost.policy.networks import UNIX, Networks, NetworkTable, counted_as


def networks(*given: str) -> Networks:
    return Networks(tuple(ip_network(each) for each in given if each != UNIX), UNIX in given)


HOME = networks("10.0.0.0/8", "2001:db8::/32", "192.0.2.7")


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("10.1.2.3", True),
        ("11.1.2.3", False),
        ("192.0.2.7", True),
        ("192.0.2.8", False),
        ("2001:db8::1", True),
        ("2001:db9::1", False),
        ("::ffff:10.1.2.3", True),
        ("fe80::1%eth0", False),
        ("unix", False),
        ("unknown", False),
        ("", False),
    ],
)
def test_membership(address: str, inside: bool) -> None:
    assert (address in HOME) is inside


def test_a_unix_socket_is_a_network_of_its_own() -> None:
    local = networks("unix")
    assert "unix" in local
    assert "127.0.0.1" not in local
    assert local
    assert not networks()


def test_the_first_row_counts() -> None:
    table = NetworkTable(
        [(networks("10.1.0.0/16"), "a"), (networks("10.0.0.0/8", "unix"), "b")],
        "else",
    )
    for address, value in (
        ("10.1.2.3", "a"), ("10.2.0.1", "b"), ("unix", "b"), ("192.0.2.1", "else"), ("", "else"),
    ):  # fmt: skip
        assert table.of(address) == value
        assert table.of(address) == value, "also when it is asked again"


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("unix", "unix"),
    ],
)
def test_clients_are_counted_by_network(address: str, counted: str) -> None:
    assert counted_as(address) == counted
