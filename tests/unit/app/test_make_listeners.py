"""The offers of a listener, for each client."""

import pytest

from gatepost.app.make_listeners import ListenerFactory, client_limits, files_of, place_of
from gatepost.config.load import parse_config
from gatepost.config.settings import Configuration
from gatepost.relay.listener_state import Terms
from gatepost.wire.server.ehlo_capabilities import Offer, make_offer
from gatepost.wire.server.session import replies_of

ALL = frozenset({"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "XOAUTH2"})


def config(listener: str, more: str = "") -> Configuration:
    return parse_config(
        f'hostname = "relay.example"\n{more}\n[[listener]]\n{listener}\n'
        '[target.k]\nkind = "capture"\n[[route]]\nto = "k"\n'
    )


def terms(listener: str, address: str = "192.0.2.1", more: str = "") -> Terms:
    parsed = config(listener, more)
    return ListenerFactory(parsed, ALL).state(parsed.listeners[0]).terms.of(address)


def offer(terms: Terms, *, encrypted: bool) -> Offer:
    setting = terms.setting
    can_tls = setting.can_tls and not encrypted
    return make_offer(setting.profile, setting.mechanisms, encrypted=encrypted, can_tls=can_tls)


STARTTLS = 'address = "0.0.0.0:587"\ncertificate = "c.pem"\n'
LOCAL = 'unix = "/s"\n'


def test_starttls_comes_before_auth() -> None:
    before = offer(terms(STARTTLS), encrypted=False)
    after = offer(terms(STARTTLS), encrypted=True)
    assert "STARTTLS" in before.keywords
    assert before.mechanisms == frozenset()
    assert "STARTTLS" not in after.keywords
    assert after.mechanisms == ALL - {"SCRAM-SHA-256-PLUS"}
    assert "AUTH SCRAM-SHA-256 PLAIN LOGIN CRAM-MD5 XOAUTH2" in after.lines


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("", "Authentication credentials invalid"),
        ('replies = "acs"', "Authentication unsuccessful"),
    ],
)
def test_refusals_may_have_the_texts_of_another_server(line: str, text: str) -> None:
    found = terms(f"{STARTTLS}\n{line}")
    assert replies_of(found.setting).AUTH_FAILED.text == text
    assert offer(found, encrypted=True).lines[0] == "PIPELINING"  # the offers stay ours


def test_plus_mechanisms_are_offered_only_if_configured() -> None:
    """Most clients that support one bind to the connection, and ours binds to the certificate."""
    named = 'mechanisms = ["SCRAM-SHA-256-PLUS", "PLAIN"]'
    after = offer(terms(f"{STARTTLS}\n{named}"), encrypted=True)
    assert "AUTH SCRAM-SHA-256-PLUS PLAIN" in after.lines


def test_without_tls_auth_is_in_clear_and_bound_to_nothing() -> None:
    found = terms(LOCAL, "unix")
    assert not found.setting.profile.requires_tls
    assert found.setting.profile.requires_auth
    offered = offer(found, encrypted=False)
    assert "STARTTLS" not in offered.keywords
    assert offered.mechanisms == ALL - {"SCRAM-SHA-256-PLUS"}


def test_limits_are_announced_and_held() -> None:
    more = "[limits]\nmessage_size = 1_000\nrecipients = 3\nerrors = 2\nidle = '7s'\n"
    found = terms(STARTTLS, more=more + "messages_per_connection = 9\n")
    assert {"SIZE 1000", "LIMITS RCPTMAX=3"} <= set(offer(found, encrypted=True).lines)
    limits = found.setting.profile.limits
    assert (limits.message_size, limits.recipients, limits.errors, limits.idle) == (1000, 3, 2, 7)
    assert found.setting.messages == 9


RULES = (
    STARTTLS
    + 'mechanisms = ["PLAIN", "LOGIN"]\n'
    + '[[listener.network]]\nfrom = "10.1.0.0/16"\nmechanisms = "CRAM-MD5"\n'
    + '[[listener.network]]\nfrom = ["10.2.0.0/16", "unix"]\nmay_relay = true\n'
    + '[[listener.network]]\nfrom = "10.0.0.0/8"\nrefuse = true\n'
)


@pytest.mark.parametrize(
    ("address", "mechanisms", "requires_auth", "refuse"),
    [
        ("192.0.2.1", {"PLAIN", "LOGIN"}, True, False),
        ("10.1.2.3", {"CRAM-MD5"}, True, False),
        ("10.2.2.3", {"PLAIN", "LOGIN"}, False, False),
        ("unix", {"PLAIN", "LOGIN"}, False, False),
        ("10.3.2.3", {"PLAIN", "LOGIN"}, True, True),
        ("::ffff:10.1.2.3", {"CRAM-MD5"}, True, False),
    ],
)
def test_networks(address: str, mechanisms: set[str], requires_auth: bool, refuse: bool) -> None:
    accounts = (
        '[[directory.account]]\nname = "a"\npassword = { environment = "P" }\ncram_md5 = true\n'
    )
    found = terms(RULES, address, accounts)
    assert found.setting.mechanisms == mechanisms
    assert found.setting.profile.requires_auth is requires_auth
    assert found.setting.profile.requires_tls
    assert found.refuse is refuse


def test_proxies() -> None:
    parsed = config(STARTTLS + 'proxies = ["10.0.0.1", "unix"]\n')
    proxies = ListenerFactory(parsed, ALL).state(parsed.listeners[0]).proxies
    assert "10.0.0.1" in proxies
    assert "unix" in proxies
    assert "10.0.0.2" not in proxies


def test_a_listener_is_identified_by_its_address() -> None:
    def place(listener: str) -> object:
        return place_of(config(listener).listeners[0])

    assert place(STARTTLS) == place(STARTTLS + 'name = "other"\n'), "a name may change"
    assert place(STARTTLS) != place(STARTTLS.replace("587", "25"))
    free = 'address = "127.0.0.1:0"\ntls = "none"\n'
    assert place(free + 'name = "a"\n') != place(free + 'name = "b"\n')


def test_the_files_of_a_certificate() -> None:
    assert files_of(config(STARTTLS).listeners[0]) == ("c.pem", None)
    assert files_of(config(STARTTLS + 'key = "k.pem"\n').listeners[0]) == ("c.pem", "k.pem")
    assert files_of(config(LOCAL).listeners[0]) is None


def test_limits_of_addresses() -> None:
    limits = client_limits(
        config(STARTTLS, "[limits]\nconnections_per_address = 4\nconnections = 9\n").limits
    )
    assert (limits.sessions, limits.connections, limits.failures) == (4, 9, 5)


BOUNCES = '[[listener.network]]\nfrom = "0.0.0.0/0"\nmay_send_to = ["Bounces.example.com"]\n'


@pytest.mark.parametrize(
    ("listener", "mechanisms"),
    [
        (f"{STARTTLS}mechanisms = []\n", frozenset()),
        (f"{STARTTLS}{BOUNCES}", frozenset()),
        (f'{STARTTLS}{BOUNCES}mechanisms = ["PLAIN"]\n', {"PLAIN"}),
        (f'{STARTTLS}mechanisms = ["LOGIN"]\n{BOUNCES}', frozenset()),
    ],
)
def test_strangers_are_offered_no_login(listener: str, mechanisms: frozenset[str]) -> None:
    after = offer(terms(listener), encrypted=True)
    assert after.mechanisms == mechanisms
    assert any(each.startswith("AUTH") for each in after.lines) == bool(mechanisms)


def test_where_strangers_send_there_is_a_postmaster() -> None:
    assert terms(STARTTLS).setting.postmaster is None
    assert str(terms(f"{STARTTLS}{BOUNCES}").setting.postmaster) == "postmaster@bounces.example.com"
    own = terms(f"{STARTTLS}{BOUNCES}", more='postmaster = "ops@example.org"')
    assert str(own.setting.postmaster) == "ops@example.org"
