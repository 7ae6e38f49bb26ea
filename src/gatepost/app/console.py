"""The console's listener: one for the pages, the mailbox API and Gatepost's own API.

Nothing of it is imported before the first connection, so that ``up`` starts no slower.
"""

import asyncio
import base64
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gatepost.app.console_parts import ConsoleParts
from gatepost.app.make_listeners import certificates_of
from gatepost.config.settings import Configuration, ConsoleSettings
from gatepost.keys.store_key import Key
from gatepost.model.host_port import join_host_port
from gatepost.model.operator_event import ReportEvent
from gatepost.net.clock import Clock
from gatepost.net.listen import Listener, PortBusy, listen

if TYPE_CHECKING:
    from gatepost.app.console_pages import ConsolePages
    from gatepost.app.mailbox_site import OpenMailbox
    from gatepost.console.access.application import GuardedApplication
    from gatepost.console.access.gate import Gate
    from gatepost.web.server import WebServer

_LOOPBACK: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}
KEYS: Final = ("console", "mailbox_api", "api_token")
"""Of ready.json."""


class Console:
    """The listener, opened before anything else; ``serve`` answers on it."""

    def __init__(
        self,
        config: Configuration,
        key: Key,
        clock: Clock,
        report: ReportEvent,
        stack: AsyncExitStack,
    ) -> None:
        """Listen until ``stack`` is closed. Raises PortBusy and NetworkError."""
        assert config.console is not None  # noqa: S101 - otherwise there is none
        self._settings, self._clock, self._report = config.console, clock, report
        self._listener = _open(config.console)
        stack.callback(self._listener.close)
        self.token = base64.urlsafe_b64encode(key.subkey("console token")).decode().rstrip("=")
        """The same after each start, as all of ready.json."""
        self._certificates = certificates_of(config, report)
        self._parts: ConsoleParts
        self._gate: Gate | None = None
        self._server: WebServer | None = None
        self._application: GuardedApplication | None = None
        self._starting: asyncio.Task[None] | None = None
        self._mailbox: OpenMailbox | None = None
        self._pages: ConsolePages | None = None

    @property
    def url(self) -> str:
        """The address for browsers."""
        host = "localhost" if self._settings.host == "localhost" else self._host
        return f"{self._scheme}://{join_host_port(host, self._listener.port)}"

    @property
    def mailbox_api(self) -> str:
        """The address for clients of the mailbox API."""
        return f"{self._scheme}://{join_host_port(self._host, self._listener.port)}"

    @property
    def _scheme(self) -> str:
        return "https" if self._settings.certificate else "http"

    @property
    def _host(self) -> str:
        return _LOOPBACK.get(self._listener.host, self._listener.host)

    def document(self) -> dict[str, Any]:
        """Return its part of ready.json."""
        values = (self.url, self.mailbox_api, self.token)
        return dict(zip(KEYS, values, strict=True))

    def make_link(self) -> str:
        """Return a link that signs a browser in, once."""
        return f"{self.url}/sign-in?ticket={self._open_gate().tickets.issue()}"

    async def operate(self, operation: str, _fields: dict[str, Any]) -> dict[str, Any]:
        """``link`` returns a new link, for the command line. Raises ValueError."""
        if operation != "link":
            raise ValueError(f"unknown operation {operation[:40]}")
        return {"url": self.make_link()}

    def serve(self, settings: ConsoleSettings, parts: ConsoleParts, stack: AsyncExitStack) -> None:
        """Serve from the first connection until ``stack`` is closed. Raises TlsError."""
        self._settings, self._parts = settings, parts
        if settings.certificate:
            files = (settings.certificate, settings.key or None)
            self._certificates.load(files)
            self._certificates.follow(files, self._renew)
            self._certificates.watch()
            stack.callback(self._certificates.close)
        stack.push_async_callback(self._stop)
        loop = asyncio.get_running_loop()
        for each in self._listener.sockets:
            loop.add_reader(each, self._start_soon)

    def _start_soon(self) -> None:
        """Start the server, for a connection that waits in the backlog."""
        self._stop_waiting()
        self._starting = asyncio.create_task(self._start())
        self._starting.add_done_callback(self._note_start)

    def _note_start(self, starting: "asyncio.Task[None]") -> None:
        """Report why the server could not start, and let nobody wait for it."""
        if not starting.cancelled() and (error := starting.exception()) is not None:
            self._listener.close()
            starting.get_loop().call_exception_handler({"message": "", "exception": error})

    def _stop_waiting(self) -> None:
        loop = asyncio.get_running_loop()
        for each in self._listener.sockets:
            if each.fileno() >= 0:
                loop.remove_reader(each)

    async def _start(self) -> None:
        parts, settings = self._parts, self._settings
        await asyncio.to_thread(_import_server)
        from gatepost.app.console_faces import console_routes  # noqa: PLC0415
        from gatepost.app.console_pages import ConsolePages  # noqa: PLC0415
        from gatepost.app.mailbox_site import open_mailbox  # noqa: PLC0415
        from gatepost.app.make_entra_sign_in import open_entra_sign_in  # noqa: PLC0415
        from gatepost.console.access.application import GuardedApplication  # noqa: PLC0415
        from gatepost.web.server import WebServer  # noqa: PLC0415 - HTTP and the pages are large

        gate = self._open_gate()
        if settings.entra is not None:
            gate.entra = open_entra_sign_in(settings.entra, parts.http)
        application = GuardedApplication(gate, settings.hosts, parts.refusal, self._report)
        self._mailbox = await open_mailbox(parts, self.mailbox_api, settings.release_route)
        self._pages = ConsolePages(gate, parts, self._mailbox.site)
        application.serve(console_routes(gate, parts, self._mailbox, self._pages))
        chain, key = settings.certificate, settings.key
        files = (Path(chain), Path(key or chain)) if chain else None
        descriptors = parts.relay.descriptors
        self._application = application
        self._server = WebServer(
            self._listener, application, files, report=self._report, alarm=descriptors
        )
        await self._server.wait_started()

    def _open_gate(self) -> "Gate":
        if self._gate is None:
            from gatepost.console.access.gate import Gate, GateSettings  # noqa: PLC0415

            settings = self._settings
            accepted = GateSettings(
                self.token, self._listener.port, settings.needs_token, settings.users,
                settings.proxies, settings.user_header,
            )  # fmt: skip
            clock = self._clock
            self._gate = Gate(accepted, clock.now, clock.monotonic, time.monotonic)
        return self._gate

    def _renew(self, _: object) -> None:
        if self._server is not None:
            self._server.renew(self._settings.certificate, self._settings.key or None)

    async def _stop(self) -> None:
        self._stop_waiting()
        if self._starting is not None:
            await asyncio.wait({self._starting})  # what failed there was reported
        if self._application is not None:
            self._application.end_streams()
        if self._server is not None:
            await self._server.stop()
        if self._pages is not None:
            await self._pages.close()
        if self._mailbox is not None:
            await self._mailbox.close()


def _open(settings: ConsoleSettings) -> Listener:
    try:
        return listen(settings.host, settings.port)
    except PortBusy:
        if not settings.may_move:
            raise
        return listen(settings.host, 0)


def _import_server() -> None:
    """Import what the server needs, outside the event loop's thread."""
    import gatepost.app.console_faces  # noqa: PLC0415
    import gatepost.app.make_entra_sign_in  # noqa: PLC0415
    import gatepost.web.server  # noqa: PLC0415, F401
