"""The store of a relay, and how the relay learns that it must end."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from gatepost.app.opening_events import news_of, take_news
from gatepost.config.settings import Configuration, StorageSettings
from gatepost.errors import ConfigError, QueueError
from gatepost.model.operator_event import ReportEvent
from gatepost.net.permission_checks import tighten_directory
from gatepost.store.sqlite import SqliteStore, open_store
from gatepost.store.sqlite.durable_calls import UnsyncedDisk
from gatepost.store.sqlite.recovery import missing
from gatepost.store.sqlite.retention import History, Retention
from gatepost.store.sqlite.settings import StoreSettings


def with_store_warning(config: Configuration) -> Configuration:
    """Return the configuration with a warning if there was a store that is gone."""
    reason = ""
    with suppress(OSError):  # no permission to read it
        reason = missing(config.storage.directory.resolve())
    if not reason:
        return config
    warning = ConfigError(f"{reason}; a new store will be created", where="storage.directory")
    return replace(config, warnings=(*config.warnings, warning))


def store_settings(storage: StorageSettings) -> StoreSettings:
    """Return the settings of a store by those of the configuration."""
    settings = StoreSettings(
        retention=Retention(age=storage.captured),
        history=History(storage.history, storage.history_messages),
        watermark=storage.free_space,
    )
    return settings if storage.is_durable else replace(settings, disk=UnsyncedDisk(), reserve=0)


def open_watched(
    data: Path, settings: StoreSettings | None = None, report: ReportEvent | None = None
) -> tuple[SqliteStore, "asyncio.Future[str]"]:
    """Open the store; a failed sync, reported from its own thread, ends the relay.

    What was recovered from a damaged file, or is missing, is reported, also if a command found it
    before, and so is a directory that others can use. Raises StoreLocked, Unreadable.
    """
    loop = asyncio.get_running_loop()
    failed: asyncio.Future[str] = loop.create_future()

    def stop(reason: str) -> None:
        if not failed.done():
            failed.set_result(reason)

    def fail(error: QueueError) -> None:
        loop.call_soon_threadsafe(stop, str(error))

    warning = tighten_directory(data)
    store = open_store(data, settings or StoreSettings(), on_failure=fail)
    if report is not None:
        if warning:
            report("config_warning", reason=warning)
        for event, reason in (*take_news(data), *news_of(store)):
            report(event, reason=reason)
    store.keep_reserve()
    return store, failed
