"""Snapshots on disk: in order, bounded, and readable although some of them are damaged."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from gatepost.watch.snapshot_files import Snapshots
from tests.unit.watch.looks import BEFORE, DAY, NOW, now, unreachable

Told = list[tuple[str, str]]


def kept(tmp_path: Path, *, keep: int = 10, keep_for: timedelta = 365 * DAY) -> Snapshots:
    return Snapshots(tmp_path / "provider", keep, keep_for)


def quiet(path: Path, reason: str) -> None:
    raise AssertionError(f"{path}: {reason}")


def test_the_first_look_has_nothing_before_it(tmp_path: Path) -> None:
    assert kept(tmp_path).last(quiet) is None


def test_the_last_look_is_there_after_a_restart(tmp_path: Path) -> None:
    path = kept(tmp_path).add(BEFORE)
    assert path.name == "00000001-20261123T101500Z.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert kept(tmp_path).last(quiet) == BEFORE
    assert kept(tmp_path).add(now()).name == "00000002-20261124T101500Z.json"
    assert kept(tmp_path).last(quiet) == now()


def test_facts_missing_from_the_last_snapshot_come_from_earlier_ones(tmp_path: Path) -> None:
    snapshots = kept(tmp_path)
    snapshots.add(BEFORE)
    snapshots.add(unreachable())
    last = kept(tmp_path).last(quiet)
    assert last is not None
    assert (last.verdict, last.over_tls) == ("unreachable", BEFORE.over_tls)


def test_damaged_files_are_reported_and_skipped(tmp_path: Path) -> None:
    snapshots = kept(tmp_path)
    snapshots.add(BEFORE)
    for number, octets in ((2, b""), (3, b"{"), (4, b"\xff" * 10)):
        (tmp_path / "provider" / f"{number:08}-20261124T100000Z.json").write_bytes(octets)
    (tmp_path / "provider" / "00000005-20261399T996199Z.json").mkdir()
    (tmp_path / "provider" / "notes.txt").write_text("mine")
    told: Told = []
    assert kept(tmp_path).last(lambda path, why: told.append((path.name[:8], why))) == BEFORE
    assert [name for name, _ in told] == ["00000005", "00000004", "00000003", "00000002"]


def test_a_clock_that_jumps_puts_nothing_out_of_order(tmp_path: Path) -> None:
    snapshots = kept(tmp_path)
    for days in (0, 4000, -3000, 1):
        snapshots.add(replace(BEFORE, taken_at=NOW + days * DAY, seconds=days))
    last = kept(tmp_path).last(quiet)
    assert last is not None
    assert last.seconds == 1


def test_no_more_snapshots_are_kept_than_configured(tmp_path: Path) -> None:
    snapshots = kept(tmp_path, keep=3)
    for day in range(6):
        snapshots.add(replace(BEFORE, taken_at=NOW + day * DAY))
    assert [path.name[:8] for path in sorted((tmp_path / "provider").iterdir())] == [
        "00000004", "00000005", "00000006",
    ]  # fmt: skip


def test_old_ones_go_but_for_the_last_two(tmp_path: Path) -> None:
    snapshots = kept(tmp_path, keep_for=2 * DAY)
    for day in (0, 1, 2, 100):
        snapshots.add(replace(BEFORE, taken_at=NOW + day * DAY))
    assert [path.name[:8] for path in sorted((tmp_path / "provider").iterdir())] == [
        "00000003", "00000004",
    ]  # fmt: skip
