"""The bodies of changes: JSON as Mailpit reads it, or a form."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

import msgspec

from gatepost.rest.mailbox.handled_request import MailboxCall, MailboxError

_FORM = "application/x-www-form-urlencoded"
_TRUE = ("1", "t", "true", "on", "yes")


def spell_key(name: str) -> str:
    """Return the name of a member in the documentation; any case is read."""
    return "IDs" if name == "ids" else name.capitalize()


class Selected(msgspec.Struct, frozen=True):
    """The body of a change of messages: which, and how."""

    ids: Sequence[str] | None = None
    read: bool | None = None
    search: str | None = None
    tags: Sequence[str] | None = None
    to: Sequence[str] | None = None
    name: str | None = None


class DeleteRequest(msgspec.Struct, frozen=True, rename=spell_key):
    """Which messages are deleted; none: all."""

    ids: tuple[str, ...] | None = None


class MarkRequest(msgspec.Struct, frozen=True, rename=spell_key):
    """Which messages are marked: those with ids, those that match a search, or all."""

    read: bool = False
    ids: tuple[str, ...] | None = None
    search: str = ""


class TagRequest(msgspec.Struct, frozen=True, rename=spell_key):
    """The tags that messages have from now on."""

    ids: tuple[str, ...]
    tags: tuple[str, ...] | None = None


class RenameRequest(msgspec.Struct, frozen=True, rename=spell_key):
    """The new name of a tag."""

    name: str


class ReleaseRequest(msgspec.Struct, frozen=True, rename=spell_key):
    """The addresses to which a message is sent."""

    to: tuple[str, ...]


async def read_selected(call: MailboxCall, *, may_be_empty: bool = False) -> Selected:
    """Return the body of a change.

    ``may_be_empty``: no body selects everything. Raises MailboxError 400 for what cannot be read.
    """
    body = await call.body()
    if not body.strip():
        if may_be_empty:
            return Selected()
        raise MailboxError(400, "the request has no body")
    kind = call.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        fields = _read_form(body) if kind == _FORM and not body.startswith(b"{") else _read(body)
        return msgspec.convert(fields, Selected)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise MailboxError(400, f"the body cannot be read: {error}") from None


def _read(body: bytes) -> Mapping[str, Any]:
    """Return the members of a JSON object by name; names have any case, as in Go."""
    fields = msgspec.json.decode(body, type=dict[str, Any])
    return {name.lower(): value for name, value in fields.items()}


def _read_form(body: bytes) -> Mapping[str, Any]:
    """Return the fields of a form. Raises ValueError for one without any of ours."""
    fields: dict[str, Any] = {}
    for name, given in parse_qs(
        body.decode(), keep_blank_values=True, max_num_fields=100_000
    ).items():
        field = name.lower().removesuffix("[]")
        if field in ("ids", "tags", "to"):
            fields[field] = given
        elif field == "read":
            fields[field] = given[-1].lower() in _TRUE
        elif field in ("search", "name"):
            fields[field] = given[-1]
    if not fields:
        raise ValueError("the form has no field that is used here")
    return fields
