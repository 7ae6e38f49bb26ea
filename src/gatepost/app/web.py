"""HTTP and HTTPS, served by uvicorn on sockets that we opened and with signals that stay ours."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from gatepost.net.listen import Listener

GRACE: Final = 2
"""Seconds that open requests get at the end."""
LAST_ANSWERS: Final = 0.5
"""Seconds in which those that were cut short are told so."""


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # they stay the relay's, which drains first and then stops us


class WebServer:
    """One listener served with one application; ``stop`` ends it."""

    def __init__(
        self,
        listener: Listener,
        application: ASGIApp,
        certificate: tuple[Path, Path] | None = None,
    ) -> None:
        """``certificate``: chain and key in PEM, for HTTPS."""
        chain, key = certificate or (None, None)
        config = uvicorn.Config(
            application,
            log_config=None,
            log_level="critical",  # what fails is an event of ours; nothing else goes to stderr
            access_log=False,
            proxy_headers=False,  # X-Forwarded-For would forge who is logged and traced
            lifespan="off",
            ssl_certfile=chain,
            ssl_keyfile=str(key) if key else None,
            timeout_graceful_shutdown=GRACE,
        )
        self._server = _Server(config)
        self._serving = asyncio.ensure_future(self._server.serve(list(listener.sockets)))

    async def wait_started(self) -> None:
        """Return when it accepts."""
        while not self._server.started:
            if self._serving.done():
                self._serving.result()
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """Finish open requests, or cut them short, and close."""
        self._server.should_exit = True
        await self._serving
        cut_short = list(self._server.server_state.tasks)
        if cut_short:
            await asyncio.wait(cut_short, timeout=LAST_ANSWERS)
