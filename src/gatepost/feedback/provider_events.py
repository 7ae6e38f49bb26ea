"""Reads what a provider reports, by the description of its events. Pure."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

from gatepost.model.provider_events import EventMeaning, EventProvider, Meaning

MOST_EVENTS: Final = 20_000
"""Events of one body."""
MOST_RECIPIENTS: Final = 1_000
"""Recipients of one event that are read; the rest are ignored."""
MOST_TEXT: Final = 2_000
"""Characters of an address, a reason or an id that are kept."""
_MILLISECONDS: Final = 100_000_000_000
"""A time from here on is in milliseconds: in seconds, it would be in the year 5138."""


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    """What a provider says about some recipients of a message."""

    kind: str
    then: Meaning | None
    """None: the provider's file does not know this kind."""
    delivery: str
    """Our id of the delivery, as the message carried it; empty: the event has none."""
    recipients: tuple[tuple[str, str], ...]
    """The address, and the reason in the words of the server or the provider, of each."""
    at: datetime | None
    server: str = ""
    id: str = ""
    """The provider's id of the message."""
    message_id: str = ""
    """The message's own."""


@dataclass(frozen=True, slots=True)
class EventBatch:
    """What one body of a provider has."""

    events: tuple[ProviderEvent, ...]
    malformed: int = 0
    """How many members of its list are no events. They cost the others nothing."""

    @property
    def is_foreign(self) -> bool:
        """Whether nothing in it is an event, so that it may not be the provider's at all."""
        return self.malformed > 0 and not self.events


def read_body(body: bytes) -> Any:
    """Return the JSON value in a body. Raises ValueError."""
    try:
        return json.loads(body)
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None


def read_events(provider: EventProvider, value: Any) -> EventBatch:
    """Return the events in the value of a body. Raises ValueError for too many."""
    paths = provider.paths
    found = member(value, paths.events) if paths.events else value
    members = found if isinstance(found, list) else [found]
    if len(members) > MOST_EVENTS:
        raise ValueError(f"there are more than {MOST_EVENTS} events")
    events: list[ProviderEvent] = []
    malformed = 0
    for each in members:
        event = member(each, paths.each) if paths.each else each
        if isinstance(event, dict):
            events.append(_event(provider, event))
        elif event is not None or not isinstance(each, dict):
            malformed += 1
    return EventBatch(tuple(events), malformed)


def _event(provider: EventProvider, event: dict[str, Any]) -> ProviderEvent:
    paths = provider.paths
    kind = _first_text(event, paths.kind) or paths.usual_kind
    meaning = next((each for each in provider.meanings if _matches(each, kind, event)), None)
    return ProviderEvent(
        kind,
        None if meaning is None else meaning.then,
        _first_text(event, paths.delivery),
        tuple(islice(_recipients(provider, meaning, event), MOST_RECIPIENTS)),
        _time(_first(event, paths.time)),
        _first_text(event, paths.server),
        _first_text(event, paths.id),
        _first_text(event, paths.message_id),
    )


def _matches(meaning: EventMeaning, kind: str, event: dict[str, Any]) -> bool:
    return kind in meaning.kinds and all(
        _text(member(event, path)) in values for path, values in meaning.where
    )


def _recipients(
    provider: EventProvider, meaning: EventMeaning | None, event: dict[str, Any]
) -> Iterator[tuple[str, str]]:
    """Yield each recipient with the reason for it."""
    paths = provider.paths
    path, address = paths.recipients, paths.address
    if meaning is not None:
        path = meaning.recipients or path
        address = address if meaning.address is None else meaning.address
    found = member(event, path)
    usual = _first_text(event, paths.reason)
    for each in found if isinstance(found, list) else [found]:
        if isinstance(each, dict):
            reason = _first_text(each, paths.reason) or usual
            yield _address(_text(member(each, address))), reason
        elif isinstance(each, str):
            yield _address(_text(each)), usual


def _address(text: str) -> str:
    """Return the address in ``Name <address>``."""
    before, bracket, behind = text.rpartition("<")
    return behind.rstrip("> ") if bracket and before is not None else text.strip()


def member(value: Any, path: str) -> Any:
    """Return a member of a JSON value, or None; see ``EventPaths`` for the path."""
    for segment in path.split(".") if path else ():
        if isinstance(value, list):
            value = _of_list(value, segment)
        elif isinstance(value, dict):
            only = segment == "*" and len(value) == 1
            value = next(iter(value.values())) if only else value.get(segment)
        else:
            return None
    return value


def _of_list(values: list[Any], segment: str) -> Any:
    if segment.startswith("@"):
        name = segment[1:].lower()
        named = (each for each in values if isinstance(each, dict))
        return next((each.get("value") for each in named if _name(each) == name), None)
    number = int(segment) if segment.isascii() and segment.isdecimal() else len(values)
    return values[number] if number < len(values) else None


def _name(value: dict[str, Any]) -> str:
    return str(value.get("name", "")).lower()


def _first(value: Any, paths: Sequence[str]) -> Any:
    found = (member(value, each) for each in paths)
    return next((each for each in found if each not in (None, "", [])), None)


def _first_text(value: Any, paths: Sequence[str]) -> str:
    return next(filter(None, (_text(member(value, each)) for each in paths)), "")


def _text(value: Any) -> str:
    """Return a string, number or truth value as text; of anything else nothing.

    Providers that cut texts may leave half of a character, which no store takes; nor does
    PostgreSQL take a NUL.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)[:MOST_TEXT] if isinstance(value, str | int | float) else ""
    text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _time(value: Any) -> datetime | None:
    """Return a time in ISO 8601, or in seconds or milliseconds since 1970; None for no time."""
    try:
        if isinstance(value, str) and not value.replace(".", "", 1).isdecimal():
            read = datetime.fromisoformat(value)
            return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
        number = float(value)
        return datetime.fromtimestamp(number / 1000 if number >= _MILLISECONDS else number, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None
