"""``gatepost record``: one session between an application and its server, and its diagnosis."""

import asyncio
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from gatepost.certificates.local_ca import Certificates, ensure_certificates, read_certificates
from gatepost.certificates.local_names import names_of
from gatepost.doctor.recording.diagnose_session import diagnose_session
from gatepost.doctor.recording.forwarding_settings import Forwarding, Leg, RecordingLimits
from gatepost.doctor.recording.recorder import Recorder
from gatepost.errors import ConfigError
from gatepost.model.finding import Diagnosis
from gatepost.net.atomic_files import keep_out_of_git
from gatepost.net.dial import Server
from gatepost.net.listen import Listener, is_loopback, listen
from gatepost.net.local_authority import trust_also
from gatepost.net.tls import client_context, server_context
from gatepost.store.lock import DirectoryLock, StoreLocked


@dataclass(frozen=True, slots=True)
class RecordOptions:
    """The options of the command line."""

    listen: tuple[str, int]
    server: Server
    client_tls: Leg = "pass"
    server_tls: Leg = "pass"
    data: Path = Path(".gatepost")
    ca_file: str | None = None
    local_authority: str | None = None
    """A CA file to trust besides the system's, because the server is on this machine."""
    client: str = ""
    beyond_loopback: bool = False
    wait: float | None = None
    limits: RecordingLimits = field(default_factory=RecordingLimits)


@dataclass(frozen=True, slots=True)
class Ready:
    """Where the application must connect, and which authority it must trust."""

    listener: Listener
    authority: Path | None


async def record(options: RecordOptions, on_ready: Callable[[Ready], None]) -> Diagnosis:
    """Record one session and return its diagnosis; SIGINT and SIGTERM end it early.

    Raises ConfigError, NetworkError if it cannot listen, and NobodyCame.
    """
    host = options.listen[0]
    if not (is_loopback(host) or options.beyond_loopback):
        raise ConfigError(
            f"{host} can be reached from other machines: whoever connects talks to the server as "
            "you; give --beyond-loopback if you want that"
        )
    forwarding, authority = _forwarding_of(options)
    async with AsyncExitStack() as stack:
        listener = listen(*options.listen)
        stack.callback(listener.close)
        if is_loopback(options.server.host) and options.server.port == listener.port:
            raise ConfigError(f"{options.server} is the recorder's own address, not a server")
        recorder = Recorder(forwarding)
        await recorder.serve(listener, stack)
        _on_signals(recorder.stop)
        on_ready(Ready(listener, authority))
        session = await recorder.wait(options.wait)
        return await diagnose_session(session, forwarding, options.client)


def _forwarding_of(options: RecordOptions) -> tuple[Forwarding, Path | None]:
    server_tls = options.server_tls
    forwarding = Forwarding(options.server, options.client_tls, server_tls, limits=options.limits)
    authority: Path | None = None
    if options.client_tls in ("starttls", "implicit"):
        certificates = certificates_in(options.data, options.listen[0])
        authority = certificates.ca_file
        forwarding = replace(
            forwarding,
            certificate=server_context(str(certificates.server_file)),
            authority=str(options.data / authority.name),  # as it was given: reports are public
        )
    if server_tls in ("starttls", "implicit"):
        verifying = client_context(ca_file=options.ca_file)
        trust_also(verifying, options.local_authority)
        forwarding = replace(
            forwarding, verifying=verifying, ca_file=options.ca_file,
            local_authority=options.local_authority,
        )  # fmt: skip
    return forwarding, authority


def certificates_in(data: Path, host: str) -> Certificates:
    """Return the certificates of ``gatepost up`` in ``data``, created if there are none.

    They are valid for ``host`` unless a relay runs there, with certificates for its own addresses.

    Raises ConfigError if they are not available.
    """
    data, now = data.resolve(), datetime.now(UTC)
    try:
        data.mkdir(0o700, parents=True, exist_ok=True)
        lock = DirectoryLock(data)
    except StoreLocked as error:  # a relay runs there, with certificates that it looks after
        return read_certificates(data, error)
    except OSError as error:
        raise ConfigError(f"{data} cannot be used: {error.strerror or error}") from error
    try:
        keep_out_of_git(data)
        return ensure_certificates(data, now, names_of([host]))
    finally:
        lock.release()


def _on_signals(stop: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop)
