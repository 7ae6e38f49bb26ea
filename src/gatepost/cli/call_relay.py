"""How commands call a running relay, or use the store of a stopped one."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Final

from gatepost.cli.output import CommandFailed
from gatepost.cli.store_options import check_config, configured_directories, configured_routes

Document = dict[str, Any]
_CREATES: Final = ("account create", "directory import")
"""The operations that are possible before the first start of a relay."""
Opened = AbstractAsyncContextManager[Callable[[str, dict[str, Any]], Awaitable[Document]]]


def call_events(data: Path, operation: str, fields: Mapping[str, Any]) -> Document:
    """Run an operation of ``reports``; errors become CommandFailed."""
    from gatepost.app.data_directory import open_events  # noqa: PLC0415 - `gatepost --help` does without

    return _call(open_events(data), operation, fields)


def call_queue(data: Path, operation: str, fields: Mapping[str, Any]) -> Document:
    """Run an operation of ``control``; errors become CommandFailed."""
    from gatepost.app.data_directory import open_queue  # noqa: PLC0415

    return _call(open_queue(data, configured_routes), operation, fields)


def call_nodes(data: Path, operation: str, fields: Mapping[str, Any]) -> Document:
    """Run an operation of ``control.node_operations``; errors become CommandFailed."""
    from gatepost.app.data_directory import open_nodes  # noqa: PLC0415

    return _call(open_nodes(data), operation, fields)


def call_sessions(data: Path, operation: str, fields: Mapping[str, Any]) -> Document:
    """Run an operation of ``control.session_operations``; errors become CommandFailed."""
    from gatepost.app.data_directory import open_sessions  # noqa: PLC0415

    return _call(open_sessions(data), operation, fields)


def follow_sessions(data: Path, filters: Mapping[str, Any]) -> Iterator[Document]:
    """Yield each session that matches when it has ended, until the relay stops."""
    cursor: str | None = None
    while True:
        news = call_sessions(data, "follow", {**filters, "after": cursor})
        yield from news["sessions"]
        cursor = news["cursor"]


def call_clock(data: Path, operation: str, fields: Mapping[str, Any]) -> Document:
    """Run an operation of ``control.clock``; errors become CommandFailed."""
    from gatepost.app.data_directory import open_clock  # noqa: PLC0415

    return _call(open_clock(data), operation, fields)


def call_failures(data: Path, operation: str, fields: Mapping[str, Any]) -> Document:
    """Run an operation on the running relay's rules; errors become CommandFailed."""
    from gatepost.app.data_directory import open_failures  # noqa: PLC0415

    return _call(open_failures(data), operation, fields)


def call_upstreams(data: Path, operation: str, fields: Mapping[str, Any]) -> Document:
    """Run an operation on the running relay's upstreams; errors become CommandFailed."""
    from gatepost.app.data_directory import open_upstreams  # noqa: PLC0415

    return _call(open_upstreams(data), operation, fields)


def call_console(data: Path, operation: str, fields: Mapping[str, Any]) -> Document:
    """Run an operation of the running relay's console; errors become CommandFailed."""
    from gatepost.app.data_directory import open_console  # noqa: PLC0415

    return _call(open_console(data), operation, fields)


def call_directory(data: Path, operation: str, fields: Mapping[str, Any]) -> Document:
    """Run an operation on the directory of ``data``; errors become CommandFailed."""
    from gatepost.app.data_directory import open_administration  # noqa: PLC0415
    from gatepost.app.store_location import has_store  # noqa: PLC0415

    creates = operation in _CREATES
    if not has_store(data):
        if operation == "account list":
            return _only_configured()
        if creates:
            check_config()
    opened = open_administration(data, make=creates, configured=configured_directories)
    present = {name: value for name, value in fields.items() if value is not None}
    try:
        return _call(opened, operation, present)
    except OSError as error:
        raise CommandFailed.by(error) from None


def _only_configured() -> Document:
    from gatepost.control.administration.accounts import document  # noqa: PLC0415
    from gatepost.keys.accounts import named_accounts  # noqa: PLC0415

    documents = [
        document(each, "configuration") for each in named_accounts(configured_directories())
    ]
    return {"accounts": sorted(documents, key=lambda each: str(each["name"]))}


def _call(opened: Opened, operation: str, fields: Mapping[str, Any]) -> Document:
    import asyncio  # noqa: PLC0415

    from gatepost.directory.azure.changes.change_result import Rejected  # noqa: PLC0415
    from gatepost.errors import GatepostError  # noqa: PLC0415

    async def run() -> Document:
        async with opened as operate:
            return await operate(operation, dict(fields))

    try:
        return asyncio.run(run())
    except Rejected as error:
        raise CommandFailed(error.message, error.code) from None
    except KeyError as error:
        raise CommandFailed(f"there is no {error.args[0]}", "NotFound") from None
    except ValueError as error:
        raise CommandFailed(str(error), "BadRequest") from None
    except GatepostError as error:
        raise CommandFailed.by(error) from None
