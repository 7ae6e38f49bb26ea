"""The store of a relay, and how the relay learns that it must end."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatepost.app.opening_events import news_of, take_news
from gatepost.app.relay_store import RelayStore
from gatepost.app.store_location import note_database
from gatepost.config.external_checks import NEEDS_DRIVER
from gatepost.config.settings import Configuration, DatabaseSettings, StorageSettings
from gatepost.errors import ConfigError, QueueError, Unreadable
from gatepost.model.operator_event import ReportEvent
from gatepost.net.permission_checks import tighten_directory
from gatepost.store.retention_limits import History, Retention

if TYPE_CHECKING:
    from gatepost.store.postgres import PostgresStore

OnFailure = Callable[[QueueError], None]
ReportFacts = Callable[[str, Mapping[str, Any]], None]
"""Reports an event and its facts; for any thread."""


def _ignore(*_: Any) -> None:
    pass


def with_store_warning(config: Configuration) -> Configuration:
    """Return the configuration with a warning if there was a store that is gone."""
    from gatepost.store.sqlite.recovery import missing  # noqa: PLC0415 - not with PostgreSQL

    reason = ""
    if config.storage.database is None:
        with suppress(OSError):  # no permission to read it
            reason = missing(config.storage.directory.resolve())
    if not reason:
        return config
    warning = ConfigError(f"{reason}; a new store will be created", where="storage.directory")
    return replace(config, warnings=(*config.warnings, warning))


def open_store(
    data: Path, storage: StorageSettings, on_failure: OnFailure, report: ReportFacts = _ignore
) -> RelayStore:
    """Open the store that the configuration names; ``report`` is called in other threads. Raises
    StoreLocked and Unreadable."""
    limits = Retention(age=storage.captured), History(storage.history, storage.history_messages)
    if storage.database is not None:
        return open_database(data, storage.database, on_failure, limits, report, is_visitor=False)
    from gatepost.store import sqlite  # noqa: PLC0415 - not with PostgreSQL
    from gatepost.store.sqlite.durable_calls import UnsyncedDisk  # noqa: PLC0415

    settings = sqlite.StoreSettings(
        retention=limits[0], history=limits[1], watermark=storage.free_space
    )
    if not storage.is_durable:
        settings = replace(settings, disk=UnsyncedDisk(), reserve=0)
    return sqlite.open_store(data, settings, on_failure)


def open_database(
    data: Path,
    database: DatabaseSettings,
    on_failure: OnFailure = _ignore,
    limits: tuple[Retention, History] | None = None,
    report: ReportFacts = _ignore,
    *,
    is_visitor: bool = True,
) -> "PostgresStore":
    """Open the store in a database; ``is_visitor``: for a command, not for a relay. Raises
    StoreLocked and Unreadable."""
    try:
        from gatepost.store import postgres  # noqa: PLC0415 - only with PostgreSQL
    except ImportError as error:
        raise Unreadable(f"storage.kind {NEEDS_DRIVER}: {error}") from error
    retention, history = limits or (Retention(), History())
    settings = postgres.PostgresSettings(
        lambda: database.url.read().reveal(),
        database.schema,
        database.node,
        is_visitor=is_visitor,
        retention=retention,
        history=history,
        beat=database.beat.total_seconds(),
        dead_after=database.dead_after.total_seconds(),
    )
    return postgres.open_store(data, settings, on_failure, report)


def open_watched(
    data: Path, storage: StorageSettings | None = None, report: ReportEvent | None = None
) -> tuple[RelayStore, "asyncio.Future[str]"]:
    """Open the store; a failed sync, reported from its own thread, ends the relay.

    What was recovered from a damaged file, or is missing, is reported, also if a command found it
    before, and so is a directory that others can use. Raises StoreLocked, Unreadable.
    """
    loop = asyncio.get_running_loop()
    failed: asyncio.Future[str] = loop.create_future()
    storage = storage or StorageSettings(data)

    def stop(reason: str) -> None:
        if not failed.done():
            failed.set_result(reason)

    def fail(error: QueueError) -> None:
        loop.call_soon_threadsafe(stop, str(error))

    def report_from_thread(event: str, facts: Mapping[str, Any]) -> None:
        if report is not None:
            with suppress(RuntimeError):  # the loop was closed
                loop.call_soon_threadsafe(partial(report, event, **facts))

    warnings = [tighten_directory(data)]
    store = open_store(data, storage, fail, report_from_thread)
    warnings.append(note_database(data, storage.database))
    if report is not None:
        for warning in filter(None, warnings):
            report("config_warning", reason=warning)
        for event, reason in (*take_news(data), *news_of(store)):
            report(event, reason=reason)
    store.keep_reserve()
    return store, failed
