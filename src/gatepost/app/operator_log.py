"""What happened, for the operator: lines on a file descriptor.

They are spelled and written by a thread, many at a time, so that a slow terminal or a
full pipe never holds up a session.
"""

import errno
import os
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final

from gatepost.app.operator_log_format import Speller

FLUSH: Final = 0.05
"""Seconds that a line may wait for others."""
MAX_WAITING: Final = 20_000
"""Lines that may wait; beyond them lines are dropped, and counted."""
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
"""A file of events may lie on a disk that is full for a while."""
LAST_WORDS: Final = 1.0
"""Seconds that a reader gets at the end."""

_Event = tuple[float, str, Mapping[str, Any]]
"""When, what, and the facts."""


class Reporter:
    """A ``relay.context.Report`` that writes to a file descriptor; None: to nobody.

    No buffer of the interpreter's lies between: a thread that a full pipe holds inside one
    would keep its lock, which ends the process in an abort.
    """

    def __init__(self, descriptor: int | None, *, as_json: bool) -> None:
        self._descriptor = descriptor
        self._speller = Speller(as_json=as_json)
        self._waiting: deque[_Event | str] = deque()
        self._dropped = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._write, name="gatepost-report", daemon=True)
        self._thread.start()

    @property
    def as_json(self) -> bool:
        """Whether a line is a JSON object."""
        return self._speller.as_json

    def __call__(self, event: str, **facts: Any) -> None:
        """Take one event; never blocks."""
        self._add((time.time(), event, facts))

    def say(self, text: str) -> None:
        """Write a text as it is, in its turn; only where a person reads."""
        self._add(text)

    def take(self, lines: Sequence[str]) -> None:
        """Write lines that another process has spelled."""
        for line in lines:
            self._add(line)

    def _add(self, line: "_Event | str") -> None:
        if len(self._waiting) < MAX_WAITING:
            self._waiting.append(line)
        else:
            self._dropped += 1

    def close(self) -> None:
        """Write what waits."""
        self._stopping.set()
        self._thread.join(LAST_WORDS)

    def _write(self) -> None:
        stopping = False
        while not stopping:
            stopping = self._stopping.wait(FLUSH)
            waiting = len(self._waiting)  # not what comes meanwhile, which may have no end
            lines = [self._spell(self._waiting.popleft()) for _ in range(waiting)]
            if self._dropped:
                dropped, self._dropped = self._dropped, 0
                lines.append(self._spell((time.time(), "lines_dropped", {"count": dropped})))
            if lines and self._descriptor is not None:
                text = "\n".join(lines) + "\n"
                try:
                    write_all(self._descriptor, text.encode("utf-8", "backslashreplace"))
                except OSError as error:
                    if error.errno in _FULL:
                        self._dropped += len(lines)  # told once there is room again
                    else:
                        self._descriptor = None  # nobody reads any more; mail goes on

    def _spell(self, line: "_Event | str") -> str:
        return line if isinstance(line, str) else self._speller.line(*line)


def write_all(descriptor: int, octets: bytes) -> None:
    """Write all of ``octets``, however long the reader takes. Raises OSError when it is gone."""
    while octets:
        try:
            octets = octets[os.write(descriptor, octets) :]
        except BlockingIOError:  # whoever started us made it so
            time.sleep(FLUSH)
