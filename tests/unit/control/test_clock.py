"""A relay's clock can be advanced, also across restarts, and never goes back."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gatepost.control.clock import FILE, AheadClock, ClockControl
from gatepost.errors import ConfigError

HOUR = timedelta(hours=1)
SLACK = timedelta(seconds=30)


def ask(control: ClockControl, operation: str, **fields: Any) -> dict[str, Any]:
    return asyncio.run(control.operate(operation, fields))


def test_it_is_the_machine_s_until_it_goes_forward(tmp_path: Path) -> None:
    clock = AheadClock(tmp_path)
    assert abs(clock.now() - datetime.now(UTC)) < SLACK
    before = clock.monotonic()
    clock.advance(HOUR)
    clock.advance(HOUR)
    assert abs(clock.now() - datetime.now(UTC) - 2 * HOUR) < SLACK
    assert 7200 <= clock.monotonic() - before < 7230
    assert AheadClock(tmp_path).ahead == 2 * HOUR, "after a restart"


def test_the_control_says_so_and_reports_it(tmp_path: Path) -> None:
    heard: list[str] = []

    async def note(ahead: timedelta) -> None:
        heard.append(f"acknowledged {ahead}")

    clock = AheadClock(tmp_path)
    clock.followers.add(lambda ahead: heard.append(f"told {ahead}"))
    control = ClockControl(clock, note)
    assert ask(control, "show")["ahead"] == 0
    told = ask(control, "advance", seconds=90.5)
    assert told["ahead"] == 90.5
    assert told["now"].endswith("Z")
    assert heard == ["told 0:01:30.500000", "acknowledged 0:01:30.500000"]


@pytest.mark.parametrize(
    ("operation", "seconds", "words"),
    [
        ("advance", -1.0, "only be put forward"),
        ("advance", -1e300, "only be put forward"),
        ("advance", 4e8, "at most 3650 days ahead"),
        ("advance", 1e300, "at most 3650 days ahead"),
        ("stop", 0.0, "unknown operation stop"),
    ],
)
def test_invalid_requests_are_refused(
    tmp_path: Path, operation: str, seconds: float, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        ask(ClockControl(AheadClock(tmp_path)), operation, seconds=seconds)
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize("content", ["", "soon", "1e99"])
def test_a_file_that_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content)
    with pytest.raises(ConfigError, match="delete it"):
        AheadClock(tmp_path)


def test_time_passes(tmp_path: Path) -> None:
    clock = AheadClock(tmp_path)
    clock.advance(HOUR)
    first = clock.now()
    time.sleep(0.002)
    assert clock.now() > first
