"""The console of the current configuration, which a reload changes or replaces."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from gatepost.app.console import KEYS, Console
from gatepost.app.console_parts import ConsoleParts
from gatepost.config.settings import Configuration, ConsoleSettings
from gatepost.control.socket_server import NO_CONSOLE
from gatepost.keys.store_key import Key
from gatepost.model.operation_errors import NotConfigured
from gatepost.model.operator_event import ReportEvent
from gatepost.net.clock import Clock


@dataclass(frozen=True, slots=True)
class PreparedConsole:
    """What a configuration makes of the console, before it is put into effect."""

    settings: ConsoleSettings | None = None
    opened: Console | None = None
    """A new one, at another address; None: the current one stays, if there are settings."""


class ServedConsole:
    """At most one console at a time. Close it at the end."""

    def __init__(self, key: Key, clock: Clock, report: ReportEvent) -> None:
        self._key, self._clock, self._report = key, clock, report
        self._current: Console | None = None

    def prepare(self, config: Configuration) -> PreparedConsole:
        """Open a new listener if there must be one. Raises GatepostError, without any change."""
        settings, current = config.console, self._current
        if settings is None or (current is not None and current.can_become(settings)):
            return PreparedConsole(settings)
        opened = Console(config, self._key, self._clock, self._report)
        return PreparedConsole(settings, opened)

    async def abandon(self, prepared: PreparedConsole) -> None:
        """Undo ``prepare``."""
        if prepared.opened is not None:
            await prepared.opened.close()

    async def take(self, prepared: PreparedConsole, parts: Callable[[], ConsoleParts]) -> None:
        """Put a configuration into effect. Raises TlsError."""
        settings, current = prepared.settings, self._current
        if current is not None and (settings is None or prepared.opened is not None):
            await current.close()  # before another one, because only one may index mail
            self._current = None
        if settings is None:
            return
        if prepared.opened is not None:
            self._current = prepared.opened
            await self._current.serve(settings, parts())
        elif current is not None and settings != current.settings:
            await current.change(settings)

    async def close(self) -> None:
        """End the console."""
        if self._current is not None:
            await self._current.close()

    def document(self) -> dict[str, Any]:
        """Return its part of ready.json."""
        return dict.fromkeys(KEYS) if self._current is None else self._current.document()

    def make_link(self) -> str | None:
        """Return a link that signs a browser in, once; None: there is no console."""
        return None if self._current is None else self._current.make_link()

    async def operate(self, operation: str, fields: dict[str, Any]) -> dict[str, Any]:
        """``link`` returns a new link; ``release`` sends the captured message ``id`` to addresses.

        For the command line. Raises ValueError, KeyError and QueueError.
        """
        if self._current is None:
            raise NotConfigured(NO_CONSOLE)
        if operation == "link":
            return {"url": self._current.make_link()}
        if operation != "release":
            raise ValueError(f"unknown operation {operation[:40]}")
        to = [str(each) for each in fields["to"]]
        released = await self._current.release(str(fields["id"]), to)
        return msgspec.structs.asdict(released)
