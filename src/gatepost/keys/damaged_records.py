"""Damaged records of a directory: how they are noticed, and reported once at each start."""

from collections.abc import Mapping, MutableMapping
from typing import Final

from gatepost.directory.contract import Record
from gatepost.errors import ConfigError
from gatepost.model.operator_event import ReportEvent

FAULTS: Final = (LookupError, TypeError, ValueError, ConfigError)
"""The errors of reading a damaged record, also if a sealed value in it does not fit the key."""
Damaged = MutableMapping[str, str]
"""Reasons, by the kind and id of a record."""


def note(damaged: Damaged, record: Record, error: Exception, then: str = "it is ignored") -> None:
    """Add a record that could not be read; ``then`` says what happens to it."""
    reason = str(error)
    if isinstance(error, KeyError):
        reason = f"{error.args[0]} is missing"
    elif isinstance(error, ConfigError):  # ``check_key`` has found that the key is the right one
        reason = "what is sealed in it is damaged"
    damaged[f"{record.kind} {record.id}"] = f"{record.damage(reason)}; {then}"


def tell_damaged(report: ReportEvent, damaged: Mapping[str, str]) -> None:
    """Report all of them at once."""
    if damaged:
        records = [{"name": name, "reason": reason} for name, reason in damaged.items()]
        report("directory_damaged", count=len(records), records=records)
