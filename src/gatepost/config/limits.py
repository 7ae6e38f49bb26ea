"""``[limits]``: what clients may do at most, and the memory for their messages."""

from gatepost.config import value_syntax as values
from gatepost.config.settings import LimitSettings
from gatepost.config.table_reader import TableReader


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
