"""The program of a front process: SMTP here, store and directory behind the control socket."""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import msgspec

from gatepost.app.hurry import SOCKET
from gatepost.app.remote_directory import RemoteDirectory, RemoteQuotas
from gatepost.app.remote_store import RemoteStore
from gatepost.app.rpc import Calls
from gatepost.app.runtime import DRAIN, run
from gatepost.app.serving import Backend, make_entrances, make_relay
from gatepost.app.workers import READY, Front
from gatepost.errors import Disconnected
from gatepost.net.listen import adopt
from gatepost.relay.supervise import Supervisor


async def serve(front: Front) -> None:
    """Serve until SIGTERM, or until the store process is gone."""
    calls = await Calls.connect(Path(front.serving.data) / SOCKET)
    store = RemoteStore(calls)
    directory = await RemoteDirectory.connect(calls)

    def report(event: str, **facts: Any) -> None:
        try:
            calls.tell("report", event, facts)
        except Disconnected:
            return  # we stop in a moment

    quotas = RemoteQuotas(calls) if front.serving.profile.strict.counts else None
    backend = Backend(store, directory, quotas)
    relay = make_relay(front.serving, backend, report, await store.new_epoch())
    supervisor = Supervisor(relay)
    loop = asyncio.get_running_loop()
    stop = asyncio.ensure_future(calls.lost.wait())
    loop.add_signal_handler(signal.SIGTERM, stop.cancel)
    loop.add_signal_handler(signal.SIGINT, lambda: None)  # the terminal's; the parent tells us
    entrances = make_entrances(front.serving, directory)
    for name, descriptors in (("smtp", front.smtp), ("smtps", front.smtps)):
        if descriptors:
            await supervisor.serve(adopt(descriptors), entrances[name])
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()
    await asyncio.wait([stop])
    await supervisor.drain(DRAIN)
    calls.close()


def main() -> None:
    """Read what to do from standard input, and do it."""
    run(serve(msgspec.json.decode(sys.stdin.buffer.readline(), type=Front)))


if __name__ == "__main__":
    main()
