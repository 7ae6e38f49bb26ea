"""Captured mail and the directory in DIR, whether or not its relay runs."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatepost.app.hurry import SOCKET
from gatepost.errors import ConfigError, ConnectError
from gatepost.queue.contract import Store

if TYPE_CHECKING:
    from gatepost.app.rpc import Calls

Administer = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]
"""Runs an operation of ``app.administration`` with its fields. Raises Rejected."""


@asynccontextmanager
async def open_mailbox(data: Path) -> AsyncIterator[Store]:
    """Give the store of ``data``: the relay's, over its socket, or the files themselves.

    Raises ConfigError when there is no such store, Unreadable when it cannot be opened
    (StoreLocked while a relay starts or stops).
    """
    async with _connected(data) as calls:
        # Either way loads what the other does without, and a command is typed in a hurry.
        if calls is not None:
            from gatepost.app.remote_store import RemoteStore  # noqa: PLC0415

            yield RemoteStore(calls)
            return
        from gatepost.store.sqlite import open_store  # noqa: PLC0415

        store = open_store(data)
        try:
            yield store
        finally:
            store.close()


@asynccontextmanager
async def open_administration(data: Path, *, make: bool = False) -> AsyncIterator[Administer]:
    """Give what changes the directory of ``data``: its relay, or the operations themselves.

    A running relay goes by each change from the next command of any session on. With ``make``
    the directory need not be there yet. Raises as ``open_mailbox`` does.
    """
    async with _connected(data, make=make) as calls:
        if calls is not None:
            yield _asking(calls)
            return
        from gatepost.app.administration.own import own_administration  # noqa: PLC0415

        async with own_administration(data) as administer:
            yield administer


@asynccontextmanager
async def open_events(data: Path) -> AsyncIterator[Administer]:
    """Give what runs an operation of ``app.events.operations`` on ``data``.

    The operations raise ValueError and KeyError with a sentence, and GatepostError. Raises as
    ``open_mailbox`` does.
    """
    async with _connected(data) as calls:
        if calls is not None:

            async def ask(operation: str, fields: dict[str, Any]) -> dict[str, Any]:
                return await calls.call(dict[str, Any], "events", operation, fields)

            yield ask
            return
        from gatepost.app.events.own import own_events  # noqa: PLC0415

        async with own_events(data) as operate:
            yield operate


@asynccontextmanager
async def open_queue(data: Path) -> AsyncIterator[Administer]:
    """Give what runs an operation of ``app.queueing.operations`` on ``data``.

    The operations raise ValueError and KeyError with a sentence, and GatepostError. Raises as
    ``open_mailbox`` does.
    """
    async with _connected(data) as calls:
        if calls is not None:

            async def ask(operation: str, fields: dict[str, Any]) -> dict[str, Any]:
                return await calls.call(dict[str, Any], "queue", operation, fields)

            yield ask
            return
        from gatepost.app.queueing.own import own_queue  # noqa: PLC0415

        async with own_queue(data) as operate:
            yield operate


@asynccontextmanager
async def _connected(data: Path, *, make: bool = False) -> "AsyncIterator[Calls | None]":
    """Give the connection to the relay of ``data``; None when none runs."""
    if not make and not (data / "store.db").exists():
        raise ConfigError(f"there is nothing in {data}: no relay has run there")
    calls = None
    if (data / SOCKET).exists():
        from gatepost.app.rpc import Calls  # noqa: PLC0415

        try:
            calls = await Calls.connect(data / SOCKET)
        except ConnectError:
            pass  # left behind by a relay that was killed
    try:
        yield calls
    finally:
        if calls is not None:
            calls.close()


def _asking(calls: "Calls") -> Administer:
    async def administer(operation: str, fields: dict[str, Any]) -> dict[str, Any]:
        answer = await calls.call(dict[str, Any], "administer", operation, fields)
        if "rejected" in answer:
            from gatepost.directory.azure.changes.outcome import Rejected  # noqa: PLC0415

            raise Rejected(*answer["rejected"])
        done: dict[str, Any] = answer["done"]
        return done

    return administer
