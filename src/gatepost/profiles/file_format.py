"""The format of a profile's file: its keys, the types and spelling of their values, sources.

A file is one layer of a profile; settings of the command line are another.
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Final, get_args, get_origin, get_type_hints

import msgspec

from gatepost.errors import ConfigError
from gatepost.model.profile import GROUPS, REFUSALS, Profile
from gatepost.model.reply import Esc, Reply
from gatepost.model.server_behaviour import FirstAccount
from gatepost.profiles.credentials import fill_template
from gatepost.wire.server.command_variants import ANSWERABLE
from gatepost.wire.server.replies import NAMES as REPLY_NAMES

EXTENDS: Final = "extends"
"""The key that names the profile below a file."""
NONE: Final = "none"
"""The value for no limit in a file, because TOML has no null."""

_HINTS: Final[Mapping[str, Any]] = {
    **{key: hint for key, hint in get_type_hints(Profile).items() if key not in ("name", *GROUPS)},
    **{
        f"{group}.{key}": hint
        for group, kind in GROUPS.items()
        for key, hint in get_type_hints(kind).items()
    },
}
"""The type of every value, by its key in the file."""
_REPLIES: Final = {"replies": REPLY_NAMES, "answers": ANSWERABLE, "refusals": REFUSALS}
"""The tables whose values are replies, and their keys."""
_TABLES: Final = frozenset({*GROUPS, *_REPLIES})
_KEYS: Final = frozenset(each.name for each in fields(Profile)) - {"name"}
_DATE: Final = re.compile(r"\d{4}(-\d\d(-\d\d)?)?")
_REPLY: Final = re.compile(r"([2-5]\d\d)(?: ([245])\.(\d{1,3})\.(\d{1,3}))? (\S.*(?:\n.*)*)")
_PLACEHOLDER: Final = re.compile(r"\{(\w*)\}")
_PLACEHOLDERS: Final[Mapping[str, frozenset[str]]] = {
    "host": frozenset({"pod"}),
    "greeting": frozenset({"host", "peer", "pod"}),
    "hello": frozenset({"host", "peer"}),
}
_TEMPLATES: Final = frozenset(
    {"quirk.password", *(f"account.{each.name}" for each in fields(FirstAccount))}
)
_PATTERNS: Final = frozenset({"ehlo_pattern", "auth.username_pattern", "server.refused_names"})
_SEEN_MISMATCHED: Final = frozenset({("451", "5")})
"""ACS answers MAIL before STARTTLS with ``451 5.7.3``."""


@dataclass(frozen=True, slots=True)
class Layer:
    """Values by their full key (``limits.recipients``), and the source of each."""

    values: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    sources: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def over(self, below: "Layer") -> "Layer":
        """Return this layer on top of ``below``."""
        sources = {key: source for key, source in below.sources.items() if key not in self.values}
        return Layer({**below.values, **self.values}, {**sources, **self.sources})

    def without(self, group: str) -> "Layer":
        """Return the layer without the values of a table."""
        return Layer(
            {key: value for key, value in self.values.items() if not key.startswith(f"{group}.")},
            self.sources,
        )

    def profile(self, name: str) -> Profile:
        """Return the profile of these values."""
        plain = {key: value for key, value in self.values.items() if "." not in key}
        tables: dict[str, dict[str, Any]] = {table: {} for table in _TABLES}
        for key, value in self.values.items():
            table, dot, member = key.partition(".")
            if dot:
                tables[table][member] = value
        groups = {group: kind(**tables[group]) for group, kind in GROUPS.items()}
        return Profile(
            name=name,
            replies=MappingProxyType(tables["replies"]),
            answers=MappingProxyType(tables["answers"]),
            refusals=MappingProxyType(tables["refusals"]),
            sources=MappingProxyType(dict(self.sources)),
            **plain,
            **groups,
        )


class Faults:
    """All mistakes, by their place."""

    def __init__(self) -> None:
        self.by_place: dict[str, list[str]] = {}
        self.did_you_mean = ""

    def add(self, where: str, fault: str) -> None:
        """Note a fault."""
        self.by_place.setdefault(where, []).append(fault)

    def add_unknown_key(self, where: str, key: str, keys: Iterable[str]) -> None:
        """Note a key that does not exist, with the nearest one that does."""
        near = nearest(key.rpartition(".")[2], keys)
        self.did_you_mean = self.did_you_mean or near
        self.add(where, f"unknown key {key}" + (f", did you mean {near}?" if near else ""))

    def raise_any(self) -> None:
        """Raise ConfigError with all mistakes, if there are any."""
        if not self.by_place:
            return
        texts = {where: "; ".join(faults) for where, faults in self.by_place.items()}
        where = next(iter(texts)) if len(texts) == 1 else ""
        text = texts[where] if where else "; ".join(f"{at}: {text}" for at, text in texts.items())
        error = ConfigError(text if where else text.removeprefix(": "), where=where)
        error.did_you_mean = self.did_you_mean
        raise error


def read_layer(table: Mapping[str, Any], where: str, faults: Faults, *, source: str = "") -> Layer:
    """Return the layer of a TOML table; mistakes are added to ``faults``.

    ``source`` is the source of values that ``[sources]`` does not name.
    """
    values: dict[str, Any] = {}
    for key, value in _flat(table, where, faults):
        if key.partition(".")[0] in _REPLIES:
            _take_reply(key, value, where, values, faults)
        elif key not in _HINTS:
            group, dot, _ = key.partition(".")
            keys = get_type_hints(GROUPS[group]) if dot else _KEYS
            faults.add_unknown_key(where, key, keys)
        elif (fault := _take(key, value, values)) is not None:
            faults.add(where, f"{key}: {fault}")
    _check_placeholders(values, where, faults)
    return Layer(values, _read_sources(table, values, where, faults, source))


def parse_reply(text: str) -> Reply:
    """Return the reply of a line such as ``504 5.7.4 Unrecognized``. Raises ValueError.

    Further lines are further lines of its text, without code and status.
    """
    match = _REPLY.fullmatch(text.removesuffix("\n"))
    if match is None or not text.isascii() or "\r" in text:
        raise ValueError(f"not a reply line: {text!r}")
    code, klass, subject, detail, words = match.groups()
    if klass and klass != code[0] and (code, klass) not in _SEEN_MISMATCHED:
        raise ValueError(f"the status does not match the code: {text!r}")
    status = Esc(int(klass), int(subject), int(detail)) if klass else None
    return Reply(int(code), words, status)


def nearest(word: str, words: Iterable[str]) -> str:
    """Return which of the words was probably meant, or an empty string."""
    matches = difflib.get_close_matches(word, list(words), 1)
    return matches[0] if matches else ""


def is_text(key: str) -> bool:
    """Tell whether a key's value is a string, so that it needs no quotes."""
    return key.partition(".")[0] in _REPLIES or _HINTS.get(key) is str


def _flat(table: Mapping[str, Any], where: str, faults: Faults) -> Iterable[tuple[str, Any]]:
    for key, value in table.items():
        if key in (EXTENDS, "sources"):
            continue
        if key not in _TABLES:
            yield key, value
        elif isinstance(value, Mapping):
            yield from ((f"{key}.{name}", item) for name, item in value.items())
        else:
            faults.add(where, f"{key}: Expected `object`, got `{_kind(value)}`")


def _kind(value: Any) -> str:
    try:
        msgspec.convert(value, dict)
    except msgspec.ValidationError as error:
        return str(error).rpartition("got ")[2].strip("`")
    return "object"


def _take(key: str, value: Any, values: dict[str, Any]) -> str | None:
    """Convert and keep a value; return what is wrong with it."""
    hint = _HINTS[key]
    if value == NONE and type(None) in get_args(hint):
        values[key] = None
        return None
    try:
        taken = msgspec.convert(value, hint)
    except msgspec.ValidationError as error:
        return str(error)
    if get_origin(hint) in (Mapping, dict) or isinstance(taken, dict):
        taken = MappingProxyType(taken)
    if isinstance(taken, int | float) and not isinstance(taken, bool) and taken < 0:
        return "must not be negative"
    if key in _PATTERNS and (fault := _no_pattern(taken)):
        return fault
    if key == "as_of" and not _DATE.fullmatch(taken):
        return f"{taken!r} is not a date; YYYY, YYYY-MM or YYYY-MM-DD"
    values[key] = taken
    return None


def _no_pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        return f"{text!r} is not a regular expression: {error}"
    return ""


def _take_reply(key: str, line: Any, where: str, values: dict[str, Any], faults: Faults) -> None:
    table, _, name = key.partition(".")
    if name not in _REPLIES[table]:
        faults.add_unknown_key(where, key, _REPLIES[table])
        return
    try:
        values[key] = parse_reply(msgspec.convert(line, str))
    except ValueError as error:  # msgspec's is one, too
        faults.add(where, f"{key}: {error}")


def _check_placeholders(values: Mapping[str, Any], where: str, faults: Faults) -> None:
    for key in _TEMPLATES & values.keys():
        known = {"profile": "x"} if key == "account.username" else {"profile": "x", "username": "x"}
        try:
            fill_template(values[key], known)
        except ValueError as error:
            faults.add(where, f"{key}: {error}")
    for key, allowed in _PLACEHOLDERS.items():
        for placeholder in _PLACEHOLDER.findall(str(values.get(key, ""))):
            if placeholder not in allowed:
                faults.add(where, f"{key}: {{{placeholder}}} is not a known placeholder here")


def _read_sources(
    table: Mapping[str, Any], values: Mapping[str, Any], where: str, faults: Faults, source: str
) -> dict[str, str]:
    """Return the source of each value; one may apply to a whole table."""
    try:
        named = msgspec.convert(table.get("sources", {}), dict[str, str])
    except msgspec.ValidationError as error:
        faults.add(where, f"sources: {error}")
        return {}
    for key in named:
        group, _, member = key.partition(".")
        there = table.get(group)
        if there is None or (member and not (isinstance(there, Mapping) and member in there)):
            faults.add(where, f"sources: {key} is not set in this file")
    sources = {key: named.get(key) or named.get(key.partition(".")[0]) or source for key in values}
    return {key: each for key, each in sources.items() if each}
