"""Opens, serves and closes lanes."""

import asyncio
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final, cast

from gatepost.app.console_parts import ConsoleParts
from gatepost.app.inbound import OpenListener
from gatepost.app.lane_applications import LaneLogin, open_application, revoke
from gatepost.app.lane_records import KIND, read_record, record_of
from gatepost.app.relay_store import RelayStore
from gatepost.directory.lane_account import LaneDirectory
from gatepost.errors import NetworkError
from gatepost.mailbox.lanes import (
    MOST,
    BadLane,
    Lane,
    LaneExists,
    LaneListener,
    LaneMessages,
    LanePort,
    TooManyLanes,
    check_lane_name,
    check_ttl,
)
from gatepost.mailbox.mailbox import Mailbox
from gatepost.model.message import Submission
from gatepost.model.secret import Secret
from gatepost.net.listen import Listener, listen
from gatepost.queue.store_contract import Store
from gatepost.relay.connection_supervisor import Supervisor
from gatepost.relay.shared_by_connections import Relay

_PATIENCE: Final = 2.0
"""Seconds that sessions have to end when their lane is deleted."""
_USERNAME: Final = "lane-{}"
_LOOPBACK: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}


@dataclass(frozen=True, slots=True)
class _Served:
    lane: Lane
    supervisor: Supervisor
    listeners: Sequence[Listener]
    expiry: asyncio.TimerHandle
    login: LaneLogin


class Lanes:
    """The lanes of a relay. Close it at the end."""

    def __init__(self, parts: ConsoleParts, mailbox: Mailbox, messages: LaneMessages) -> None:
        self._parts, self._mailbox, self.messages = parts, mailbox, messages
        self._served: dict[str, _Served] = {}
        self._opening: set[str] = set()
        self._closing: set[asyncio.Task[None]] = set()
        self.on_delete: Callable[[str], object] = lambda _: None
        """Called with the name of each lane that ends."""

    def all(self) -> Sequence[Lane]:
        """Return the lanes, oldest first."""
        return [each.lane for each in self._served.values()]

    def get(self, name: str) -> Lane:
        """Return a lane. Raises KeyError."""
        return self._served[name].lane

    async def create(
        self,
        name: str | None,
        ttl: float,
        listeners: Iterable[LaneListener],
        application: str | None,
    ) -> Lane:
        """Open a lane. Raises BadLane, LaneExists, TooManyLanes, NetworkError."""
        name = f"lane-{secrets.token_hex(4)}" if name is None else check_lane_name(name)
        check_ttl(ttl)
        wanted = tuple(dict.fromkeys(listeners))
        if not wanted:
            raise BadLane("a lane needs a listener: smtp, smtps, or both")
        if name in self._served or name in self._opening:
            raise LaneExists(name)
        if len(self._served) + len(self._opening) >= MOST:
            raise TooManyLanes
        self._opening.add(name)
        try:
            await self._mailbox.inbox("lane", name).delete()  # of an earlier one with this name
            login = await self._make_login(name, application)
            try:
                lane = self._plan(name, ttl, wanted, login)
                served = await self._open(lane, login)
                record = record_of(served.lane, login, self._parts.key)
                await self._parts.store.save_records([record])
            except BaseException:
                await revoke(self._parts.admin, login)
                raise
        finally:
            self._opening.discard(name)
        self._add(served)
        return served.lane

    def _add(self, served: _Served) -> None:
        name, login = served.lane.name, served.login
        self._served[name] = served
        self.messages.names.add(name)
        if login.is_own:
            self.messages.usernames[login.username] = name

    async def restore(self) -> None:
        """Open the lanes of an earlier process, at the same ports; those that cannot be opened, or
        whose time is over, end. Call it before mail is indexed."""
        parts, now = self._parts, self._parts.relay.now()
        for record in await parts.store.load_records():
            if record.kind != KIND:
                continue
            try:
                lane, login = read_record(record, parts.key)
            except ValueError as error:
                await self._end_early(record.id, None, f"its record is damaged: {error}")
                continue
            if lane.expires_at <= now:
                await self._end_early(lane.name, login)
                continue
            try:
                self._add(await self._open(lane, login))
            except (NetworkError, BadLane) as error:
                await self._end_early(lane.name, login, str(error))

    async def _end_early(self, name: str, login: LaneLogin | None, reason: str = "") -> None:
        """End a lane that is not open; its mail goes when all lanes are restored."""
        if reason:
            self._parts.relay.report("lane_ended", lane=name, reason=reason)
        if login is not None:
            await revoke(self._parts.admin, login)
        await self._parts.store.save_records([], [(KIND, name)])

    async def delete_orphans(self) -> None:
        """Delete mail of lanes that are no more."""
        for each in await self._parts.store.mailbox.inboxes():
            if each.kind == "lane" and each.name not in self._served:
                await self._mailbox.inbox("lane", each.name).delete()
                self.messages.names.discard(each.name)

    async def _make_login(self, name: str, application: str | None) -> LaneLogin:
        if application is None:
            return LaneLogin(_USERNAME.format(name), Secret(secrets.token_urlsafe(24)))
        resource = str(self._parts.ready().get("resource") or "")
        return await open_application(self._parts.admin, application, name, resource)

    async def delete(self, name: str) -> None:
        """End a lane; its mail, rules and counters go with it. Raises KeyError."""
        served = self._served.pop(name)
        served.expiry.cancel()
        await self._end(served)

    def note_time(self, _ahead: timedelta) -> None:
        """End the lanes whose time is over, after the relay's clock was advanced."""
        for name, served in list(self._served.items()):
            served.expiry.cancel()
            self._served[name] = replace(served, expiry=self._expire_at(served.lane))

    def _expire_at(self, lane: Lane) -> asyncio.TimerHandle:
        left = (lane.expires_at - self._parts.relay.now()).total_seconds()
        return asyncio.get_running_loop().call_later(max(0.0, left), self._expire, lane.name)

    async def close(self) -> None:
        """End the listeners of all lanes; the next process opens them again."""
        for served in self._served.values():
            served.expiry.cancel()
        await asyncio.gather(*[_stop(each) for each in self._served.values()])
        self._served.clear()
        if self._closing:
            await asyncio.wait(self._closing)

    def _plan(
        self, name: str, ttl: float, wanted: Sequence[LaneListener], login: LaneLogin
    ) -> Lane:
        """Return a new lane, whose ports are not known yet."""
        now = self._parts.relay.now()
        sender = str(self._parts.ready().get("from") or "")
        ports = {each: LanePort("", 0, "") for each in wanted}
        ends = now + timedelta(seconds=ttl)
        return Lane(name, login.username, login.password, sender, ports, now, ends)

    async def _open(self, lane: Lane, login: LaneLogin) -> _Served:
        """Open the listeners of a lane. Raises BadLane and NetworkError."""
        relay = self._parts.relay
        store = LaneStore(self._parts.store, lane.name, self.messages)
        own: Relay = replace(
            relay,
            directory=LaneDirectory(lambda: relay.directory, login.username, login.password),
            store=cast("Store", store),
        )
        supervisor = Supervisor(own)
        models = [(each, self._model(each)) for each in lane.ports]
        opened: list[Listener] = []
        ports: dict[LaneListener, LanePort] = {}
        try:
            for kind, model in models:
                listener = listen(model.settings.host, lane.ports[kind].port)
                opened.append(listener)
                state = replace(model.state, lane=lane.name)
                await supervisor.serve(listener, state)
                host = _LOOPBACK.get(listener.host, listener.host)
                ports[kind] = LanePort(host, listener.port, model.settings.tls)
        except NetworkError:
            for each in opened:
                await supervisor.withdraw(each)
                each.close()
            raise
        lane = replace(lane, ports=ports)
        return _Served(lane, supervisor, opened, self._expire_at(lane), login)

    def _model(self, kind: LaneListener) -> OpenListener:
        """Return the listener of the relay that a lane's is like. Raises BadLane."""
        for each in self._parts.listeners():
            if each.settings.name == kind and not each.listener.is_local:
                return each
        raise BadLane(f"this relay has no listener {kind}, which a lane could be like")

    def _expire(self, name: str) -> None:
        served = self._served.pop(name, None)
        if served is not None:
            task = asyncio.create_task(self._end(served))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def _end(self, served: _Served) -> None:
        await _stop(served)
        name = served.lane.name
        self.messages.usernames.pop(served.login.username, None)
        await revoke(self._parts.admin, served.login)
        await self._parts.store.save_records([], [(KIND, name)])
        self.on_delete(name)
        await self._mailbox.inbox("lane", name).delete()
        if name not in self._served and name not in self._opening:
            self.messages.names.discard(name)


async def _stop(served: _Served) -> None:
    await served.supervisor.drain(_PATIENCE)
    for each in served.listeners:
        each.close()


class LaneStore:
    """Implements ``Store`` for the sessions of a lane: its messages are noted as the lane's."""

    def __init__(self, inner: RelayStore, lane: str, messages: LaneMessages) -> None:
        self._inner, self._lane, self._messages = inner, lane, messages

    def put(self, submission: Submission) -> "asyncio.Future[None]":
        """See ``Store``."""
        self._messages.note(submission.id, self._lane)
        future = self._inner.put(submission)
        future.add_done_callback(lambda done: self._forget_refused(submission.id, done))
        return future

    def _forget_refused(self, id_: str, done: "asyncio.Future[None]") -> None:
        if not done.cancelled() and done.exception() is not None:
            self._messages.forget([id_])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)
