"""Gatepost's own API of a relay, without HTTP: its operations, and the events that it publishes."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from gatepost.app.published_events import PublishedEvents
from gatepost.control.administration.operations import AdminDispatch
from gatepost.control.event_log import EventLog
from gatepost.control.next_hop_operations import NextHopControl
from gatepost.control.server_operations import ServerControl
from gatepost.control.socket_server import Command, ControlServer
from gatepost.directory.contract import CacheableDirectory
from gatepost.net.clock import Clock
from gatepost.operator_log.writer import Reporter
from gatepost.queue.next_hop_series import NextHopSeries


class ConsoleApi:
    """The operations and the events of one relay."""

    def __init__(self, control: ControlServer, clock: Clock, server: ServerControl) -> None:
        assert control.queue is not None  # noqa: S101 - each relay has one, if only an empty one
        self._control, queue = control, control.queue
        next_hops = NextHopControl(queue, NextHopSeries(), clock.now)
        self.events = PublishedEvents(next_hops, has_queue=queue.delivering is not None)
        self._log = EventLog(clock.now)
        self._commands: Mapping[str, Command] = {
            **control.commands(),
            "next_hops": next_hops.operate,
            "log": self._log.operate,
            "server": server.operate,
        }
        self._admin = control.admin or AdminDispatch()
        self._has_started = False

    def session_of(self, message: str) -> str:
        """Return the id of the session in which a message came; empty if it is not known."""
        sessions = self._control.sessions
        return "" if sessions is None else sessions.archive.session_of(message)

    async def operate(self, operation: str, fields: dict[str, Any]) -> dict[str, Any]:
        """Run ``COMMAND.OPERATION`` as over the control socket; ``directory`` is administered.

        Raises NotConfigured, Rejected, KeyError, ValueError and QueueError.
        """
        command, _, name = operation.partition(".")
        if command == "directory":
            return await self._admin.administer(name, fields)
        run = self._commands.get(command)
        if run is None:
            raise ValueError(f"unknown operation {operation[:40]!r}")
        return await run(name, fields)

    async def start(self, report: Reporter, stack: AsyncExitStack) -> None:
        """Publish what happens from now on, until ``stack`` is closed; again has no effect."""
        if self._has_started:
            return
        self._has_started = True
        sessions = self._control.sessions
        if sessions is not None:
            sessions.archive.on_add = partial(self.events.take_session, sessions)
        report.watchers += [self._log.take, self.events.take_event]
        if isinstance(self._control.directory, CacheableDirectory):
            self._control.directory.follow(self.events.note_directory)
        self.events.start()
        stack.callback(report.watchers.remove, self._log.take)
        stack.callback(report.watchers.remove, self.events.take_event)
        stack.push_async_callback(self.events.close)
