"""Snapshots on disk: numbered files, so that their order does not depend on the clock."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from gatepost.errors import ConfigError
from gatepost.net.atomic_files import write_file
from gatepost.watch.differences import complete_snapshot
from gatepost.watch.snapshot import MAX_SNAPSHOT, ServerSnapshot, decode, encode

LOOK_BACK: Final = 200
"""Number of snapshots that are read for facts which the last ones lack."""
AT_LEAST: Final = 2
"""Number of snapshots that are kept however old they are, for comparison."""
_NAME: Final = re.compile(r"(\d{8,12})-\d{8}T\d{6}Z\.json")

Damaged = Callable[[Path, str], None]
"""Called with a file that cannot be read, and the reason."""


class Snapshots:
    """The snapshots of one upstream, in a directory of its own."""

    def __init__(self, directory: Path, keep: int, keep_for: timedelta) -> None:
        self._directory = directory
        self._keep = keep
        self._keep_for = keep_for
        self._next: int | None = None

    def last(self, damaged: Damaged) -> ServerSnapshot | None:
        """Return what the last check found; None before the first."""
        return complete_snapshot(self._newest_first(damaged))

    def _newest_first(self, damaged: Damaged) -> Iterator[ServerSnapshot]:
        for _, path in reversed(self._files()[-LOOK_BACK:]):
            try:
                with path.open("rb") as file:
                    yield decode(file.read(MAX_SNAPSHOT + 1))
            except OSError as error:
                damaged(path, error.strerror or str(error))
            except ConfigError as error:
                damaged(path, str(error))

    def add(self, snapshot: ServerSnapshot) -> Path:
        """Store a snapshot, and delete those that are too many or too old. Raises OSError."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        files = self._files()
        if self._next is None:
            self._next = files[-1][0] + 1 if files else 1
        when = snapshot.taken_at.astimezone(UTC)
        path = self._directory / f"{self._next:08}-{when:%Y%m%dT%H%M%SZ}.json"
        write_file(path, encode(snapshot))
        self._next += 1
        self._let_go([each for _, each in files], when)
        return path

    def _let_go(self, older: list[Path], now: datetime) -> None:
        """``older`` are those before the one that was just kept."""
        too_many = len(older) + 1 - self._keep
        for number, path in enumerate(older[: len(older) + 1 - AT_LEAST]):
            if number < too_many or now - _taken_at(path) > self._keep_for:
                path.unlink(missing_ok=True)

    def _files(self) -> list[tuple[int, Path]]:
        try:
            names = list(self._directory.iterdir())
        except FileNotFoundError:
            return []
        numbered = [(match, path) for path in names if (match := _NAME.fullmatch(path.name))]
        return sorted((int(match[1]), path) for match, path in numbered)


def _taken_at(path: Path) -> datetime:
    stamp = path.name.partition("-")[2].removesuffix(".json")
    try:
        return datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:  # an invalid date
        return datetime.min.replace(tzinfo=UTC)
