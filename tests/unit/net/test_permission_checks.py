"""Who else can use the key and the data directory."""

import os
import stat
from pathlib import Path

import pytest

from gatepost.errors import ConfigError
from gatepost.keys.store_key import open_key
from gatepost.net.permission_checks import tighten_directory

pytestmark = pytest.mark.skipif(os.name != "posix", reason="there are no modes")


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(
    ("mode", "who"),
    [
        (0o644, "everybody on this machine"),
        (0o604, "everybody on this machine"),
        (0o602, "everybody on this machine"),
        (0o640, "its group, too"),
        (0o660, "its group, too"),
    ],
)
def test_a_key_that_others_can_use_is_refused(tmp_path: Path, mode: int, who: str) -> None:
    open_key(tmp_path)
    path = tmp_path / "key"
    path.chmod(mode)
    with pytest.raises(ConfigError, match=f"{who}: `chmod 600 {path}`"):
        open_key(tmp_path)
    assert mode_of(path) == mode
    assert sorted(each.name for each in tmp_path.iterdir()) == ["key"]
    path.chmod(0o600)
    open_key(tmp_path)
    path.chmod(0o400)
    open_key(tmp_path)


def test_the_group_of_a_shared_directory_may_use_the_key(tmp_path: Path) -> None:
    """Kubernetes gives a volume to the group of ``fsGroup``: setgid, and 0660."""
    open_key(tmp_path)
    tmp_path.chmod(0o2770)
    (tmp_path / "key").chmod(0o660)
    open_key(tmp_path)
    (tmp_path / "key").chmod(0o664)
    with pytest.raises(ConfigError, match="everybody"):
        open_key(tmp_path)


@pytest.mark.parametrize("mode", [0o755, 0o775, 0o777, 0o750])
def test_an_empty_directory_becomes_private(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    assert tighten_directory(tmp_path) == ""
    assert mode_of(tmp_path) == 0o700


@pytest.mark.parametrize(("mode", "who"), [(0o755, "everybody"), (0o750, "its group")])
def test_of_a_directory_with_files_in_it_there_is_a_warning(
    tmp_path: Path, mode: int, who: str
) -> None:
    (tmp_path / "of somebody").touch()
    tmp_path.chmod(mode)
    warning = tighten_directory(tmp_path)
    assert who in warning
    assert f"(chmod 700 {tmp_path})" in warning
    assert mode_of(tmp_path) == mode
    tmp_path.chmod(0o700)
    assert tighten_directory(tmp_path) == ""


def test_a_shared_or_missing_directory_stays_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o2770)
    assert tighten_directory(tmp_path) == ""
    assert mode_of(tmp_path) & 0o777 == 0o770
    assert tighten_directory(tmp_path / "none") == ""
