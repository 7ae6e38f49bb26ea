"""A directory in memory, and the operations on it, executed at once."""

import asyncio
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

from gatepost.control.administration.directory_changes import AdminContext
from gatepost.control.administration.operations import AdminDispatch
from gatepost.directory.azure.changes import Rejected
from gatepost.directory.azure.directory import AzureDirectory
from gatepost.directory.azure.entries import Entry
from gatepost.directory.azure.entry_records import record_of
from gatepost.model.dns import Resolver
from gatepost.model.secret import Secret
from tests.unit.directory.azure.world import KEY, NOW, entries
from tests.unit.directory.memory import MemoryRecords


class PlainKeys:
    """``AccessKeys`` that seal nothing."""

    def open(self, sealed: bytes) -> Secret:
        return Secret(sealed.decode())

    def seal(self, key: Secret) -> bytes:
        return key.reveal().encode()


class Office:
    """Runs operations; ``time`` may be set."""

    def __init__(
        self,
        there: Iterable[Entry] | None = None,
        *,
        endpoint: str | None = "https://localhost:2443",
        resolver: Resolver | None = None,
        verification: Literal["instant", "dns", "manual"] = "instant",
    ) -> None:
        self.time: datetime = NOW
        kept = map(record_of, entries().values() if there is None else there)
        self.records = MemoryRecords(kept)
        self.directory = AzureDirectory(self.records, digest_key=KEY, clock=lambda: self.time)
        asyncio.run(self.directory.load())
        self._context = AdminContext(
            self.directory, PlainKeys(), lambda: self.time, endpoint, resolver, verification
        )

    def run(self, operation: str, /, **fields: Any) -> dict[str, Any]:
        """Return the answer; Rejected is raised."""
        return asyncio.run(AdminDispatch(self._context).administer(operation, fields))

    def refusal(self, operation: str, /, **fields: Any) -> tuple[str, str]:
        """Return code and message of the expected refusal; nothing may have been saved."""
        before = dict(self.records.kept)
        try:
            answer = self.run(operation, **fields)
        except Rejected as error:
            assert self.records.kept == before
            return error.code, error.message
        raise AssertionError(f"{operation} {fields} was done: {answer}")
