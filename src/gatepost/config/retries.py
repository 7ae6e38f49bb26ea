"""``[retry.NAME]``: schedules, by which deliveries are attempted again, and expire."""

from datetime import timedelta
from typing import Any, Final

from gatepost.config import value_syntax as values
from gatepost.config.table_reader import TableReader
from gatepost.model.route import Retry

_RETRY: Final = Retry()


def read_retries(root: TableReader) -> dict[str, Retry]:
    """Return every schedule by name; ``default`` always exists."""
    retries: dict[str, Retry] = {}
    tables = {"default": root.table("retry").table("default"), **root.named("retry")}
    for name, table in tables.items():
        retries[name] = _read_retry(table)
        table.finish()
    return retries


def _read_retry(table: TableReader) -> Retry:
    retry = Retry(
        table.take("first", values.positive_span, _RETRY.first),
        table.take("factor", values.fraction(1, 10), _RETRY.factor),
        table.take("longest", values.positive_span, _RETRY.longest),
        table.take("jitter", values.fraction(0, 1), _RETRY.jitter),
        table.take("table", values.some(values.positive_span), _RETRY.table),
        table.take("expire", values.positive_span, _RETRY.expire),
        table.take("warn", _warning, _RETRY.warn, none="never"),
    )
    if table.has("table"):
        for key in ("first", "factor", "longest"):
            if table.has(key):
                table.fault(
                    key, f"{table.name(key)} has no effect together with {table.name('table')}"
                )
    elif retry.longest < retry.first:
        where = "longest" if table.has("longest") else "first"
        table.fault(where, f"{table.name('longest')} is shorter than {table.name('first')}")
    if table.is_clear(table.path):
        _warn_of_late(table, retry)
    return retry


def _warn_of_late(table: TableReader, retry: Retry) -> None:
    """Warn of settings in the file that plan something too late."""
    expire = table.name("expire")
    key = "table" if table.has("table") else "first"
    if (retry.table or (retry.first,))[0] >= retry.expire:
        table.warn(
            f"{table.name(key)}: the first wait is longer than {expire}: there would be one "
            "attempt, and one at the end",
            key,
        )
    if table.has("warn") and retry.warn is not None and retry.warn >= retry.expire:
        table.warn(
            f"{table.name('warn')} is later than {expire}: no sender would be notified of a delay",
            "warn",
        )


def _warning(value: Any) -> timedelta | None:
    return None if value == "never" else values.positive_span(value)
