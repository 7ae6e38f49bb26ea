"""What a tool is, and what the user permits the tools to do."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import msgspec

from gatepost.doctor.logs.redaction import redact_log, unmarked
from gatepost.doctor.probe_settings import PORTS
from gatepost.net.dial import Server, parse_server

MAX_TEXT: Final = 1024 * 1024
"""Octets of a text or file that a tool reads; a longer one is refused."""
MAX_ANSWER: Final = 100_000
"""Characters of an answer."""
_VALUE: Final = re.compile(r"'.*'|(?<=unknown field )`.*`", re.DOTALL)
"""What msgspec's messages repeat of the arguments."""


class ToolRefused(Exception):
    """The tool cannot do this; the message says why, and what can be done.

    Secrets are removed from the message before the assistant gets it.
    """


@dataclass(frozen=True, slots=True)
class Permissions:
    """What the user permits, by options of the command."""

    probes: tuple[str, ...] = ()
    """Servers that may be connected to: HOST or HOST:PORT; ``*`` stands for any characters."""
    directories: tuple[Path, ...] = ()
    """Files in these may be read."""
    data: Path = Path(".gatepost")
    """The directory of the relay whose captured mail may be read."""

    def find_ports(self, server: str) -> tuple[Server, tuple[int, ...]]:
        """Return the server, and the ports that may be tried there.

        Raises ConfigError for what is no server, and ToolRefused if it may not be connected to.
        """
        named, other = parse_server(server, 1), parse_server(server, 2)
        has_port = named == other
        ports: list[int] = []
        for pattern in self.probes:
            host, port = _split(pattern)
            if fnmatchcase(named.host.lower(), host):
                ports += [port] if port else PORTS
        if has_port and named.port in ports:
            return named, (named.port,)
        if ports and not has_port:
            return Server(named.host, ports[0]), tuple(dict.fromkeys(ports))
        raise ToolRefused(
            f"the user has not permitted connections to {server}; this needs the option "
            f"--allow-probe {server} of gatepost mcp, which only the user can add"
        )

    def read_file(self, path: str) -> bytes:
        """Return the content of a file. Raises ToolRefused."""
        try:
            file = Path(path).resolve()
            allowed = any(file.is_relative_to(each.resolve()) for each in self.directories)
            if not allowed:
                raise ToolRefused(
                    "the user has not permitted this file to be read; this needs the option "
                    "--allow-files DIR of gatepost mcp, which only the user can add"
                )
            if not file.is_file():
                raise ToolRefused("there is no such file")
            with file.open("rb") as opened:
                content = opened.read(MAX_TEXT + 1)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise ToolRefused(f"the file cannot be read: {reason}") from None
        return checked_size(content)


def _split(pattern: str) -> tuple[str, int]:
    """Return the host and the port of a pattern; 0 if it has none."""
    host, _, port = pattern.lower().rpartition(":")
    if host and port.isdigit() and (":" not in host or host.endswith("]")):
        return host.strip("[]"), int(port)
    return pattern.lower().strip("[]"), 0


def checked_size(content: bytes) -> bytes:
    """Return ``content``. Raises ToolRefused if it is longer than MAX_TEXT."""
    if len(content) > MAX_TEXT:
        raise ToolRefused(
            f"longer than {MAX_TEXT} octets: give only the lines around the error, or with "
            "gatepost doctor --log the whole file"
        )
    return content


def redact(text: str) -> str:
    """Return a text from outside without secrets."""
    return unmarked(redact_log(text).text)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a tool returns: Markdown, and the same as JSON."""

    text: str
    document: dict[str, Any]


@dataclass(frozen=True, slots=True)
class AssistantTool:
    """A tool: its arguments are the fields of a class, which also makes their schema."""

    name: str
    title: str
    description: Callable[[Permissions], str]
    arguments: type[msgspec.Struct]
    run: "Callable[[Any, Permissions], Answer] | None" = None
    """Runs in a thread, because it computes or waits."""
    run_async: "Callable[[Any, Permissions], Awaitable[Answer]] | None" = None
    time_limit: float = 20.0
    """Seconds."""
    connects: bool = False
    """Whether it connects to other machines."""

    def read_arguments(self, arguments: dict[str, Any]) -> msgspec.Struct:
        """Return the arguments. Raises ToolRefused, without the value that is wrong."""
        try:
            return msgspec.convert(arguments, self.arguments)
        except msgspec.ValidationError as error:
            raise ToolRefused(f"wrong arguments: {_VALUE.sub('...', str(error))}") from None

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the arguments."""
        _, components = msgspec.json.schema_components([self.arguments])
        schema: dict[str, Any] = components[self.arguments.__name__]
        return schema
