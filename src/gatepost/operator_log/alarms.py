"""The login problems that were reported to the operator: once, also over reloads and restarts."""

import asyncio
from collections.abc import Collection, Iterator, MutableMapping
from typing import Final

from gatepost.directory.contract import Record, Records
from gatepost.errors import QueueError

_KIND: Final = "alarm"


class Alarms(MutableMapping[str, str]):
    """Findings by what they are about, stored.

    A change takes effect at once, and is written soon. One that could not be written is reported
    again after a restart.
    """

    def __init__(self, records: Records, findings: dict[str, str]) -> None:
        self._records, self._findings = records, findings
        self._writing: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()

    @classmethod
    async def open(cls, records: Records) -> "Alarms":
        """Return the alarms of a store. Raises QueueError."""
        alarms = [each for each in await records.load_records() if each.kind == _KIND]
        return cls(records, {each.id: str(each.fields.get("finding", "")) for each in alarms})

    def keep_only(self, wanted: Collection[str]) -> None:
        """Forget what is about things that no longer exist."""
        for key in [each for each in self._findings if each not in wanted]:
            del self[key]

    def __getitem__(self, key: str) -> str:
        return self._findings[key]

    def __setitem__(self, key: str, finding: str) -> None:
        self._findings[key] = finding
        self._write(key)

    def __delitem__(self, key: str) -> None:
        del self._findings[key]
        self._write(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._findings)

    def __len__(self) -> int:
        return len(self._findings)

    async def close(self) -> None:
        """Wait until everything is written."""
        await asyncio.gather(*self._writing, return_exceptions=True)

    def _write(self, key: str) -> None:
        task = asyncio.get_running_loop().create_task(self._save(key))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _save(self, key: str) -> None:
        async with self._turn:  # only the latest value is stored
            finding = self._findings.get(key)
            try:
                if finding is None:
                    await self._records.save_records([], [(_KIND, key)])
                else:
                    await self._records.save_records([Record(_KIND, key, {"finding": finding})])
            except QueueError:
                pass  # a failed store is reported elsewhere
