"""An effective profile: every value, and its source."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from gatepost.model.profile import GROUPS, Profile
from gatepost.model.reply import Reply
from gatepost.wire.server.replies import replies_with

DEFAULT: Final = "default"
_NOT_SHOWN: Final = frozenset({"name", "sources", "replies", "answers", *GROUPS})


@dataclass(frozen=True, slots=True)
class Effective:
    """One value, as in JSON."""

    key: str
    value: Any
    origin: str
    """The source in the file, ``--set``, or ``default``."""


def effective_values(profile: Profile) -> Iterator[Effective]:
    """Yield every key of the profile, in the order of its reference; replies as lines."""
    replies = replies_with(profile.replies)
    for each in fields(profile):
        if each.name not in _NOT_SHOWN:
            yield _value(profile, each.name, getattr(profile, each.name))
    for name in fields(replies):
        yield _value(profile, f"replies.{name.name}", getattr(replies, name.name))
    for command, reply in profile.answers.items():
        yield _value(profile, f"answers.{command}", reply)
    for group in GROUPS:
        part = getattr(profile, group)
        for each in fields(part):
            yield _value(profile, f"{group}.{each.name}", getattr(part, each.name))


def _value(profile: Profile, key: str, value: Any) -> Effective:
    return Effective(key, _plain(value), profile.sources.get(key, DEFAULT))


def _plain(value: Any) -> Any:
    if isinstance(value, Reply):
        return str(value)
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return list(value) if isinstance(value, tuple) else value
