"""Files that are there whole or not at all."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gatepost.net.files import sync_directory

PRIVATE: Final = 0o600
PUBLIC: Final = 0o644


def write_file(path: Path, content: bytes, *, mode: int = PRIVATE) -> None:
    """Put ``content`` into place under its final mode; it survives a power cut.

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
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:  # a full disk: nobody needs a part of it
        remove_file(draft)
        raise
    sync_directory(path.parent)


def remove_file(path: Path) -> None:
    """Remove a file, if it is there; on a disk that has become read-only it stays."""
    with contextlib.suppress(OSError):
        path.unlink()


@contextlib.contextmanager
def made_private() -> Iterator[None]:
    """Let what is made meanwhile, by whomever, be its owner's alone."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)
