"""``gatepost doctor --watch-log``: follows logs, and prints each new cause once."""

import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from types import FrameType
from typing import Any, Final

import click

from gatepost.cli.diagnosis_output import EXIT, show
from gatepost.cli.doctor_input import standard_input
from gatepost.cli.output import FAILED, OK, print_json_line
from gatepost.cli.tables import print_rows
from gatepost.doctor.diagnosis_document import report_document
from gatepost.doctor.follow.growing_file import FollowedFile, FollowedLog, FollowedPipe
from gatepost.doctor.follow.watcher import CauseCount, LogWatcher, Sighting
from gatepost.errors import ConfigError

PAUSE: Final = 0.2
"""Seconds between two looks at the logs."""
MAX_LOGS: Final = 100
MILESTONES: Final = frozenset(10**power for power in range(1, 16))
"""Counts of a cause that are printed as JSON."""


def watch_logs(
    paths: Sequence[Path], *, from_start: bool, server: str, client: str, as_json: bool
) -> int:
    """Follow logs until a signal comes, or standard input ends; return the exit code."""
    if len(paths) > MAX_LOGS:
        raise click.UsageError(f"--watch-log: at most {MAX_LOGS} logs")
    names = list(dict.fromkeys(map(str, paths)))
    try:
        logs = [_follow(name, from_start) for name in names]
    except ConfigError as error:
        raise click.UsageError(f"--watch-log: {error}") from None
    watcher = LogWatcher(logs, server, client)
    printer = _JsonPrinter() if as_json else _Printer()
    problems: dict[str, str] = {}
    with _stopping() as stop:
        while not (stop.is_set() or watcher.has_ended):
            for sighting in watcher.poll(datetime.now(UTC)):
                printer.print_sighting(sighting)
            _tell_problems(logs, problems)
            if not watcher.is_behind:
                stop.wait(PAUSE)
        for sighting in watcher.finish(datetime.now(UTC)):
            printer.print_sighting(sighting)
    printer.print_counts(watcher)
    if watcher.causes:
        return EXIT["finding"]
    return FAILED if watcher.unknown else OK


def _follow(name: str, from_start: bool) -> FollowedLog:
    if name == "-":
        return FollowedPipe(standard_input())
    return FollowedFile(Path(name), from_start=from_start)


@contextmanager
def _stopping() -> Iterator[Event]:
    """Yield an event that SIGINT and SIGTERM set; the second one ends the process."""
    stop = Event()
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def handle(number: int, frame: FrameType | None) -> None:
        del number, frame
        stop.set()
        restore()

    for number in before:
        signal.signal(number, handle)
    try:
        yield stop
    finally:
        restore()


def _tell_problems(logs: Iterable[FollowedLog], problems: dict[str, str]) -> None:
    """Say on standard error which logs cannot be read, and which can be again."""
    for log in logs:
        if log.problem != problems.get(log.name, ""):
            problems[log.name] = log.problem
            waiting = f"waiting for it ({log.problem})" if log.problem else "it can be read now"
            click.echo(f"{log.name}: {waiting}", err=True)


class _Printer:
    """Prints reports for people, and at the end a table."""

    def print_sighting(self, sighting: Sighting) -> None:
        if sighting.diagnosis is None:
            return
        click.echo(f"== {sighting.cause.log}, {sighting.cause.first.astimezone():%H:%M:%S}")
        show(sighting.diagnosis, as_json=False, as_markdown=False)
        click.echo()
        sys.stdout.flush()

    def print_counts(self, watcher: LogWatcher) -> None:
        rows = [
            (str(each.count), each.finding.id, f"{each.last.astimezone():%m-%d %H:%M:%S}", each.log)
            for each in watcher.causes.values()
        ]
        print_rows(
            ("TIMES", "CAUSE", "LAST", "LOG"),
            rows,
            whole=("TIMES", "CAUSE", "LAST"),
            otherwise="no failure with a known cause was logged",
        )


class _JsonPrinter(_Printer):
    """Prints one JSON object per line."""

    def print_sighting(self, sighting: Sighting) -> None:
        cause = sighting.cause
        if sighting.diagnosis is not None:
            document = {"event": "cause", **_cause_document(cause)}
            print_json_line({**document, "report": report_document(sighting.diagnosis)})
        elif cause.count in MILESTONES:
            print_json_line({"event": "repeated", **_cause_document(cause)})

    def print_counts(self, watcher: LogWatcher) -> None:
        causes = list(map(_cause_document, watcher.causes.values()))
        print_json_line({"event": "stopped", "causes": causes, "unknown": watcher.unknown})


def _cause_document(cause: CauseCount) -> dict[str, Any]:
    return {
        "log": cause.log,
        "id": cause.finding.id,
        "confidence": cause.finding.confidence,
        "summary": cause.finding.summary,
        "count": cause.count,
        "first": f"{cause.first:%Y-%m-%dT%H:%M:%SZ}",
        "last": f"{cause.last:%Y-%m-%dT%H:%M:%SZ}",
    }
