"""Recognises and reports damage of a store's file, as SQLite does."""

import sqlite3
from typing import Any, Final

_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_NO_FORMAT: Final = "unsupported file format"
"""SQLite's error for a schema format above 4, the newest since 2006: the octet is damaged."""


def is_damaged(error: BaseException) -> bool:
    """Tell whether SQLite's error means that the file is damaged.

    The error may quote octets that are not text any more; then Python raises another error.
    """
    if isinstance(error, UnicodeDecodeError) or str(error) == _NO_FORMAT:
        return True
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED


def check_order(first: tuple[Any, ...], second: tuple[Any, ...]) -> None:
    """Raise sqlite3.Error unless the keys at the ends of two pages are in order.

    A damaged key leads back, and reading on from it would never end.
    """
    try:
        is_sound = first < second
    except TypeError:
        is_sound = False
    if not is_sound:
        raise damage("keys are not in their order")


def damage(what: str) -> sqlite3.DatabaseError:
    """Return the error of SQLite for a damaged file; ``what`` may quote damaged octets."""
    error = sqlite3.DatabaseError(what.encode("utf-8", "backslashreplace").decode())
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error
