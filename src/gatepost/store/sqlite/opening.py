"""From a directory to an open store: mount, lock, recovery, schema."""

import os
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from gatepost.errors import QueueError, Unreadable
from gatepost.net.file_owners import not_ours
from gatepost.store.lock import DirectoryLock
from gatepost.store.mounts import shared_mount
from gatepost.store.private_files import open_private
from gatepost.store.sqlite.close_marker import UNCLOSED, missing_octets, tell_missing
from gatepost.store.sqlite.committer import Committer
from gatepost.store.sqlite.damage import damage, is_damaged
from gatepost.store.sqlite.disk_space import Room
from gatepost.store.sqlite.generation import look_back
from gatepost.store.sqlite.group_writes import PAGE
from gatepost.store.sqlite.queries import APPLICATION, MIGRATIONS, QUERIES, VERSION
from gatepost.store.sqlite.recovery import (
    DATABASE,
    begin_anew,
    mark_failed,
    recover,
)
from gatepost.store.sqlite.root_pages import check_layout, keep_layout
from gatepost.store.sqlite.salvage import look_through, look_through_log
from gatepost.store.sqlite.segments import SEGMENTS, Segments
from gatepost.store.sqlite.settings import StoreSettings
from gatepost.store.sqlite.store import OpenedFiles, SqliteStore

_COUNTERS: Final = frozenset({"epoch", "indexed", "messages", "octets", "reported"})


def _ignore(_error: QueueError) -> None:
    pass


def open_store(
    directory: Path,
    settings: StoreSettings = StoreSettings(),  # noqa: B008 (frozen)
    on_failure: Callable[[QueueError], None] = _ignore,
) -> SqliteStore:
    """Open the store in `directory`, which is created if necessary, and lock it.

    `on_failure` is called once, in a thread of the store, after a failed sync: then nothing is
    accepted any more, and the process must end. Raises StoreLocked if another process has the
    directory, Unreadable if it is on a shared mount or newer than this program. If the file is
    damaged, everything readable is copied to a new one; ``recovered`` says so.
    """
    directory = directory.resolve()
    try:
        str(directory).encode()
    except UnicodeEncodeError as error:  # ready.json and the answers of commands could not name it
        raise Unreadable(f"{directory} cannot be used: its name is not UTF-8") from error
    try:
        directory.mkdir(0o700, parents=True, exist_ok=True)
        if not settings.shared_mount and (kind := shared_mount(directory)):
            raise Unreadable(f"{directory} is on a shared file system ({kind}); use a local disk")
        lock = DirectoryLock(directory)
    except OSError as error:
        why = not_ours(directory) or error.strerror or str(error)
        raise Unreadable(f"{directory} cannot be used: {why}") from error
    missing = missing_octets(directory, directory / DATABASE)  # before SQLite uses the log
    try:
        try:
            return _open(directory, settings, lock, on_failure, missing)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            if not is_damaged(error):
                raise
            mark_failed(directory, str(error), error)
        return _open(directory, settings, lock, on_failure, missing)
    except (OSError, sqlite3.Error) as error:
        lock.release()
        why = not_ours(directory) or str(error)
        raise Unreadable(f"{directory / DATABASE} cannot be opened: {why}") from error
    except BaseException:
        lock.release()
        raise


def _open(
    directory: Path,
    settings: StoreSettings,
    lock: DirectoryLock,
    on_failure: Callable[[QueueError], None],
    missing: int,
) -> SqliteStore:
    room = Room(directory, settings.disk, settings.watermark, settings.reserve)
    room.make_way()
    begun = begin_anew(directory, settings.disk)
    recovered = recover(directory, settings.disk)
    look_through_log(directory / DATABASE)  # before SQLite considers its damage its end
    is_small = (directory / DATABASE).exists() and (
        (directory / DATABASE).stat().st_size <= settings.looked_through
    )
    os.close(open_private(directory / DATABASE))  # SQLite gives its other files the same owner
    connection = settings.disk.connect(directory / DATABASE)
    try:
        _prepare(connection, settings.disk.synchronous)
        check_layout(directory, connection, VERSION)
        _check_counters(connection)
        if is_small and not recovered:
            look_through(connection)
        is_sound = is_small or bool(recovered)
        keep_layout(directory, connection, VERSION, is_sound=is_sound)
        older = look_back(directory, connection, is_new=bool(recovered or begun))
        if missing and not begun:
            older = tell_missing(missing, connection)
        settings.disk.sync_directory(directory)
        segments = Segments(directory / SEGMENTS, settings.disk, settings.segment)
        _resume(segments, connection, afresh=bool(recovered))
        room.look()
        check = partial(settings.disk.check_writable, directory)
        committer = Committer(connection, room.release, settings.quick, check)
        reading = settings.disk.connect(directory / DATABASE, read_only=True)
    except BaseException:
        connection.close()
        if not missing:  # SQLite has used the log, and removed it
            (directory / UNCLOSED).unlink(missing_ok=True)
        raise
    return SqliteStore(
        OpenedFiles(
            directory, settings, lock, committer, reading, segments, room, recovered, begun, older
        ),
        on_failure,
    )


def _prepare(connection: sqlite3.Connection, synchronous: str) -> None:
    """Create or migrate the schema, and set what makes a commit survive a power cut."""
    execute = connection.execute
    version = execute("PRAGMA user_version").fetchone()[0]
    application = execute("PRAGMA application_id").fetchone()[0]
    if application not in (0, APPLICATION) or (version and application != APPLICATION):
        raise Unreadable("the file is a database of another program")
    if version > VERSION:
        raise Unreadable(f"the store has version {version}, this program supports up to {VERSION}")
    execute(f"PRAGMA page_size={PAGE}")
    execute("PRAGMA journal_mode=WAL").fetchone()
    execute(f"PRAGMA synchronous={synchronous}")
    execute("PRAGMA fullfsync=ON")  # macOS: F_FULLFSYNC
    execute("PRAGMA checkpoint_fullfsync=ON")
    execute("PRAGMA wal_autocheckpoint=0")  # which would hide the error of a failed sync
    execute("PRAGMA cache_size=-16384")
    # Some builds of SQLite overwrite deleted pages, which costs a write for each body.
    execute("PRAGMA secure_delete=FAST").fetchone()
    for number, step in enumerate(MIGRATIONS[version:], version + 1):
        connection.executescript(
            f"BEGIN IMMEDIATE; {step}"
            f"PRAGMA application_id={APPLICATION}; PRAGMA user_version={number}; COMMIT;"
        )


def _check_counters(connection: sqlite3.Connection) -> None:
    """Raise sqlite3.Error when one is missing, or no number: nothing can begin without them."""
    counters = dict(connection.execute(QUERIES["list_counters"]).fetchall())
    are_numbers = all(isinstance(each, int) for each in counters.values())
    if not (counters.keys() >= _COUNTERS and are_numbers):
        raise damage("a counter is damaged")


def _resume(segments: Segments, connection: sqlite3.Connection, *, afresh: bool) -> None:
    """Continue in the last segment; after a failed sync, and at the start, in a new one."""
    segment, end = connection.execute(QUERIES["last_place"]).fetchone()
    if segment is None or afresh:
        segment, end = max([0, *segments.numbers()]) + 1, 0
    segments.resume(segment, end)
