"""The contract of every resolver (``model.dns.Resolver``)."""

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from gatepost.model.dns import DnsAnswer, MxRecord, Resolver
from gatepost.net.dns import DnsResolver
from gatepost.testing.dns import TTL, ScriptedResolver
from tests.nameserver import nameserver

LONG = "v=DKIM1; p=" + "A" * 700
ZONE = f"""
example.net           MX     20 mx2.example.net
example.net           MX     10 MX1.example.net.
example.net           TXT    v=spf1 -all
example.net           TXT    {LONG}
null.example.net      MX     0 .
mx1.example.net       A      192.0.2.1
mx1.example.net       A      192.0.2.2
mx1.example.net       AAAA   2001:db8::1
mx2.example.net       A      192.0.2.3
six.example.net       AAAA   2001:db8::6
www.example.net       CNAME  mx2.example.net
mail.example.net      CNAME  www.example.net
lost.example.net      CNAME  nowhere.example.net
half.example.net      CNAME  example.net
xn--bcher-kva.example A      192.0.2.9
broken.example        FAIL   SERVFAIL
"""


@pytest.fixture(scope="module", params=["scripted", "dnspython"])
def resolver(request: pytest.FixtureRequest) -> Iterator[Resolver]:
    if request.param == "scripted":
        yield ScriptedResolver(ZONE)
        return
    with nameserver(ZONE) as (server, _):
        yield DnsResolver((server,), deadline=5)


def ask(resolver: Resolver, what: str, name: str) -> DnsAnswer[Any]:
    answer: DnsAnswer[Any] = asyncio.run(getattr(resolver, what)(name))
    return answer


MX = (MxRecord(10, "MX1.example.net"), MxRecord(20, "mx2.example.net"))
FOUND = [
    ("mx", "example.net", MX),
    ("mx", "EXAMPLE.net.", MX),
    ("mx", "half.example.net", MX),
    ("mx", "null.example.net", (MxRecord(0, ""),)),
    ("txt", "example.net", (LONG, "v=spf1 -all")),
    ("cname", "www.example.net", ("mx2.example.net",)),
    ("cname", "lost.example.net", ("nowhere.example.net",)),
    ("addresses", "mx1.example.net", ("192.0.2.1", "192.0.2.2", "2001:db8::1")),
    ("addresses", "six.example.net", ("2001:db8::6",)),
    ("addresses", "mail.example.net", ("192.0.2.3",)),
    ("addresses", "bücher.example", ("192.0.2.9",)),
    ("addresses", "xn--bcher-kva.example", ("192.0.2.9",)),
]


def in_one_case(records: Iterable[Any]) -> tuple[Any, ...]:
    """Return the answer with MX hosts in lower case: a server may repeat a name as in the
    question (RFC 4343)."""
    return tuple(
        sorted(
            MxRecord(each.preference, each.host.lower()) if isinstance(each, MxRecord) else each
            for each in records
        )
    )


@pytest.mark.parametrize(("what", "name", "records"), FOUND)
def test_existing_records(
    resolver: Resolver, what: str, name: str, records: tuple[Any, ...]
) -> None:
    answer = ask(resolver, what, name)
    assert (answer.kind, answer.reason) == ("found", "")
    assert in_one_case(answer.records) == in_one_case(records)
    assert 0 < answer.ttl <= TTL
    assert answer.is_final


def test_an_alias_without_target_is_found_after_any_question(resolver: Resolver) -> None:
    assert ask(resolver, "txt", "lost.example.net").kind == "no_such_name"
    assert ask(resolver, "cname", "lost.example.net").records == ("nowhere.example.net",)


def test_ipv6_comes_first(resolver: Resolver) -> None:
    assert ask(resolver, "addresses", "mx1.example.net").records[0] == "2001:db8::1"


@pytest.mark.parametrize(
    ("name", "addresses"),
    [
        ("192.0.2.7", ("192.0.2.7",)),
        ("2001:db8::7", ("2001:db8::7",)),
        ("localhost", ("::1", "127.0.0.1")),
        ("acs.communication.localhost.", ("::1", "127.0.0.1")),
    ],
)
def test_names_that_are_not_asked_for(
    resolver: Resolver, name: str, addresses: tuple[str, ...]
) -> None:
    assert ask(resolver, "addresses", name) == DnsAnswer("found", addresses)


MISSING = [
    ("mx", "mx1.example.net", "no_records", "mx1.example.net has no MX record"),
    ("txt", "six.example.net", "no_records", "six.example.net has no TXT record"),
    ("cname", "example.net", "no_records", "example.net has no CNAME record"),
    ("addresses", "example.net", "no_records", "example.net has no AAAA record"),
    ("mx", "www.example.net", "no_records", "www.example.net has no MX record"),
    ("mx", "nowhere.example.net", "no_such_name", "the DNS has no name nowhere.example.net"),
    ("addresses", "nowhere.example.net", "no_such_name", "has no name nowhere.example.net"),
    ("txt", "lost.example.net", "no_such_name", "the DNS has no name lost.example.net"),
    ("mx", "", "no_such_name", "'' is not a valid name"),
    ("mx", "a..b", "no_such_name", "'a..b' is not a valid name"),
    ("txt", "x" * 64 + ".example.net", "no_such_name", "is not a valid name in the DNS"),
]


@pytest.mark.parametrize(("what", "name", "kind", "reason"), MISSING)
def test_missing_records(resolver: Resolver, what: str, name: str, kind: str, reason: str) -> None:
    answer = ask(resolver, what, name)
    assert (answer.kind, answer.records) == (kind, ())
    assert reason in answer.reason
    assert answer.is_final


@pytest.mark.parametrize("what", ["mx", "addresses", "txt", "cname"])
def test_failed_questions(resolver: Resolver, what: str) -> None:
    answer = ask(resolver, what, "broken.example")
    assert (answer.kind, answer.records, answer.ttl) == ("failed", (), 0)
    assert answer.reason.startswith("the DNS did not answer for broken.example")
    assert "SERVFAIL" in answer.reason
    assert not answer.is_final
