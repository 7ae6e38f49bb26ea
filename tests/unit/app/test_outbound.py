"""The parts of a configuration that matter to delivery."""

import pytest

from gatepost.app.outbound import has_delivery_changed, own_of
from gatepost.config.load import parse_config

CONFIG = """
hostname = "mail.example"
[[listener]]
address = "{address}"
certificate = "chain.pem"
[target.direct]
kind = "mx"
[[route]]
to = "direct"
"""


@pytest.mark.parametrize(
    ("address", "ours"),
    [("*:25", True), ("0.0.0.0:25", True), ("192.0.2.1:25", False), ("*:587", False)],
)
def test_mail_is_not_sent_to_where_the_relay_listens(address: str, ours: bool) -> None:
    """RFC 5321 5.1, whatever the name of an exchanger with that address is."""
    own = own_of(parse_config(CONFIG.format(address=address)))
    assert ("127.0.0.1" in own) == ours
    assert "198.51.100.7" not in own
    assert ("192.0.2.1" in own) == address.startswith("192.0.2.1")


@pytest.mark.parametrize(("address", "ours"), [("127.0.0.1:2525", True), ("*:25", False)])
def test_own_addresses_depend_on_the_port_of_the_target(address: str, ours: bool) -> None:
    text = CONFIG.format(address=address).replace('"mx"', '"mx"\nport = 2525')
    assert ("127.0.0.1" in own_of(parse_config(text))) == ours


@pytest.mark.parametrize(
    ("address", "more", "differently"),
    [
        ("*:587", "", False),
        ("*:465", "[limits]\nrecipients = 5\n", False),
        ("*:25", "", True),
        ("*:587", "retry = 'slow'\n[retry.slow]\nfirst = '9m'\n", True),
    ],
)
def test_only_relevant_changes_interrupt_delivery(
    address: str, more: str, differently: bool
) -> None:
    before = parse_config(CONFIG.format(address="*:587"))
    assert (
        has_delivery_changed(before, parse_config(CONFIG.format(address=address) + more))
        == differently
    )
