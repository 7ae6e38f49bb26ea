"""The composition root: what every relay has, with or without an emulation."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gatepost.app.front_main import LoadedConfiguration
from gatepost.app.inbound import Inbound, PreparedListeners
from gatepost.app.message_ids import ids_of
from gatepost.app.ready_json import remove_ready
from gatepost.app.store_opening import open_watched
from gatepost.config.settings import Configuration
from gatepost.control.socket_server import ControlledParts, serve_control
from gatepost.directory.contract import Directory
from gatepost.net.atomic_files import remove_file
from gatepost.net.listen import Listener
from gatepost.operator_log.writer import Reporter
from gatepost.processes.control_socket import SOCKET
from gatepost.relay.context import Relay
from gatepost.relay.descriptor_alarm import DescriptorAlarm
from gatepost.relay.spool import Budget
from gatepost.store.sqlite import SqliteStore, StoreSettings
from gatepost.store.sqlite.durable_calls import UnsyncedDisk
from gatepost.store.sqlite.retention import History, Retention


@dataclass(frozen=True, slots=True)
class Composition:
    """What every relay has, and opens first."""

    loaded: LoadedConfiguration
    data: Path
    store: SqliteStore
    report: Reporter
    stack: AsyncExitStack
    """Closes everything in the reverse order."""
    failed: "asyncio.Future[str]"
    """Done, with the reason, if the relay must not continue."""
    alarm: DescriptorAlarm

    @classmethod
    def open(
        cls, loaded: LoadedConfiguration, report: Reporter, stack: AsyncExitStack
    ) -> "Composition":
        """Open the store. Raises StoreLocked and Unreadable."""
        data = loaded.config.storage.directory.resolve()
        store, failed = open_watched(data, _store_settings(loaded.config), report)
        stack.callback(store.close)
        remove_ready(data)
        return cls(loaded, data, store, report, stack, failed, DescriptorAlarm(report))

    async def make_relay(self, directory: Directory, **others: Any) -> Relay:
        """Return what all connections of this process use; ``others`` are further fields."""
        config = self.loaded.config
        return Relay(
            directory=directory,
            store=self.store,
            budget=Budget(self.data, config.limits.memory // (config.workers + 1)),
            report=self.report,
            next_id=ids_of(config, await self.store.new_epoch()),
            alarm=self.alarm,
            **others,
        )

    def listen(
        self,
        relay: Relay,
        loaded: LoadedConfiguration,
        opened: Mapping[str, Listener] = MappingProxyType({}),
    ) -> tuple[Inbound, PreparedListeners]:
        """Open the listeners, which accept nothing yet; ``opened`` are open already, by name.

        Raises NetworkError, PortBusy and TlsError.
        """
        inbound = Inbound(relay, self.report, loaded.config)
        mechanisms, workers = relay.directory.mechanisms, loaded.config.workers
        listeners = inbound.prepare(loaded, mechanisms, workers, opened)
        self.stack.callback(listeners.close)
        return inbound, listeners

    async def serve_control(self, relay: Relay, shared: ControlledParts) -> None:
        """Serve the control socket, which front processes need."""
        control = await serve_control(self.data, relay.store, relay.directory, shared)
        self.stack.callback(remove_file, self.data / SOCKET)
        self.stack.callback(control.close)


def _store_settings(config: Configuration) -> StoreSettings:
    if config.emulation is not None:
        if config.emulation.is_durable:
            return StoreSettings()
        return StoreSettings(disk=UnsyncedDisk(), reserve=0)
    storage = config.storage
    return StoreSettings(
        retention=Retention(age=storage.captured),
        history=History(storage.history, storage.history_messages),
        watermark=storage.free_space,
    )
