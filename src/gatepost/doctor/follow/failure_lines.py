"""Divides the lines of a log into failures, each with the lines around it.

Lines of different processes, as syslog marks them, are kept apart. Decides without I/O: the time is
an argument. Memory is bounded, whatever the log contains.
"""

import re
from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import Final, NamedTuple

MAX_BEFORE: Final = 40
"""Lines before a failure that are kept with it."""
MAX_AFTER: Final = 12
"""Lines after the last sign of a failure that still belong to it."""
MAX_LINES: Final = 80
MAX_CHARACTERS: Final = 32 * 1024
MAX_STREAMS: Final = 64
"""Processes whose lines are kept apart."""
QUIET: Final = 0.5
"""Seconds without a line after which a failure is complete."""

_WORDS: Final = (
    "error", "fail", "refus", "reject", "denied", "exception", "timeout", "timed out", "time out",
    "timed-out", "time-out", "unable", "cannot", "could not", "not accepted", "not allowed",
    "not permitted", "not supported", "not found", "not offered", "certificate", "expired",
    "disconnect", "closed", "reset by", "unreachable", "deferred", "bounced", "invalid",
)  # fmt: skip
_CODES: Final = re.compile(
    r"[45](?<![\w.][45])\.\d{1,3}\.\d{1,3}(?!\w)|E(?<!\wE)[A-Z]{4,20}\b|"
    r"(?:^|[:<>(\[\]'\"=*|]|<-|\b(?:code|got|received|reply|response|returned|said|status|with) )"
    r" ?b?['\"]?[45]\d\d(?=[ ,)'\"-]|$)(?! ?(?:[KM]?B|bytes|items|ms|rows|s|sec|seconds)\b)"
)
"""Enhanced status codes, names such as ECONNREFUSED, and reply codes where a reply may be: other
numbers are times and counts."""
_MAIL: Final = re.compile(
    r"mail|smtp|[45]\.\d{1,3}\.\d{1,3}\b|:(?:25|465|587|2465|2525|2587)\b|\bport (?:25|465|587)\b|"
    r"auth|login|logon|sign|ehlo|helo|rcpt|recipient|sender|relay|tls|ssl|certificate|x509|"
    r"(?:^|\s)[CS]: |\b[45]\d\d[ -][A-Za-z]{3}",
    re.IGNORECASE | re.MULTILINE,
)
"""What a failure to send mail mentions; other programs have timeouts, too."""
_HTTP: Final = re.compile(r"\"(?:GET|POST|PUT|HEAD|DELETE|PATCH|OPTIONS) \S+ HTTP/")
"""A request in the log of a web server: its 500 is no reply of SMTP."""
_PROCESS: Final = re.compile(
    r"(?:^|\s)(?P<process>[\w./-]{1,60}\[\d{1,10}\]):(?:\s|$)|^(?P<service>[\w.-]{1,60})\s{1,40}\| "
)
"""The process that syslog names, or the service that Compose does."""
_IS_COMPLETE: Final = re.compile(r"\bstatus=[a-z]{4,12} \(|\bR=\w{1,60} T=\w{1,60}")
"""The line of Postfix or Exim about one delivery says everything about it."""
_TIME: Final = re.compile(r"\d\d:\d\d:\d\d")
_HEAD: Final = 160
"""Characters in which a line's time and process are looked for."""
_SEARCHED: Final = 4_096
"""Characters in which a sign of a failure is looked for."""
_VARYING: Final = re.compile(r"[\d@/=\\]|^[\"'(\[{<]")
"""In a word that may differ although the failure is the same: a time, an id, an address, a path."""
_CODE: Final = re.compile(r"\W{0,4}(?:[45]\d\d|[45]\.\d{1,3}\.\d{1,3})\W{0,4}")
_MAX_SHAPE: Final = 400
_MAX_SHAPES: Final = 20
"""Of one failure."""


class LogFailure(NamedTuple):
    """Lines that belong to one failure."""

    text: str
    shape: str
    """The lines that look like failures, without what varies; the same for repeats."""


class FailureFinder:
    """Takes the lines of one log in order."""

    def __init__(self) -> None:
        self._streams: OrderedDict[str, _Stream] = OrderedDict()

    def feed(self, line: str, now: float) -> Iterator[LogFailure]:
        """Take a line; yield failures that are complete. ``now`` is in seconds."""
        match = _PROCESS.search(line[:_HEAD])
        process = (match["process"] or match["service"]) if match else ""
        stream = self._streams.get(process)
        if stream is None:
            stream = self._streams[process] = _Stream()
            if len(self._streams) > MAX_STREAMS:
                _, oldest = self._streams.popitem(last=False)
                yield from oldest.end()
        else:
            self._streams.move_to_end(process)
        yield from stream.feed(line, now)

    def end(self, now: float | None = None) -> Iterator[LogFailure]:
        """Yield the failures to which no line was added for QUIET seconds; without ``now`` all."""
        for stream in self._streams.values():
            if now is None or now - stream.last_time >= QUIET:
                yield from stream.end()


class _Stream:
    """The lines of one process."""

    def __init__(self) -> None:
        self.last_time = 0.0
        self._lines: deque[str] = deque()
        """The lines before a failure, or those of the current one."""
        self._size = 0
        self._shapes: list[str] = []
        """Of the current failure."""
        self._time = ""
        self._after = 0

    def feed(self, line: str, now: float) -> Iterator[LogFailure]:
        self.last_time = now
        shape = shape_of(line) if is_sign_of_failure(line) else ""
        if self._shapes and self._is_other(line, shape):
            before = list(self._lines)[-self._after :] if self._after else []
            yield from self.end()
            for each in before:  # it may belong to the next one as well
                self._add(each)
        if shape:
            self._time = self._time if self._shapes else _time_of(line)
            self._shapes.append(shape)
            self._after = 0
        elif self._shapes:
            self._after += 1
        self._add(line)
        if self._shapes and (
            self._after >= MAX_AFTER or len(self._lines) >= MAX_LINES or _IS_COMPLETE.search(line)
        ):
            yield from self.end()

    def end(self) -> Iterator[LogFailure]:
        """Yield the current failure, if there is one, and forget its lines."""
        if self._shapes:
            yield LogFailure("\n".join(self._lines), "\n".join(self._shapes[:_MAX_SHAPES]))
            self._lines.clear()
            self._shapes.clear()
            self._size = 0

    def _is_other(self, line: str, shape: str) -> bool:
        """Tell whether a line begins something new: the same failure again, or at another time."""
        time = _time_of(line)
        return shape == self._shapes[0] or time not in ("", self._time)

    def _add(self, line: str) -> None:
        self._lines.append(line)
        self._size += len(line)
        while (not self._shapes and len(self._lines) > MAX_BEFORE) or self._size > MAX_CHARACTERS:
            self._size -= len(self._lines.popleft())


def parts_of(failure: LogFailure) -> list[str]:
    """Return the text of a failure in parts, each up to a line that looks like a failure."""
    parts: list[list[str]] = [[]]
    for line in failure.text.split("\n"):
        parts[-1].append(line)
        if is_sign_of_failure(line) and len(parts) < _MAX_SHAPES:
            parts.append([])
    return ["\n".join(part) for part in parts]


def is_sign_of_failure(line: str) -> bool:
    """Tell whether something may have failed."""
    line = line[:_SEARCHED]
    low = line.lower()
    if _CODES.search(line) is None and not any(word in low for word in _WORDS):
        return False
    return " HTTP/" not in line or _HTTP.search(line) is None


def is_about_mail(text: str) -> bool:
    """Tell whether a failure may have to do with mail."""
    return _MAIL.search(text) is not None


def shape_of(line: str) -> str:
    """Return a line without what differs each time."""
    words = line[: 4 * _MAX_SHAPE].split()
    kept = (each if not _VARYING.search(each) or _CODE.fullmatch(each) else "#" for each in words)
    return " ".join(kept)[:_MAX_SHAPE] or "#"


def _time_of(line: str) -> str:
    match = _TIME.search(line[:_HEAD])
    return match[0] if match else ""
