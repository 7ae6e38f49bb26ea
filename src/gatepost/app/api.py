"""The HTTPS APIs of ``gatepost serve``: mail, Entra's tokens, Graph and Resource Manager."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from gatepost.certificates.files import CertificateFiles
from gatepost.config.settings import ApiSettings
from gatepost.model.message import Submission
from gatepost.net.certificate_names import served_names
from gatepost.net.listen import Listener, listen
from gatepost.policy.client_limits import ClientCounts, LocalClientCounter
from gatepost.relay.context import Relay
from gatepost.relay.listener_state import ServerCertificate
from gatepost.relay.routed_store import RoutedOperations, RoutedStore
from gatepost.rest.context import Site
from gatepost.rest.own_names import OwnNames


@dataclass(frozen=True, slots=True)
class Api:
    """The address of the APIs, and their certificate, which may change."""

    listener: Listener
    certificates: CertificateFiles

    @property
    def url(self) -> str:
        """The URL."""
        return f"https://{self.listener.host_port}"


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Implements ``SendingStore``: accepted mail uses the relay's routes."""

    store: RoutedStore
    operations: RoutedOperations

    def put(self, submission: Submission) -> Awaitable[None]:
        return self.store.put(submission)


async def serve_api(
    settings: ApiSettings,
    make_site: Callable[..., Site],
    relay: Relay,
    counts: ClientCounts,
    stack: AsyncExitStack,
) -> Api:
    """Serve until ``stack`` is closed. Raises PortBusy, NetworkError and TlsError."""
    from gatepost.rest.application import management_application  # noqa: PLC0415
    from gatepost.rest.request_bodies import Intake  # noqa: PLC0415
    from gatepost.web.connections import HandshakeLimit  # noqa: PLC0415
    from gatepost.web.server import WebLimits, WebServer  # noqa: PLC0415 - HTTP and the APIs are large

    listener = listen(settings.host, settings.port)
    stack.callback(listener.close)
    clients = LocalClientCounter(counts, owner="api")
    names = {settings.host}
    report, intake = relay.report, Intake(relay.budget, relay.report)
    site = make_site(clients=clients, names=OwnNames(lambda: names), intake=intake)
    chain, key = settings.certificate, settings.key or None
    files = Path(chain), Path(key or chain)
    open_handshakes = HandshakeLimit(relay.shaking, lambda: counts.limits.sessions)
    limits = WebLimits(clients=clients, handshakes=open_handshakes)
    application = management_application(site)
    server = WebServer(listener, application, files, limits, report, relay.descriptors)
    stack.push_async_callback(server.stop)
    certificates = CertificateFiles(report)

    def renew(_: ServerCertificate) -> None:
        server.renew(chain, key)
        names.clear()
        names.update({settings.host}, served_names(Path(chain).read_bytes()))

    await server.wait_started()
    certificates.follow((chain, key), renew)
    certificates.watch()
    stack.callback(certificates.close)
    return Api(listener, certificates)
