"""DIR/control.sock: the relay answers the command line and its own front processes.

Only the owner of the directory can open the socket, so who asks is not asked.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from gatepost.app.carried import Carried, arrive
from gatepost.app.rpc import Answers, Operation, decode
from gatepost.directory.contract import Directory
from gatepost.model.address import Address
from gatepost.model.credentials import Credentials, Principal
from gatepost.net.frames import FrameStream, serve_frames
from gatepost.policy.quotas import OwnQuotas, Quotas, SubscriptionQuotas
from gatepost.queue.contract import Selection, Store
from gatepost.relay.context import Report

T = TypeVar("T")

SOCKET: Final = "control.sock"
BODY_WINDOW: Final = 1024 * 1024


async def serve_control(
    data: Path,
    store: Store,
    directory: Directory,
    report: Report,
    quotas: SubscriptionQuotas | None = None,
) -> asyncio.Server:
    """Answer at DIR/control.sock until the server is closed."""
    operations = {**store_operations(store), **directory_operations(directory)}
    operations["report"] = lambda raw: _report(report, raw)

    def make_stream() -> FrameStream:
        if quotas is None:
            return Answers(operations).make_stream()
        owner = object()  # who hangs up takes its connections along
        own = quota_operations(OwnQuotas(quotas, owner))
        return Answers({**operations, **own}, lambda: quotas.forget(owner)).make_stream()

    return await serve_frames(data / SOCKET, make_stream)


def _report(report: Report, raw: msgspec.Raw) -> None:
    event, facts = decode(raw, tuple[str, dict[str, Any]])
    report(event, **facts)


def store_operations(store: Store) -> dict[str, Operation]:
    """Return the store's operations by name."""

    async def body(id_: str) -> list[bytes]:
        return list((await store.body(id_)).chunks())

    async def put(carried: Carried) -> str:
        await store.put(arrive(carried))
        return store.refusal

    return {
        "put": _taking(tuple[Carried], put),
        "new_epoch": _taking(tuple[()], store.new_epoch),
        "refusal": _taking(tuple[()], lambda: store.refusal),
        "list": _taking(tuple[Selection], store.list),
        "count": _taking(tuple[()], store.count),
        "get": _taking(tuple[str], store.get),
        "trace": _taking(tuple[str], store.trace),
        "body": _taking(tuple[str], body),
        "delete": _taking(tuple[tuple[str, ...] | None], store.delete),
        "wait": _taking(tuple[Selection, float], store.wait),
    }


def directory_operations(directory: Directory) -> dict[str, Operation]:
    """Return the directory's operations by name."""
    return {
        "mechanisms": _taking(tuple[()], lambda: sorted(directory.mechanisms)),
        "identify": _taking(tuple[Credentials, str], directory.identify),
        "verifier": _taking(tuple[str, str], directory.verifier),
        "standing": _taking(tuple[Principal, Address], directory.standing),
    }


def quota_operations(quotas: Quotas) -> dict[str, Operation]:
    """Return the quotas' operations by name."""
    return {
        "enter": _taking(tuple[Principal], quotas.enter),
        "leave": _taking(tuple[Principal], quotas.leave),
        "admit": _taking(tuple[Principal, Address], quotas.admit),
    }


def _taking(kinds: Any, operation: Callable[..., Any]) -> Operation:
    """Decode the arguments as ``kinds`` (a tuple type) and run ``operation`` with them."""
    return lambda raw: operation(*decode(raw, kinds))
