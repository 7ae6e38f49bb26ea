"""Entries as records, and back."""

from collections.abc import Iterable, Mapping, MutableMapping
from contextlib import suppress
from typing import Final

import msgspec

from gatepost.directory.azure.entries import KINDS, Entry, SuppressedAddress, SuppressionList
from gatepost.directory.contract import Record

_BY_NAME: Final[Mapping[str, type[Entry]]] = {kind.kind: kind for kind in KINDS}
_LEFT_OUT: Final = "it is ignored"
_KEPT: Final = "it still suppresses mail"
_ENOUGH: Final[Mapping[type[Entry], str]] = {
    SuppressedAddress: "email",
    SuppressionList: "list_name",
}
"""Whom mail is kept from stays so as long as this can be read; a list whose name is lost is for its
whole domain: mail that nobody wanted cannot be taken back."""


def record_of(entry: Entry) -> Record:
    """Return the record that keeps ``entry``."""
    return Record(entry.kind, entry.key, msgspec.to_builtins(entry))


def entries_of(records: Iterable[Record], damaged: MutableMapping[str, str]) -> list[Entry]:
    """Return the entries among the records; those of other directories are passed over.

    One that does not hold what its kind needs is left out, and ``damaged`` gets why, by its kind
    and id. What lies under it stays: whoever asks for what is above it is told that it is gone.
    Of suppression lists and the addresses on them what is ``_ENOUGH`` is kept.
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
            damaged[f"{record.kind} {record.id}"] = f"{reason}; {_KEPT if rest else _LEFT_OUT}"
    return entries


def _rest(record: Record, kind: type[Entry]) -> list[Entry]:
    enough = _ENOUGH.get(kind, "")
    there = {**record.remains, **record.fields}
    kept = {enough: there[enough]} if enough in there else {}
    with suppress(msgspec.ValidationError):
        if enough:
            return [msgspec.convert({"id": record.id, **kept}, kind)]
    return []
