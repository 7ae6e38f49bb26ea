"""Entries as records, and back."""

from collections.abc import Iterable, Mapping, MutableMapping
from typing import Final

import msgspec

from gatepost.directory.azure.entries import KINDS, Entry
from gatepost.directory.contract import Record

_BY_NAME: Final[Mapping[str, type[Entry]]] = {kind.kind: kind for kind in KINDS}


def record_of(entry: Entry) -> Record:
    """Return the record that keeps ``entry``."""
    return Record(entry.kind, entry.key, msgspec.to_builtins(entry))


def entries_of(records: Iterable[Record], damaged: MutableMapping[str, str]) -> list[Entry]:
    """Return the entries among the records; those of other directories are passed over.

    One that does not hold what its kind needs is left out, and ``damaged`` gets why, by its kind
    and id. What lies under it stays: whoever asks for what is above it is told that it is gone.
    """
    entries = []
    for record in records:
        kind = _BY_NAME.get(record.kind)
        if kind is None:
            continue
        try:
            entries.append(msgspec.convert(record.fields, kind))
        except msgspec.ValidationError as error:
            damaged[f"{record.kind} {record.id}"] = str(error)
    return entries
