"""How the commands about events and the queue call a relay, or use the store of a stopped one."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from gatepost.cli.output import Failed
from gatepost.cli.store_options import configured_routes

Document = dict[str, Any]
Opened = AbstractAsyncContextManager[Callable[[str, dict[str, Any]], Awaitable[Document]]]


def ask_events(data: Path, operation: str, fields: Mapping[str, Any]) -> Document:
    """Run an operation of ``app.events``; errors become Failed."""
    from gatepost.app.access import open_events  # noqa: PLC0415 - `gatepost --help` does without

    return _ask(open_events(data), operation, fields)


def ask_queue(data: Path, operation: str, fields: Mapping[str, Any]) -> Document:
    """Run an operation of ``app.queueing``; errors become Failed."""
    from gatepost.app.access import open_queue  # noqa: PLC0415

    return _ask(open_queue(data, configured_routes), operation, fields)


def ask_clock(data: Path, operation: str, fields: Mapping[str, Any]) -> Document:
    """Run an operation of ``app.clock``; errors become Failed."""
    from gatepost.app.access import open_clock  # noqa: PLC0415

    return _ask(open_clock(data), operation, fields)


def _ask(opened: Opened, operation: str, fields: Mapping[str, Any]) -> Document:
    import asyncio  # noqa: PLC0415

    from gatepost.errors import GatepostError  # noqa: PLC0415

    async def run() -> Document:
        async with opened as operate:
            return await operate(operation, dict(fields))

    try:
        return asyncio.run(run())
    except KeyError as error:
        raise Failed(f"there is no {error.args[0]}", "NotFound") from None
    except ValueError as error:
        raise Failed(str(error), "BadRequest") from None
    except GatepostError as error:
        raise Failed.by(error) from None
