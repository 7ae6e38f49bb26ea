"""Lanes: inboxes with listeners and credentials of their own, so that tests do not meet.

A lane ends with its time to live, and its mail with it. Which message came over a lane is known
here until the message has its entry.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from gatepost.model.secret import Secret

MOST: Final = 200
"""Lanes at a time."""
USUAL_TTL: Final = 600
LONGEST_TTL: Final = 86_400
RESERVED: Final = frozenset({"all"})
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)

LaneListener = Literal["smtp", "smtps"]


class BadLane(ValueError):
    """A lane that cannot be created as it was asked for."""


class LaneExists(Exception):
    """There is a lane with this name."""


class TooManyLanes(Exception):
    """No more lanes may be created now."""


@dataclass(frozen=True, slots=True)
class LanePort:
    """A listener of a lane."""

    host: str
    port: int
    tls: str
    """``starttls``, ``implicit`` or ``none``."""


@dataclass(frozen=True, slots=True)
class Lane:
    """An inbox with its own listeners."""

    name: str
    username: str
    password: Secret = field(repr=False)
    sender: str
    """An address that it may use as sender."""
    ports: dict[LaneListener, LanePort]
    created_at: datetime
    expires_at: datetime


def check_lane_name(name: str) -> str:
    """Return a name if a lane may have it. Raises BadLane."""
    if not _NAME.fullmatch(name) or name in RESERVED:
        raise BadLane(
            "the name of a lane has up to 64 lower-case letters, digits, dots, hyphens and "
            "underscores, and begins with a letter or digit"
        )
    return name


def check_ttl(seconds: float) -> float:
    """Return a time to live in seconds, if it is permitted. Raises BadLane."""
    if not 1 <= seconds <= LONGEST_TTL:
        raise BadLane(f"ttl is a number of seconds from 1 to {LONGEST_TTL}")
    return seconds


class LaneMessages:
    """The lanes of messages that have no entries yet, and names of lanes that have mail."""

    def __init__(self) -> None:
        self._lanes: dict[str, str] = {}
        self.names: set[str] = set()
        """Lanes that are, or have mail: also those of an earlier process."""
        self.usernames: dict[str, str] = {}
        """The lanes to which all mail belongs that comes with a user name."""

    def note(self, message: str, lane: str) -> None:
        """Note that a message came over a lane; call it before the message is stored."""
        self._lanes[message] = lane
        self.names.add(lane)

    def lane_of(self, message: str, principal: str) -> str:
        """Return the lane to which a message without an entry belongs; empty if to none."""
        return self._lanes.get(message) or self.usernames.get(principal, "")

    def forget(self, messages: Iterable[str]) -> None:
        """Forget messages that have their entries, or were not stored."""
        for each in messages:
            self._lanes.pop(each, None)
