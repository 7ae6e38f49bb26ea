"""Root runs commands on the directory of a relay of another user: the relay must still be able
to open all of its files."""

import asyncio
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gatepost.app.data_directory import open_administration, open_mailbox
from gatepost.errors import Unreadable
from gatepost.net.atomic_files import write_file
from gatepost.net.file_owners import keep_owner, make_private_directory
from gatepost.store.private_files import replace_private
from gatepost.store.sqlite import open_store, recovery
from gatepost.store.sqlite.durable_calls import Disk
from tests.contract.messages import message

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")
NOBODY = 65534


@pytest.fixture
def data() -> Iterator[Path]:
    """Return a relay's directory that belongs to another user, who can reach it."""
    home = Path(tempfile.mkdtemp())
    home.chmod(0o755)
    directory = home / "data"
    directory.mkdir(0o700)
    os.chown(directory, NOBODY, NOBODY)
    yield directory
    shutil.rmtree(home)


@contextmanager
def relay_user() -> Iterator[None]:
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def owners(directory: Path) -> set[int]:
    return {each.lstat().st_uid for each in (directory, *directory.rglob("*"))}


async def use(data: Path) -> None:
    async with open_administration(data, make=True) as administer:
        assert await administer("tenant list", {}) == {"tenants": []}
    async with open_mailbox(data) as mailbox:
        await mailbox.put(message(body=b"x" * 100_000))


def test_files_that_root_creates_belong_to_the_owner_of_the_directory(data: Path) -> None:
    asyncio.run(use(data))
    assert (data / "segments").is_dir()
    assert owners(data) == {NOBODY}
    with relay_user():
        open_store(data).close()


def test_files_that_root_replaces_keep_their_owner(data: Path) -> None:
    for name in ("store.generation", "ready.json"):
        with relay_user():
            (data / name).write_text("old")
        replace_private(data / name, "new")
        write_file(data / name, b"newer")
    assert owners(data) == {NOBODY}


def test_the_copy_of_a_failed_store_keeps_its_owner(data: Path) -> None:
    with relay_user():
        open_store(data).close()
    (data / "store.failed").write_text("a sync failed")
    asyncio.run(use(data))
    with relay_user():
        open_store(data).close()


def test_no_other_file_of_root_is_given_away(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The directory's owner can exchange a new file before root has given it away."""
    secret = data.parent / "secret"
    secret.touch()
    (data / "linked").hardlink_to(secret)
    descriptor = os.open(data / "linked", os.O_RDONLY)
    keep_owner(descriptor, data)
    os.close(descriptor)
    monkeypatch.setattr(Path, "mkdir", lambda path, _mode: path.hardlink_to(secret))
    with pytest.raises(NotADirectoryError):
        make_private_directory(data / "segments")
    assert secret.stat().st_uid == 0


def test_nor_by_the_copy_of_a_failed_store(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = data.parent / "secret"
    secret.touch()
    with relay_user():
        open_store(data).close()
    (data / "store.failed").write_text("a sync failed")
    monkeypatch.setattr(recovery, "_vacuum", lambda _old, copy, _disk: copy.symlink_to(secret))
    with pytest.raises(OSError, match=os.strerror(errno.ELOOP)):
        recovery.recover(data, Disk())
    assert secret.stat().st_uid == 0


def test_files_in_a_directory_of_root_stay_with_root(data: Path) -> None:
    os.chown(data, 0, 0)
    asyncio.run(use(data))
    assert owners(data) == {0}


@pytest.mark.parametrize("name", ["lock", "store.db"])
def test_a_file_of_another_user_is_named(data: Path, name: str) -> None:
    """It comes from an earlier version, or from the operator."""
    with relay_user():
        open_store(data).close()
    os.chown(data / name, 0, 0)
    said = f"{data / name} belongs to root, and this is user {NOBODY}"
    with relay_user(), pytest.raises(Unreadable, match=said):
        open_store(data)


def test_a_directory_of_another_user_is_refused(data: Path) -> None:
    os.chown(data, 0, 0)
    with relay_user(), pytest.raises(Unreadable, match=f"{data} belongs to root"):
        open_store(data)
