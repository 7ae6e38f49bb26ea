"""Certificates that rules of scripted failures have served instead of the usual ones."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

from gatepost.certificates.local_ca import make_flawed
from gatepost.certificates.reloaded_files import load_certificate
from gatepost.config.settings import ListenerSettings
from gatepost.errors import ConfigError
from gatepost.failures.grammar import TlsFault
from gatepost.relay.listener_state import ServerCertificate


class FaultyCertificates:
    """Makes each certificate when it is first needed. ``listeners`` returns those of the
    configuration in effect, with the files of their certificates."""

    def __init__(self, data: Path, listeners: Callable[[], Iterable[ListenerSettings]]) -> None:
        self._data, self._listeners = data, listeners
        self._made: dict[tuple[object, ...], ServerCertificate] = {}

    def make(self, fault: TlsFault, listener: str) -> ServerCertificate:
        """Return the certificate for a fault at a listener. Raises GatepostError."""
        settings = next((each for each in self._listeners() if each.name == listener), None)
        if settings is None or not settings.certificate:
            raise ConfigError(f"the listener {listener} has no certificate")
        chain, key = settings.certificate, settings.key or None
        changed_at = Path(chain).stat().st_mtime_ns
        place = (fault.certificate, fault.maximum, chain, changed_at)
        if place not in self._made:
            if fault.certificate is not None:
                chain, key = (
                    str(make_flawed(self._data, fault.certificate, datetime.now(UTC))),
                    None,
                )
            newest = fault.maximum or "TLSv1.3"
            self._made[place] = load_certificate(chain, key, newest=newest)
        return self._made[place]
