"""TLS contexts for outgoing connections: created once, and again when a file has changed."""

from dataclasses import dataclass
from pathlib import Path

from gatepost.errors import TlsError
from gatepost.net.tls import Context, client_context


@dataclass(frozen=True, slots=True)
class Trust:
    """The authorities to trust, and the client certificate; paths of PEM files."""

    ca_file: str | None = None
    """Replaces the system's authorities."""
    verify: bool = True
    certificate: str | None = None
    key: str | None = None
    """Needed if the key is not in the certificate's file."""


class Contexts:
    """All contexts in use."""

    def __init__(self) -> None:
        self._made: dict[Trust, tuple[tuple[int, ...], Context]] = {}

    def get(self, trust: Trust) -> Context:
        """Return the context. Raises TlsError if a file cannot be used."""
        version = _version(trust)
        made = self._made.get(trust)
        if made is None or made[0] != version:
            context = client_context(
                ca_file=trust.ca_file,
                verify=trust.verify,
                certificate=trust.certificate,
                key=trust.key,
            )
            made = self._made[trust] = version, context
        return made[1]


def _version(trust: Trust) -> tuple[int, ...]:
    files = [each for each in (trust.ca_file, trust.certificate, trust.key) if each is not None]
    try:
        return tuple([Path(each).stat().st_mtime_ns for each in files])
    except OSError as error:
        raise TlsError(f"{error.filename}: {error.strerror}") from error
