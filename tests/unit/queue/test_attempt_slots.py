"""How many attempts may be in progress, and which are given up for others."""

from gatepost.queue.attempt_slots import (
    EXPENDABLE,
    FURTHER,
    LATELY,
    STALLED,
    Lack,
    Liveness,
    Slot,
    Slots,
)
from gatepost.queue.why import AttemptStep


def take(slots: Slots, hop: Liveness, now: float = 0.0, step: AttemptStep = "greeting") -> Slot:
    slot = slots.take(hop, "hub", now)
    assert isinstance(slot, Slot)
    slot.step = lambda: step
    return slot


def lack(slots: Slots, hop: Liveness, now: float = 0.0) -> Lack:
    found = slots.take(hop, "hub", now)
    assert not isinstance(found, Slot)
    return found


def working() -> Liveness:
    hop = Liveness()
    hop.record_reply(0.0)
    return hop


def test_a_next_hop_has_one_attempt_until_its_server_greets() -> None:
    slots, hop = Slots(), Liveness()
    first = take(slots, hop)
    assert lack(slots, hop) == "greeting"
    hop.record_greeting(1.0)
    others = [take(slots, hop, 1.0) for _ in range(9)]
    for each in (first, *others):
        slots.end(each)
    assert len(slots) == 0
    take(slots, hop, LATELY + 2)
    assert lack(slots, hop, LATELY + 2) == "greeting", "that was too long ago"


def test_a_server_of_an_api_does_not_greet() -> None:
    slots, hop = Slots(), Liveness(greets=False)
    assert [take(slots, hop) for _ in range(10)]


def test_further_attempts_need_a_slot_of_their_target_and_first_ones_none() -> None:
    slots, hop, other = Slots(), working(), working()
    held = [take(slots, hop, step="content") for _ in range(FURTHER + 1)]
    take(slots, other)
    assert lack(slots, other) == "further"
    assert isinstance(slots.take(other, "another target", 0.0), Slot)
    slots.end(held[-1])
    take(slots, other)


def test_a_stalled_attempt_gives_its_slot_to_others_and_its_server_must_greet_again() -> None:
    slots, hung, other = Slots(), working(), working()
    for _ in range(FURTHER + 1):
        take(slots, hung, step="mail")
    take(slots, other)
    assert lack(slots, other, 1.0) == "further", "they have begun just now"
    assert lack(slots, other, STALLED) == "further", "their step is known only since then"
    take(slots, other, 2 * STALLED + 2)
    assert lack(slots, hung, 2 * STALLED + 2) == "greeting"
    assert hung.kind(2 * STALLED + 2) == "new"


def test_room_is_kept_for_new_next_hops_and_for_those_that_work() -> None:
    slots = Slots(8)
    for _ in range(4):
        suspect = Liveness()
        suspect.record_failure(is_silent=True)
        take(slots, suspect)
    suspect = Liveness()
    suspect.record_failure(is_silent=True)
    assert lack(slots, suspect) == "room"
    assert [take(slots, Liveness()) for _ in range(2)]
    assert lack(slots, Liveness()) == "room"
    assert [take(slots, working()) for _ in range(2)]
    assert lack(slots, working()) == "room"


def test_an_old_attempt_without_an_answer_is_given_up_for_others() -> None:
    slots, ended = Slots(4), list[Slot]()
    held = [take(slots, Liveness(), float(number)) for number in range(2)]
    sends = take(slots, Liveness(), step="content")
    for each in (*held, sends):
        each.give_up = lambda each=each: ended.append(each)
    assert lack(slots, Liveness(), EXPENDABLE - 1) == "room"
    assert not ended
    for _ in range(5):
        assert lack(slots, Liveness(), EXPENDABLE + 100) == "room"
    assert ended == held, "each once, and none that sends its content"


def test_a_limit_is_told() -> None:
    slots, hop = Slots(), Liveness()
    assert slots.limit(hop, "hub", 0.0) == ""
    take(slots, hop)
    assert slots.limit(hop, "hub", 12.0) == (
        "has not answered for 12 seconds (waiting for its greeting), and has one connection until "
        "then"
    )
