"""Private files: readable for their owner only, and never written through a symbolic link."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from gatepost.net.file_owners import keep_owner

# Windows has text mode, and no symbolic links of this kind.
_FLAGS: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def open_private(path: Path, flags: int = os.O_RDWR | os.O_CREAT) -> int:
    """Open a file and return its descriptor. A new one belongs to the owner of its directory.

    Raises OSError for a symbolic link: whoever can write to the directory could otherwise make us
    overwrite any of our files.
    """
    if flags & os.O_CREAT:
        with suppress(FileExistsError):  # which says that root did not create it
            created = os.open(path, flags | os.O_EXCL | _FLAGS, 0o600)
            keep_owner(created, path.parent)
            return created
    return os.open(path, flags | _FLAGS, 0o600)


def write_private(path: Path, text: str) -> None:
    """Write ``text`` as the whole content of a file. Raises OSError."""
    descriptor = open_private(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        file.write(text)


def replace_private(path: Path, text: str) -> None:
    """Replace a file atomically by one with ``text``. Raises OSError."""
    new = path.with_name(f"{path.name}.new")
    try:
        new.unlink(missing_ok=True)  # another user's, if a kill left it
        write_private(new, text)
        new.replace(path)
    except OSError:
        with suppress(OSError):  # a full disk: nobody needs a part of it
            new.unlink()
        raise
