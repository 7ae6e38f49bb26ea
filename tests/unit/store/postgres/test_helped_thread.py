"""A thread that does everything, until it falls behind."""

import threading
from collections.abc import Sequence

from gatepost.store.postgres.helped_thread import LONG, MANY, HelpedThread

PATIENCE = 60.0


def _unexpected(error: Exception) -> None:
    raise AssertionError from error


def _never() -> float:
    return PATIENCE


class Worker:
    """Notes its groups, and waits at the first item while its gate is closed."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.gate, self.busy = threading.Event(), threading.Event()

    def __call__(self, group: list[int]) -> None:
        self.groups.append(group)
        self.busy.set()
        assert self.gate.wait(PATIENCE)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def helped(clock: Clock, *workers: Worker) -> HelpedThread[int]:
    ticks = [_never] * len(workers)
    return HelpedThread("worker", workers, 100, _unexpected, ticks, clock)


def give_all(thread: HelpedThread[int], items: Sequence[int]) -> None:
    for each in items:
        thread.give(each)


def done_by(*workers: Worker) -> list[int]:
    return sorted(each for worker in workers for group in worker.groups for each in group)


def test_one_thread_does_what_is_little() -> None:
    first, second = Worker(), Worker()
    thread = helped(Clock(), first, second)
    thread.give(0)
    assert first.busy.wait(PATIENCE)
    give_all(thread, range(1, MANY))
    first.gate.set()
    thread.stop()
    assert first.groups == [[0], list(range(1, MANY))]
    assert second.groups == []


def test_another_helps_when_many_wait() -> None:
    first, second = Worker(), Worker()
    second.gate.set()
    thread = helped(Clock(), first, second)
    thread.give(0)
    assert first.busy.wait(PATIENCE)
    give_all(thread, range(1, MANY + 1))
    assert second.busy.wait(PATIENCE)
    first.gate.set()
    thread.stop()
    assert done_by(first, second) == list(range(MANY + 1))


def test_another_helps_when_a_group_takes_long() -> None:
    clock, first, second = Clock(), Worker(), Worker()
    second.gate.set()
    thread = helped(clock, first, second)
    thread.give(0)
    assert first.busy.wait(PATIENCE)
    thread.give(1)
    clock.now += LONG
    thread.give(2)
    assert second.busy.wait(PATIENCE)
    first.gate.set()
    thread.stop()
    assert first.groups[0] == [0]
    assert done_by(first, second) == [0, 1, 2]


def test_what_was_given_is_done_before_the_end() -> None:
    workers = [Worker() for _ in range(3)]
    for each in workers:
        each.gate.set()
    clock = Clock()
    thread = helped(clock, *workers)
    for number in range(5_000):
        clock.now += LONG
        thread.give(number)
    thread.stop()
    assert done_by(*workers) == list(range(5_000))


def test_nothing_was_given() -> None:
    helped(Clock(), Worker(), Worker()).stop()
