"""The route of a message, and the next target of its chain."""

import pytest

from gatepost.errors import Phase
from gatepost.model.address import Address, parse_address
from gatepost.model.idn import fold_domain
from gatepost.model.reply import Reply
from gatepost.model.route import (
    Capture,
    Match,
    MxTarget,
    NextHop,
    Route,
    Smarthost,
    SmarthostTarget,
    Target,
    parse_next_hop,
)
from gatepost.routing.domains import literal_address, matches_name
from gatepost.routing.route import (
    Origin,
    Router,
    matches,
    may_try_next_host,
    may_try_next_target,
    next_target,
)
from gatepost.routing.smarthost import in_turn

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


NO_SERVICE = Reply(554, "no SMTP service here")
SHUTTING_DOWN = Reply(421, "closing")
REFUSED = Reply(535, "no")
FAIL_OVER: list[tuple[Phase, Reply | None, bool, bool]] = [
    # phase        reply                  next host  next target
    ("connect",    None,                  True,      True),
    ("tls",        None,                  True,      True),
    ("greeting",   NO_SERVICE,            True,      True),
    ("greeting",   SHUTTING_DOWN,         True,      True),
    ("ehlo",       Reply(550, "no"),      True,      True),
    ("auth",       REFUSED,               False,     True),
    ("auth",       Reply(454, "later"),   True,      True),
    ("mail",       Reply(550, "no"),      False,     False),
    ("mail",       SHUTTING_DOWN,         True,      True),
    ("mail",       Reply(530, "sign in"), False,     True),
    ("mail",       Reply(535, "who?"),    False,     True),
    ("mail",       Reply(503, "AUTH?"),   False,     True),
    ("rcpt",       Reply(503, "MAIL?"),   False,     False),
    ("rcpt",       Reply(450, "later"),   False,     True),
    ("data",       None,                  False,     False),
    ("content",    SHUTTING_DOWN,         False,     True),
    ("content",    Reply(554, "spam"),    False,     False),
    ("content",    None,                  False,     False),
]  # fmt: skip


@pytest.mark.parametrize(("phase", "reply", "host", "target"), FAIL_OVER)
def test_fail_over(phase: Phase, reply: Reply | None, host: bool, target: bool) -> None:
    assert may_try_next_host(phase, reply) == host
    assert may_try_next_target(phase, reply) == target


CHAINS: list[tuple[list[str], list[str], Target | None]] = [
    # tried               known to be down   next
    ([],                  [],                HUB),
    (["hub"],             [],                WORLD),
    ([],                  ["hub"],           WORLD),
    (["hub"],             ["world"],         None),
    ([],                  ["hub", "world"],  HUB),
    (["hub", "world"],    [],                None),
]  # fmt: skip


@pytest.mark.parametrize(("tried", "down", "expected"), CHAINS)
def test_the_chain(tried: list[str], down: list[str], expected: Target | None) -> None:
    assert next_target((HUB, WORLD), tried, lambda each: each.name in down) == expected


def test_servers_in_turn() -> None:
    one, two, three = Smarthost("a"), Smarthost("b"), Smarthost("c", priority=1)
    rolls = iter([0.9, 0.1, 0.5])
    assert in_turn((one, two, three), lambda: next(rolls), lambda _: False) == (two, one, three)
    rolls = iter([0.9, 0.1, 0.5])
    assert in_turn((one, two, three), lambda: next(rolls), lambda each: each is two) == (
        one,
        three,
        two,
    )
