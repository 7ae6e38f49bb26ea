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
    lags=st.lists(
        st.tuples(st.sampled_from([0.0, 0.0, 0.1, 0.7, 3.0, 20.0]), st.floats(0.0, 1.0)),
        min_size=1, max_size=20,
    ),
)  # fmt: skip
def test_no_minute_has_more_messages_than_the_rate(
    rate: float, nodes: int, late: list[float], lags: list[tuple[float, float]]
) -> None:
    """Each node sends as soon as it may, or somewhat later. The answers of the store have lags, at
    some point of which it has executed the statement."""
    slots = [ReservedSlots(rate) for _ in range(nodes)]
    answers: list[tuple[float, float, float] | None] = [None] * nodes
    upcoming, now, sent, turn = 0.0, 0.0, list[float](), 0
    while now < 3 * MINUTE:
        waits = [MINUTE]
        for place, each in enumerate(slots):
            wait = each.wait(now)
            if wait is None and answers[place] is None:
                each.plan()
                lag, share = lags[turn % len(lags)]
                executed = now + lag * share
                upcoming = max(upcoming, executed)
                answers[place] = now + lag, now + upcoming - executed, lag
                upcoming += each.wanted * each.step
            if (answer := answers[place]) is not None:
                answered, first, doubt = answer
                if now < answered:
                    waits.append(answered - now)
                    continue
                answers[place] = None
                each.add(first, doubt)
                wait = each.wait(now)
            turn += 1
            if wait == 0 and late[turn % len(late)] < GRACE:
                each.take()
                sent.append(now)
                wait = 0.01
            waits.append(max(wait or 0.0, 0.01))
        now += min(waits)
    for at, begun in enumerate(sent):
        assert sum(begun <= each < begun + MINUTE for each in sent[at:]) <= rate


def test_a_lone_node_nearly_reaches_the_rate() -> None:
    slots, now, sent = ReservedSlots(100.0), 0.0, 0
    while now < 10 * MINUTE:
        wait = slots.wait(now)
        if wait is None:
            slots.plan()
            slots.add(now, 0.0)
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
