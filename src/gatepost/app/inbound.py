"""The inbound half of a relay: listeners, in this process or in front processes."""

import asyncio
import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from gatepost.app.front_main import instruct
from gatepost.app.make_listeners import (
    ListenerFactory,
    Place,
    certificates_of,
    files_of,
    install_certificates,
    open_listener,
    place_of,
)
from gatepost.certificates.reloaded_files import CertificateFiles
from gatepost.config.settings import Configuration, ListenerSettings
from gatepost.model.operator_event import ReportEvent
from gatepost.net.listen import Listener, PortBusy, inheritable, keep
from gatepost.processes.event_loop import DRAIN
from gatepost.processes.workers import Instruction, Workers
from gatepost.relay.connection_supervisor import Supervisor
from gatepost.relay.listener_state import ListenerState
from gatepost.relay.shared_by_connections import Relay

MOST: Final = 1_000_000
"""Maximum number of connections of the supervisor; the limits per client are lower."""


@dataclass(slots=True)
class OpenListener:
    """One open listener."""

    settings: ListenerSettings
    listener: Listener
    state: ListenerState

    def document(self) -> dict[str, Any]:
        """Return its entry in ready.json."""
        if self.listener.is_local:
            place: dict[str, Any] = {"unix": str(Path(self.listener.host).absolute())}
        else:
            place = {"host": self.listener.host, "port": self.listener.port}
        return {"name": self.settings.name, **place, "tls": self.settings.tls}


@dataclass(frozen=True, slots=True)
class PreparedListeners:
    """The listeners of a configuration that is not in effect yet, with those newly opened."""

    config: Configuration
    mechanisms: frozenset[str]
    certificates: CertificateFiles
    states: dict[str, ListenerState]
    opened: dict[Place, Listener] = field(default_factory=dict)

    def is_served_like(self, other: "PreparedListeners") -> bool:
        """Tell whether front processes for the other one imitate the same provider as for this."""
        mine, its = self.config.emulation, other.config.emulation
        return mine is not None and (mine, self.mechanisms, self.certificates.export()) == (
            its,
            other.mechanisms,
            other.certificates.export(),
        )

    def close(self) -> None:
        """Close the newly opened listeners."""
        for listener in self.opened.values():
            listener.close()


class Inbound:
    """Serves one configuration after another, on sockets that outlive a change if they can."""

    def __init__(self, relay: Relay, report: ReportEvent, config: Configuration) -> None:
        self._report = report
        self._certificates = certificates_of(config, report)
        self._supervisor = Supervisor(relay, MOST) if relay.clients else Supervisor(relay)
        self._workers = Workers(report)
        self._open_listeners: dict[Place, OpenListener] = {}
        self._now: PreparedListeners | None = None

    @property
    def open_listeners(self) -> Sequence[OpenListener]:
        """The open listeners, in the order of the configuration."""
        return tuple(self._open_listeners.values())

    def prepare(self, config: Configuration, mechanisms: Iterable[str]) -> PreparedListeners:
        """Open new listeners and load certificates for a configuration.

        ``mechanisms`` are those of its directory. New listeners accept nothing before ``take``.
        Raises NetworkError, PortBusy and TlsError, without any change.
        """
        verifiable, certificates = frozenset(mechanisms), self._certificates
        if config.emulation is not None:  # its certificates may have any fault, so all are new
            certificates = certificates_of(config, self._report)
        factory = ListenerFactory(config, verifiable)
        states = {each.name: factory.state(each) for each in config.listeners}
        prepared = PreparedListeners(config, verifiable, certificates, states)
        try:
            for settings in config.listeners:
                place = place_of(settings)
                files = files_of(settings)
                if files is not None:
                    certificates.check(files)
                open_already = self._open_listeners.get(place)
                if open_already is None or not open_already.listener.can_be_found():
                    prepared.opened[place] = self._open(settings)
        except BaseException:
            self._forget(prepared)
            raise
        return prepared

    def _open(self, settings: ListenerSettings) -> Listener:
        try:
            return open_listener(settings)
        except PortBusy as error:
            for opened in self.open_listeners:
                if settings.port and opened.listener.port == settings.port:
                    name = opened.settings.name
                    raise PortBusy(
                        f"{error}, by {name} of this relay: restart it to move the listener"
                    ) from None
            raise

    async def start_fronts(self, prepared: PreparedListeners) -> None:
        """Start the front processes, if any; they accept nothing before ``take``. Those that
        imitate the same provider stay.

        Raises GatepostError if one does not start.
        """
        if self._needs_fronts(prepared):
            await self._workers.prepare(self._instruction(prepared), prepared.config.workers)

    def _needs_fronts(self, prepared: PreparedListeners) -> bool:
        is_served = self._now is not None and self._now.is_served_like(prepared)
        return bool(prepared.config.workers) and not is_served

    async def abandon(self, prepared: PreparedListeners) -> None:
        """Undo ``prepare``."""
        await self._workers.abandon()
        self._forget(prepared)

    def _forget(self, prepared: PreparedListeners) -> None:
        prepared.close()
        for opened in self.open_listeners:
            inheritable(opened.listener)
        self._install_certificates()

    async def start(self, prepared: PreparedListeners) -> None:
        """Start to accept. Raises GatepostError if a front process does not start."""
        await self.start_fronts(prepared)
        await self.take(prepared)
        if prepared.config.emulation is None:
            self._certificates.watch()

    async def take(self, prepared: PreparedListeners) -> None:
        """Put a configuration into effect; open sessions keep the one they started with.

        A change between one process and front processes is not possible here.
        """
        needs_fronts, self._now = self._needs_fronts(prepared), prepared
        withdrawn = self._merge(prepared)
        self._certificates.try_reload(again=True)
        if needs_fronts:
            self._workers.take()
        elif not prepared.config.workers:
            for place in prepared.opened:
                opened = self._open_listeners[place]
                await self._supervisor.serve(opened.listener, opened.state)
        for opened in withdrawn:
            await self._supervisor.withdraw(opened.listener)
            opened.listener.close()

    def _merge(self, prepared: PreparedListeners) -> list[OpenListener]:
        """Update the listeners that stay; return those that are gone."""
        before, self._open_listeners = self._open_listeners, {}
        self._certificates = prepared.certificates
        for settings in prepared.config.listeners:
            place = place_of(settings)
            state = prepared.states[settings.name]
            if place in prepared.opened:
                opened = OpenListener(settings, prepared.opened[place], state)
            else:
                opened = before.pop(place)
                opened.state.update_from(state)
                opened.settings = settings
            self._open_listeners[place] = opened
        self._install_certificates()
        return list(before.values())

    def _install_certificates(self) -> None:
        listeners = [each.settings for each in self.open_listeners]
        states = {each.settings.name: each.state for each in self.open_listeners}
        install_certificates(self._certificates, states, listeners)

    def _instruction(self, prepared: PreparedListeners) -> Instruction:
        listeners, leaving = {}, dict(self._open_listeners)
        for settings in prepared.config.listeners:
            place = place_of(settings)
            opened = prepared.opened.get(place)
            listeners[settings.name] = opened or leaving.pop(place).listener
        for each in leaving.values():
            keep(each.listener)
        return instruct(prepared.config, listeners, prepared.mechanisms, prepared.certificates)

    async def stop(self) -> None:
        """End all sessions with 421, and close the listeners."""
        self._certificates.close()
        await self._workers.stop(DRAIN)
        await self._supervisor.drain(DRAIN)
        for opened in self.open_listeners:
            with contextlib.suppress(OSError):
                opened.listener.close()
        await asyncio.sleep(0)
