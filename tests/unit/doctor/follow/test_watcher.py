"""Each new cause is reported once, and its repeats are counted."""

import time
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gatepost.doctor.follow.failure_lines import QUIET
from gatepost.doctor.follow.growing_file import FollowedFile
from gatepost.doctor.follow.watcher import LogWatcher, Sighting
from tests.examples import examples

START = datetime(2026, 6, 1, tzinfo=UTC)
LATER = START + timedelta(seconds=2 * QUIET)
REFUSED = (
    "10:00:{second:02} DEBUG S: 250 AUTH LOGIN\n10:00:{second:02} DEBUG C: AUTH PLAIN "
    "AGFubgBTM2NyZXQtb2YtYW5u\n10:00:{second:02} DEBUG S: 504 5.7.4 Unrecognized "
    "authentication type\n"
)
EXPIRED = "ssl.SSLCertVerificationError: certificate verify failed: certificate has expired\n"


class Logs:
    """Two logs, and their watcher."""

    def __init__(self, directory: Path) -> None:
        self.paths = [directory / name for name in ("a.log", "b.log")]
        self.followed = [FollowedFile(path) for path in self.paths]
        self.watcher = LogWatcher(self.followed)

    def append(self, at: int, text: str) -> None:
        with self.paths[at].open("a") as file:
            file.write(text)

    def poll(self) -> list[Sighting]:
        return [*self.watcher.poll(START), *self.watcher.poll(LATER)]

    def counts(self) -> dict[tuple[str, str], int]:
        return {
            (Path(each.log).name, each.finding.id): each.count
            for each in self.watcher.causes.values()
        }


@pytest.fixture
def logs(tmp_path: Path) -> Iterator[Logs]:
    logs = Logs(tmp_path)
    yield logs
    for each in logs.followed:
        each.close()


def test_a_cause_is_new_once_in_each_log(logs: Logs) -> None:
    logs.append(0, REFUSED.format(second=1))
    [sighting] = logs.poll()
    assert sighting.cause.finding.id == "mechanism_not_offered"
    assert sighting.diagnosis is not None
    logs.append(0, REFUSED.format(second=2) + EXPIRED)
    again, other = logs.poll()
    assert (again.diagnosis, again.cause.count) == (None, 2)
    assert other.cause.finding.id == "cert_expired"
    logs.append(1, EXPIRED)
    [sighting] = logs.poll()
    assert sighting.diagnosis is not None
    assert logs.counts() == {
        ("a.log", "mechanism_not_offered"): 2, ("a.log", "cert_expired"): 1,
        ("b.log", "cert_expired"): 1,
    }  # fmt: skip


def test_no_secret_is_shown(logs: Logs) -> None:
    logs.append(0, REFUSED.format(second=1))
    [sighting] = logs.poll()
    assert "S3cret" not in repr(sighting)
    assert "AGFubgBTM2NyZXQtb2YtYW5u" not in repr(sighting)


def test_other_failures_are_counted(logs: Logs) -> None:
    logs.append(0, "ERROR ZeroDivisionError: division by zero\n" * 3)
    assert logs.poll() == []
    assert logs.watcher.unknown == 3


def test_a_failure_of_something_else_has_no_cause(logs: Logs) -> None:
    logs.append(0, "TimeoutError: timed out\nredis: connection refused\nprocessed: 530\n")
    assert logs.poll() == []


def test_the_last_line_may_have_no_end(logs: Logs) -> None:
    logs.append(0, EXPIRED.strip())
    assert list(logs.watcher.poll(START)) == []
    assert [each.cause.finding.id for each in logs.watcher.finish(START)] == ["cert_expired"]


def test_octets_that_are_no_text_are_survived(logs: Logs) -> None:
    with logs.paths[0].open("wb") as file:
        file.write(bytes(range(256)) * 4_000 + b"\n" + EXPIRED.encode())
    assert [each.cause.finding.id for each in logs.poll()] == ["cert_expired"]


def test_a_burst_with_a_rotation(logs: Logs) -> None:
    """100,000 lines take seconds and little memory, and no failure is lost."""
    number = examples(16_664)
    lines = [REFUSED.format(second=at % 60) for at in range(number)]
    middle, rotation = number // 2, number // 2 + number // 16
    logs.append(0, "".join(lines[:middle]))
    tracemalloc.start()
    began = time.process_time()
    list(logs.watcher.poll(START))
    logs.append(0, "".join(lines[middle:rotation]))
    logs.paths[0].rename(logs.paths[0].with_suffix(".1"))
    ordinary = "an ordinary line\n" * (3 * number)
    logs.append(0, "".join(lines[rotation:]) + ordinary + EXPIRED)
    while list(logs.watcher.poll(LATER)) or logs.watcher.is_behind:
        pass
    list(logs.watcher.finish(LATER))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert logs.counts() == {
        ("a.log", "mechanism_not_offered"): number, ("a.log", "cert_expired"): 1,
    }  # fmt: skip
    assert time.process_time() - began < 30  # tracing alone triples it
    assert peak < 32 * 1024 * 1024
