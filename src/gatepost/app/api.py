"""The HTTP APIs of a relay: mail, Entra's tokens, Graph, Resource Manager and Event Grid."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatepost.app.make_listeners import certificates_of
from gatepost.config.settings import ApiSettings, Configuration
from gatepost.model.operator_event import ReportEvent
from gatepost.model.profile import Profile
from gatepost.net.certificate_names import served_names
from gatepost.net.listen import Listener, listen
from gatepost.policy.client_limits import ClientCounts
from gatepost.relay.listener_state import ServerCertificate
from gatepost.relay.shared_by_connections import Relay
from gatepost.rest.site import Site

if TYPE_CHECKING:
    from gatepost.web.server import WebServer


class Apis:
    """The APIs of a configuration, on sockets that are opened before anything else."""

    def __init__(self, config: Configuration, report: ReportEvent, stack: AsyncExitStack) -> None:
        """Listen until ``stack`` is closed. Raises PortBusy and NetworkError."""
        self.listeners: dict[str, Listener] = {}
        """By their ``ApiSettings.apis``."""
        self.names: set[str] = set()
        """Those of the server, in its certificate."""
        for each in config.apis:
            self.listeners[each.apis] = listener = listen(each.host, each.port)
            stack.callback(listener.close)
        self._certificates = certificates_of(config, report)
        self._servers: dict[str, WebServer] = {}
        self._site: Site

    @property
    def url(self) -> str | None:
        """The URL of a relay's own APIs."""
        listener = self.listeners.get("management")
        return f"https://{listener.host_port}" if listener else None

    def origin(self, name: str) -> str | None:
        """Return the ``https://NAME:PORT`` of the APIs; None without any over HTTPS."""
        listener = self.listeners.get("management") or self.listeners.get("secure")
        return f"https://{name}:{listener.port}" if listener else None

    async def serve(
        self,
        settings: Sequence[ApiSettings],
        site: Site,
        relay: Relay,
        counts: ClientCounts | None,
        stack: AsyncExitStack,
    ) -> None:
        """Serve until ``stack`` is closed. Raises TlsError."""
        from gatepost.rest.application import APPLICATIONS  # noqa: PLC0415
        from gatepost.web.connections import HandshakeLimit  # noqa: PLC0415
        from gatepost.web.server import WebLimits, WebServer  # noqa: PLC0415 - HTTP and the APIs are large

        self._site, limits = site, WebLimits()
        if counts is not None:
            open_handshakes = HandshakeLimit(relay.shaking, lambda: counts.limits.sessions)
            limits = WebLimits(clients=site.clients, handshakes=open_handshakes)
        for each in settings:
            listener, chain, key = self.listeners[each.apis], each.certificate, each.key or None
            files = (Path(chain), Path(key or chain)) if chain else None
            server = WebServer(
                listener, APPLICATIONS[each.apis](site), files, limits, relay.report,
                relay.descriptors,
            )  # fmt: skip
            stack.callback(listener.close)
            stack.push_async_callback(server.stop)
            await server.wait_started()
            self._servers[each.apis] = server
            if chain:
                self._certificates.follow((chain, key), partial(self._renew, each))
        self._certificates.watch()
        stack.callback(self._certificates.close)

    def _renew(self, settings: ApiSettings, _: ServerCertificate) -> None:
        self._servers[settings.apis].renew(settings.certificate, settings.key or None)
        self.names.clear()
        self.names.update({settings.host}, served_names(Path(settings.certificate).read_bytes()))

    def reload(self, profile: Profile | None, **changes: Any) -> None:
        """Serve a certificate that has changed, and another profile on new connections.

        ``changes`` are of what the site has by its profile.
        """
        self._certificates.try_reload(again=True)
        if self._servers and profile is not None and profile != self._site.profile:
            from gatepost.rest.application import APPLICATIONS  # noqa: PLC0415

            self._site = replace(self._site, profile=profile, **changes)
            for apis, server in self._servers.items():
                server.serve(APPLICATIONS[apis](self._site))
