"""Clients by address: the number of sessions, and the delay of a refused login."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.policy.client_limits import (
    ClientCounts,
    ClientLimits,
    FailureCounts,
    LocalClientCounter,
)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def counts(**limits: float) -> ClientCounts:
    return ClientCounts(ClientLimits(**limits), Clock())  # type: ignore[arg-type]  # some are int


def test_the_limit_on_sessions_of_an_address() -> None:
    clients = LocalClientCounter(counts(sessions=2))
    assert clients.try_enter("192.0.2.1")
    assert clients.try_enter("192.0.2.1")
    assert not clients.try_enter("192.0.2.1")
    assert clients.try_enter("192.0.2.2")
    clients.leave("192.0.2.1")
    assert clients.try_enter("192.0.2.1")


def test_a_freed_place_goes_to_the_client_that_waits_for_it() -> None:
    async def main() -> None:
        both = counts(sessions=1)
        clients, kept = LocalClientCounter(both), LocalClientCounter(both, owner="a front process")
        was_asked, may_answer = asyncio.Event(), asyncio.Event()

        async def vacate() -> None:
            was_asked.set()
            await may_answer.wait()

        both.vacate = vacate
        assert kept.try_enter("192.0.2.1")
        first = asyncio.create_task(clients.try_enter_late("192.0.2.1"))
        await was_asked.wait()
        kept.leave("192.0.2.1")
        assert not clients.try_enter("192.0.2.1")
        assert clients.try_enter("192.0.2.2")
        may_answer.set()
        assert await first
        clients.leave("192.0.2.1")
        assert clients.try_enter("192.0.2.1")

    asyncio.run(main())


def test_an_ipv6_customer_is_one_address() -> None:
    clients = LocalClientCounter(counts(sessions=1))
    assert clients.try_enter("2001:db8::1")
    assert not clients.try_enter("2001:db8::2")
    assert clients.try_enter("2001:db8:0:1::1")


def test_the_limit_on_all_sessions() -> None:
    clients = LocalClientCounter(counts(connections=2))
    assert clients.try_enter("192.0.2.1")
    assert clients.try_enter("192.0.2.2")
    assert not clients.try_enter("192.0.2.3")
    clients.leave("192.0.2.2")
    assert clients.try_enter("192.0.2.3")


def test_processes_count_together_and_one_that_is_gone_is_forgotten() -> None:
    known = counts(sessions=3)
    one, other = LocalClientCounter(known, "one"), LocalClientCounter(known, "other")
    assert one.try_enter("192.0.2.1")
    assert one.try_enter("192.0.2.1")
    assert other.try_enter("192.0.2.1")
    assert not other.try_enter("192.0.2.1")
    known.forget("one")
    assert other.try_enter("192.0.2.1")
    assert other.try_enter("192.0.2.1")
    assert not other.try_enter("192.0.2.1")
    known.forget("nobody")


def test_leaving_without_being_counted_changes_nothing() -> None:
    known = counts(sessions=1)
    one, other = LocalClientCounter(known, "one"), LocalClientCounter(known, "other")
    assert one.try_enter("192.0.2.1")
    other.leave("192.0.2.1")
    other.leave("192.0.2.9")
    assert not other.try_enter("192.0.2.1")


def test_no_limit_is_none() -> None:
    clients = LocalClientCounter(counts())
    assert all(clients.try_enter("192.0.2.1") for _ in range(1000))


def test_limits_may_change_while_somebody_is_there() -> None:
    known = counts(sessions=1)
    clients = LocalClientCounter(known)
    assert clients.try_enter("192.0.2.1")
    known.limits = ClientLimits(sessions=2)
    assert clients.try_enter("192.0.2.1")
    known.limits = ClientLimits(sessions=1)
    clients.leave("192.0.2.1")
    assert not clients.try_enter("192.0.2.1")


def test_a_refused_login_waits_longer_each_time() -> None:
    clients = LocalClientCounter(counts(failures=2, first_delay=1.0, longest_delay=6.0))
    assert [clients.delay("192.0.2.1") for _ in range(6)] == [1.0, 1.0, 2.0, 4.0, 6.0, 6.0]
    assert clients.delay("192.0.2.2") == 1.0


def test_failures_are_forgotten_after_a_while() -> None:
    clock = Clock()
    known = ClientCounts(ClientLimits(failures=1, first_delay=1.0, forgotten=60.0), clock)
    assert known.delay("192.0.2.1") == 1.0
    clock.now = 50.0
    assert known.delay("192.0.2.1") == 2.0
    clock.now = 111.9  # 60 seconds after it was answered are not over
    assert known.delay("192.0.2.1") == 4.0
    clock.now = 300.0
    assert known.delay("192.0.2.1") == 1.0


def test_remembered_addresses_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatepost.policy.client_limits.MOST_REMEMBERED", 3)
    known = counts(failures=1)
    for number in range(1, 6):
        known.delay(f"192.0.2.{number}")
    assert known.delay("192.0.2.5") == 2.0
    assert known.delay("192.0.2.1") == 1.0


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.booleans())))
def test_counts_are_what_is_there(steps: list[tuple[str, str, bool]]) -> None:
    known, there = counts(sessions=2, connections=4), list[tuple[str, str]]()
    for owner, address, comes in steps:
        if comes:
            room = len(there) < 4 and sum(each[1] == address for each in there) < 2
            assert known.try_enter(owner, address) is room
            there += [(owner, address)] * room
        else:
            known.leave(owner, address)
            if (owner, address) in there:
                there.remove((owner, address))


def test_refused_logins_at_other_nodes_count_too() -> None:
    asked: list[tuple[str, float]] = []

    async def count(address: str, forgotten: float) -> int:
        asked.append((address, forgotten))
        return 7

    async def steps() -> None:
        counts = ClientCounts(ClientLimits(failures=5), lambda: 0.0)
        counts.share(FailureCounts(count, asyncio.ensure_future))
        delay = counts.delay("192.0.2.1")
        assert isinstance(delay, asyncio.Future)
        assert await delay == 4.0
        assert asked == [("192.0.2.1", 90.0)]

    asyncio.run(steps())
