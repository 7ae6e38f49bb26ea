"""Copies a whole store to another place: from a directory to a database, or back."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from gatepost.app.store_location import DATABASE
from gatepost.app.store_opening import open_database
from gatepost.config.settings import DatabaseSettings, StorageSettings
from gatepost.errors import ConfigError, Unreadable
from gatepost.net.atomic_files import write_file
from gatepost.store.lock import DirectoryLock
from gatepost.store.portable_rows import PortableRow

Counts = dict[str, int]
KEY = "key"
"""The file that protects secrets in the store."""


@dataclass(frozen=True, slots=True)
class StoreSide:
    """A store that is read, or written."""

    is_empty: Callable[[], bool]
    read: Callable[[int], Iterator[PortableRow]]
    """Yields everything; what was leased is due at this time (microseconds)."""
    write: Callable[[Iterable[PortableRow]], Counts]


def copy_store(source: StorageSettings, target: StorageSettings, now: int) -> Counts:
    """Copy everything into an empty store, in one transaction; return how many rows of each table.

    The source stays as it is. Raises ConfigError, StoreLocked while a relay uses one of them, and
    Unreadable.
    """
    if source.database is None and not (source.directory / DATABASE).exists():
        raise ConfigError(f"there is no store in {source.directory}")
    if source.database == target.database and source.directory == target.directory:
        raise ConfigError("both are the same store")
    old, new = source.directory.resolve(), target.directory.resolve()
    with ExitStack() as stack:
        for directory, each in ((old, source), (new, target)):
            if each.database is None:
                _prepare(directory)
        locked: set[Path] = set()
        sides: dict[int, StoreSide] = {}
        for number, (directory, each) in enumerate(((old, source), (new, target))):
            if each.database is not None:  # it locks the directory, too
                sides[number] = _open_database(directory, each.database, stack)
                locked.add(directory)
        for number, (directory, each) in enumerate(((old, source), (new, target))):
            if each.database is None:
                if directory not in locked:
                    stack.callback(DirectoryLock(directory).release)
                sides[number] = _in_directory(directory)
        if not sides[1].is_empty():
            raise ConfigError("the store to write is not empty")
        counts = sides[1].write(sides[0].read(now))
        if (old / KEY).exists() and not (new / KEY).exists():
            write_file(new / KEY, (old / KEY).read_bytes())
        return counts


def _prepare(directory: Path) -> None:
    """Create, repair or migrate the store in a directory. Raises StoreLocked and Unreadable."""
    from gatepost.store.sqlite import open_store  # noqa: PLC0415

    open_store(directory).close()


def _in_directory(directory: Path) -> StoreSide:
    from gatepost.store.sqlite import portable  # noqa: PLC0415

    return StoreSide(
        partial(portable.is_empty, directory),
        partial(portable.read_rows, directory),
        partial(portable.write_rows, directory),
    )


def _open_database(directory: Path, database: DatabaseSettings, stack: ExitStack) -> StoreSide:
    store = open_database(directory, database)
    stack.callback(store.close)
    from gatepost.store.postgres import portable  # noqa: PLC0415

    connection = stack.enter_context(closing(store.connect()))
    if others := portable.other_nodes(connection, store.cluster.name):
        raise Unreadable(f"the database is in use by the node {', '.join(others)}")
    return StoreSide(
        partial(portable.is_empty, connection),
        partial(portable.read_rows, connection),
        partial(portable.write_rows, connection),
    )
