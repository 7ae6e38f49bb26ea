"""How damage of a store's file is known, and said: as SQLite does."""

import sqlite3
from typing import Final

_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


def is_damaged(error: BaseException) -> bool:
    """Tell whether SQLite says that the file itself is damaged.

    What it says may repeat octets that are not text any more, and then Python raises for these.
    """
    if isinstance(error, UnicodeDecodeError):
        return True
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED


def damage(said: str) -> sqlite3.DatabaseError:
    """Return what SQLite raises for a damaged file; ``said`` may repeat damaged octets."""
    error = sqlite3.DatabaseError(said.encode("utf-8", "backslashreplace").decode())
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error
