"""Record a client, which runs in a thread, on its way to its server."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gatepost.app.record_session import Ready, RecordOptions, record
from gatepost.doctor.recording.forwarding_settings import RecordingLimits
from gatepost.model.finding import Diagnosis
from gatepost.net.dial import parse_server

PATIENCE = 60.0


def recorded(server: str, data: Path, speak: Callable[[int], object], **how: Any) -> Diagnosis:
    """Return the diagnosis of ``speak``, which gets the recorder's port; its exceptions are
    ignored."""
    limits = RecordingLimits(how.pop("idle", PATIENCE), how.pop("total", PATIENCE), PATIENCE)
    place = ("127.0.0.1", 0)
    options = RecordOptions(place, parse_server(server), data=data, limits=limits, **how)

    async def both() -> Diagnosis:
        port: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def ready(where: Ready) -> None:
            port.set_result(where.listener.port)

        recording = asyncio.ensure_future(record(options, ready))
        waited: set[asyncio.Future[Any]] = {recording, port}
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        if not recording.done():
            speaking = asyncio.ensure_future(asyncio.to_thread(speak, await port))
            diagnosis = await recording
            await asyncio.gather(speaking, return_exceptions=True)
            return diagnosis
        return recording.result()

    return asyncio.run(both())


def ids(diagnosis: Diagnosis) -> list[str]:
    """Return the ids of its findings."""
    return [each.id for each in diagnosis.findings]
