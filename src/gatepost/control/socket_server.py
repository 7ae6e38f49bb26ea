"""The server of ``DIR/control.sock``, for the command line and the relay's front processes.

Only the owner of the directory can open the socket, so callers need not authenticate.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from gatepost.control.administration.operations import AdminDispatch
from gatepost.control.clock import NO_CLOCK, ClockControl
from gatepost.control.doctor_jobs import DoctorJobs
from gatepost.control.failure_operations import NO_FAILURES, FailureControl
from gatepost.control.node_operations import operate_nodes
from gatepost.control.queue_control import QueueControl
from gatepost.control.queue_operations import operate_queue
from gatepost.control.session_operations import NOT_RECORDED, SessionControl, operate_sessions
from gatepost.control.upstream_operations import UpstreamControl
from gatepost.directory.azure.changes.change_result import Rejected
from gatepost.directory.contract import CacheableDirectory, Directory
from gatepost.errors import Disconnected
from gatepost.failures.event_facts import EventFacts
from gatepost.model.address import Address
from gatepost.model.credentials import Credentials, Principal
from gatepost.model.operation_errors import NotAllowed, NotConfigured
from gatepost.model.session_record import SessionRecord
from gatepost.model.value_or_future import Later
from gatepost.operator_log.writer import Reporter
from gatepost.policy.client_limits import ClientCounts, LocalClientCounter
from gatepost.policy.quotas import LocalQuotas, Quotas, SubscriptionQuotas
from gatepost.processes.control_socket import SOCKET
from gatepost.processes.front_caches import FrontCache, FrontCaches, caching_operations
from gatepost.processes.packed_mail import (
    PackedMessage,
    PackedSubmission,
    body_of,
    pack_message,
    unpack_submission,
)
from gatepost.processes.remote_clock import AHEAD
from gatepost.processes.remote_failure_rules import CHANGED, RulesSummary, summary_of
from gatepost.processes.remote_sessions import FrontSessions
from gatepost.processes.rpc import Afterwards, Answers, Operation, decode, decoder
from gatepost.processes.rpc_frames import FrameStream, serve_frames
from gatepost.processes.uploads import Uploads, put_and_tell
from gatepost.queue.cluster_contract import Cluster
from gatepost.queue.store_contract import Selection, Store
from gatepost.relay.spool import Budget
from gatepost.reports.report_operations import NO_EVENTS, operate
from gatepost.reports.report_service import ReportService

T = TypeVar("T")
Command = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]
"""Runs an operation of one command with its fields, and returns a document."""
NO_QUEUE: Final = "this relay has no queue"
NO_DOCTOR: Final = "the doctor checks nothing in this relay"
NO_CONSOLE: Final = "the console is off: start with --console HOST:PORT, or configure [console]"


@dataclass(frozen=True, slots=True)
class ControlServer:
    """Serves DIR/control.sock: the store, the directory, and what else the relay has."""

    data: Path
    """DIR."""
    store: Store
    directory: Directory
    quotas: SubscriptionQuotas | None = None
    """None: there are no quotas."""
    clients: ClientCounts | None = None
    """None: there are no limits per address."""
    budget: Budget | None = None
    """This process's share of the memory for content from front processes."""
    admin: AdminDispatch | None = None
    """None: the directory cannot be changed over the socket."""
    events: ReportService | None = None
    """None: there are no delivery reports."""
    queue: QueueControl | None = None
    """None: there is no queue."""
    clock: ClockControl | None = None
    """None: the time is the machine's."""
    reporter: Reporter | None = None
    """None: events of front processes are not reported."""
    sessions: SessionControl | None = None
    """None: sessions are not recorded."""
    failures: FailureControl | None = None
    """None: rules of scripted failures are ignored."""
    doctor: DoctorJobs | None = None
    """None: the doctor checks nothing here."""
    upstreams: UpstreamControl | None = None
    """None: no mail is delivered."""
    console: Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]] | None = None
    """The operations of the console; None: there is none."""
    cluster: Cluster | None = None
    """The nodes that share the store; None: it is ours alone."""

    async def serve(self) -> asyncio.Server:
        """Serve until the server is closed."""
        store, directory = self.store, self.directory
        operations = {
            **store_operations(store),
            **directory_operations(directory),
            **self._other_operations(),
        }
        caches, rules, clock = (
            FrontCaches(),
            FollowedRules(self.failures),
            FollowedClock(self.clock),
        )
        fronts = self.sessions.fronts if self.sessions is not None else FrontSessions()
        if isinstance(directory, CacheableDirectory):
            directory.follow(caches.forget)
        clients = self.clients
        if clients is not None:
            clients.vacate = caches.vacate
        quotas, budget = self.quotas, self.budget or Budget(self.data)

        def make_stream() -> FrameStream:
            uploads = Uploads(store, budget)
            own = upload_operations(uploads)
            if quotas is not None:
                own |= quota_operations(LocalQuotas(quotas, owner=uploads))

            def clean_up() -> None:
                """Clean up after a caller that has disconnected."""
                uploads.close()
                caches.remove(cache)
                for each in (rules, clock, fronts):
                    each.remove(answers)
                if quotas is not None:
                    quotas.forget(uploads)
                if clients is not None:
                    clients.forget(uploads)

            table = {**operations, **own}
            answers = Answers(table, clean_up)
            cache = FrontCache(answers)
            table |= caching_operations(directory, caches, cache)
            for each in (rules, clock, fronts):
                table |= each.operations(answers)
            table["gave_up"] = _decoding(tuple[int], cache.confirm)
            if clients is not None:
                counted = LocalClientCounter(clients, owner=uploads)
                table |= client_operations(counted, caches, cache)
            return answers.stream

        return await serve_frames(self.data / SOCKET, make_stream)

    def commands(self) -> dict[str, Command]:
        """Return what runs the operations of each command; what the relay does not have raises
        NotConfigured."""
        events, clock, queue, sessions = self.events, self.clock, self.queue, self.sessions
        return {
            "events": partial(operate, events) if events else _refuse(NO_EVENTS),
            "clock": clock.operate if clock else _refuse(NO_CLOCK),
            "failures": self.failures.operate
            if self.failures
            else _refuse(NO_FAILURES, NotAllowed),
            "console": self.console or _refuse(NO_CONSOLE),
            "sessions": partial(operate_sessions, sessions) if sessions else _refuse(NOT_RECORDED),
            "queue": partial(operate_queue, queue) if queue else _refuse(NO_QUEUE),
            "nodes": partial(operate_nodes, self.cluster),
            "upstreams": self.upstreams.operate if self.upstreams else _refuse(NO_QUEUE),
            "doctor": self.doctor.operate if self.doctor else _refuse(NO_DOCTOR),
        }

    def _other_operations(self) -> dict[str, Operation]:
        """Return those of what the relay may have, which are the same for every connection."""
        command = tuple[str, dict[str, Any]]
        operations = {name: _decoding(command, run) for name, run in self.commands().items()}
        if self.sessions is not None:
            ended = tuple[tuple[list[SessionRecord], int]]
            operations["sessions_ended"] = _decoding(ended, self.sessions.archive.take)
        if self.reporter is not None:
            operations |= reporter_operations(self.reporter)
        if self.admin is not None:
            operations |= administration_operations(self.admin)
        return operations


class _Followers:
    """The front processes that hear when something changes."""

    def __init__(self) -> None:
        self._followers: set[Answers] = set()

    def remove(self, answers: Answers) -> None:
        """Forget a front process whose connection has ended."""
        self._followers.discard(answers)

    def _tell(self, subject: str, value: object) -> None:
        for each in list(self._followers):
            with suppress(Disconnected):
                each.tell(subject, value)


class FollowedClock(_Followers):
    """The front processes that have the relay's time, and hear when its clock is advanced."""

    def __init__(self, control: ClockControl | None) -> None:
        super().__init__()
        self._clock = control.clock if control is not None else None
        if self._clock is not None:
            self._clock.followers.add(self._announce)

    def _announce(self, ahead: timedelta) -> None:
        self._tell(AHEAD, ahead.total_seconds())

    def operations(self, answers: Answers) -> dict[str, Operation]:
        """Return the operations of one connection by name."""

        def follow() -> float:
            self._followers.add(answers)
            return self._clock.ahead.total_seconds() if self._clock is not None else 0.0

        return {AHEAD: _decoding(tuple[()], follow)}


class FollowedRules(_Followers):
    """The front processes that ask the rules of scripted failures, and hear when they change."""

    def __init__(self, control: FailureControl | None) -> None:
        super().__init__()
        self._rules = control.rules if control is not None else None
        if self._rules is not None:
            self._rules.followers.add(self._announce)

    def _announce(self) -> None:
        if self._rules is not None:
            self._tell(CHANGED, summary_of(self._rules))

    def operations(self, answers: Answers) -> dict[str, Operation]:
        """Return the operations of one connection by name."""
        rules = self._rules
        if rules is None:
            return {}

        def follow() -> RulesSummary:
            self._followers.add(answers)
            return summary_of(rules)

        return {
            CHANGED: _decoding(tuple[()], follow),
            "decide_failure": _decoding(tuple[EventFacts], rules.decide),
            "note_injected": _decoding(tuple[str, tuple[str, ...]], rules.note_stored),
        }


def store_operations(store: Store) -> dict[str, Operation]:
    """Return the store's operations by name."""

    read = decoder(tuple[PackedSubmission]).decode

    def put(raw: msgspec.Raw, content: Sequence[bytes] = ()) -> Afterwards:
        (packed,) = read(raw)
        return put_and_tell(store, unpack_submission(packed, body_of(content, packed.traits)))

    async def body(id_: str) -> list[bytes]:
        return list((await store.body(id_)).chunks())

    async def listing(selection: Selection) -> list[PackedMessage]:
        return [pack_message(each) for each in await store.list(selection)]

    async def get(id_: str) -> PackedMessage:
        return pack_message(await store.get(id_))

    async def wait(selection: Selection, timeout: float) -> PackedMessage | None:
        message = await store.wait(selection, timeout)
        return None if message is None else pack_message(message)

    return {
        "put": put,
        "new_epoch": _decoding(tuple[()], store.new_epoch),
        "refusal": _decoding(tuple[()], lambda: store.refusal),
        "list": _decoding(tuple[Selection], listing),
        "count": _decoding(tuple[()], store.count),
        "get": _decoding(tuple[str], get),
        "trace": _decoding(tuple[str], store.trace),
        "body": _decoding(tuple[str], body),
        "delete": _decoding(tuple[tuple[str, ...] | None], store.delete),
        "wait": _decoding(tuple[Selection, float], wait),
    }


def upload_operations(uploads: Uploads) -> dict[str, Operation]:
    """Return the operations of large content by name."""

    def upload(raw: msgspec.Raw, content: Sequence[bytes]) -> None:
        (number,) = decode(raw, tuple[int])
        uploads.add(number, content)

    return {
        "upload": upload,
        "put_upload": _decoding(tuple[int, PackedSubmission], uploads.put),
        "drop_upload": _decoding(tuple[int], uploads.drop),
    }


def directory_operations(directory: Directory) -> dict[str, Operation]:
    """Return the directory's operations by name."""
    return {
        "mechanisms": _decoding(tuple[()], lambda: sorted(directory.mechanisms)),
        "identify": _decoding(tuple[Credentials, str], directory.identify),
        "verifier": _decoding(tuple[str, str], directory.verifier),
        "standing": _decoding(tuple[Principal, Address], directory.standing),
    }


def reporter_operations(reporter: Reporter) -> dict[str, Operation]:
    """Return the operations by which front processes report events."""
    return {
        "lines_are_json": _decoding(tuple[()], lambda: reporter.wants_json_lines),
        "lines": _decoding(tuple[list[str]], reporter.take),
    }


def administration_operations(admin: AdminDispatch) -> dict[str, Operation]:
    """Return the operation that changes the directory; refusals are returned as values."""

    async def run(operation: str, fields: dict[str, Any]) -> dict[str, Any]:
        try:
            return {"done": await admin.administer(operation, fields)}
        except Rejected as error:
            return {"rejected": (error.code, error.message, error.status)}

    return {"administer": _decoding(tuple[str, dict[str, Any]], run)}


def quota_operations(quotas: Quotas) -> dict[str, Operation]:
    """Return the quotas' operations by name."""
    return {
        "enter": _decoding(tuple[Principal], quotas.enter),
        "leave": _decoding(tuple[Principal], quotas.leave),
        "admit": _decoding(tuple[Principal, Address, tuple[Address, ...]], quotas.admit),
    }


def client_operations(
    clients: LocalClientCounter, caches: FrontCaches, cache: FrontCache
) -> dict[str, Operation]:
    """Return the operations of counting clients by name."""

    def visit(address: str) -> Later[bool]:
        caches.add_places_cache(cache)
        return clients.try_enter(address) or clients.try_enter_late(address)

    def leave(numbers: dict[str, int]) -> None:
        for address, number in numbers.items():
            clients.leave(address, number)

    return {
        "visit": _decoding(tuple[str], visit),
        "visits_over": _decoding(tuple[dict[str, int]], leave),
        "delay": _decoding(tuple[str], clients.delay),
    }


def _refuse(reason: str, kind: type[NotConfigured] = NotConfigured) -> Command:
    """Return a function that refuses the operations of a part that this relay does not have."""

    async def refuse(_operation: str, _fields: dict[str, Any]) -> dict[str, Any]:
        raise kind(reason)

    return refuse


def _decoding(kinds: Any, operation: Callable[..., Any]) -> Operation:
    """Decode the arguments as ``kinds`` (a tuple type) and run ``operation`` with them."""
    read = decoder(kinds).decode
    return lambda raw: operation(*read(raw))
