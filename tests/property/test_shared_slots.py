"""A rate that nodes share is never exceeded in any minute, and is nearly reached; connections are
divided without a rest."""

from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.queue.shared_slots import GRACE, MINUTE, ReservedSlots, share_of


@settings(max_examples=60, deadline=None)
@given(
    rate=st.sampled_from([1.0, 7.0, 60.0, 100.0, 600.0]),
    nodes=st.integers(1, 5),
    late=st.lists(st.floats(0.0, 1.5), min_size=1, max_size=50),
)
def test_no_minute_has_more_messages_than_the_rate(
    rate: float, nodes: int, late: list[float]
) -> None:
    """Each node sends as soon as it may, or somewhat later."""
    slots = [ReservedSlots(rate) for _ in range(nodes)]
    upcoming, now, sent, turn = 0.0, 0.0, list[float](), 0
    while now < 3 * MINUTE:
        waits = list[float]()
        for each in slots:
            wait = each.wait(now)
            if wait is None:
                each.plan()
                upcoming = max(upcoming, now)
                each.add(upcoming)
                upcoming += each.wanted * each.step
                wait = each.wait(now)
            assert wait is not None
            turn += 1
            if wait == 0 and late[turn % len(late)] < GRACE:
                each.take()
                sent.append(now)
                wait = 0.01
            waits.append(max(wait, 0.01))
        now += min(waits)
    for at, begun in enumerate(sent):
        assert sum(begun <= each < begun + MINUTE for each in sent[at:]) <= rate


def test_a_lone_node_nearly_reaches_the_rate() -> None:
    slots, now, sent = ReservedSlots(100.0), 0.0, 0
    while now < 10 * MINUTE:
        wait = slots.wait(now)
        if wait is None:
            slots.plan()
            slots.add(now)
        elif wait > 0:
            now += wait
        else:
            slots.take()
            sent += 1
            now += 0.001
    assert sent > 0.95 * 1000


@given(st.integers(0, 200), st.text(), st.integers(1, 20))
def test_shares_add_up(number: int, key: str, nodes: int) -> None:
    shares = [share_of(number, key, rank, nodes) for rank in range(nodes)]
    assert sum(shares) == number
    assert max(shares) - min(shares) <= 1
