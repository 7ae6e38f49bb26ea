"""``directory import``: entries that were read elsewhere, such as from Resource Manager."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gatepost.control.administration.directory_changes import AdminContext
from gatepost.control.administration.entry_documents import Document
from gatepost.directory.azure.changes.change_result import Rejected
from gatepost.directory.azure.entries import (
    CommunicationService,
    Entry,
    RoleDefinition,
    Tenant,
)
from gatepost.directory.azure.entry_records import entries_of
from gatepost.directory.contract import Record
from gatepost.model.secret import Secret


@dataclass(frozen=True, slots=True)
class ImportedEntry:
    """An entry as its record has it."""

    kind: str
    id: str
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ImportedEntries:
    """Entries, and the access keys of resources among them by id: primary and secondary."""

    entries: list[ImportedEntry]
    access_keys: dict[str, tuple[str, str]] = field(default_factory=dict)


async def import_entries(context: AdminContext, request: ImportedEntries) -> Document:
    """Save what is new or different in one commit. What was not read is not deleted.

    Raises Rejected for an entry that is none.
    """
    damaged: dict[str, str] = {}
    records = [Record(each.kind, each.id.lower(), each.fields) for each in request.entries]
    entries = entries_of(records, damaged)
    if damaged or len(entries) != len(records):
        reason = next(iter(damaged.values()), "an unknown kind")
        raise Rejected("BadRequest", f"directory import: {reason}")
    keys = {id_.lower(): each for id_, each in request.access_keys.items()}
    added, changed = 0, 0
    put: list[Entry] = []
    for entry in entries:
        old = context.directory.get(type(entry), entry.id)
        new = _like_before(context, entry, old, keys)
        if old is None:
            added += 1
        elif new != old:
            changed += 1
        else:
            continue
        put.append(new)
    await context.directory.save(put)
    return {"added": added, "changed": changed, "unchanged": len(entries) - added - changed}


def _like_before(
    context: AdminContext, entry: Entry, old: Entry | None, keys: Mapping[str, tuple[str, str]]
) -> Entry:
    """Return the entry with what only this directory knows about it."""
    if isinstance(old, RoleDefinition) and old.built_in:
        return old
    if isinstance(entry, Tenant):
        domain = old.domain if isinstance(old, Tenant) else ""
        return replace(entry, domain=entry.domain or domain or entry.id)
    if isinstance(entry, CommunicationService):
        return _with_keys(context, entry, old, keys.get(entry.key))
    stamp = getattr(old, "stamp", None)
    return entry if stamp is None else replace(entry, stamp=stamp)  # type: ignore[call-arg]


def _with_keys(
    context: AdminContext,
    entry: CommunicationService,
    old: Entry | None,
    keys: tuple[str, str] | None,
) -> CommunicationService:
    """Return the resource with its access keys, sealed; those of before if they are the same, or
    if none were read."""
    before = old if isinstance(old, CommunicationService) else None
    sealed_before = (before.primary_key, before.secondary_key) if before else (b"", b"")
    stamp = entry.stamp if before is None else before.stamp
    primary, secondary = [
        sealed if key is None or _is_same(context, sealed, key) else context.keys.seal(Secret(key))
        for sealed, key in zip(sealed_before, keys or (None, None), strict=True)
    ]
    return replace(entry, primary_key=primary, secondary_key=secondary, stamp=stamp)


def _is_same(context: AdminContext, sealed: bytes, key: str) -> bool:
    return bool(sealed) and context.keys.open(sealed).reveal() == key
