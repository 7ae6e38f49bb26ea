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
from gatepost.app.serve_front import Written, instruct
from gatepost.app.workers import Instruction, Workers
from gatepost.config.settings import ListenerSettings
from gatepost.net.listen import Listener, PortBusy, inheritable, keep
from gatepost.relay.context import Relay, Report
from gatepost.relay.listener_state import ListenerState
from gatepost.relay.supervise import Supervisor

MOST: Final = 1_000_000
"""Connections of the supervisor: the visitors' counts are what bounds them."""


@dataclass(slots=True)
class Door:
    """One listener, open."""

    settings: ListenerSettings
    listener: Listener
    entrance: ListenerState

    def document(self) -> dict[str, Any]:
        """Return what ready.json tells of it."""
        if self.listener.is_local:
            place: dict[str, Any] = {"unix": str(Path(self.listener.host).absolute())}
        else:
            place = {"host": self.listener.host, "port": self.listener.port}
        return {"name": self.settings.name, **place, "tls": self.settings.tls}


@dataclass(frozen=True, slots=True)
class PreparedListeners:
    """The listeners that a configuration has: those that are there, and those that are new."""

    written: Written
    mechanisms: frozenset[str]
    workers: int
    entrances: dict[str, ListenerState]
    opened: dict[Place, Listener] = field(default_factory=dict)

    def close(self) -> None:
        """Close what was opened for it."""
        for listener in self.opened.values():
            listener.close()


class ServeInbound:
    """Serves one configuration after the other on sockets that stay where their places do."""

    def __init__(self, relay: Relay, report: Report) -> None:
        self._relay = relay
        self._certificates = CertificateFiles(report)
        self._supervisor = Supervisor(relay, MOST)
        self._workers = Workers(report)
        self._doors: dict[Place, Door] = {}

    @property
    def doors(self) -> Sequence[Door]:
        """The listeners, as the configuration has them."""
        return tuple(self._doors.values())

    def prepare(
        self, written: Written, mechanisms: Iterable[str], workers: int
    ) -> PreparedListeners:
        """Open what is not open yet, and read the certificates.

        ``mechanisms`` are those of the directory that will be asked; ``workers`` 0: this process
        takes the connections. Nothing is accepted before ``take``. Raises NetworkError, PortBusy,
        TlsError; then all is as it was.
        """
        config, verifiable = written.config, frozenset(mechanisms)
        doorway = Doorway(config, verifiable)
        entrances = {each.name: doorway.entrance(each) for each in config.listeners}
        arrivals = PreparedListeners(written, verifiable, workers, entrances)
        try:
            for settings in config.listeners:
                place = place_of(settings)
                files = files_of(settings)
                if files is not None:
                    self._certificates.check(files)
                if (door := self._doors.get(place)) is None or not door.listener.can_be_found():
                    arrivals.opened[place] = self._open(settings)
        except BaseException:
            self._forget(arrivals)
            raise
        return arrivals

    def _open(self, settings: ListenerSettings) -> Listener:
        try:
            return open_listener(settings)
        except PortBusy as error:
            for door in self.doors:
                if settings.port and door.listener.port == settings.port:
                    name = door.settings.name
                    raise PortBusy(f"{error}, by {name} here: a restart moves it") from None
            raise

    async def start_fronts(self, arrivals: PreparedListeners) -> None:
        """Start the front processes, if there are to be some; they accept nothing before ``take``.

        Raises GatepostError when one does not start.
        """
        if arrivals.workers:
            await self._workers.prepare(self._instruction(arrivals), arrivals.workers)

    async def abandon(self, arrivals: PreparedListeners) -> None:
        """Let all be as it was before ``prepare``."""
        await self._workers.abandon()
        self._forget(arrivals)

    def _forget(self, arrivals: PreparedListeners) -> None:
        arrivals.close()
        for door in self.doors:
            inheritable(door.listener)
        self._hang_certificates()

    async def start(self, arrivals: PreparedListeners) -> None:
        """Accept. Raises GatepostError when a front process does not start."""
        await self.start_fronts(arrivals)
        await self.take(arrivals)
        self._certificates.watch()

    async def take(self, arrivals: PreparedListeners) -> None:
        """Serve another configuration; sessions that are open go on by the one they began with.

        There are front processes if there were some before.
        """
        gone = self._merge(arrivals)
        self._certificates.look(again=True)
        if arrivals.workers:
            self._workers.take()
        else:
            for place in arrivals.opened:
                door = self._doors[place]
                await self._supervisor.serve(door.listener, door.entrance)
        for door in gone:
            await self._supervisor.withdraw(door.listener)
            door.listener.close()

    def _merge(self, arrivals: PreparedListeners) -> list[Door]:
        """Put the new terms into entrances that stay; return the doors that are no more."""
        before, self._doors = self._doors, {}
        for settings in arrivals.written.config.listeners:
            place = place_of(settings)
            entrance = arrivals.entrances[settings.name]
            if place in arrivals.opened:
                door = Door(settings, arrivals.opened[place], entrance)
            else:
                door = before.pop(place)
                door.entrance.update_from(entrance)
                door.settings = settings
            self._doors[place] = door
        self._hang_certificates()
        return list(before.values())

    def _hang_certificates(self) -> None:
        listeners = [each.settings for each in self.doors]
        entrances = {each.settings.name: each.entrance for each in self.doors}
        hang_certificates(self._certificates, entrances, listeners)

    def _instruction(self, arrivals: PreparedListeners) -> Instruction:
        listeners, gone = {}, dict(self._doors)
        for settings in arrivals.written.config.listeners:
            place = place_of(settings)
            opened = arrivals.opened.get(place)
            listeners[settings.name] = opened or gone.pop(place).listener
        for door in gone.values():
            keep(door.listener)
        return instruct(arrivals.written, listeners, arrivals.mechanisms, arrivals.workers)

    async def stop(self) -> None:
        """Say 421 to all, and close."""
        self._certificates.close()
        await self._workers.stop(DRAIN)
        await self._supervisor.drain(DRAIN)
        for door in self.doors:
            with contextlib.suppress(OSError):
                door.listener.close()
        await asyncio.sleep(0)
