"""The states of the group commit: which thread commits what, whatever the order of events is."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.store.sqlite.body_writer import BodyWriter
from gatepost.store.sqlite.group_commit import (
    COLLECTING,
    IDLE,
    POSTPONED,
    SYNCING,
    CommitState,
    GroupCommit,
)
from gatepost.store.sqlite.group_writes import WaitedWrite
from gatepost.store.sqlite.store_thread import Writer


class Loop:
    """An event loop whose turns and time are the test's."""

    def __init__(self) -> None:
        self.soon: list[Callable[[], Any]] = []
        self.later: list[Callable[[], Any]] = []

    def call_soon(self, callback: Callable[..., Any], *args: Any, **_: Any) -> Any:
        self.soon.append(lambda: callback(*args))

    call_soon_threadsafe = call_soon

    def call_later(self, _: float, callback: Callable[..., Any], *args: Any, **__: Any) -> Any:
        self.later.append(lambda: callback(*args))

    def get_debug(self) -> bool:
        return False


class Threads:
    """The writer and the bodies, without threads: the test says when they have done something."""

    def __init__(self) -> None:
        self.is_busy = False
        """The store thread commits, or has something to commit."""
        self.can_begin = True
        self.on_free: Callable[[], None] = lambda: None
        self.groups: list[list[WaitedWrite]] = []
        self.passed_on: list[WaitedWrite] = []
        self.taken_back = 0
        self.is_locked = False
        self._end_sync: Callable[[], None] | None = None

    def try_reserve(self) -> bool:
        if self.is_busy or self.is_locked:
            return False
        self.is_locked = True
        return True

    def try_begin(
        self,
        group: Sequence[WaitedWrite],
        sync_bodies: Callable[[], None],
        done: Callable[[], None],
    ) -> bool:
        assert self.is_locked
        if not self.can_begin:
            self.is_locked = False
            return False
        sync_bodies()
        self.groups.append(list(group))
        self._end_sync = done
        return True

    def end_sync(self) -> None:
        if (done := self._end_sync) is not None:
            self._end_sync, self.is_locked = None, False
            done()

    def give(self, operation: WaitedWrite) -> None:
        self.passed_on.append(operation)

    def take_back(self, _: Sequence[WaitedWrite]) -> None:
        self.taken_back += 1

    @staticmethod
    def allot(group: Sequence[WaitedWrite]) -> Sequence[WaitedWrite]:
        return group

    @staticmethod
    def sync_allotted() -> None:
        return None

    @staticmethod
    def has_large_body(_: WaitedWrite) -> bool:
        return False


class World:
    def __init__(self) -> None:
        self.loop, self.threads = Loop(), Threads()
        threads: Any = self.threads
        self.group = GroupCommit(cast("Writer", threads), cast("BodyWriter", threads))
        self.added: list[WaitedWrite] = []

    def add(self, *, urgent: bool) -> None:
        self.added.append(WaitedWrite(asyncio.Future(loop=cast("Any", self.loop))))
        self.group.add(self.added[-1], urgent=urgent)

    def do(self, event: str) -> None:
        threads, loop = self.threads, self.loop
        match event:
            case "urgent write" | "other write":
                self.add(urgent=event == "urgent write")
            case "turn" | "time passes":
                lane = loop.soon if event == "turn" else loop.later
                callbacks = lane.copy()
                lane.clear()
                with running(loop):
                    for each in callbacks:
                        each()
            case "store thread begins":
                threads.is_busy = True
            case "store thread ends":
                threads.is_busy = False
                threads.on_free()
            case "store thread goes on":
                threads.on_free()
            case "loop cannot write" | "loop can write":
                threads.can_begin = event == "loop can write"
            case "sync ends":
                threads.end_sync()
            case "flush":
                self.group.flush()
            case _:
                raise AssertionError(event)


@contextmanager
def running(loop: Loop) -> Iterator[None]:
    asyncio.events._set_running_loop(cast("Any", loop))
    try:
        yield
    finally:
        asyncio.events._set_running_loop(None)


# What happens, the state then, how many groups the loop began, and writes left to the store thread.
# fmt: off
STEPS: list[tuple[str, CommitState, int, int]] = [
    ("urgent write",                                                      COLLECTING, 0, 0),
    ("other write",                                                       IDLE,       0, 0),
    ("other write, time passes",                                          SYNCING,    1, 0),
    ("other write, urgent write, turn",                                   SYNCING,    1, 0),
    ("urgent write, urgent write, turn",                                  SYNCING,    1, 0),
    ("urgent write, turn, sync ends",                                     IDLE,       1, 0),
    ("urgent write, turn, urgent write",                                  SYNCING,    1, 0),
    ("urgent write, turn, urgent write, turn, time passes",               SYNCING,    1, 0),
    ("urgent write, turn, urgent write, sync ends, turn",                 SYNCING,    2, 0),
    ("urgent write, turn, other write, sync ends, turn",                  SYNCING,    2, 0),
    ("urgent write, loop cannot write, turn",                             IDLE,       0, 1),
    ("store thread begins, urgent write",                                 COLLECTING, 0, 0),
    ("store thread begins, urgent write, turn",                           POSTPONED,  0, 0),
    ("store thread begins, urgent write, turn, urgent write",             POSTPONED,  0, 0),
    ("store thread begins, urgent write, turn, store thread ends",        POSTPONED,  0, 0),
    ("store thread begins, urgent write, turn, store thread ends, turn",  SYNCING,    1, 0),
    ("store thread begins, urgent write, turn, store thread goes on, turn", IDLE,     0, 1),
    ("store thread begins, urgent write, turn, time passes",              IDLE,       0, 1),
    ("urgent write, flush",                                               COLLECTING, 0, 1),
    ("urgent write, flush, turn",                                         IDLE,       0, 1),
    ("urgent write, turn, other write, flush",                            SYNCING,    1, 1),
    ("store thread begins, urgent write, turn, flush",                    IDLE,       0, 1),
]
# fmt: on
EVENTS = (
    "urgent write",
    "other write",
    "turn",
    "time passes",
    "store thread begins",
    "store thread ends",
    "store thread goes on",
    "loop cannot write",
    "loop can write",
    "sync ends",
    "flush",
)  # fmt: skip


@pytest.mark.parametrize(("events", "state", "groups", "passed_on"), STEPS)
def test_each_event_leads_to_one_state(
    events: str, state: CommitState, groups: int, passed_on: int
) -> None:
    world = World()
    for each in events.split(", "):
        world.do(each)
    assert world.group.state is state
    assert (len(world.threads.groups), len(world.threads.passed_on)) == (groups, passed_on)


def test_what_arrives_during_a_sync_is_one_group() -> None:
    world = World()
    for each in ("urgent write", "turn", *["urgent write", "other write"] * 3, "turn", "sync ends"):
        world.do(each)
    world.do("turn")
    assert world.threads.groups == [world.added[:1], world.added[1:]]


@given(st.lists(st.sampled_from(EVENTS), max_size=40))
def test_each_write_is_committed_once_whatever_happens(events: list[str]) -> None:
    world = World()
    threads = world.threads
    for each in events:
        begun = len(threads.groups)
        was_taken = threads.is_busy or threads.is_locked
        world.do(each)
        if each != "sync ends":
            assert len(threads.groups) <= begun + (not was_taken), "two threads commit"
        assert (world.group.state is SYNCING) == threads.is_locked
    for each in ("store thread ends", *["turn", "sync ends", "time passes"] * 3):
        world.do(each)
    assert world.group.state is IDLE
    committed = [each for group in threads.groups for each in group]
    assert all(group == sorted(group, key=world.added.index) for group in threads.groups)
    assert sorted(map(id, committed + threads.passed_on)) == sorted(map(id, world.added))
