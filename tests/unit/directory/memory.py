"""Records kept in memory, as a store would keep them."""

import asyncio
from collections.abc import Iterable, Sequence

from gatepost.directory.contract import Record


class MemoryRecords:
    """Implements ``Records`` without a store."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self.kept = {(record.kind, record.id): record for record in records}
        self.commits = 0
        self.fault: Exception | None = None
        self.seconds = 0.0
        """How long a commit takes until it returns."""

    async def load_records(self) -> Sequence[Record]:
        return list(self.kept.values())

    async def save_records(
        self, put: Iterable[Record], delete: Iterable[tuple[str, str]] = ()
    ) -> None:
        if self.fault is not None:
            raise self.fault
        self.commits += 1
        for key in delete:
            self.kept.pop(key, None)
        self.kept.update({(record.kind, record.id): record for record in put})
        if self.seconds:
            await asyncio.sleep(self.seconds)
