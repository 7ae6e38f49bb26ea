"""Pages of events at a provider's API: the URL of each, and what is on it. Pure."""

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from gatepost.feedback.provider_events import member
from gatepost.model.provider_events import EventPoll, EventProvider

LONGEST: Final = 4_000
"""Characters of a URL."""


class NoList(ValueError):
    """A response is no list of events."""


@dataclass(frozen=True, slots=True)
class EventPage:
    """One page."""

    events: tuple[Any, ...]
    next: str
    """The URL of the next page; empty: this is the last."""


def polled_provider(provider: EventProvider, poll: EventPoll) -> EventProvider:
    """Return how single events on the pages of a poll are read."""
    paths = replace(provider.paths, events="", each=poll.each, usual_kind=poll.usual_kind)
    return replace(provider, paths=paths)


def first_url(poll: EventPoll, url: str, since: datetime, now: datetime) -> str:
    """Return the URL of the first page of the events since a time."""
    times = {"{since}": _time(poll, since), "{until}": _time(poll, now)}
    query = [(name, times.get(value, value)) for name, value in poll.query]
    if poll.offset:
        query.append((poll.offset, "0"))
    return f"{url}?{urlencode(query)}" if query else url


def read_page(poll: EventPoll, url: str, value: Any) -> EventPage:
    """Return the page in the value of a response. Raises NoList for another response."""
    found = member(value, poll.events) if poll.events else value
    if not isinstance(found, list):
        raise NoList(f"the response has no list {poll.events}".rstrip())
    return EventPage(tuple(found), _next(poll, url, value, len(found)) if found else "")


def event_key(event: Any) -> str:
    """Return what an event is recognised by when it is read again."""
    written = json.dumps(event, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()


def _next(poll: EventPoll, url: str, value: Any, count: int) -> str:
    if poll.offset:
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        before = query.get(poll.offset, "0")
        query[poll.offset] = str((int(before) if before.isdecimal() else 0) + count)
        return parts._replace(query=urlencode(query)).geturl()
    link = member(value, poll.next) if poll.next else ""
    if not isinstance(link, str) or not link:
        return url if poll.takes_away else ""
    following = urljoin(url, link)
    if urlsplit(following)[:2] != urlsplit(url)[:2] or len(following) > LONGEST:
        raise NoList("the next page is at another server")  # which would get the key
    return "" if following == url else following


def _time(poll: EventPoll, at: datetime) -> str:
    at = at.astimezone(UTC)
    match poll.since:
        case "epoch":
            return str(int(at.timestamp()))
        case "minute":
            return f"{at:%Y-%m-%dT%H:%M}"
        case "date":
            return f"{at:%Y-%m-%d}"
