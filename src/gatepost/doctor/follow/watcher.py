"""Watches logs: diagnoses each new failure, and counts those whose cause is known already."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final

from gatepost.doctor.conclude import diagnose_evidence
from gatepost.doctor.follow.failure_lines import (
    QUIET,
    FailureFinder,
    LogFailure,
    is_about_mail,
    parts_of,
)
from gatepost.doctor.follow.growing_file import FollowedLog
from gatepost.doctor.logs.read_log import read_log
from gatepost.model.finding import Diagnosis, Finding

MAX_SHAPES: Final = 4_096
"""Shapes of failures whose causes are remembered, for each log."""
_PIECES: Final = 16
"""Pieces that are read of one log before it is another's turn."""


@dataclass(slots=True)
class CauseCount:
    """How often a cause was seen in a log."""

    log: str
    finding: Finding
    first: datetime
    last: datetime
    count: int = 0


@dataclass(frozen=True, slots=True)
class Sighting:
    """A cause was seen; ``diagnosis`` is there the first time only."""

    cause: CauseCount
    diagnosis: Diagnosis | None


class LogWatcher:
    """Reads logs whenever ``poll`` is called. ``server`` and ``client`` are the user's names."""

    def __init__(self, logs: Iterable[FollowedLog], server: str = "", client: str = "") -> None:
        self._logs = [_WatchedLog(each) for each in logs]
        self._server, self._client = server, client
        self.causes: dict[tuple[str, str], CauseCount] = {}
        """By the log's name and the finding's id, in the order in which they were seen."""
        self.unknown = 0
        """Failures without a known cause: many of them have nothing to do with mail."""
        self.is_behind = False
        """There may be more to read now."""

    @property
    def has_ended(self) -> bool:
        """Whether nothing more can come."""
        return all(each.log.has_ended for each in self._logs)

    def poll(self, now: datetime) -> Iterator[Sighting]:
        """Read what was added; yield what is new in it."""
        self.is_behind = False
        for watched in self._logs:
            pieces = 0
            for lines in islice(watched.log.read_lines(), _PIECES):
                pieces += 1
                yield from self._read(watched, lines, now)
            self.is_behind |= pieces == _PIECES
            if not pieces and now.timestamp() - watched.last_read >= QUIET:
                yield from self._read(watched, watched.log.end_line(), now)
            yield from self._conclude(watched, watched.finder.end(now.timestamp()), now)

    def finish(self, now: datetime) -> Iterator[Sighting]:
        """Yield what is new in the lines that were read last."""
        for watched in self._logs:
            yield from self._read(watched, watched.log.end_line(), now)
            yield from self._conclude(watched, watched.finder.end(), now)

    def _read(
        self, watched: "_WatchedLog", lines: Iterable[str], now: datetime
    ) -> Iterator[Sighting]:
        for line in lines:
            watched.last_read = now.timestamp()
            failures = watched.finder.feed(line, watched.last_read)
            yield from self._conclude(watched, failures, now)

    def _conclude(
        self, watched: "_WatchedLog", failures: Iterator[LogFailure], now: datetime
    ) -> Iterator[Sighting]:
        for failure in failures:
            diagnoses: dict[str, Diagnosis] = {}
            ids = watched.recall(failure)
            if ids is None:
                diagnoses = self._diagnose(failure)
                ids = tuple(diagnoses)
                watched.remember(failure, ids)
            self.unknown += not ids
            for key in ids:
                place = watched.log.name, key
                if place not in self.causes:
                    finding = next(each for each in diagnoses[key].findings if each.id == key)
                    self.causes[place] = CauseCount(watched.log.name, finding, now, now)
                cause = self.causes[place]
                cause.count += 1
                cause.last = now
                yield Sighting(cause, diagnoses[key] if cause.count == 1 else None)

    def _diagnose(self, failure: LogFailure) -> dict[str, Diagnosis]:
        """Return the diagnoses of a failure by cause: the first one of each part, what is certain.

        Two failures may follow each other so closely that their lines came as one; their causes
        are in the order of the lines.
        """
        diagnoses: dict[str, Diagnosis] = {}
        if not is_about_mail(failure.text):
            return diagnoses
        for text in dict.fromkeys((*parts_of(failure), failure.text)):
            diagnosis = diagnose_evidence(read_log(text, self._server, self._client))
            for at, finding in enumerate(diagnosis.findings):
                is_first = not at and (text is failure.text or finding.confidence != "possible")
                if is_first or finding.confidence == "certain":
                    diagnoses.setdefault(finding.id, diagnosis)
        return diagnoses


class _WatchedLog:
    """A log, and what is known about its failures."""

    def __init__(self, log: FollowedLog) -> None:
        self.log = log
        self.finder = FailureFinder()
        self.last_read = 0.0
        self._ids: OrderedDict[int, tuple[str, ...]] = OrderedDict()
        """The causes of failures, by the hash of their shape."""

    def recall(self, failure: LogFailure) -> tuple[str, ...] | None:
        """Return the ids of the causes of a failure like this one; None if there was none."""
        key = hash(failure.shape)
        if key in self._ids:
            self._ids.move_to_end(key)
        return self._ids.get(key)

    def remember(self, failure: LogFailure, ids: tuple[str, ...]) -> None:
        """Store the causes of a failure."""
        self._ids[hash(failure.shape)] = ids
        if len(self._ids) > MAX_SHAPES:
            self._ids.popitem(last=False)
