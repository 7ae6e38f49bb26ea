"""The operations on events of a store that no relay uses."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from gatepost.directory.azure.directory import AzureDirectory
from gatepost.keys.store_key import DIGESTS, check_key, open_key
from gatepost.model.profile import EventRules
from gatepost.reports.report_operations import operate
from gatepost.reports.report_service import ReportService, ServiceStore


def _ignore(event: str, **facts: Any) -> None:
    """Ignore the event, because a command prints its own messages."""
    del event, facts


@asynccontextmanager
async def open_offline_events(
    data: Path, store: ServiceStore, now: Callable[[], datetime]
) -> AsyncIterator[Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]]:
    """Yield a function that runs operations on ``store``, that of ``data``; nothing is sent."""
    key = open_key(data)
    await check_key(key, store)
    directory = AzureDirectory(store, digest_key=key.subkey(DIGESTS), clock=now)
    await directory.load()
    service = ReportService(store, directory, key, EventRules(), _ignore, now)
    await service.load()
    try:
        yield partial(operate, service)
    finally:
        await service.close()
