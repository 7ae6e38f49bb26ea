"""Snapshots to compare."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from gatepost.model.evidence import Certificate
from gatepost.watch.snapshot import FindingSeen, ServerOffer, ServerSnapshot

NOW = datetime(2026, 11, 24, 10, 15, tzinfo=UTC)
DAY = timedelta(days=1)
CERTIFICATE = Certificate(
    "CN=mail.example.com", "CN=Example CA 1", ("mail.example.com",), NOW - 30 * DAY, NOW + 60 * DAY
)
CLEAR = ServerOffer((), ("PIPELINING", "STARTTLS"), 1000)
OVER_TLS = ServerOffer(("CRAM-MD5", "LOGIN", "PLAIN"), ("8BITMIME", "PIPELINING"), 1000)
BEFORE = ServerSnapshot(
    NOW - DAY, "mail.example.com:587", "healthy", (), CLEAR, OVER_TLS, "TLSv1.3", CERTIFICATE
)
EXPIRED = FindingSeen("cert_expired", "certain", "The server's certificate has expired.", "tls")


def now(**changes: Any) -> ServerSnapshot:
    """Return today's snapshot with these changes."""
    return replace(BEFORE, taken_at=NOW, **changes)


def unreachable() -> ServerSnapshot:
    """Return the snapshot of a server that is down."""
    return ServerSnapshot(
        NOW, BEFORE.target, "unreachable", (FindingSeen("port_blocked", "likely", "-", "connect"),)
    )
