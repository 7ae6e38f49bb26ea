"""Which keys sign: those whose records in the DNS publish them.

A look-up is made before the first signature, and again while mail is signed. It delays only what
waits for its first answer, and that for FIRST seconds at most.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from gatepost.dkim.records import find_fault
from gatepost.dkim.signing_keys import SigningKey
from gatepost.model.dns import DnsAnswer, Resolver
from gatepost.model.operator_event import ReportEvent

FIRST: Final = 5.0
"""Seconds for which a message waits for the first answer about its key."""
SOONEST: Final = 60.0
"""Seconds after which a record is looked up again at the earliest."""
LATEST: Final = 3600.0
"""The same at the latest, whatever its time to live is."""
ABSENT: Final = 300.0
"""The same for a record that does not publish the key: somebody may be about to change it."""
UNANSWERED: Final = 30.0
"""The same if the DNS did not answer."""


@dataclass(slots=True)
class KnownRecord:
    """What is known about the record of a key."""

    fault: str | None = None
    """What is wrong with it; empty: it publishes the key; None: there was no answer yet."""
    expires: float = 0.0
    """When to look it up again."""
    look_up: "asyncio.Task[None] | None" = None
    """In progress."""


KnownRecords = dict[SigningKey, KnownRecord]


class PublishedKeys:
    """The keys that may sign, as far as is known.

    If the DNS does not answer, the last answer counts. If there was none, the key signs: a
    signature that cannot be verified counts as none (RFC 6376 6.1).
    """

    def __init__(
        self,
        resolver: Resolver,
        report: ReportEvent,
        records: KnownRecords,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``records`` is kept while one configuration replaces another. ``clock`` is in seconds."""
        self._resolver, self._report, self._records, self._clock = resolver, report, records, clock

    def look_up(self, keys: Iterable[SigningKey]) -> None:
        """Look up the records that are due, or did not publish their keys; wait for none."""
        for each in keys:
            if (record := self._records.get(each)) is not None and record.fault:
                record.expires = 0.0
            self._begin(each)

    async def may_sign(self, key: SigningKey) -> bool:
        """Tell whether a key signs; a look-up that is due goes on meanwhile."""
        record = self._begin(key)
        if record.fault is None and record.look_up is not None:
            await asyncio.wait([record.look_up], timeout=FIRST)
        return not record.fault

    def _begin(self, key: SigningKey) -> KnownRecord:
        record = self._records.setdefault(key, KnownRecord())
        if record.look_up is None and self._clock() >= record.expires:
            record.look_up = asyncio.create_task(self._ask(key, record))
        return record

    async def _ask(self, key: SigningKey, record: KnownRecord) -> None:
        try:
            self._note(key, record, await self._resolver.txt(key.name))
        finally:
            record.look_up = None

    def _note(self, key: SigningKey, record: KnownRecord, answer: DnsAnswer[str]) -> None:
        if answer.kind == "failed":
            record.expires = self._clock() + UNANSWERED
            return
        fault = find_fault(answer.records, key) if answer.records else answer.reason
        validity = min(max(float(answer.ttl), SOONEST), ABSENT if fault else LATEST)
        record.expires = self._clock() + validity
        if fault != record.fault:
            event = "dkim_key_not_published" if fault else "dkim_key_published"
            facts = {"reason": fault} if fault else {}
            self._report(event, domain=key.domain, selector=key.selector, name=key.name, **facts)
        record.fault = fault

    async def close(self) -> None:
        """Abandon the look-ups in progress."""
        tasks = [each.look_up for each in self._records.values() if each.look_up is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
