"""The sessions of front processes, as the store process knows them: those that have ended are sent
to it, and those that are open it asks for."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

import msgspec

from gatepost.errors import Disconnected
from gatepost.model.session_record import SessionRecord
from gatepost.processes.rpc import Answers, Calls, Operation, decode, decoder
from gatepost.relay.session_recorder import SessionRecorder

MAX_UNSENT: Final = 1_048_576
"""Octets on the way to the store process, above which sessions are dropped and counted."""


OPEN: Final = "open_sessions"
"""The notification that the store process wants to know open sessions, with a number and the id of
one, or nothing for all; also the call that answers."""
_OFFER: Final = "tells_open_sessions"
PATIENCE: Final = 2.0
"""Seconds that front processes get to answer."""


class SessionSender:
    """Sends records after their sessions; mail goes first if the store process is slow."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._waiting: list[SessionRecord] = []
        self._size = 0
        self._dropped = 0

    def send(self, record: SessionRecord) -> None:
        """Send a record soon; drop it if too much waits already."""
        if self._calls.lost.is_set():
            return  # we stop soon
        if self._size + self._calls.unsent > MAX_UNSENT:
            self._dropped += 1
            return
        if not self._waiting:
            self._calls.tell_soon("sessions_ended", self._take)
        self._waiting.append(record)
        self._size += record.size

    def _take(self) -> tuple[Sequence[SessionRecord], int]:
        records, self._waiting = self._waiting, []
        dropped, self._dropped = self._dropped, 0
        self._size = 0
        return records, dropped


async def tell_open_sessions(calls: Calls, recorder: SessionRecorder) -> None:
    """Answer the store process, from now on, when it asks for open sessions."""

    def answer(raw: msgspec.Raw) -> None:
        number, id_ = decode(raw, tuple[int, str])
        if id_:
            record = recorder.find(id_)
            records = [] if record is None else [record]
        else:  # a list shows lines only of what was refused
            records = [
                each if each.reason else replace(each, packed_lines=b"")
                for each in recorder.records
            ]
        with suppress(Disconnected):
            calls.tell(OPEN, number, records)

    calls.hears[OPEN] = answer
    await calls.ask(_OFFER)


class FrontSessions:
    """Asks the front processes for the sessions that are open there."""

    def __init__(self) -> None:
        self._fronts: set[Answers] = set()
        self._requests: dict[int, tuple[Answers, asyncio.Future[Sequence[SessionRecord]]]] = {}
        self._number = 0

    async def ask(self, id_: str = "") -> Sequence[SessionRecord]:
        """Return all open sessions, without their lines, or the one with this id.

        A process that does not answer in time is left out.
        """
        futures = [self._ask(each, id_) for each in list(self._fronts)]
        if not futures:
            return ()
        done, late = await asyncio.wait(futures, timeout=PATIENCE)
        for each in late:
            each.cancel()
        self._requests = {
            number: one for number, one in self._requests.items() if not one[1].done()
        }
        return [record for each in done for record in each.result()]

    def _ask(self, front: Answers, id_: str) -> "asyncio.Future[Sequence[SessionRecord]]":
        future: asyncio.Future[Sequence[SessionRecord]] = asyncio.get_running_loop().create_future()
        self._number += 1
        try:
            front.tell(OPEN, (self._number, id_))
        except Disconnected:
            future.set_result(())
        else:
            self._requests[self._number] = front, future
        return future

    def remove(self, front: Answers) -> None:
        """Forget a process whose connection has ended; nobody waits for it any more."""
        self._fronts.discard(front)
        for whom, future in list(self._requests.values()):
            if whom is front and not future.done():
                future.set_result(())

    def operations(self, front: Answers) -> dict[str, Operation]:
        """Return the operations of one connection by name."""
        read_answer = decoder(tuple[int, list[SessionRecord]]).decode

        def take(raw: msgspec.Raw) -> None:
            number, records = read_answer(raw)
            whom, future = self._requests.pop(number, (None, None))
            if whom is front and future is not None and not future.done():
                future.set_result(records)

        return {OPEN: take, _OFFER: lambda _raw: self._fronts.add(front)}
