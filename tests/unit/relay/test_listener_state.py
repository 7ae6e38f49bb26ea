"""The state of a listener, which a reload replaces."""

from ipaddress import ip_network

from gatepost.policy.networks import Networks, NetworkTable
from gatepost.profiles import load_profile
from gatepost.relay.listener_state import ListenerState, Terms, plain_listener_state
from gatepost.wire.server.session import SessionSettings


def test_a_reload_replaces_every_part() -> None:
    setting = SessionSettings(load_profile("open"), "mail.example")
    kept = plain_listener_state(setting, None)
    other = ListenerState(
        NetworkTable((), Terms(setting, refuse=True)),
        None,
        implicit=True,
        proxies=Networks((ip_network("192.0.2.1"),)),
        handshakes=7,
    )
    kept.update_from(other)
    assert kept == other
