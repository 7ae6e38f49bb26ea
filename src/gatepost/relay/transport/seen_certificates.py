"""The certificates that servers have presented when mail was sent to them."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gatepost.model.route import ServerAddress
from gatepost.net.tls import TlsFacts

MOST: Final = 1_000
"""Servers of which the certificate is remembered."""


@dataclass(frozen=True, slots=True)
class SeenCertificate:
    """A server's own certificate."""

    server: ServerAddress
    der: bytes
    """As it was sent; it is read only if somebody wants to know."""
    verified: bool
    seen_at: datetime


class SeenCertificates:
    """The last certificate of each server, by target."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, str], SeenCertificate] = OrderedDict()

    def record(
        self, target: str, server: ServerAddress, facts: TlsFacts | None, now: datetime
    ) -> None:
        """Remember what a new connection has shown; without TLS there is nothing."""
        if facts is None or not facts.chain:
            return
        seen = SeenCertificate(server, facts.chain[0], facts.verified, now)
        self._seen[target, str(server)] = seen
        self._seen.move_to_end((target, str(server)))
        if len(self._seen) > MOST:
            self._seen.popitem(last=False)

    def of(self, target: str) -> Sequence[SeenCertificate]:
        """Return those of a target's servers."""
        return [each for (name, _), each in self._seen.items() if name == target]
