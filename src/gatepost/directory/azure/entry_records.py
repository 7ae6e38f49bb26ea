"""Conversion of entries to records, and back."""

from collections.abc import Iterable, Mapping, MutableMapping
from contextlib import suppress
from typing import Final

import msgspec

from gatepost.directory.azure.entries import KINDS, Entry, SuppressedAddress, SuppressionList
from gatepost.directory.contract import Record

_BY_NAME: Final[Mapping[str, type[Entry]]] = {kind.kind: kind for kind in KINDS}
_LEFT_OUT: Final = "it is ignored"
_IN_EFFECT: Final = "it still suppresses mail"
_ENOUGH: Final[Mapping[type[Entry], str]] = {
    SuppressedAddress: "email",
    SuppressionList: "list_name",
}
"""Fields without which a damaged entry is ignored: a suppression remains in effect as long as these
can be read, and a list whose name is lost is for its whole domain, because unwanted mail cannot be
taken back."""


def record_of(entry: Entry) -> Record:
    """Return the record of ``entry``."""
    return Record(entry.kind, entry.key, msgspec.to_builtins(entry))


def entries_of(records: Iterable[Record], damaged: MutableMapping[str, str]) -> list[Entry]:
    """Return the entries among the records; those of other directories are ignored.

    A record without the fields of its kind is left out, and ``damaged`` gets the reason, by its
    kind and id. What is below it stays: requests for its parent are told that it does not exist. Of
    suppression lists and their addresses, what has the fields of ``_ENOUGH`` is kept.
    """
    entries = []
    for record in records:
        kind = _BY_NAME.get(record.kind)
        if kind is None:
            continue
        try:
            entries.append(msgspec.convert(record.fields, kind))
        except msgspec.ValidationError as error:
            rest = _rest(record, kind)
            entries += rest
            reason = record.damage(str(error))
            damaged[f"{record.kind} {record.id}"] = f"{reason}; {_IN_EFFECT if rest else _LEFT_OUT}"
    return entries


def _rest(record: Record, kind: type[Entry]) -> list[Entry]:
    enough = _ENOUGH.get(kind, "")
    there = {**record.remains, **record.fields}
    fields = {enough: there[enough]} if enough in there else {}
    with suppress(msgspec.ValidationError):
        if enough:
            return [msgspec.convert({"id": record.id, **fields}, kind)]
    return []
