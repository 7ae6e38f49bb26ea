"""Files of ours: made for nobody else, and never somewhere else."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

# Windows has text files, and no such links.
_FLAGS: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def open_private(path: Path, flags: int = os.O_RDWR | os.O_CREAT) -> int:
    """Open a file and return its descriptor.

    Raises OSError for a symbolic link: whoever can write to the directory would have us write to
    any file of ours.
    """
    return os.open(path, flags | _FLAGS, 0o600)


def write_private(path: Path, text: str) -> None:
    """Make ``text`` all that is in a file. Raises OSError."""
    descriptor = open_private(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        file.write(text)


def replace_private(path: Path, text: str) -> None:
    """Put a file with ``text`` in the place of the one that is there. Raises OSError."""
    new = path.with_name(f"{path.name}.new")
    try:
        write_private(new, text)
        new.replace(path)
    except OSError:
        with suppress(OSError):  # a full disk: nobody needs a part of it
            new.unlink()
        raise
