"""What the databases of all stores have in common: times as numbers, statements in SQL files."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
UNKNOWN: Final = datetime(9000, 1, 1, tzinfo=UTC)
"""Replaces a damaged time, so that nothing expires because of it."""


def microseconds(time: datetime) -> int:
    """Return a time as a number for the store."""
    since = time - EPOCH  # a division of timedeltas takes three times as long
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def read_time(value: int) -> datetime:
    """Return the time of a number of ``microseconds``; UNKNOWN if it is damaged."""
    try:
        return EPOCH + value * MICROSECOND
    except (TypeError, OverflowError):
        return UNKNOWN


def legible(text: str) -> str:
    """Return text that every database takes as text, without NUL and lone surrogates."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def read_statements(file: Path) -> dict[str, str]:
    """Return the statements of an SQL file by the names above them: ``-- name: get_message``."""
    text = file.read_text(encoding="utf-8")
    parts = re.split(r"^-- name: (\w+)$", text, flags=re.MULTILINE)[1:]
    return {name: sql.strip() for name, sql in zip(parts[::2], parts[1::2], strict=True)}
