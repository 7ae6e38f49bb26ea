"""Certificates that the operator provides as files, reloaded when they change."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gatepost.errors import TlsError
from gatepost.model.operator_event import ReportEvent
from gatepost.net.rereadable_files import in_memory
from gatepost.net.tls import server_context
from gatepost.relay.listener_state import ServerCertificate
from gatepost.sasl.channel import ChannelBinding, tls_server_end_point

SOON: Final = timedelta(days=14)
LOOK: Final = 5.0
"""Seconds between two checks for changed files."""

Files = tuple[str, str | None] | tuple[str, str | None, str | None]
"""PEM files: the chain, the key (None: it is in the file of the chain), and, if clients are asked
for certificates, the authorities that issue these."""
_State = tuple[tuple[int, int, int], ...]


def utc_now() -> datetime:
    """Return the machine's time."""
    return datetime.now(UTC)


def load_certificate(
    chain: str,
    key: str | None = None,
    authorities: str | None = None,
    *,
    newest: str = "TLSv1.3",
) -> ServerCertificate:
    """Return the certificate of two PEM files; ``key`` None: the key is in ``chain``.

    ``authorities`` is a third file, with the authorities of clients' certificates. Raises TlsError
    if they cannot be used together.
    """
    context = server_context(chain, key, newest=newest, authorities=authorities)
    return ServerCertificate(context, _bindings(Path(chain)))


def _bindings(certificate: Path) -> tuple[ChannelBinding, ...]:
    """Return the channel bindings that our own certificate gives (RFC 5929 4). Raises TlsError."""
    try:
        own = x509.load_pem_x509_certificate(certificate.read_bytes())
    except (OSError, ValueError) as error:  # OpenSSL accepts forms of PEM that others do not
        raise TlsError(f"certificate {certificate}: {error}") from error
    binding = tls_server_end_point(own.public_bytes(Encoding.DER))
    return () if binding is None else (binding,)


@dataclass(frozen=True, slots=True)
class PassedCertificate:
    """A certificate that one process serves, passed to the next process of the relay at its
    start."""

    files: tuple[str | None, ...]
    contents: tuple[bytes | None, ...] = field(repr=False)
    """The contents of the files, including the key: only for a pipe between the two, never for a
    disk."""
    state: _State


@dataclass(slots=True)
class _LoadedCertificate:
    certificate: ServerCertificate
    contents: tuple[bytes | None, ...] = field(repr=False)
    state: _State
    tried: _State
    """The state of the files when they were last read, so that each change is reported once."""
    due: datetime | None = None
    """When a certificate that was read too early becomes valid."""
    takers: list[Callable[[ServerCertificate], None]] = field(default_factory=list)


class CertificateFiles:
    """The certificates of all listeners; each pair of files is read once."""

    def __init__(
        self, report: ReportEvent, now: Callable[[], datetime] = utc_now, *, newest: str = "TLSv1.3"
    ) -> None:
        """``newest`` is the highest version of TLS."""
        self._report, self._now = report, now
        self._load = partial(load_certificate, newest=newest)
        self._loaded: dict[Files, _LoadedCertificate] = {}
        self._watching: asyncio.TimerHandle | None = None

    def load(self, files: Files) -> ServerCertificate:
        """Return the certificate of two files. Raises TlsError if it cannot be served."""
        loaded = self._loaded.get(files)
        if loaded is None:
            state = _state_of(files)  # before reading, so that a later change is noticed
            certificate = self._load(*files)
            loaded = self._loaded[files] = _LoadedCertificate(
                certificate, _contents_of(files), state, state
            )
            self._warn(files[0])
        return loaded.certificate

    def export(self) -> tuple[PassedCertificate, ...]:
        """Return the certificates served now, even if their files have changed."""
        return tuple(
            [
                PassedCertificate(files, each.contents, each.state)
                for files, each in self._loaded.items()
            ]
        )

    def begin_with(self, certificates: Iterable[PassedCertificate]) -> None:
        """Start with what another process serves; read the files if that is not possible."""
        for each in certificates:
            with contextlib.suppress(OSError, TlsError):
                certificate = self._load_contents(each.contents)
                files: Any = tuple(each.files)
                self._loaded[files] = _LoadedCertificate(
                    certificate, each.contents, each.state, each.state
                )

    def _load_contents(self, contents: tuple[bytes | None, ...]) -> ServerCertificate:
        """Raises TlsError and OSError."""
        with ExitStack() as stack:
            chain, *others = [
                None if each is None else stack.enter_context(in_memory(each)) for each in contents
            ]
            return self._load(chain or "", *others)

    def check(self, files: Files) -> None:
        """Read what is new or has changed. Raises TlsError if it would be refused."""
        loaded = self._loaded.get(files)
        if loaded is None:
            self.load(files)
        elif _state_of(files) != loaded.state:
            self._load(*files)
            _check_time(files[0], _own(files[0]), self._now())

    def _warn(self, chain: str) -> None:
        """Warn of expiry. Many clients do not check, so that mail continues, but the operator
        should know in time."""
        ends = _own(chain).not_valid_after_utc
        if ends - self._now() < SOON:
            self._report("certificate_expires", file=chain, expires_at=spelled(ends))

    def follow(self, files: Files, take: Callable[[ServerCertificate], None]) -> None:
        """Call ``take`` with the certificate now, and again whenever it is replaced."""
        take(self.load(files))
        self._loaded[files].takers.append(take)

    def keep_only(self, files: Iterable[Files]) -> None:
        """Forget certificates that no listener uses any more, with their followers."""
        wanted = set(files)
        self._loaded = {each: loaded for each, loaded in self._loaded.items() if each in wanted}
        for loaded in self._loaded.values():
            loaded.takers.clear()

    def try_reload(self, *, again: bool = False) -> bool:
        """Load certificates whose files have changed; return whether none failed.

        One that cannot be used is reported, and the old one stays. ``again``: also try those that
        failed before and have not changed since.
        """
        results = [self._try_reload_one(files, each, again) for files, each in self._loaded.items()]
        return all(results)

    def _try_reload_one(self, files: Files, loaded: _LoadedCertificate, again: bool) -> bool:
        state = _state_of(files)
        now = self._now()
        was_tried = state == loaded.tried and not again and (loaded.due is None or loaded.due > now)
        if state == loaded.state or was_tried:
            return True
        loaded.tried, loaded.due = state, None
        chain = files[0]
        try:
            certificate, contents = self._load(*files), _contents_of(files)
            own = _own(chain)
            loaded.due = own.not_valid_before_utc if own.not_valid_before_utc > now else None
            _check_time(chain, own, now)
        except TlsError as error:
            self._report("certificate_kept", file=chain, reason=str(error))
            return False
        loaded.certificate, loaded.contents, loaded.state = certificate, contents, state
        for take in loaded.takers:
            take(certificate)
        expires_at = spelled(own.not_valid_after_utc)
        self._report("certificate_reloaded", file=chain, expires_at=expires_at)
        return True

    def watch(self) -> None:
        """Check every few seconds from now on, until ``close``."""
        self._watching = asyncio.get_running_loop().call_later(LOOK, self.watch)
        self.try_reload()

    def close(self) -> None:
        """Stop checking."""
        if self._watching is not None:
            self._watching.cancel()


def _contents_of(files: Files) -> tuple[bytes | None, ...]:
    """Return the contents of files that were just loaded. Raises TlsError."""
    try:
        return tuple([None if each is None else Path(each).read_bytes() for each in files])
    except OSError as error:
        raise TlsError(f"certificate {files[0]}: {error.strerror or error}") from error


def _own(chain: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(Path(chain).read_bytes())
    except (OSError, ValueError) as error:
        raise TlsError(f"certificate {chain}: {error}") from error


def _check_time(chain: str, own: x509.Certificate, now: datetime) -> None:
    """Raise TlsError for a certificate that clients would refuse now, if there is another one."""
    begins, ends = own.not_valid_before_utc, own.not_valid_after_utc
    if ends <= now:
        raise TlsError(f"certificate {chain}: it expired on {ends:%Y-%m-%d}")
    if begins > now:
        raise TlsError(f"certificate {chain}: it is not valid before {begins:%Y-%m-%d %H:%M} UTC")


def spelled(moment: datetime) -> str:
    """Return a moment in UTC (RFC 3339)."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _state_of(files: Files) -> _State:
    """Return what changes if a file is rewritten or replaced."""
    state = []
    for name in files:
        with contextlib.suppress(OSError):
            if name is not None:
                stat = Path(name).stat()
                state.append((stat.st_mtime_ns, stat.st_size, stat.st_ino))
    return tuple(state)
