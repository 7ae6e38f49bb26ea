"""The operator's log: events as lines on a file descriptor.

A thread formats and writes them, many at a time, so that a slow terminal or a full pipe never
delays a session.
"""

import errno
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from gatepost.operator_log.sentences import EventFormatter

FLUSH: Final = 0.05
"""Seconds that a line may wait for others."""
MAX_WAITING: Final = 20_000
"""Lines that may wait to be written; further ones are dropped and counted."""
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
"""Errors after which writing is tried again: the log may be on a disk that is full for a while."""
LAST_WORDS: Final = 1.0
"""Seconds to write the remaining lines when the process stops."""

_Event = tuple[float, str, Mapping[str, Any]]
"""Time, name and facts of an event."""


class Reporter:
    """A ``ReportEvent`` that writes to a file descriptor; None: nothing is written.

    It uses no buffered stream of the interpreter: a thread that a full pipe blocks in one holds
    its lock, and the interpreter then aborts at exit.
    """

    def __init__(self, descriptor: int | None, *, as_json: bool) -> None:
        self._descriptor = descriptor
        self._formatter = EventFormatter(as_json=as_json)
        self.watchers: list[Callable[[str, Mapping[str, Any]], None]] = []
        """Called with each event of this process and its facts: they must be quick."""
        self._waiting: deque[_Event | str] = deque()
        self._dropped = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._write, name="gatepost-report", daemon=True)
        self._thread.start()

    @property
    def has_json_lines(self) -> bool:
        """Whether lines are JSON objects."""
        return self._formatter.as_json

    def __call__(self, event: str, **facts: Any) -> None:
        """Log one event; never blocks."""
        if len(self._waiting) < MAX_WAITING:
            self._waiting.append((time.time(), event, facts))
        else:
            self._dropped += 1
        for watcher in self.watchers:
            watcher(event, facts)

    def say(self, text: str) -> None:
        """Log a text unchanged; only for people, not with JSON."""
        self._add(text)

    @property
    def wants_json_lines(self) -> bool:
        """Whether lines of other processes must be JSON: because all are, or to be watched."""
        return self.has_json_lines or bool(self.watchers)

    def take(self, lines: Sequence[str]) -> None:
        """Log lines that another process has formatted, as it was asked to."""
        for line in lines:
            if self.watchers:
                self._take_watched(line)
            else:
                self._add(line)

    def _take_watched(self, line: str) -> None:
        """Log a line of JSON, and call the watchers with its event."""
        try:
            facts: dict[str, Any] = msgspec.json.decode(line, type=dict[str, Any])
            moment = datetime.fromisoformat(facts.pop("time")).timestamp()
            event = facts.pop("event")
        except (msgspec.MsgspecError, KeyError, ValueError):  # it came before anybody watched
            self._add(line)
            return
        self._add(line if self.has_json_lines else (moment, event, facts))
        for watcher in self.watchers:
            watcher(event, facts)

    def _add(self, line: "_Event | str") -> None:
        if len(self._waiting) < MAX_WAITING:
            self._waiting.append(line)
        else:
            self._dropped += 1

    def close(self) -> None:
        """Write the waiting lines, and stop."""
        self._stopping.set()
        self._thread.join(LAST_WORDS)

    def _write(self) -> None:
        stopping = False
        while not stopping:
            stopping = self._stopping.wait(FLUSH)
            waiting = len(self._waiting)  # not what arrives meanwhile, which may never end
            lines = [self._format(self._waiting.popleft()) for _ in range(waiting)]
            dropped, self._dropped = self._dropped, 0
            if dropped:
                lines.append(self._format((time.time(), "lines_dropped", {"count": dropped})))
            if lines and self._descriptor is not None:
                text = "\n".join(lines) + "\n"
                try:
                    write_all(self._descriptor, text.encode("utf-8", "backslashreplace"))
                except OSError as error:
                    if error.errno in _FULL:
                        self._dropped += waiting + dropped  # reported once there is room again
                    else:
                        self._descriptor = None  # nobody reads any more; mail continues

    def _format(self, line: "_Event | str") -> str:
        return line if isinstance(line, str) else self._formatter.line(*line)


def write_all(descriptor: int, octets: bytes) -> None:
    """Write all of ``octets``, waiting for the reader. Raises OSError if there is none."""
    while octets:
        try:
            octets = octets[os.write(descriptor, octets) :]
        except BlockingIOError:  # whoever started us made it so
            time.sleep(FLUSH)
