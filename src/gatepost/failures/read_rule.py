"""Reads rules from plain values, as JSON and TOML have them. All mistakes are found at once."""

import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from ipaddress import ip_network
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin

import msgspec

from gatepost.failures.condition_values import (
    compile_text,
    parse_duration,
    parse_moment,
    parse_range,
)
from gatepost.failures.grammar import FailureRule
from gatepost.failures.possibilities import problems_of
from gatepost.failures.reply_text import parse_reply_text
from gatepost.model.fast_dataclass import dataclass

S = TypeVar("S", bound=msgspec.Struct)
Path = tuple[str | int, ...]
_DURATIONS: Final = frozenset({"delay", "stall", "wait", "window", "every"})
_NOT_A_DURATION: Final = "forever"


@dataclass(frozen=True, slots=True)
class RuleMistake:
    """One mistake in a rule."""

    path: Path
    """Keys from the rule on: ``("do", "reply")``."""
    message: str
    did_you_mean: str = ""

    def __str__(self) -> str:
        where = ".".join(map(str, self.path))
        near = f"; did you mean {self.did_you_mean}?" if self.did_you_mean else ""
        return f"{where}: {self.message}{near}" if where else f"{self.message}{near}"


class RuleMistakes(ValueError):
    """All mistakes in a rule."""

    def __init__(self, mistakes: Sequence[RuleMistake]) -> None:
        super().__init__("\n".join(map(str, mistakes)))
        self.mistakes = tuple(mistakes)


def read_rule(document: object, *, captures: bool = True) -> FailureRule:
    """Return the rule. ``captures``: see ``problems_of``. Raises RuleMistakes."""
    mistakes: list[RuleMistake] = []
    rule = _read(FailureRule, document, (), mistakes)
    found = {each.path: each for each in _value_mistakes(document)}
    if rule is not None:
        for path, message in problems_of(rule, captures=captures):
            found.setdefault(path, RuleMistake(path, message))
    wrong = {each.path for each in mistakes}
    mistakes += [each for path, each in found.items() if path not in wrong]
    if mistakes or rule is None:
        raise RuleMistakes(mistakes)
    return rule


def _read(kind: type[S], document: object, path: Path, mistakes: list[RuleMistake]) -> S | None:
    """Read an object, and note the mistakes of all its keys; None if there are any."""
    if not isinstance(document, Mapping):
        mistakes.append(RuleMistake(path, "this must be an object with keys"))
        return None
    fields = {each.encode_name: each for each in msgspec.structs.fields(kind)}
    before, values = len(mistakes), {}
    for key, value in document.items():
        field = fields.get(key)
        if field is None:
            mistakes.append(RuleMistake((*path, key), "unknown key", nearest(str(key), fields)))
            continue
        inner = _struct_in(field.type)
        if inner is not None and isinstance(value, Mapping):
            values[field.name] = _read(inner, value, (*path, key), mistakes)
        else:
            try:
                values[field.name] = msgspec.convert(_plain(key, value), field.type)
            except (msgspec.ValidationError, ValueError) as error:
                mistakes.append(_wrong_value((*path, key), value, field.type, error))
    mistakes += [
        RuleMistake((*path, name), "missing")
        for name, field in fields.items()
        if field.required and name not in document
    ]
    return kind(**values) if len(mistakes) == before else None


def _plain(key: str, value: object) -> object:
    """Return durations in seconds and times as text: ``60s``, and TOML's date and time."""
    if isinstance(value, datetime):
        return value.isoformat()
    if key in _DURATIONS and value != _NOT_A_DURATION:
        if isinstance(value, str):
            return parse_duration(value)
        if isinstance(value, list):
            return [parse_duration(each) if isinstance(each, str) else each for each in value]
    return value


def _wrong_value(path: Path, value: object, kind: object, error: Exception) -> RuleMistake:
    words = tuple(dict.fromkeys(_literals_in(kind)))
    if isinstance(value, str) and words:
        listed = ", ".join(words)
        message = f"{value[:40]!r} is not possible; there are {listed}"
        return RuleMistake(path, message, nearest(value, words))
    text = str(error).partition(" - at")[0]
    return RuleMistake(path, text[:1].lower() + text[1:])


def _members(kind: object) -> tuple[object, ...]:
    return get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)


def _struct_in(kind: object) -> type[msgspec.Struct] | None:
    for each in _members(kind):
        if isinstance(each, type) and issubclass(each, msgspec.Struct):
            return each
    return None


def _literals_in(kind: object) -> Iterator[str]:
    for each in _members(kind):
        if get_origin(each) is Literal:
            yield from map(str, get_args(each))
        elif get_origin(each) is list:
            yield from _literals_in(get_args(each)[0])


def nearest(word: str, words: Any) -> str:
    """Return the word that was probably meant; empty if there is none."""
    import difflib  # noqa: PLC0415 - only for a mistake

    matches = difflib.get_close_matches(word.lower(), list(words), 1, 0.6)
    return matches[0] if matches else ""


def check_networks(peers: str | Sequence[str]) -> None:
    """Raise ValueError unless all are addresses, networks or ``unix``."""
    for each in [peers] if isinstance(peers, str) else peers:
        if each.removeprefix("!") != "unix":
            ip_network(each.removeprefix("!"), strict=False)


_READERS: Final[Mapping[str, Callable[[Any], object]]] = {
    **dict.fromkeys(
        ("listener", "ehlo", "command", "user", "application", "mechanism", "sender", "recipient",
         "subject"), compile_text,
    ),
    "header": lambda fields: [compile_text(each) for each in fields.values()],
    "peer": check_networks,
    "size": parse_range,
    "attempt": parse_range,
    "from": lambda text: parse_moment(text, 0.0),
    "until": lambda text: parse_moment(text, 0.0),
    "reply": parse_reply_text,
}  # fmt: skip


def _value_mistakes(document: object) -> Iterator[RuleMistake]:
    """Yield the values that have the right type, and cannot be read."""
    for path, value in _values_of(document):
        read = _READERS.get(path[1])
        if read is not None:
            try:
                read(_plain(path[1], value))
            except ValueError as error:
                yield RuleMistake(path, str(error))
            except (TypeError, AttributeError):
                pass  # it has another type, which is a mistake of its own


def _values_of(document: object) -> Iterator[tuple[tuple[str, str], object]]:
    if isinstance(document, Mapping):
        for part in ("when", "do"):
            fields = document.get(part)
            if isinstance(fields, Mapping):
                yield from (((part, str(name)), value) for name, value in fields.items())
