"""How the commands about events ask a relay, or the store of a stopped one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gatepost.cli.output import Failed

Document = dict[str, Any]


def ask_events(data: Path, operation: str, fields: Mapping[str, Any]) -> Document:
    """Run an operation of ``app.events``; what goes wrong is a Failed."""
    import asyncio  # noqa: PLC0415 - `gatepost --help` does without

    from gatepost.app.access import open_events  # noqa: PLC0415
    from gatepost.errors import GatepostError  # noqa: PLC0415

    async def run() -> Document:
        async with open_events(data) as operate:
            return await operate(operation, dict(fields))

    try:
        return asyncio.run(run())
    except KeyError as error:
        raise Failed(f"there is no {error.args[0]}", "NotFound") from None
    except ValueError as error:
        raise Failed(str(error), "BadRequest") from None
    except GatepostError as error:
        raise Failed.by(error) from None
