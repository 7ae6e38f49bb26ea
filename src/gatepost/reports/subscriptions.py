"""The event subscriptions of a relay, in the directory's records, with their URLs sealed."""

import base64
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, Protocol

import msgspec

from gatepost.directory.contract import Record, Records
from gatepost.keys.damaged_records import FAULTS, note
from gatepost.model.secret import Secret
from gatepost.rest.events.subscription import EventSubscription

KIND: Final = "event_subscription"
_PURPOSE: Final = "webhook URLs"


class Seal(Protocol):
    """Encrypts for the store (``keys.store_key.Key``)."""

    def seal(self, secret: bytes, purpose: str) -> bytes:
        """Return a sealed value, which may be stored."""

    def unseal(self, sealed: bytes, purpose: str) -> bytes:
        """Return the value that was sealed."""


class Subscriptions:
    """All of them in memory, by key. Call ``load`` once before use."""

    def __init__(self, records: Records, seal: Seal, now: Callable[[], datetime]) -> None:
        self._records, self._seal, self.now = records, seal, now
        self._by_key: dict[str, EventSubscription] = {}
        self.active: Sequence[EventSubscription] = ()
        """Those whose endpoint has agreed."""
        self.damaged: dict[str, str] = {}
        """See ``damaged_records``."""

    async def load(self) -> None:
        """Read what the store keeps; a damaged record is ignored."""
        subscriptions: list[EventSubscription] = []
        for record in await self._records.load_records():
            if record.kind == KIND:
                try:
                    subscriptions.append(self._read(record.fields))
                except FAULTS as error:
                    note(self.damaged, record, error)
        self._take({each.key: each for each in subscriptions})

    @property
    def all(self) -> Sequence[EventSubscription]:
        """Every one, by name."""
        return sorted(self._by_key.values(), key=lambda each: (each.name.lower(), each.key))

    def get(self, key: str) -> EventSubscription | None:
        """Return the subscription with that id."""
        return self._by_key.get(key.lower())

    async def put(self, subscription: EventSubscription) -> None:
        """Add one, or replace the one with the same id."""
        await self._records.save_records(
            [Record(KIND, subscription.key, self._write(subscription))]
        )
        self._take({**self._by_key, subscription.key: subscription})

    async def delete(self, subscription: EventSubscription) -> None:
        """Delete one."""
        await self._records.save_records([], [(KIND, subscription.key)])
        self._take({key: each for key, each in self._by_key.items() if key != subscription.key})

    def _take(self, by_key: dict[str, EventSubscription]) -> None:
        self._by_key = by_key
        self.active = [each for each in self.all if each.state == "Succeeded"]

    def _write(self, each: EventSubscription) -> dict[str, Any]:
        return {
            "name": each.name,
            "scope": each.scope,
            "url": self._sealed(each.url),
            "created_at": each.created_at.isoformat(),
            "schema": each.schema,
            "filter": msgspec.to_builtins(each.filter),
            "batch": msgspec.to_builtins(each.batch),
            "retry": msgspec.to_builtins(each.retry),
            "ca_file": each.ca_file,
            "labels": list(each.labels),
            "state": each.state,
            "token": self._sealed(each.token) if each.token else "",
        }

    def _read(self, fields: dict[str, Any]) -> EventSubscription:
        return msgspec.convert(fields, EventSubscription, dec_hook=self._opened)

    def _sealed(self, secret: Secret) -> str:
        return base64.b64encode(self._seal.seal(secret.reveal().encode(), _PURPOSE)).decode()

    def _opened(self, _: type, sealed: Any) -> Secret:
        """Return what ``_write`` sealed; for msgspec."""
        plain = self._seal.unseal(base64.b64decode(sealed), _PURPOSE) if sealed else b""
        return Secret(plain.decode())
