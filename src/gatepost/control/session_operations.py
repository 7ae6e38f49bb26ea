"""``gatepost sessions``: list, show, follow, and the refused logins, of a running relay."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gatepost.control.session_documents import (
    Document,
    refusal_document,
    session_document,
    whole_session_document,
)
from gatepost.diagnosis.remedies.library import Placeholders
from gatepost.model.session_record import RefusedLogin, SessionRecord
from gatepost.processes.remote_sessions import FrontSessions
from gatepost.relay.session_archive import SessionArchive
from gatepost.relay.session_recorder import SessionRecorder

LIMIT: Final = 50
MOST: Final = 500
"""Sessions in a listing."""
LAST: Final = "last"
"""Stands for the id of the newest session."""
LONGEST: Final = 60.0
"""Seconds for which ``follow`` waits."""
NOT_RECORDED: Final = (
    "sessions are not recorded: start `gatepost up` without --sessions off, or set record = true "
    "in [sessions] of the configuration"
)


@dataclass(frozen=True, slots=True)
class SessionControl:
    """What the operations work on."""

    archive: SessionArchive
    recorder: SessionRecorder
    """Of this process: it has the open sessions."""
    application: Callable[[str], str]
    """Returns the name of an application by its id; empty if there is none."""
    application_of: Callable[[str], str]
    """Returns the id of the application that a user name stands for; empty if there is none."""
    server: Callable[[str], Placeholders]
    """Returns where clients reach the listener with this name."""
    fronts: FrontSessions = field(default_factory=FrontSessions)
    """Knows the open sessions of front processes."""

    def application_id(self, record: SessionRecord) -> str:
        """Return the id of the application that has signed in, or tried to; empty if there is none,
        or it is not known."""
        return record.application_id or self.application_of(record.username)

    def application_name(self, record: SessionRecord) -> str:
        """Return its name."""
        id_ = self.application_id(record)
        return self.application(id_) if id_ else ""

    async def records(self) -> Sequence[SessionRecord]:
        """Return all sessions, newest first."""
        opened = [*self.recorder.records, *await self.fronts.ask()]
        every = {each.id: each for each in [*opened, *self.archive.records]}
        return sorted(every.values(), key=_order, reverse=True)

    async def find(self, id_: str) -> SessionRecord | None:
        """Return a session with its lines; None if there is none."""
        record = self.archive.find(id_) or self.recorder.find(id_)
        if record is None:
            record = next(iter(await self.fronts.ask(id_)), None) or self.archive.find(id_)
        return record


async def operate_sessions(
    control: SessionControl, operation: str, fields: Mapping[str, Any]
) -> Document:
    """Run an operation. Raises KeyError for an unknown id, and ValueError."""
    if operation == "list":
        return await _list(control, fields)
    if operation == "show":
        return await _show(control, str(fields["id"]))
    if operation == "follow":
        return await _follow(control, fields)
    if operation == "refusals":
        return await _refusals(control, fields)
    raise ValueError(f"unknown operation {operation[:40]!r}")


async def _list(control: SessionControl, fields: Mapping[str, Any]) -> Document:
    chosen = _choose(control, await control.records(), fields)
    page, cursor = _page(chosen, fields)
    return {
        "sessions": [_document(control, each) for each in page],
        "cursor": cursor,
        "dropped": control.archive.dropped,
    }


def _page(
    records: Sequence[SessionRecord], fields: Mapping[str, Any]
) -> tuple[Sequence[SessionRecord], str | None]:
    """Return a page of records, newest first, and the cursor of the next one; None: there is no
    further page."""
    limit = max(1, min(int(fields.get("limit") or LIMIT), MOST))
    if after := fields.get("after"):
        before = _cursor_order(str(after))
        records = [each for each in records if _order(each) < before]
    page = records[:limit]
    if len(records) <= limit:
        return page, None
    last = page[-1]
    return page, f"{last.at!r}/{last.id}"


def _order(record: SessionRecord) -> tuple[float, str]:
    return record.at, record.id


def _cursor_order(cursor: str) -> tuple[float, str]:
    at, _, id_ = cursor.partition("/")
    try:
        return float(at), id_
    except ValueError:
        raise ValueError("after is not a cursor of this list") from None


def _choose(
    control: SessionControl, records: Sequence[SessionRecord], fields: Mapping[str, Any]
) -> Sequence[SessionRecord]:
    """Return the records that match all filters."""
    app, peer, message = (str(fields.get(name) or "") for name in ("app", "peer", "message"))
    return [
        each
        for each in records
        if (not fields.get("refused") or each.result in ("refused", "tls_failed"))
        and (not peer or each.peer == peer)
        and (not message or message in each.messages)
        and (not app or _is_of(control, each, app))
    ]


def _is_of(control: SessionControl, record: SessionRecord, app: str) -> bool:
    """Tell whether a session is that of an application, or of a login, with this name or id."""
    names = (
        record.username, control.application_id(record), control.application_name(record)
    )  # fmt: skip
    return app.casefold() in [each.casefold() for each in names if each]


async def _show(control: SessionControl, id_: str) -> Document:
    if id_ == LAST:
        newest = next(iter(await control.records()), None)
        id_ = newest.id if newest is not None else LAST
    record = await control.find(id_)
    if record is None:
        raise KeyError(f"session {id_} (the last 1,000 are kept, until the relay stops)")
    return whole_session_document(
        record, control.application_name(record), control.server(record.listener)
    )


async def _follow(control: SessionControl, fields: Mapping[str, Any]) -> Document:
    """Return the sessions that have ended since ``after``, as soon as one that matches has."""
    archive = control.archive
    after = int(fields["after"]) if fields.get("after") is not None else archive.last
    timeout = min(float(fields.get("timeout") or LONGEST), LONGEST)
    records = await archive.wait(after, timeout)
    chosen = _choose(control, records, fields)
    return {
        "sessions": [_document(control, each) for each in chosen],
        "cursor": str(max(after, archive.last)),
    }


def _document(control: SessionControl, record: SessionRecord) -> Document:
    return session_document(record, control.application_name(record))


async def _refusals(control: SessionControl, fields: Mapping[str, Any]) -> Document:
    """Return the refused logins, grouped by user name and reason, the newest group first."""
    groups: dict[tuple[str, str], list[tuple[SessionRecord, RefusedLogin]]] = {}
    for record in reversed(await control.records()):
        for login in record.refused_logins:
            group = groups.setdefault((login.username, login.reason), [])
            group.append((record, login))
    newest = sorted(groups.values(), key=_last_time, reverse=True)
    limit = max(1, min(int(fields.get("limit") or LIMIT), MOST))
    start = int(fields.get("after") or 0)
    page = newest[start : start + limit]
    return {
        "refusals": [refusal_document(each, control.server(each[-1][0].listener)) for each in page],
        "cursor": str(start + limit) if start + limit < len(newest) else None,
    }


def _last_time(group: list[tuple[SessionRecord, RefusedLogin]]) -> float:
    return max(record.at + login.at for record, login in group)
