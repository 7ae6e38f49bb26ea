"""One owner per directory."""

import os
import sys
from pathlib import Path

import pytest

from gatepost.errors import Unreadable
from gatepost.store.lock import DirectoryLock, StoreLocked

OPEN = Path("/proc/self/fd")


def test_a_lock_error_names_the_owner(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path)
    with pytest.raises(StoreLocked, match=f"process {os.getpid()}") as caught:
        DirectoryLock(tmp_path)
    assert caught.value.pid == os.getpid()
    assert isinstance(caught.value, Unreadable)
    lock.release()
    DirectoryLock(tmp_path).release()


def test_an_owner_without_a_pid_is_called_another_process(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path)
    (tmp_path / "lock").write_text("")
    with pytest.raises(StoreLocked, match="another process"):
        DirectoryLock(tmp_path)
    lock.release()


@pytest.mark.skipif(sys.platform == "win32", reason="nobody can remove what is open")
def test_removing_the_file_does_not_release_the_lock(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path)
    (tmp_path / "lock").unlink()
    with pytest.raises(StoreLocked, match="another process"):
        DirectoryLock(tmp_path)
    assert not (tmp_path / "lock").exists()
    lock.release()
    DirectoryLock(tmp_path).release()


@pytest.mark.skipif(sys.platform != "linux", reason="counts in /proc")
def test_a_directory_that_cannot_be_locked_leaves_nothing_open(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()
    before = len(list(OPEN.iterdir()))
    with pytest.raises(IsADirectoryError):
        DirectoryLock(tmp_path)
    with pytest.raises(FileNotFoundError):
        DirectoryLock(tmp_path / "none")
    assert len(list(OPEN.iterdir())) == before


def test_a_pid_that_was_left_behind_does_not_lock(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("123456789\n")
    lock = DirectoryLock(tmp_path)
    assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
    lock.release()
