"""All operations of a relay by one name each, for Gatepost's own API."""

from collections.abc import Mapping
from typing import Any

from gatepost.control.administration.operations import AdminDispatch
from gatepost.control.socket_server import Command


class RelayOperations:
    """Runs ``COMMAND.OPERATION`` as over the control socket, and administers ``directory``."""

    def __init__(self, commands: Mapping[str, Command], admin: AdminDispatch) -> None:
        self._commands, self._admin = commands, admin

    async def __call__(self, operation: str, fields: dict[str, Any]) -> dict[str, Any]:
        """Run an operation. Raises NotConfigured, Rejected, KeyError, ValueError and QueueError."""
        command, _, name = operation.partition(".")
        if command == "directory":
            return await self._admin.administer(name, fields)
        run = self._commands.get(command)
        if run is None:
            raise ValueError(f"unknown operation {operation[:40]!r}")
        return await run(name, fields)
