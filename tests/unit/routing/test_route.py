"""The route of a message."""

import pytest

from gatepost.model.address import Address, parse_address
from gatepost.model.idn import fold_domain
from gatepost.model.route import (
    Capture,
    Match,
    MxTarget,
    NextHop,
    Route,
    Smarthost,
    SmarthostTarget,
    parse_next_hop,
)
from gatepost.routing.domains import literal_address, matches_name
from gatepost.routing.route import (
    Origin,
    Router,
    matches,
)

BOB = parse_address("Bob@Sales.Example.net")
ORIGIN = Origin(parse_address("app@example.org"), ("res.app.tenant", "6e1b-4711"))

MATCHES = [
    (Match(), True),
    (Match(recipients=("sales.example.net",)), True),
    (Match(recipients=("example.net",)), False),
    (Match(recipients=("*.example.net",)), True),
    (Match(recipients=("*.net",)), True),
    (Match(recipients=("*.sales.example.net",)), False),
    (Match(recipients=("*",)), True),
    (Match(recipients=("Bob@sales.example.NET",)), True),
    (Match(recipients=("bob@sales.example.net",)), True),
    (Match(recipients=("rob@sales.example.net",)), False),
    (Match(recipients=("@sales.example.net",)), True),
    (Match(recipients=("example.com", "sales.example.net")), True),
    (Match(senders=("example.org",)), True),
    (Match(senders=("<>",)), False),
    (Match(senders=("app@example.org",), recipients=("example.com",)), False),
    (Match(applications=("res.*",)), True),
    (Match(applications=("RES.app.TENANT",)), True),
    (Match(applications=("6e1b-4711",)), True),
    (Match(applications=("res",)), False),
    (Match(applications=("r.s.*",)), False),
]


@pytest.mark.parametrize(("match", "expected"), MATCHES)
def test_conditions(match: Match, expected: bool) -> None:
    assert matches(match, ORIGIN, BOB) == expected


def test_the_null_sender_has_its_own_sign() -> None:
    bounce = Origin(None)
    assert matches(Match(senders=("<>",)), bounce, BOB)
    assert matches(Match(senders=("*",)), bounce, BOB)
    assert not matches(Match(senders=("example.org",)), bounce, BOB)
    assert not matches(Match(applications=("*",)), bounce, BOB), "nobody signed in"


@pytest.mark.parametrize(
    ("domain", "folded"),
    [
        ("Example.NET.", "example.net"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("[IPv6:2001:DB8::1]", "[ipv6:2001:db8::1]"),
        ("ü" * 80, "ü" * 80),
    ],
)
def test_a_domain_has_one_spelling(domain: str, folded: str) -> None:
    assert fold_domain(domain) == folded


def test_u_labels_and_a_labels_match() -> None:
    address = Address("a", "xn--bcher-kva.example")
    assert matches(Match(recipients=("bücher.example",)), ORIGIN, address)


def test_a_name_is_no_literal() -> None:
    assert literal_address("example.net") is None


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [("a*c", "abbc", True), ("a*c", "abcd", False), ("*", "", True), ("a.c", "abc", False)],
)
def test_names(pattern: str, name: str, expected: bool) -> None:
    assert matches_name(pattern, name) == expected


CAPTURE = Capture("here")
HUB = SmarthostTarget("hub", (Smarthost("hub.example"),))
WORLD = MxTarget("world")
ROUTES = Router(
    [
        Route("ours", (CAPTURE,), Match(recipients=("example.com",))),
        Route("partner", (HUB, WORLD), Match(recipients=("*.net",))),
        Route("bulk", (HUB,), Match(senders=("news@example.org",))),
    ]
)


def test_the_first_that_matches_is_taken() -> None:
    news = Origin(parse_address("news@example.org"))
    assert ROUTES.next_hop(news, parse_address("a@Example.com")) == NextHop("ours")
    assert ROUTES.next_hop(news, parse_address("a@B.net")) == NextHop("partner", "b.net")
    assert ROUTES.next_hop(news, parse_address("a@b.org")) == NextHop("bulk")


def test_without_a_route_mail_is_not_relayed() -> None:
    assert ROUTES.choose(ORIGIN, parse_address("a@b.org")) is None
    assert ROUTES.next_hop(ORIGIN, parse_address("a@b.org")) is None
    assert ROUTES.refusal(ORIGIN, parse_address("a@b.org")).startswith("no_route: ")
    assert ROUTES.refusal(ORIGIN, parse_address("a@b.net")) == ""


def test_routes_are_found_by_name() -> None:
    assert ROUTES.named("bulk") is not None
    assert ROUTES.named("gone") is None


@pytest.mark.parametrize(
    "hop", [NextHop("bulk"), NextHop("partner", "b.net"), NextHop("x", "[ipv6:::1]")]
)
def test_a_next_hop_is_a_key_and_back(hop: NextHop) -> None:
    assert parse_next_hop(hop.key) == hop
