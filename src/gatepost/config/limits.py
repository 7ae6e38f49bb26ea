"""The limits of clients: their defaults, and the reader of the table ``limits``."""

from dataclasses import dataclass
from datetime import timedelta

from gatepost.config import values
from gatepost.config.table_reader import TableReader
from gatepost.model.units import MIB


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """Limits of clients, in octets and seconds; the defaults suit a relay, not a provider."""

    message_size: int = 50 * MIB
    recipients: int = 1000
    connections: int = 5000
    connections_per_address: int = 100
    messages_per_connection: int = 10_000
    errors: int = 10
    idle: timedelta = timedelta(minutes=5)
    login_failures: int = 5
    """Refused logins of one address per minute; further ones wait."""
    memory: int = 64 * MIB
    """For message contents; beyond it they go to disk, then clients get 452."""


def read_limits(root: TableReader) -> LimitSettings:
    """Return the limits in the table ``limits``, and the defaults of those that it lacks."""
    table, usual = root.table("limits"), LimitSettings()
    read = LimitSettings(
        table.take("message_size", values.positive_size, usual.message_size),
        table.take("recipients", values.number(1, 100_000), usual.recipients),
        table.take("connections", values.number(1), usual.connections),
        table.take("connections_per_address", values.number(1), usual.connections_per_address),
        table.take("messages_per_connection", values.number(1), usual.messages_per_connection),
        table.take("errors", values.number(1, 1000), usual.errors),
        table.take("idle", values.positive_span, usual.idle),
        table.take("login_failures", values.number(1, 10_000), usual.login_failures),
        table.take("memory", values.size, usual.memory),
    )
    table.finish()
    return read
