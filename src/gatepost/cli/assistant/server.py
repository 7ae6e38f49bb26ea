"""Serves the tools over standard input and output, by the Model Context Protocol."""

import json
import logging
import re
import sys
from collections.abc import Mapping
from importlib.metadata import version
from typing import IO, Any, Final, NamedTuple, cast

import anyio
import anyio.to_thread
import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage

from gatepost.cli.assistant.toolbox import (
    MAX_TEXT,
    Answer,
    AssistantTool,
    Permissions,
    ToolRefused,
    redact,
)
from gatepost.cli.assistant.tools import TOOLS
from gatepost.model.unprintable import escape_unprintable

MAX_LINE: Final = 8 * MAX_TEXT
"""Octets of a request: in JSON, a character may take several."""
_ID: Final = re.compile(rb"\"id\"\s{0,9}:\s{0,9}(\d{1,18}|\"[\w.:-]{1,100}\")")
_SEARCHED: Final = 4_096
_BY_NAME: Final[Mapping[str, AssistantTool]] = {each.name: each for each in TOOLS}
INSTRUCTIONS: Final = (
    "Finds out why programs cannot send mail (SMTP, its logins and TLS). Begin with diagnose_text "
    "for an error message or log, or check_config for settings; explain_cause has details. Never "
    "ask the user for a password: no tool needs one."
)


async def serve(permissions: Permissions) -> None:
    """Serve until standard input ends."""
    logging.disable(logging.CRITICAL)  # what the package logs may repeat what it was sent
    tools = _Tools(permissions)
    server: Server[Any] = Server(
        "gatepost",
        version=version("gatepost"),
        instructions=INSTRUCTIONS,
        on_list_tools=tools.list_tools,
        on_call_tool=tools.call_tool,
    )
    lines = _Lines(sys.stdin.buffer)
    async with stdio_server(stdin=cast("Any", lines)) as (incoming, outgoing):
        lines.outgoing = outgoing
        await server.run(incoming, outgoing, server.create_initialization_options())


class _Tools:
    """Lists and runs the tools; each runs at most twice at the same time."""

    def __init__(self, permissions: Permissions) -> None:
        self._permissions = permissions
        self._limiters = {each.name: anyio.CapacityLimiter(2) for each in TOOLS}

    async def list_tools(self, context: Any, parameters: Any) -> types.ListToolsResult:
        del context, parameters
        return types.ListToolsResult(tools=list(map(self._describe, TOOLS)))

    def _describe(self, tool: AssistantTool) -> types.Tool:
        return types.Tool(
            name=tool.name,
            title=tool.title,
            description=tool.description(self._permissions),
            input_schema=tool.schema(),
            annotations=types.ToolAnnotations(
                title=tool.title, read_only_hint=True, open_world_hint=tool.connects
            ),
        )

    async def call_tool(
        self, context: Any, parameters: types.CallToolRequestParams
    ) -> types.CallToolResult:
        del context
        try:
            answer = await self._run(parameters.name, parameters.arguments or {})
        except ToolRefused as error:
            return types.CallToolResult(
                content=[types.TextContent(text=_printable(redact(str(error))))], is_error=True
            )
        return types.CallToolResult(
            content=[types.TextContent(text=_printable(answer.text))],
            structured_content=answer.document,
        )

    async def _run(self, name: str, arguments: dict[str, Any]) -> Answer:
        """Return the answer of a tool. Raises ToolRefused, also for a fault of ours.

        The message of an exception could contain a secret.
        """
        tool = _BY_NAME.get(name)
        if tool is None:
            raise ToolRefused(f"there is no such tool; there are {', '.join(_BY_NAME)}")
        read = tool.read_arguments(arguments)
        try:
            with anyio.fail_after(tool.time_limit):
                return await self._answer(tool, read)
        except TimeoutError:
            raise ToolRefused(f"no answer within {tool.time_limit:g} s") from None
        except ToolRefused:
            raise
        except Exception as error:  # noqa: BLE001 - see above
            raise ToolRefused(f"{name} failed: {type(error).__name__}") from None

    async def _answer(self, tool: AssistantTool, arguments: Any) -> Answer:
        if tool.run_async is not None:
            async with self._limiters[tool.name]:
                return await tool.run_async(arguments, self._permissions)
        run = tool.run
        assert run is not None  # noqa: S101 - a tool has one of the two
        return await anyio.to_thread.run_sync(
            lambda: run(arguments, self._permissions),
            abandon_on_cancel=True,
            limiter=self._limiters[tool.name],
        )


def _printable(text: str) -> str:
    """Return a text without what could deceive a reader; code in Go needs its tabs."""
    return "\t".join(map(escape_unprintable, text.split("\t")))


class _Lines:
    """The lines of a stream; one that is too long is refused."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.outgoing: Any = None
        """Where refusals are sent."""
        self._stream = stream

    def __aiter__(self) -> "_Lines":
        return self

    async def __anext__(self) -> str:
        while True:
            line = await anyio.to_thread.run_sync(self._read, abandon_on_cancel=True)
            if isinstance(line, bytes):
                if not line:
                    raise StopAsyncIteration
                return line.decode("utf-8", "replace")
            message = f"the request is longer than {MAX_LINE} octets"
            error = types.ErrorData(code=types.INVALID_REQUEST, message=message)
            response = types.JSONRPCError(jsonrpc="2.0", id=line.id, error=error)
            await self.outgoing.send(SessionMessage(response))

    def _read(self) -> "bytes | _TooLong":
        line = self._stream.readline(MAX_LINE)
        if len(line) < MAX_LINE or line.endswith(b"\n"):
            return line
        end = line
        while end and not end.endswith(b"\n"):
            end = self._stream.readline(MAX_LINE)
        match = _ID.search(line[:_SEARCHED]) or _ID.search(end[-_SEARCHED:])
        return _TooLong(json.loads(match[1]) if match else None)


class _TooLong(NamedTuple):
    """A request of which only the id is known, if that."""

    id: int | str | None
