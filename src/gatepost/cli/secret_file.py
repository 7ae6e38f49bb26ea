"""Writes secrets that are shown once to a file that only its owner can read."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gatepost.cli.output import CommandFailed


@contextmanager
def saved_secret(path: Path) -> Iterator[Callable[[str], None]]:
    """Yield a function that writes a secret to ``path``, which is created first and must not exist.

    If creating the secret fails, the file is removed.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise CommandFailed(f"cannot save to {path}: {error.strerror}") from None
    try:
        yield lambda secret: _write(descriptor, secret)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


def _write(descriptor: int, secret: str) -> None:
    os.write(descriptor, secret.encode())
