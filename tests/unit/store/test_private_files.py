"""The store's files are private, and at their places."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gatepost.store.lock import DirectoryLock
from gatepost.store.private_files import open_private, write_private

pytestmark = pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="no such links here")


def test_files_are_created_private(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_private(tmp_path / "written", "text")
        os.close(open_private(tmp_path / "opened"))
    finally:
        os.umask(before)
    assert [each.stat().st_mode & 0o777 for each in tmp_path.iterdir()] == [0o600, 0o600]


@pytest.mark.parametrize(
    "use",
    [
        lambda path: write_private(path, "text"),
        open_private,
        lambda path: DirectoryLock(path.parent),
    ],
    ids=["written", "opened", "the lock"],
)
def test_a_link_leads_nowhere(tmp_path: Path, use: Callable[[Path], object]) -> None:
    victim, directory = tmp_path / "victim", tmp_path / "data"
    victim.write_text("of somebody else")
    directory.mkdir()
    (directory / "lock").symlink_to(victim)
    with pytest.raises(OSError, match="symbolic links"):
        use(directory / "lock")
    assert victim.read_text() == "of somebody else"
