"""From a URL to an open store: lock, schema, node."""

import platform
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import psycopg

from gatepost.errors import QueueError, Unreadable
from gatepost.net.file_owners import not_ours
from gatepost.store.lock import DirectoryLock
from gatepost.store.postgres.connections import Connector, text_of
from gatepost.store.postgres.health import ReportFacts
from gatepost.store.postgres.migrations import expand
from gatepost.store.postgres.node import Node
from gatepost.store.postgres.predecessor import place_of
from gatepost.store.postgres.settings import PostgresSettings
from gatepost.store.postgres.store import OWN_WRITERS, OpenedDatabase, PostgresStore
from gatepost.store.postgres.thread_connection import PATIENCE, Reachability, ThreadConnection

NAME: Final = 63
"""The most characters of a node's name that we make."""
_SCHEMA_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_NO_NAME: Final = re.compile(r"[^A-Za-z0-9.-]+")


def _ignore(*_: Any) -> None:
    pass


def open_store(
    directory: Path,
    settings: PostgresSettings,
    on_failure: Callable[[QueueError], None] = _ignore,
    report: ReportFacts = _ignore,
) -> PostgresStore:
    """Open the store in a database, create or migrate its tables, and become one of its nodes.

    ``directory`` is created if necessary, and locked. `on_failure` is called once, in a thread of
    the store, if a newer process takes the name of the node: then nothing is accepted any more, and
    the process must end. ``report`` tells the operator what is wrong with the database, from any
    thread. Raises StoreLocked if another process has the directory, NameTaken if a relay with the
    name of the node lives elsewhere, Unreachable, and Unreadable.
    """
    if not _SCHEMA_NAME.fullmatch(settings.schema):
        raise Unreadable(f"{settings.schema!r} cannot be the name of a schema")
    try:
        directory.mkdir(0o700, parents=True, exist_ok=True)
        lock = DirectoryLock(directory)
    except OSError as error:
        why = not_ours(directory) or error.strerror or str(error)
        raise Unreadable(f"{directory} cannot be used: {why}") from error
    session: ThreadConnection | None = None
    try:
        name, writers = settings.node or default_name(), settings.writers + OWN_WRITERS
        node = Node(name, place_of(directory), settings, writers)
        connector = Connector(settings.url, settings.schema, node.starting_application)
        connect = partial(connector.connect, patience=PATIENCE)
        session = ThreadConnection(connect, Reachability())
        try:
            connection = session.connection()
            expand(connection, settings.schema)
            node.choose_name(connection)
            node.register(connection)
            connector.application = node.application
            session.close()
            session.connection()
        except psycopg.Error as error:
            raise Unreadable(f"the database cannot be used: {text_of(error)}") from error
    except BaseException:
        if session is not None:
            session.close()
        lock.release()
        raise
    return PostgresStore(
        OpenedDatabase(settings, connector, session, node, lock), on_failure, report
    )


def default_name() -> str:
    """Return the name of a node that has got none: that of the machine."""
    return _NO_NAME.sub("-", platform.node())[:NAME] or "node"
