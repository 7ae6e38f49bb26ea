"""The loop around the watchers: the time of each check, the number at once, and a clean stop."""

import asyncio
import random
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from gatepost.config.watch_file import WatchConfig
from gatepost.errors import ConfigError
from gatepost.model.operator_event import ReportEvent
from gatepost.net.listen import Listener, listen
from gatepost.store.lock import DirectoryLock, StoreLocked
from gatepost.watch.metrics import CONTENT_TYPE, render
from gatepost.watch.watcher import Look, Watcher, look
from gatepost.web.server import WebServer

SOON: Final = 5.0
"""Seconds over which the first checks after a start are spread."""
WORST: Final = ("finding", "unreachable", "unknown", "healthy")
"""The verdict on several upstreams is the first of these that one of them has."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What to watch; ``looking`` is the doctor."""

    config: WatchConfig
    file: Path
    once: bool = False
    looking: Look = look


async def watch(
    wanted: Watch, report: ReportEvent, on_ready: Callable[[dict[str, Any]], None]
) -> str:
    """Watch until SIGTERM or SIGINT, or check once; return the worst verdict of the last checks.

    Raises ConfigError if another process watches with the same directory, and NetworkError if the
    metrics' address is not available.
    """
    config, stopped = wanted.config, _stopped_by_signal()
    watchers = [Watcher(each, config, report, wanted.looking) for each in config.upstreams]
    async with AsyncExitStack() as stack:
        stack.callback(_lock(config.directory).release)
        listener = None if wanted.once else await _serve_metrics(config, watchers, stack)
        for watcher in watchers:
            watcher.remember()
        on_ready(_document(wanted, listener))
        gate = asyncio.Semaphore(config.parallel)
        work = [
            asyncio.ensure_future(
                _once(watcher, gate) if wanted.once else _again_and_again(watcher, config, gate)
            )
            for watcher in watchers
        ]
        all_of_it = asyncio.ensure_future(asyncio.wait(work, return_when=asyncio.FIRST_EXCEPTION))
        waited: set[asyncio.Future[Any]] = {all_of_it, stopped}
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        if stopped.done():
            report("stopping", reason="signal")
        for each in (all_of_it, *work):
            each.cancel()
        outcomes = await asyncio.gather(*work, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
    return _worst(watchers)


def _lock(directory: Path) -> DirectoryLock:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return DirectoryLock(directory)
    except StoreLocked as error:
        raise ConfigError(str(error)) from error
    except OSError as error:
        raise ConfigError(f"{directory} cannot be used: {error.strerror or error}") from error


def _stopped_by_signal() -> "asyncio.Future[None]":
    loop = asyncio.get_running_loop()
    stopped: asyncio.Future[None] = loop.create_future()

    def stop() -> None:
        if not stopped.done():
            stopped.set_result(None)

    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop)
    return stopped


async def _once(watcher: Watcher, gate: asyncio.Semaphore) -> None:
    async with gate:
        await watcher.probe()


async def _again_and_again(watcher: Watcher, config: WatchConfig, gate: asyncio.Semaphore) -> None:
    """Wait by the monotonic clock."""
    interval = watcher.upstream.interval.total_seconds()
    await asyncio.sleep(first_after(interval, config.jitter, random.random()))  # noqa: S311
    while True:
        async with gate:
            await watcher.probe()
        await asyncio.sleep(next_after(interval, config.jitter, random.random()))  # noqa: S311


async def _serve_metrics(
    config: WatchConfig, watchers: list[Watcher], stack: AsyncExitStack
) -> Listener | None:
    if config.metrics is None:
        return None
    listener = listen(*config.metrics)
    stack.callback(listener.close)

    async def metrics(_request: Request) -> PlainTextResponse:
        statuses = (watcher.status for watcher in watchers)
        return PlainTextResponse(render(statuses, datetime.now(UTC)), media_type=CONTENT_TYPE)

    application = Starlette(routes=[Route("/metrics", metrics, methods=["GET"])])
    server = WebServer(listener, application)
    stack.push_async_callback(server.stop)
    await server.wait_started()
    return listener


def _document(wanted: Watch, listener: Listener | None) -> dict[str, Any]:
    return {
        "config": str(wanted.file),
        "directory": str(wanted.config.directory.resolve()),
        "upstreams": [each.name for each in wanted.config.upstreams],
        "metrics": f"http://{listener.host_port}/metrics" if listener else None,
    }


def _worst(watchers: list[Watcher]) -> str:
    verdicts = [
        watcher.status.last.verdict if watcher.status.last else "unknown" for watcher in watchers
    ]
    return next(verdict for verdict in WORST if verdict in verdicts)


def first_after(interval: float, jitter: float, chance: float) -> float:
    """Return the seconds until the first check; ``chance`` is a random number from 0 to 1."""
    return min(interval, SOON) * jitter * chance


def next_after(interval: float, jitter: float, chance: float) -> float:
    """Return the seconds until the next check: the interval, changed by up to ``jitter`` of it, so
    that many watchers do not connect in the same second."""
    return interval * (1 + jitter * (2 * chance - 1))
