"""A disk that fails on demand."""

import errno
import os
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from gatepost.store.sqlite.durable_calls import Disk, SyncFailed


def database_error(code: int) -> sqlite3.OperationalError:
    """Return the error that SQLite reports with this code."""
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = code
    return error


class FailingDisk(Disk):
    """Fails the next statements or calls that ``fail`` names, the given number of times.

    Names are ``write``, ``sync``, or the first word of a statement: ``COMMIT``, ``PRAGMA``.
    """

    def __init__(self) -> None:
        self.failures: dict[str, tuple[BaseException, int]] = {}
        self.syncs = 0
        self.room: int | None = None
        """Free octets to report instead of the real number."""
        disk = self

        class Connection(sqlite3.Connection):
            def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
                word = sql.split(" ", 1)[0]
                if word in disk.failures:
                    if word == "COMMIT":
                        super().execute("ROLLBACK")
                    disk.check(word)
                return super().execute(sql, *parameters)

        self.factory = Connection

    NO_ROOM: ClassVar = OSError(errno.ENOSPC, "No space left on device")
    BROKEN: ClassVar = OSError(errno.EIO, "Input/output error")

    def fail(self, what: str, error: BaseException, times: int = 1_000_000) -> None:
        """Raise ``error`` at the next ``times`` uses of ``what``."""
        self.failures[what] = error, times

    def check(self, what: str) -> None:
        """Raise the error that is set for ``what``, if any."""
        if what not in self.failures:
            return
        error, times = self.failures.pop(what)
        if times > 1:
            self.failures[what] = error, times - 1
        raise error

    def write(self, descriptor: int, chunks: Iterable[bytes], offset: int) -> None:
        if "write" in self.failures:
            os.pwrite(descriptor, b"torn", offset)
            self.check("write")
        super().write(descriptor, chunks, offset)

    def sync(self, descriptor: int) -> None:
        try:
            self.check("sync")
        except OSError as error:
            raise SyncFailed(error.errno, error.strerror) from error
        self.syncs += 1
        super().sync(descriptor)

    def write_through(self, descriptor: int, chunks: Sequence[bytes], offset: int) -> None:
        self.write(descriptor, chunks, offset)
        self.sync(descriptor)

    def free(self, directory: Any) -> int:
        return super().free(directory) if self.room is None else self.room
