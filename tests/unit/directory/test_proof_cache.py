"""Remembered proofs: for how long, how many, and in what form."""

from gatepost.directory.proof_cache import MOST_REMEMBERED, ProofCache, ticket_of

KEY = bytes(32)


def test_a_verdict_holds_for_its_time() -> None:
    now = 100.0
    known: ProofCache[str] = ProofCache(lambda: now)
    known.put(b"ticket", "yes", 10)
    assert known.get(b"ticket") == "yes"
    assert known.get(b"other") is None
    now = 109.9
    assert known.get(b"ticket") == "yes"
    now = 110.0
    assert known.get(b"ticket") is None


def test_no_time_is_not_at_all() -> None:
    known: ProofCache[str] = ProofCache(lambda: 0.0)
    known.put(b"ticket", "yes", 0)
    assert known.get(b"ticket") is None


def test_it_is_cleared() -> None:
    known: ProofCache[str] = ProofCache(lambda: 0.0)
    known.put(b"ticket", "yes", 10)
    known.clear()
    assert known.get(b"ticket") is None


def test_the_oldest_go_when_there_are_too_many() -> None:
    known: ProofCache[int] = ProofCache(lambda: 0.0)
    for number in range(MOST_REMEMBERED + 2):
        known.put(str(number).encode(), number, 10)
    assert known.get(b"0") is None
    assert known.get(b"1") is None
    assert known.get(b"2") == 2


def test_a_ticket_is_for_one_name_one_secret_and_one_version() -> None:
    parts = [(1, "ab", b"c"), (1, "a", b"bc"), (2, "ab", b"c"), (12, "ab", b"c"), (1, "ab", b"d")]
    tickets = {ticket_of(KEY, *each) for each in parts} | {
        ticket_of(bytes([1]) * 32, 1, "ab", b"c")
    }
    assert len(tickets) == len(parts) + 1
