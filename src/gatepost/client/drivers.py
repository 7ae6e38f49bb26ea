"""Drivers: they run a conversation on a connection, blocking or in an event loop.

They have the timeouts, one for each phase (RFC 5321 4.5.3.2). Network errors are thrown into the
conversation, which knows what it was doing.
"""

import time
from math import inf
from typing import TYPE_CHECKING

from gatepost.client.settings import Timeouts
from gatepost.client.steps import (
    BeginTls,
    Conversation,
    Read,
    Step,
    StepResult,
    T,
    Write,
    WriteFrom,
    drive,
)
from gatepost.errors import Disconnected, GatepostError
from gatepost.net.sync_stream import SyncStream
from gatepost.net.tls import Context

if TYPE_CHECKING:  # blocking programs do not load asyncio
    from gatepost.net.async_stream import AsyncStream


class _Pace:
    """The time limit of the next step: a repeated Read has the rest of its time."""

    __slots__ = ("_deadline", "_step", "end", "timeouts")

    def __init__(self, timeouts: Timeouts) -> None:
        self.timeouts = timeouts
        self._step: Step | None = None
        self._deadline = 0.0
        self.end = inf
        """The time of the end of the whole conversation."""

    def left(self, step: Step) -> float:
        now = time.monotonic()
        if step is not self._step:
            self._step = step
            self._deadline = min(now + self.timeouts.of(step.phase), self.end)
        return max(self._deadline - now, 0.0)


class SyncDriver:
    """Runs conversations on a SyncStream."""

    def __init__(
        self, stream: SyncStream, context: Context, server_name: str, timeouts: Timeouts
    ) -> None:
        self.stream = stream
        self._context = context
        self._server_name = server_name
        self._pace = _Pace(timeouts)

    def run(self, conversation: Conversation[T], deadline: float = inf) -> T:
        """Return what ``conversation`` returns, raise what it raises.

        ``deadline`` is a time of ``time.monotonic``, after which no step continues.
        """
        self._pace.end = deadline
        return drive(conversation, self._perform)

    def _perform(self, step: Step) -> StepResult:
        match step:
            case Read():
                return self.stream.receive(self._pace.left(step)) or _ended(self.stream.ragged)
            case Write():
                self.stream.send(step.octets, self._pace.left(step))
                return b""
            case WriteFrom():
                return self.stream.send_body(
                    step.windows, self._pace.timeouts.block, self._pace.end
                )
            case BeginTls():
                timeout = self._pace.left(step)
                return self.stream.start_tls(self._context, self._server_name, timeout).facts


class AsyncDriver:
    """Runs conversations on an AsyncStream."""

    def __init__(
        self, stream: "AsyncStream", context: Context, server_name: str, timeouts: Timeouts
    ) -> None:
        self.stream = stream
        self._context = context
        self._server_name = server_name
        self._pace = _Pace(timeouts)

    async def run(self, conversation: Conversation[T], deadline: float = inf) -> T:
        """Return the result of ``conversation``, or raise its exception.

        ``deadline`` is a time of ``time.monotonic``, after which no further step is made.
        """
        self._pace.end = deadline
        outcome: StepResult | None = None
        failure: GatepostError | None = None
        try:
            while True:
                if failure is not None:
                    step = conversation.throw(failure)
                else:
                    step = conversation.send(outcome)
                outcome, failure = None, None
                try:
                    match step:  # inline, because one call less is noticeable for every message
                        case Read():
                            octets = await self.stream.receive(self._pace.left(step))
                            outcome = octets or _ended(self.stream.ragged)
                        case Write():
                            if not self.stream.try_write(step.octets):
                                await self.stream.flush(self._pace.left(step))
                            outcome = b""
                        case WriteFrom():
                            outcome = await self.stream.send_body(
                                step.windows,
                                self._pace.timeouts.block,
                                deadline,
                                in_thread=step.in_thread,
                            )
                        case BeginTls():
                            outcome = await self._start_tls()
                except GatepostError as error:
                    failure = error
        except StopIteration as done:
            result: T = done.value
            return result
        finally:
            conversation.close()

    async def _start_tls(self) -> StepResult:
        timeout = max(min(self._pace.timeouts.tls, self._pace.end - time.monotonic()), 0.0)
        layer = await self.stream.start_tls(self._context, self._server_name, timeout)
        return layer.facts


def _ended(ragged: bool) -> bytes:
    how = "cut the connection without closing TLS" if ragged else "closed the connection"
    raise Disconnected(f"the server {how}")
