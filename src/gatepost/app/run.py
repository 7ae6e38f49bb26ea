"""Runs ``gatepost serve`` and ``gatepost up``: from a configuration, over reloads, to a clean
stop."""

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

from gatepost.app.ready_json import remove_ready
from gatepost.app.running_relay import RunningRelay
from gatepost.config.settings import Configuration
from gatepost.net.systemd import try_notify
from gatepost.operator_log.writer import Reporter
from gatepost.processes.event_loop import has_terminal, report_faults

OnReady = Callable[[dict[str, Any], Configuration], None]


async def run(
    read: Callable[[], Configuration],
    report: Reporter,
    on_ready: OnReady,
    *,
    needs_terminal: bool = False,
) -> int:
    """Run a relay until SIGTERM or SIGINT; return the exit code. SIGHUP reloads.

    ``read`` returns the configuration, again at each reload. ``on_ready`` gets the document of
    ready.json with a ``console_link``, and the configuration, again after each
    reload. With ``needs_terminal``, the relay stops when the terminal that it was started from has
    been closed. Raises GatepostError when it cannot start, as ``RunningRelay.start`` does.
    """
    report_faults(report)
    signals = _Signals(needs_terminal=needs_terminal)
    async with AsyncExitStack() as stack:
        relay = RunningRelay(read, report, stack)
        await relay.start()
        document = relay.tell_ready()
        stack.callback(remove_ready, relay.data)
        on_ready(_with_link(relay, document), relay.now.config)
        stack.callback(try_notify, "STOPPING=1")
        try_notify(f"READY=1\nMAINPID={os.getpid()}")
        ends = (relay.failed, signals.stopped, relay.drained)
        while not any(each.done() for each in ends):
            waited: set[asyncio.Future[Any]] = {*ends, signals.hangup}
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if signals.hangup.done():
                signals.hangup = asyncio.get_running_loop().create_future()
                await _reload(relay, signals, on_ready)
        ended = next(each for each in ends if each.done())
        report("stopping", reason=ended.result())
        await relay.drain()
    return 1 if relay.failed.done() else 0


async def _reload(relay: RunningRelay, signals: "_Signals", on_ready: OnReady) -> None:
    """Reload, unless the relay is stopped meanwhile, which does not wait for it."""
    reloading = asyncio.create_task(relay.reload())
    waited: set[asyncio.Future[Any]] = {reloading, signals.stopped, relay.failed, relay.drained}
    await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
    if not reloading.done():
        reloading.cancel()
        await asyncio.wait({reloading})
    elif (document := reloading.result()) is not None:
        on_ready(_with_link(relay, document), relay.now.config)


def _with_link(relay: RunningRelay, document: dict[str, Any]) -> dict[str, Any]:
    """Return the document for whoever started the relay: with a link that signs in to the
    console."""
    return {**document, "console_link": relay.console.make_link()}


class _Signals:
    """The signals that the process has received; repeated ones count once."""

    def __init__(self, *, needs_terminal: bool) -> None:
        loop = asyncio.get_running_loop()
        self.stopped: asyncio.Future[str] = loop.create_future()
        self.hangup: asyncio.Future[None] = loop.create_future()
        self._had_terminal = needs_terminal and has_terminal()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, self._stop)
        if not needs_terminal or signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as by nohup
            loop.add_signal_handler(signal.SIGHUP, self._hang_up)

    def _stop(self) -> None:
        if not self.stopped.done():
            self.stopped.set_result("signal")

    def _hang_up(self) -> None:
        if self._had_terminal and not has_terminal():
            self._stop()
        elif not self.hangup.done():
            self.hangup.set_result(None)
