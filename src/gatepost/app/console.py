"""The console's listener: one for the pages, the mailbox API and Gatepost's own API.

Nothing of it is imported before the first connection, so that ``up`` starts no slower, and a
console that nobody opens needs no memory.
"""

import asyncio
import base64
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gatepost.app.console_parts import ConsoleParts
from gatepost.app.lane_records import KIND as LANE_RECORD
from gatepost.app.make_listeners import certificates_of
from gatepost.config.settings import Configuration, ConsoleSettings
from gatepost.control.clock import AheadClock
from gatepost.errors import ConfigError
from gatepost.keys.store_key import Key
from gatepost.model.host_port import join_host_port
from gatepost.model.operation_errors import NO_RELEASE, NotConfigured
from gatepost.model.operator_event import ReportEvent
from gatepost.net.clock import Clock
from gatepost.net.listen import Listener, PortBusy, listen

if TYPE_CHECKING:
    from gatepost.app.console_pages import ConsolePages
    from gatepost.app.mailbox_site import OpenMailbox
    from gatepost.console.access.application import GuardedApplication
    from gatepost.console.access.entra_sign_in import EntraSignIn
    from gatepost.console.access.gate import Gate, GateSettings
    from gatepost.mailbox.message_documents import ReleasedMessage
    from gatepost.web.server import WebServer

_LOOPBACK: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}
KEYS: Final = ("console", "mailbox_api", "api_token")
"""Of ready.json."""


class Console:
    """The listener, opened before anything else; ``serve`` answers on it, until ``close``."""

    def __init__(self, config: Configuration, key: Key, clock: Clock, report: ReportEvent) -> None:
        """Listen. Raises PortBusy, NetworkError and TlsError."""
        assert config.console is not None  # noqa: S101 - otherwise there is none
        self.settings, self._clock, self._report = config.console, clock, report
        self.token = base64.urlsafe_b64encode(key.subkey("console token")).decode().rstrip("=")
        """The same after each start, as all of ready.json."""
        self._make_certificates = partial(certificates_of, config, report)
        self._certificates = self._make_certificates()
        self._listener = _open(config.console)
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
        host = "localhost" if self.settings.host == "localhost" else self._host
        return f"{self._scheme}://{join_host_port(host, self._listener.port)}"

    @property
    def mailbox_api(self) -> str:
        """The address for clients of the mailbox API."""
        return f"{self._scheme}://{join_host_port(self._host, self._listener.port)}"

    @property
    def _scheme(self) -> str:
        return "https" if self.settings.certificate else "http"

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

    async def release(self, id_: str, to: Sequence[str]) -> "ReleasedMessage":
        """Send a captured message to addresses. Raises NotConfigured, ValueError, KeyError and
        QueueError."""
        from gatepost.app.release import make_release  # noqa: PLC0415 - rare

        release = make_release(self._parts, self.settings.release_route)
        if release is None:
            raise NotConfigured(NO_RELEASE)
        return await release(id_, to)

    async def serve(self, settings: ConsoleSettings, parts: ConsoleParts) -> None:
        """Serve from the first connection until ``close``, or at once if there are lanes. Raises
        TlsError."""
        self.settings, self._parts = settings, parts
        self._follow_certificate()
        records = () if parts.delivers else await parts.store.load_records()
        if any(each.kind == LANE_RECORD for each in records):
            await self._start()
            return
        loop = asyncio.get_running_loop()
        for each in self._listener.sockets:
            loop.add_reader(each, self._start_soon)

    def can_become(self, settings: ConsoleSettings) -> bool:
        """Tell whether other settings can be put into effect here, on the same listener.

        Raises ConfigError if neither that nor another listener is possible, and TlsError for a
        certificate that cannot be served.
        """
        before = self.settings
        if (settings.host, settings.port) != (before.host, before.port):
            return False
        if bool(settings.certificate) != bool(before.certificate):
            raise ConfigError(
                "console.certificate: TLS begins or ends only with another address, or a restart"
            )
        if settings.certificate:
            self._make_certificates().check(_files_of(settings))
        return True

    async def change(self, settings: ConsoleSettings) -> None:
        """Put other settings into effect; logins that they would not permit end."""
        if self._starting is not None:
            await asyncio.wait({self._starting})
        before, self.settings = self.settings, settings
        if _files_of(before) != _files_of(settings):
            self._certificates.close()
            self._certificates = self._make_certificates()
            self._follow_certificate()
            self._renew(None)
        gate = self._gate
        if gate is not None:
            entra = gate.entra if settings.entra == before.entra else self._make_entra()
            gate.configure(self._accepted(), entra)
        if self._application is not None:
            if before.release_route != settings.release_route:
                await self._release_by(settings.release_route)
            self._serve_routes()

    async def _release_by(self, route: str) -> None:
        """Release messages by another route; empty: no longer."""
        mailbox, pages, gate = self._mailbox, self._pages, self._gate
        assert mailbox and pages and gate  # noqa: PT018, S101 - the server has started
        from gatepost.app.console_pages import ConsolePages  # noqa: PLC0415

        await pages.close()
        self._mailbox = mailbox.releasing(self._parts, route)
        self._pages = ConsolePages(gate, self._parts, self._mailbox.site)

    def _follow_certificate(self) -> None:
        if self.settings.certificate:
            files = _files_of(self.settings)
            self._certificates.load(files)
            self._certificates.follow(files, self._renew)
            self._certificates.watch()

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
        parts = self._parts
        await asyncio.to_thread(_import_server)
        from gatepost.app.console_pages import ConsolePages  # noqa: PLC0415
        from gatepost.app.mailbox_site import open_mailbox  # noqa: PLC0415
        from gatepost.console.access.application import GuardedApplication  # noqa: PLC0415
        from gatepost.web.server import WebServer  # noqa: PLC0415 - HTTP and the pages are large

        gate = self._open_gate()
        mailbox = await open_mailbox(parts, self.mailbox_api, self.settings.release_route)
        parts.api.events.follow_mailbox(mailbox.mailbox)
        if mailbox.lanes is not None and isinstance(self._clock, AheadClock):
            self._clock.followers.add(mailbox.lanes.note_time)
        gate.entra = self._make_entra()
        self._mailbox, self._pages = mailbox, ConsolePages(gate, parts, mailbox.site)
        self._application = GuardedApplication(gate, parts.refusal, self._report)
        self._serve_routes()
        chain, key = self.settings.certificate, self.settings.key
        files = (Path(chain), Path(key or chain)) if chain else None
        self._server = WebServer(
            self._listener, self._application, files, report=self._report,
            alarm=parts.relay.descriptors,
        )  # fmt: skip
        await self._server.wait_started()

    def _serve_routes(self) -> None:
        """Serve everything by the current settings."""
        from gatepost.app.console_faces import console_routes  # noqa: PLC0415

        application, gate, mailbox, pages = (
            self._application, self._gate, self._mailbox, self._pages
        )  # fmt: skip
        assert application and gate and mailbox and pages  # noqa: PT018, S101 - it has started
        routes = console_routes(gate, self._parts, mailbox, pages)
        application.serve(routes, self.settings.hosts)

    def _make_entra(self) -> "EntraSignIn | None":
        if self.settings.entra is None:
            return None
        from gatepost.app.make_entra_sign_in import open_entra_sign_in  # noqa: PLC0415

        return open_entra_sign_in(self.settings.entra, self._parts.http)

    def _accepted(self) -> "GateSettings":
        from gatepost.console.access.gate import GateSettings  # noqa: PLC0415

        settings = self.settings
        return GateSettings(
            self.token, self._listener.port, settings.needs_token, settings.users,
            settings.proxies, settings.user_header,
        )  # fmt: skip

    def _open_gate(self) -> "Gate":
        if self._gate is None:
            from gatepost.console.access.gate import Gate  # noqa: PLC0415

            clock = self._clock
            self._gate = Gate(self._accepted(), clock.now, clock.monotonic, time.monotonic)
        return self._gate

    def _renew(self, _: object) -> None:
        if self._server is not None:
            self._server.renew(self.settings.certificate, self.settings.key or None)

    async def close(self) -> None:
        """End everything; also before ``serve``, and twice."""
        self._stop_waiting()
        self._certificates.close()
        if self._starting is not None:
            await asyncio.wait({self._starting})  # what failed there was reported
        if self._application is not None:
            self._application.end_streams()
        if self._server is not None:
            await self._server.stop()
        if self._pages is not None:
            await self._pages.close()
        if self._mailbox is not None:
            if self._mailbox.lanes is not None and isinstance(self._clock, AheadClock):
                self._clock.followers.discard(self._mailbox.lanes.note_time)
            await self._mailbox.close()
        self._server = self._pages = self._mailbox = self._starting = None
        self._listener.close()


def _files_of(settings: ConsoleSettings) -> tuple[str, str | None]:
    return settings.certificate, settings.key or None


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
    import gatepost.web.server  # noqa: PLC0415, F401
