"""RFC 5321 5.1, RFC 7505: from a domain to the addresses that are tried."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.model.dns import DnsAnswer, MxRecord
from gatepost.model.reply import Reply
from gatepost.routing.mx_candidates import (
    BAD_LITERAL,
    LOOP,
    MOST_HOSTS,
    NO_ANSWER,
    NO_DOMAIN,
    NO_HOST,
    NULL_MX,
    Candidate,
    candidates,
    exchangers,
    hosts_of,
    literal_candidates,
    site,
)


def records(*lines: str) -> tuple[MxRecord, ...]:
    """Records from ``PREFERENCE HOST``."""
    parts = [line.partition(" ") for line in lines]
    return tuple([MxRecord(int(preference), host) for preference, _, host in parts])


def found(*lines: str) -> DnsAnswer[MxRecord]:
    return DnsAnswer("found", records(*lines), 60)


def constant() -> float:
    return 0.5


OWN = ("relay.example.com",)
EXCHANGERS = [
    # what the DNS says                                          what is tried
    (found("20 b.example.net", "10 a.example.net"),             ["a.example.net", "b.example.net"]),
    (found("10 a.example.net", "10 a.example.net"),              ["a.example.net"]),
    (DnsAnswer("no_records"),                                       ["example.net"]),
    # A "." beside others names no host.
    (found("0 ", "10 a.example.net"),                            ["a.example.net"]),
    # We are one of the exchangers: only those before us.
    (found("10 a.example.net", "20 RELAY.example.com.", "20 b.example.net", "30 c.example.net"),
                                                                 ["a.example.net"]),
    # An address where a name must stand.
    (found("10 192.0.2.1", "20 a.example.net"),                  ["a.example.net"]),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "hosts"), EXCHANGERS)
def test_exchangers_of_a_domain(answer: DnsAnswer[MxRecord], hosts: list[str]) -> None:
    chosen = exchangers("example.net", answer, OWN, constant)
    assert isinstance(chosen, tuple)
    assert [each.host for each in chosen] == hosts


REFUSALS = [
    (found("0 "), NULL_MX, "556 5.1.10"),
    (found("10 ", "20 "), NULL_MX, "556 5.1.10"),
    (DnsAnswer("no_such_name", reason="no name"), NO_DOMAIN, "550 5.1.2"),
    (DnsAnswer("failed", reason="silence"), NO_ANSWER, "451 4.4.3"),
    (found("10 relay.example.com", "10 a.example.net"), LOOP, "554 5.4.6"),
    (found("10 relay.example.com"), LOOP, "554 5.4.6"),
    (found("10 192.0.2.1", "20 2001:db8::1"), NO_HOST, "550 5.4.4"),
]


@pytest.mark.parametrize(("answer", "refusal", "shown"), REFUSALS)
def test_domains_without_usable_exchangers(
    answer: DnsAnswer[MxRecord], refusal: Reply, shown: str
) -> None:
    verdict = exchangers("example.net", answer, OWN, constant)
    assert verdict == refusal
    assert isinstance(verdict, Reply)
    assert str(verdict).startswith(shown)
    assert verdict.reason, "the operator is told why"


def test_our_own_domain_without_records_is_a_loop() -> None:
    assert exchangers("relay.example.com", DnsAnswer("no_records"), OWN, constant) == LOOP


def dice(numbers: list[float]) -> Callable[[], float]:
    rolls = iter(numbers)
    return lambda: next(rolls)


def test_chance_orders_equal_preferences_alone() -> None:
    answer = found("10 a", "10 b", "10 c", "5 d", "20 e")
    chosen = exchangers("example.net", answer, (), dice([0.9, 0.1, 0.5, 0.99, 0.0]))
    assert isinstance(chosen, tuple)
    assert [each.host for each in chosen] == ["d", "b", "c", "a", "e"]


HOSTS = st.sampled_from(["a.example", "b.example", "c.example", "relay.example.com"])
RECORDS = st.lists(st.builds(MxRecord, st.integers(0, 3), HOSTS), min_size=1)


@given(RECORDS, st.randoms(use_true_random=False))
def test_mail_only_comes_nearer(given_: list[MxRecord], random: object) -> None:
    chosen = exchangers("x.example", DnsAnswer("found", tuple(given_)), OWN, random.random)  # type: ignore[attr-defined]
    ours = [each.preference for each in given_ if each.host in OWN]
    expected = {each for each in given_ if not ours or each.preference < min(ours)}
    if isinstance(chosen, Reply):
        assert chosen == LOOP
        assert not expected
    else:
        assert set(chosen) == expected
        assert len(set(chosen)) == len(chosen)
        preferences = [each.preference for each in chosen]
        assert preferences == sorted(preferences)


def addresses(*texts: str) -> DnsAnswer[str]:
    return DnsAnswer("found", texts, 60) if texts else DnsAnswer("no_records")


A, B, C = records("10 a", "20 b", "30 c")


def test_a_domain_has_no_more_exchangers_than_are_asked_for() -> None:
    records = [MxRecord(10, f"mx{number:04}") for number in range(1000)] + [MxRecord(5, "best")]
    chance = iter(range(2_000))
    hosts = exchangers("x", DnsAnswer("found", tuple(records)), (), lambda: -next(chance))
    assert not isinstance(hosts, Reply)
    assert len(hosts) == MOST_HOSTS
    assert hosts[0].host == "best"
    assert {each.host for each in hosts[1:]} == {f"mx{n:04}" for n in range(MOST_HOSTS - 1)}


def test_every_address_of_both_families_is_tried() -> None:
    answers = {"a": addresses("2001:db8::1", "192.0.2.1"), "b": addresses("192.0.2.2")}
    assert candidates("x", (A, B), answers, ()) == (
        Candidate("a", "2001:db8::1", 10),
        Candidate("a", "192.0.2.1", 10),
        Candidate("b", "192.0.2.2", 20),
    )


def test_many_addresses_do_not_crowd_out_another_host() -> None:
    many = addresses(*[f"192.0.2.{number}" for number in range(1, 30)])
    chosen = candidates("x", (A, B), {"a": many, "b": many}, (), most=5)
    assert isinstance(chosen, tuple)
    assert [each.host for each in chosen] == ["a", "a", "a", "a", "b"]
    assert [each.address for each in chosen][-1] == "192.0.2.1"


def test_room_that_one_host_does_not_need_is_the_next_one_s() -> None:
    two, many = addresses("192.0.2.1", "192.0.2.2"), addresses(*[f"192.0.2.{n}" for n in range(9)])
    chosen = candidates("x", (A, B), {"a": two, "b": many}, (), most=5)
    assert isinstance(chosen, tuple)
    assert [each.host for each in chosen] == ["a", "a", "b", "b", "b"]


def test_our_own_address_under_another_name_is_a_loop() -> None:
    answers = {
        "a": addresses("192.0.2.1"),
        "b": addresses("192.0.2.9"),
        "c": addresses("192.0.2.3"),
    }
    assert candidates("x", (A, B, C), answers, ["192.0.2.9"]) == (Candidate("a", "192.0.2.1", 10),)
    assert candidates("x", (B, C), answers, ["192.0.2.9"]) == LOOP


FAILED: DnsAnswer[str] = DnsAnswer("failed", reason="silence")
WITHOUT_ADDRESS = [
    ("x", (A, B), {"a": addresses(), "b": addresses()}, NO_HOST),
    ("x", (A, B), {"a": addresses(), "b": FAILED}, NO_ANSWER),
    ("x", (MxRecord(0, "x"),), {"x": addresses()}, NO_DOMAIN),
    ("x", (MxRecord(0, "x"),), {"x": FAILED}, NO_ANSWER),
]


@pytest.mark.parametrize(("domain", "hosts", "answers", "verdict"), WITHOUT_ADDRESS)
def test_no_address(
    domain: str, hosts: tuple[MxRecord, ...], answers: dict[str, DnsAnswer[str]], verdict: Reply
) -> None:
    given_ = candidates(domain, hosts, answers, ())
    assert given_ == verdict
    assert isinstance(given_, Reply)
    assert given_.reason


@pytest.mark.parametrize(
    ("found", "kept"),
    [
        (("192.0.2.1", "2001:db8::1", "10.1.2.3", "127.0.0.1", "64:ff9b::c000:201"), None),
        (("::ffff:192.0.2.1", "192.0.2.1"), ("192.0.2.1",)),
        (("0.0.0.0", "0.1.2.3", "169.254.169.254", "224.0.0.1", "255.255.255.255"), ()),
        (("::", "fe80::1", "ff02::1", "::ffff:0.0.0.0", "::ffff:169.254.169.254"), ()),
        (("0.0.0.0", "192.0.2.1"), ("192.0.2.1",)),
        ((), ()),
    ],
)
def test_an_exchanger_has_the_address_of_a_host(
    found: tuple[str, ...], kept: tuple[str, ...] | None
) -> None:
    """RFC 6890 2.2.2: what is sent to 0.0.0.0 would come back, and to ::ffff:127.0.0.1, too."""
    answer = hosts_of(addresses(*found))
    assert answer.records == (found if kept is None else kept)
    if found and not kept and kept is not None:
        reply = candidates("x", (A,), {"a": answer}, ())
        assert isinstance(reply, Reply)
        assert found[0] in reply.reason


def test_one_host_that_answers_is_enough() -> None:
    answers = {"a": FAILED, "b": addresses("192.0.2.2")}
    assert candidates("x", (A, B), answers, ()) == (Candidate("b", "192.0.2.2", 20),)


@pytest.mark.parametrize(
    ("domain", "goes"),
    [
        ("[192.0.2.1]", (Candidate("[192.0.2.1]", "192.0.2.1"),)),
        ("[IPv6:2001:DB8::1]", (Candidate("[IPv6:2001:DB8::1]", "2001:db8::1"),)),
        ("[192.0.2.9]", LOOP),
        ("[192.0.2.300]", BAD_LITERAL),
        ("[IPv6:::zz]", BAD_LITERAL),
        ("[0.0.0.0]", BAD_LITERAL),
        ("[IPv6:::ffff:192.0.2.9]", LOOP),
    ],
)
def test_address_literals(domain: str, goes: object) -> None:
    assert literal_candidates(domain, ["192.0.2.9"]) == goes


def test_a_name_is_no_literal() -> None:
    with pytest.raises(ValueError, match="not an address literal"):
        literal_candidates("example.net", ())


def test_domains_behind_the_same_servers_share_a_site() -> None:
    one = site(records("10 MX1.big.example", "10 mx2.big.example", "20 far.big.example"))
    assert one == site(records("5 mx2.big.example", "5 mx1.big.example."))
    assert one == "mx1.big.example mx2.big.example"
    assert site(()) == ""
