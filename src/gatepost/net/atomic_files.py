"""Files that are written completely or not at all."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gatepost.net.file_owners import keep_owner

PRIVATE: Final = 0o600
PUBLIC: Final = 0o644


def write_file(path: Path, content: bytes, *, mode: int = PRIVATE) -> None:
    """Replace the file by ``content`` with its final mode; it survives a power cut.

    Readers see the old file or the new one. One writer at a time. Raises OSError.
    """
    draft = path.with_name(f".{path.name}.new")
    with contextlib.suppress(FileNotFoundError):
        draft.unlink()
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if os.name == "posix":
                os.fchmod(descriptor, mode)  # whatever the umask is
            keep_owner(descriptor, path.parent)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:  # on a full disk, an incomplete file is useless
        remove_file(draft)
        raise
    sync_directory(path.parent)


def keep_out_of_git(directory: Path) -> None:
    """Let Git ignore all of a directory with keys and mail in it, unless it has rules of its own.

    Raises OSError.
    """
    rules = directory / ".gitignore"
    if not rules.exists():
        write_file(rules, b"*\n")


def remove_file(path: Path) -> None:
    """Remove a file if it exists; on a disk that has become read-only it stays."""
    with contextlib.suppress(OSError):
        path.unlink()


@contextlib.contextmanager
def made_private() -> Iterator[None]:
    """While this is active, files that the process creates are only accessible to its owner."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable; on Windows this is not needed."""
    if os.name != "posix":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
