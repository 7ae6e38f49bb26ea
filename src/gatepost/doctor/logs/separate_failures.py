"""Divides a log into failures that have nothing to do with each other.

Only where that is certain: two deliveries of a mail server, two tracebacks, two sessions.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

MAX_FAILURES: Final = 12
"""Different failures of one log that are told apart."""
_MOST_OF_A_LOG: Final = 256 * 1024
"""Characters, from its end, that are divided."""
_DELIVERY: Final = re.compile(
    r"\bNOQUEUE: reject|\bstatus=(?:bounced|deferred) |\bdsn=[45]\.\d{1,3}\.\d{1,3}, |"
    r" (?:\*\*|==) \S{1,320} (?:<\S{1,320}> )?R=\w{1,60} T=\w{1,60}"
)
"""A line in which Postfix, Sendmail or Exim says everything about one recipient."""
_BEGIN: Final = re.compile(
    r"^Traceback \(most recent call last\)|^(?:\S{1,40} ){0,6}(?:S: |<- {1,2}|<< |< )220[ -]"
)
"""A traceback, or the greeting of a session."""
_VARYING: Final = re.compile(r"[\w.+-]{0,64}@[\w.-]{0,255}|\b[\w-]{0,40}\d[\w:.-]{0,40}")


def split_failures(log: str) -> list[str]:
    """Return the text of each failure in order, those that differ only in names and numbers once;
    nothing if there is only one."""
    failures = {_VARYING.sub("", each): each for each in _divide(log[-_MOST_OF_A_LOG:])}
    return list(failures.values())[:MAX_FAILURES] if len(failures) > 1 else []


def _divide(log: str) -> Iterator[str]:
    lines = log.split("\n")
    if any(_DELIVERY.search(line) for line in lines):
        yield from filter(_DELIVERY.search, lines)
        return
    starts = [at for at, line in enumerate(lines) if _BEGIN.search(line)]
    for start, end in pairwise((*starts, len(lines))):
        yield "\n".join(lines[start:end])
