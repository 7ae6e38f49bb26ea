"""``server`` of Gatepost's own API: what this server is, and how much it stores."""

import asyncio
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from gatepost.config.settings import StorageSettings
from gatepost.queue.store_contract import Store

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ServerControl:
    """What the operation shows."""

    data: Path
    """Where the store is."""
    store: Store
    name: Callable[[], str]
    """Returns what the server is: its host name, or the profile that it imitates."""
    storage: Callable[[], StorageSettings]
    """Returns the settings of the current configuration."""
    refusal: Callable[[], str]
    """Returns why no mail is accepted; empty if it is."""
    started: float = field(default_factory=time.monotonic)

    async def operate(self, operation: str, _fields: Mapping[str, Any]) -> Document:
        """``show``. Raises ValueError."""
        if operation != "show":
            raise ValueError(f"unknown operation {operation[:40]!r}")
        storage = self.storage()
        octets, free = await asyncio.to_thread(_sizes, self.data)
        return {
            "version": version("gatepost"),
            "name": self.name(),
            "uptime": round(time.monotonic() - self.started),
            "refusal": self.refusal() or None,
            "storage": {
                "directory": str(self.data),
                "octets": octets,
                "free": free,
                "least_free": storage.free_space,
                "messages": await self.store.count(),
                "keeps_captured": round(storage.captured.total_seconds()),
                "keeps_history": round(storage.history.total_seconds()),
            },
        }


def _sizes(directory: Path) -> tuple[int, int]:
    """Return the octets that the files of a directory take, and those that are free on its disk."""
    return sum(_octets(directory)), shutil.disk_usage(directory).free


def _octets(directory: Path) -> Iterator[int]:
    for folder, _, names in os.walk(directory):
        for name in names:
            try:
                yield os.stat(os.path.join(folder, name)).st_size  # noqa: PTH116, PTH118 - many files
            except FileNotFoundError:
                continue  # deleted meanwhile
