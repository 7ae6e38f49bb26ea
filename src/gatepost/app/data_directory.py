"""Access of the command line to a data directory, whether or not its relay runs."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gatepost.app.store_location import find_database, has_store
from gatepost.errors import ConfigError, ConnectError, Unreadable
from gatepost.processes.control_socket import SOCKET
from gatepost.queue.store_contract import Store

if TYPE_CHECKING:
    from gatepost.app.relay_store import RelayStore
    from gatepost.config.settings import DirectorySettings
    from gatepost.model.route import Route
    from gatepost.processes.rpc import Calls

PATIENCE: Final = 10.0
"""Seconds to wait for another command, or for a relay that is starting or stopping."""
_GRACE: Final = 0.5
"""Seconds until a file that a running relay must have is taken for removed."""
_PAUSE: Final = 0.02

Administer = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]
"""Runs an operation of ``control.administration`` with its fields. Raises Rejected."""


@asynccontextmanager
async def open_mailbox(data: Path) -> AsyncIterator[Store]:
    """Yield the store of ``data``: over the relay's socket, or opened directly.

    Raises ConfigError if there is no store, Unreadable if it cannot be opened, and StoreLocked if
    another process holds it for longer than PATIENCE.
    """
    async with _connect_or_open(data) as (calls, store):
        if calls is not None:
            from gatepost.processes.remote_store import RemoteStore  # noqa: PLC0415

            yield RemoteStore(calls)
        elif store is not None:
            yield store


@asynccontextmanager
async def open_administration(
    data: Path,
    *,
    make: bool = False,
    configured: "Callable[[], Iterable[DirectorySettings]]" = tuple,
) -> AsyncIterator[Administer]:
    """Yield a function that runs operations on the directory of ``data``, in its relay or here.

    In a running relay, changes apply to every session from its next command. With ``make``, the
    store is created if necessary. ``configured`` returns the configured directories; it is called
    only if no relay runs. Raises as ``open_mailbox`` does.
    """
    async with _connect_or_open(data, make=make) as (calls, store):
        if calls is not None:
            yield _administer_over(calls)
        elif store is not None:
            from gatepost.control.administration.without_relay import (  # noqa: PLC0415
                offline_administration,
            )

            yield await offline_administration(data, store, configured)


@asynccontextmanager
async def open_events(data: Path) -> AsyncIterator[Administer]:
    """Yield a function that runs operations of ``reports.report_operations`` on ``data``.

    The operations raise ValueError and KeyError with a sentence, and GatepostError. Raises as
    ``open_mailbox`` does.
    """
    async with _connect_or_open(data) as (calls, store):
        if calls is not None:
            yield _operate_over(calls, "events")
        elif store is not None:
            from gatepost.control.clock import AheadClock  # noqa: PLC0415
            from gatepost.reports.report_operations import NO_EVENTS  # noqa: PLC0415
            from gatepost.reports.without_relay import open_offline_events  # noqa: PLC0415

            _check_emulation(data, NO_EVENTS)
            async with open_offline_events(data, store, AheadClock(data).now) as operate:
                yield operate


@asynccontextmanager
async def open_queue(
    data: Path, routes: "Callable[[], Sequence[Route]]" = tuple
) -> AsyncIterator[Administer]:
    """Yield a function that runs operations of ``control.queue_operations`` on ``data``.

    ``routes`` returns the configured routes; it is called only if no relay runs.
    The operations raise ValueError and KeyError with a sentence, and GatepostError. Raises as
    ``open_mailbox`` does.
    """
    async with _connect_or_open(data) as (calls, store):
        if calls is not None:
            yield _operate_over(calls, "queue")
        elif store is not None:
            from gatepost.control.queue_control import QueueControl  # noqa: PLC0415
            from gatepost.control.queue_operations import operate_queue  # noqa: PLC0415
            from gatepost.net.clock import SystemClock  # noqa: PLC0415

            control = QueueControl(
                store.deliveries, SystemClock().now, routes=cache(routes), cluster=store.cluster
            )
            yield partial(operate_queue, control)


@asynccontextmanager
async def open_nodes(data: Path) -> AsyncIterator[Administer]:
    """Yield a function that runs operations of ``control.node_operations`` on ``data``.

    The operations raise KeyError with a sentence, and GatepostError. Raises as ``open_mailbox``
    does.
    """
    async with _connect_or_open(data) as (calls, store):
        if calls is not None:
            yield _operate_over(calls, "nodes")
        elif store is not None:
            from gatepost.control.node_operations import operate_nodes  # noqa: PLC0415

            yield partial(operate_nodes, store.cluster, is_command=True)


@asynccontextmanager
async def open_sessions(data: Path) -> AsyncIterator[Administer]:
    """Yield a function that runs operations of ``control.session_operations`` in the relay of
    ``data``. Raises ConnectError if none runs there."""
    calls = await _connect(data)
    if calls is None:
        raise ConnectError(f"no relay runs in {data}, and sessions are kept in memory")
    try:
        yield _operate_over(calls, "sessions")
    finally:
        calls.close()


@asynccontextmanager
async def open_clock(data: Path) -> AsyncIterator[Administer]:
    """Yield a function that runs operations of ``control.clock.ClockControl`` on ``data``.

    The operations raise ValueError with a sentence. Raises as ``open_mailbox`` does.
    """
    async with _connect_or_open(data) as (calls, _):
        if calls is not None:
            yield _operate_over(calls, "clock")
        else:
            from gatepost.control.clock import NO_CLOCK, AheadClock, ClockControl  # noqa: PLC0415

            _check_emulation(data, NO_CLOCK)
            yield ClockControl(AheadClock(data)).operate


@asynccontextmanager
async def open_failures(data: Path) -> AsyncIterator[Administer]:
    """Yield a function that runs operations of ``control.failure_operations`` in the relay of
    ``data``.

    The operations raise ValueError and KeyError with a sentence, and GatepostError. Raises
    ConfigError if no relay runs.
    """
    async with _connect_to_relay(data) as calls:
        yield _operate_over(calls, "failures")


@asynccontextmanager
async def open_upstreams(data: Path) -> AsyncIterator[Administer]:
    """Yield a function that runs operations of ``control.upstream_operations`` in the relay of
    ``data``; ``job`` is that of the doctor. Raises ConfigError if no relay runs."""
    async with _connect_to_relay(data) as calls:
        upstreams, doctor = _operate_over(calls, "upstreams"), _operate_over(calls, "doctor")

        async def operate(operation: str, fields: dict[str, Any]) -> dict[str, Any]:
            return await (doctor if operation == "job" else upstreams)(operation, fields)

        yield operate


@asynccontextmanager
async def open_console(data: Path) -> AsyncIterator[Administer]:
    """Yield a function that runs operations of ``ServedConsole`` in the relay of ``data``.

    The operations raise ValueError with a sentence. Raises ConfigError if no relay runs.
    """
    async with _connect_to_relay(data) as calls:
        yield _operate_over(calls, "console")


def _check_emulation(data: Path, otherwise: str) -> None:
    """Raise ConfigError with the sentence ``otherwise`` if ``data`` is not that of an emulator."""
    from gatepost.certificates.local_ca import CA_FILE  # noqa: PLC0415

    if not (data / CA_FILE).exists():
        raise ConfigError(otherwise)


def _no_relay_reason(data: Path) -> str:
    return f"no relay runs in {data.absolute()}; --data or --config names another one"


@asynccontextmanager
async def _connect_to_relay(data: Path) -> "AsyncIterator[Calls]":
    """Yield the connection to the relay of ``data``. Raises ConfigError if none runs."""
    calls = await _connect(data)
    if calls is None:
        raise ConfigError(_no_relay_reason(data))
    try:
        yield calls
    finally:
        calls.close()


def _no_store_reason(data: Path) -> str:
    from gatepost.store.sqlite.recovery import missing  # noqa: PLC0415

    nothing = f"no relay has run in {data.absolute()}; --data or --config names another one"
    return missing(data) or nothing


@asynccontextmanager
async def _connect_or_open(
    data: Path, *, make: bool = False
) -> "AsyncIterator[tuple[Calls | None, RelayStore | None]]":
    """Yield the connection to the relay of ``data``, or its store if none runs."""
    if not make and not has_store(data):
        raise ConfigError(_no_store_reason(data))
    began = time.monotonic()
    while True:
        calls = await _connect(data)
        store = None if calls else _open(data, time.monotonic() - began)
        if calls or store:
            break
        await asyncio.sleep(_PAUSE)
    try:
        yield calls, store
    finally:
        for each in (calls, store):
            if each is not None:
                each.close()


# Either way loads what the other does without, and a command is typed in a hurry.


async def _connect(data: Path) -> "Calls | None":
    if not (data / SOCKET).exists():
        return None
    from gatepost.processes.rpc import Calls  # noqa: PLC0415

    try:
        return await Calls.connect(data / SOCKET)
    except ConnectError:
        return None  # left behind by a relay that was killed


def _open(data: Path, waited: float) -> "RelayStore | None":
    """Return the store; None if another process has it and waiting is permitted. Raises
    Unreadable."""
    from gatepost.app.opening_events import leave_news, news_of  # noqa: PLC0415
    from gatepost.net.atomic_files import keep_out_of_git, made_private  # noqa: PLC0415
    from gatepost.store.lock import StoreLocked  # noqa: PLC0415

    is_new = not data.exists()
    try:
        with made_private():
            store = _open_store(data)
            if is_new:
                keep_out_of_git(data)
            if news := news_of(store):
                sys.stderr.writelines(f"{reason}\n" for _, reason in news)
                leave_news(data, news)
    except StoreLocked as error:
        if waited > _GRACE and (removed := _missing_file(data, error.pid)):
            raise Unreadable(f"{error}, whose file {removed} was removed: restart it") from error
        if waited >= PATIENCE:
            raise
        return None
    return store


def _open_store(data: Path) -> "RelayStore":
    if (database := find_database(data)) is not None:
        from gatepost.app.store_opening import open_database  # noqa: PLC0415

        return open_database(data, database)
    from gatepost.store.sqlite import open_store  # noqa: PLC0415

    return open_store(data)


def _missing_file(data: Path, owner: int) -> str:
    """Return the file of the running relay that is missing, so that the relay cannot be reached."""
    from gatepost.app.ready_json import FILE  # noqa: PLC0415
    from gatepost.store.lock import LOCK  # noqa: PLC0415

    if not (data / LOCK).exists():
        return LOCK
    with suppress(OSError, ValueError, AttributeError):
        is_ready = json.loads((data / FILE).read_bytes()).get("pid") == owner
        if is_ready and not (data / SOCKET).exists():
            return SOCKET
    return ""


def _operate_over(calls: "Calls", what: str) -> Administer:
    async def operate(operation: str, fields: dict[str, Any]) -> dict[str, Any]:
        return await calls.call(dict[str, Any], what, operation, fields)

    return operate


def _administer_over(calls: "Calls") -> Administer:
    async def administer(operation: str, fields: dict[str, Any]) -> dict[str, Any]:
        answer = await calls.call(dict[str, Any], "administer", operation, fields)
        if "rejected" in answer:
            from gatepost.directory.azure.changes.change_result import Rejected  # noqa: PLC0415

            raise Rejected(*answer["rejected"])
        done: dict[str, Any] = answer["done"]
        return done

    return administer
