"""The receiving half of ``gatepost serve``: its listeners, in this process or in front of it."""

import asyncio
import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from gatepost.app.certificate_files import CertificateFiles
from gatepost.app.listeners import (
    Doorway,
    Place,
    files_of,
    hang_certificates,
    open_listener,
    place_of,
)
from gatepost.app.runtime import DRAIN
from gatepost.app.serve_front import instruct
from gatepost.app.workers import Workers
from gatepost.config.settings import Config, ListenerSettings
from gatepost.net.listen import Listener, keep
from gatepost.relay.context import Relay, Report
from gatepost.relay.entrance import Entrance
from gatepost.relay.supervise import Supervisor

MOST: Final = 1_000_000
"""Connections of the supervisor: the visitors' counts are what bounds them."""


@dataclass(frozen=True, slots=True)
class Written:
    """A configuration as it was read: front processes parse its text anew."""

    config: Config
    text: str
    file: str


@dataclass(slots=True)
class Door:
    """One listener, open."""

    settings: ListenerSettings
    listener: Listener
    entrance: Entrance

    def document(self) -> dict[str, Any]:
        """Return what ready.json tells of it."""
        if self.listener.is_local:
            place: dict[str, Any] = {"unix": str(Path(self.listener.host).absolute())}
        else:
            place = {"host": self.listener.host, "port": self.listener.port}
        return {"name": self.settings.name, **place, "tls": self.settings.tls}


@dataclass(slots=True)
class Arrivals:
    """The listeners that a configuration has: those that are there, and those that are new."""

    written: Written
    entrances: dict[str, Entrance]
    opened: dict[Place, Listener] = field(default_factory=dict)

    def abandon(self) -> None:
        """Close what was opened for it."""
        for listener in self.opened.values():
            listener.close()


class Inward:
    """Serves one configuration after the other on sockets that stay where their places do."""

    def __init__(self, relay: Relay, report: Report, workers: int) -> None:
        """``workers`` 0: this process takes the connections."""
        self._relay = relay
        self._report = report
        self._certificates = CertificateFiles(report)
        self._supervisor = Supervisor(relay, MOST)
        self._workers: Workers | None = None
        self._number = workers
        self._doors: dict[Place, Door] = {}

    @property
    def workers(self) -> int:
        """Front processes; 0: none."""
        return self._number

    @property
    def doors(self) -> Sequence[Door]:
        """The listeners, as the configuration has them."""
        return tuple(self._doors.values())

    def prepare(self, written: Written, verifiable: Iterable[str]) -> Arrivals:
        """Open what is not open yet, and read the certificates.

        ``verifiable`` are the mechanisms of the directory that will be asked. Nothing is accepted
        before ``take``. Raises NetworkError, PortBusy, TlsError.
        """
        config = written.config
        doorway = Doorway(config, frozenset(verifiable))
        arrivals = Arrivals(
            written, {each.name: doorway.entrance(each) for each in config.listeners}
        )
        try:
            for settings in config.listeners:
                place = place_of(settings)
                files = files_of(settings)
                if files is not None:
                    self._certificates.load(files)
                if place not in self._doors:
                    arrivals.opened[place] = open_listener(settings)
        except BaseException:
            arrivals.abandon()
            raise
        return arrivals

    async def start(self, arrivals: Arrivals) -> None:
        """Accept. Raises GatepostError when a front process does not start."""
        self._merge(arrivals)
        if self._number:
            self._workers = Workers(self._instruction(arrivals.written), self._report)
            await self._workers.start(self._number)
        else:
            for door in self.doors:
                await self._supervisor.serve(door.listener, door.entrance)
        self._certificates.watch()

    async def take(self, arrivals: Arrivals, workers: int) -> None:
        """Serve another configuration; sessions that are open go on by the one they began with.

        ``workers`` is none if there were none, else some. Raises GatepostError when front
        processes do not start with it.
        """
        gone = self._merge(arrivals)
        for door in gone:
            keep(door.listener)
        self._certificates.look(again=True)
        if self._workers is not None:
            self._number = workers
            await self._workers.replace(self._instruction(arrivals.written), workers)
        else:
            for place in arrivals.opened:
                door = self._doors[place]
                await self._supervisor.serve(door.listener, door.entrance)
        for door in gone:
            self._supervisor.withdraw(door.listener)
            door.listener.close()

    def _merge(self, arrivals: Arrivals) -> list[Door]:
        """Put the new terms into entrances that stay; return the doors that are no more."""
        before, self._doors = self._doors, {}
        for settings in arrivals.written.config.listeners:
            place = place_of(settings)
            entrance = arrivals.entrances[settings.name]
            door = before.pop(place, None)
            if door is None:
                door = Door(settings, arrivals.opened[place], entrance)
            else:
                old = door.entrance
                old.terms, old.implicit = entrance.terms, entrance.implicit
                old.proxies, old.certificate = entrance.proxies, entrance.certificate
                door.settings = settings
            self._doors[place] = door
        listeners = [each.settings for each in self.doors]
        entrances = {each.settings.name: each.entrance for each in self.doors}
        hang_certificates(self._certificates, entrances, listeners)
        return list(before.values())

    def _instruction(self, written: Written) -> Any:
        listeners = {each.settings.name: each.listener for each in self.doors}
        return instruct(
            written.text, written.file, written.config, listeners, max(1, self._number) + 1
        )

    async def stop(self) -> None:
        """Say 421 to all, and close."""
        self._certificates.close()
        if self._workers is not None:
            await self._workers.stop(DRAIN)
        await self._supervisor.drain(DRAIN)
        for door in self.doors:
            with contextlib.suppress(OSError):
                door.listener.close()
        await asyncio.sleep(0)
