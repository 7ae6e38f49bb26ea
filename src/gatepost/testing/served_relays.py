"""The process of ``EmulatorServer``: relays that share an event loop and certificates, and nothing
else. Each has its own directory, store, clock and ports.

A request is a line of JSON on standard input, and its response one on standard output. The process
ends with its input, or on request.
"""

import asyncio
import itertools
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gatepost.app.blank_directory import NOT_COPIED, make_blank
from gatepost.app.ready_json import FILE, encode_ready
from gatepost.app.relay_faces import ready_document
from gatepost.app.running_relay import RunningRelay
from gatepost.config.preset import UpPreset
from gatepost.errors import ConfigError, GatepostError
from gatepost.operator_log.writer import Reporter
from gatepost.processes.event_loop import report_faults, run
from gatepost.testing.local_relay import OUTPUT

LINE: Final = 1024 * 1024
"""Octets of a request at most."""
_FREE: Final = ("127.0.0.1", 0)

Request = Mapping[str, Any]
Response = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Served:
    """One of the relays."""

    running: RunningRelay
    stack: AsyncExitStack
    """Closes it."""


class Relays:
    """All relays of the process; their directories are in ``base``."""

    def __init__(self, base: Path) -> None:
        self._base, self._blank = base, base / "blank"
        self._served: dict[str, Served] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._numbers = itertools.count(1)

    async def prepare(self) -> dict[str, str]:
        """Make what all relays share; return the variables by which clients trust it."""
        return (await make_blank(self._blank)).variables

    async def handle(self, request: Request) -> Response:
        """Open a relay with the fields of ``open``, or close the one named by ``close``.

        A failure is a response, too: ``mistake`` if the request is wrong, otherwise ``failure``.
        """
        try:
            if "open" in request:
                return {"ready": await self._open(request["open"])}
            closing = self.close(request["close"])
            if closing is not None and request["wait"]:
                await asyncio.wait([closing])
        except ConfigError as error:
            return {"mistake": str(error)}
        except (GatepostError, OSError) as error:
            return {"failure": str(error)}
        return {}

    async def _open(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        data = self._base / str(next(self._numbers))
        shutil.copytree(self._blank, data, ignore=shutil.ignore_patterns(*NOT_COPIED))
        stack = AsyncExitStack()
        stack.callback(shutil.rmtree, data, ignore_errors=True)
        try:
            running = RunningRelay(_preset(data, wanted).read, _reporter(data, stack), stack)
            await running.start()
            document = ready_document(running)
            (data / FILE).write_bytes(encode_ready(document))
        except BaseException:
            await stack.aclose()
            raise
        self._served[str(data)] = Served(running, stack)
        running.failed.add_done_callback(lambda _: self.close(str(data)))
        return document

    def close(self, name: str) -> "asyncio.Task[None] | None":
        """Begin to close a relay, and return the task; None if it is closed already."""
        served = self._served.pop(name, None)
        if served is None:
            return None
        closing = asyncio.ensure_future(served.stack.aclose())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)
        return closing

    async def close_all(self) -> None:
        """Close every relay, and wait for it."""
        for name in list(self._served):
            self.close(name)
        while self._closing:
            await asyncio.wait(self._closing)


def _preset(data: Path, wanted: Mapping[str, Any]) -> UpPreset:
    return UpPreset(
        data,
        smtp=_FREE,
        smtps=_FREE,
        https=_FREE,
        http=_FREE,
        console=_FREE,
        profile=wanted["profile"],
        strict=wanted["strict"],
        settings=tuple(wanted["settings"]),
        is_durable=False,
    )


def _reporter(data: Path, stack: AsyncExitStack) -> Reporter:
    output = os.open(data / OUTPUT, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    stack.callback(os.close, output)
    reporter = Reporter(output, as_json=True)
    stack.callback(reporter.close)
    return reporter


async def serve(base: Path, respond: Callable[[Response], None]) -> None:
    """Handle the requests on standard input until its end, then close everything."""
    reporter = Reporter(sys.stderr.fileno(), as_json=True)
    report_faults(reporter)
    requests = asyncio.StreamReader(limit=LINE)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(requests), sys.stdin)
    relays = Relays(base)
    try:
        respond({"variables": await relays.prepare()})
        while line := await requests.readline():
            request = json.loads(line)
            if "stop" in request:  # the input may have no end, if a test has left a process behind
                break
            respond(await relays.handle(request))
    finally:
        await relays.close_all()
        reporter.close()


def main(base: str) -> None:
    """Serve relays in the directory ``base``, until standard input ends.

    The parent deletes ``base``, unless it has ended before.
    """
    os.umask(0o077)  # as `gatepost up` does
    parent = os.getppid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests, which close the input
    descriptor = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what is printed is not a response

    def respond(document: Response) -> None:
        with suppress(BrokenPipeError):
            os.write(descriptor, json.dumps(document).encode() + b"\n")

    run(serve(Path(base), respond))
    if os.getppid() != parent:  # it was killed, and does not clean up
        shutil.rmtree(base, ignore_errors=True)
