"""Sessions on their way from a front process: together, and dropped if the store is slow."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, cast

from gatepost.model.session_record import SessionRecord
from gatepost.processes.remote_sessions import MAX_UNSENT, SessionSender
from gatepost.processes.rpc import Calls
from gatepost.relay.session_archive import SessionArchive


class SlowCalls:
    """A channel that sends when a test lets it."""

    def __init__(self) -> None:
        self.unsent = 0
        self.lost = asyncio.Event()
        self._waiting: list[Callable[[], Any]] = []
        self.sent: list[tuple[Sequence[SessionRecord], int]] = []

    def tell_soon(self, operation: str, take: Callable[[], Any]) -> None:
        assert operation == "sessions_ended"
        self._waiting.append(take)

    def send(self) -> None:
        waiting, self._waiting = self._waiting, []
        self.sent += [take() for take in waiting]


def record(number: int) -> SessionRecord:
    return SessionRecord(f"s-{number}", float(number), packed_lines=b"", messages=[f"m-{number}"])


def test_sessions_that_end_together_are_sent_together() -> None:
    calls = SlowCalls()
    sender = SessionSender(cast("Calls", calls))
    for number in range(3):
        sender.send(record(number))
    calls.send()
    assert [([each.id for each in some], dropped) for some, dropped in calls.sent] == [
        (["s-0", "s-1", "s-2"], 0)
    ]


def test_what_a_full_channel_drops_is_counted_once_there_is_room() -> None:
    calls, archive = SlowCalls(), SessionArchive()
    sender = SessionSender(cast("Calls", calls))
    calls.unsent = MAX_UNSENT + 1
    for number in range(5):
        sender.send(record(number))
    calls.send()
    assert calls.sent == []
    calls.unsent = 0
    most = MAX_UNSENT // record(0).size
    for number in range(most + 10):
        sender.send(record(number))
    calls.send()
    [(sent, dropped)] = calls.sent
    archive.take((sent, dropped))
    assert len(sent) <= most + 1
    assert len(sent) + archive.dropped == 5 + most + 10
    assert archive.session_of("m-0") == "s-0"
    calls.lost.set()
    sender.send(record(1))
    calls.send()
    assert len(calls.sent) == 1
