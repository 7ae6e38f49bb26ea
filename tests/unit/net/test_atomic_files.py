"""Files that exist either completely or not at all."""

import os
import stat
from pathlib import Path

import pytest

from gatepost.net.atomic_files import PUBLIC, made_private, write_file


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
@pytest.mark.parametrize("mode", [0o600, PUBLIC])
def test_a_file_is_made_with_its_mode(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "f"
    write_file(path, b"x", mode=mode)
    assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_files_made_by_libraries_are_private(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with made_private():
            (tmp_path / "store.db").touch()
        (tmp_path / "after").touch()
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("store.db", "after")]
    assert modes[0] == 0o600
    assert modes[1] != 0o600


def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old and longer")
    (tmp_path / ".f.new").write_bytes(b"left by a crash")
    write_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_the_old_file_stays_when_the_new_one_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")
    (tmp_path / ".f.new").mkdir()
    with pytest.raises(OSError, match=r"\.f\.new"):
        write_file(path, b"new")
    assert path.read_bytes() == b"old"


def test_a_failed_replacement_leaves_no_temporary_file(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    with pytest.raises(OSError, match="f"):
        write_file(tmp_path / "f", b"new")
    assert [each.name for each in tmp_path.iterdir()] == ["f"]
