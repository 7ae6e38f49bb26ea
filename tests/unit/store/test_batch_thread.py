"""Batches: all items that have arrived, in order, up to a maximum."""

import threading

from gatepost.store.batch_thread import BatchThread

PATIENCE = 60.0


def _unexpected(error: Exception) -> None:
    raise AssertionError from error


def test_items_given_during_a_batch_form_the_next_one() -> None:
    groups: list[list[int]] = []
    busy, go_on = threading.Event(), threading.Event()

    def work(group: list[int]) -> None:
        groups.append(group)
        busy.set()
        assert go_on.wait(PATIENCE)

    worker = BatchThread("worker", work, most=4, on_fault=_unexpected)
    worker.start()
    worker.give(0)
    assert busy.wait(PATIENCE)
    for number in range(1, 7):
        worker.give(number)
    go_on.set()
    worker.stop()
    assert groups == [[0], [1, 2, 3, 4], [5, 6]]


def test_items_given_before_the_start_are_processed() -> None:
    done: list[int] = []
    worker = BatchThread("worker", done.extend, most=10, on_fault=_unexpected)
    worker.give(1)
    worker.start()
    worker.stop()
    assert done == [1]


def test_a_fault_is_reported_and_the_thread_continues() -> None:
    faults: list[Exception] = []
    done: list[int] = []

    def work(group: list[int]) -> None:
        done.append(12 // group[0])

    worker = BatchThread("worker", work, most=1, on_fault=faults.append)
    for each in (0, 3):
        worker.give(each)
    worker.start()
    worker.stop()
    assert done == [4]
    assert [type(each) for each in faults] == [ZeroDivisionError]


def test_the_tick_runs_between_groups_until_it_wants_no_more() -> None:
    ticks: list[float] = []
    thrice = threading.Event()

    def tick() -> float:
        ticks.append(0.0)
        if len(ticks) < 3:
            return 0.0
        thrice.set()
        return 3600.0

    worker: BatchThread[int] = BatchThread("worker", lambda _: None, most=1, on_fault=_unexpected)
    worker.start(tick, after=0.0)
    assert thrice.wait(PATIENCE)
    worker.stop()
    assert len(ticks) == 3
