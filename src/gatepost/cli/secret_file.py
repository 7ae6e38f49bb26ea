"""Files with secrets: those that the user gives, and those that are written because they are shown
only once."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click

from gatepost.cli.output import CommandFailed

MAX_SECRET: Final = 65_536


def read_secret(file: Any, what: str) -> str:
    """Return the content of a file, without one final line end. Raises UsageError."""
    raw: bytes = file.read(MAX_SECRET + 1)
    if len(raw) > MAX_SECRET:
        raise click.UsageError(f"the {what} is longer than {MAX_SECRET} octets")
    raw = raw.removesuffix(b"\r\n" if raw.endswith(b"\r\n") else b"\n")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise click.UsageError(f"the {what} file is not UTF-8") from None


def read_token(file: Any, what: str) -> str:
    """Return the token in a file, which may stand between spaces. Raises UsageError."""
    token = read_secret(file, what).strip()
    if not token:
        raise click.UsageError(f"the {what} file is empty")
    if not (token.isascii() and token.isprintable() and " " not in token):
        raise click.UsageError(
            f"the {what} file must have the {what} alone, in one line; this one has something else"
        )
    return token


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
