"""Reads typed values from a table, with their positions; every mistake is noted, none is fatal."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final, TypeVar

from gatepost.config.lenient_toml import MISTAKEN
from gatepost.config.positions import Path
from gatepost.config.problems import are_alike, nearest
from gatepost.config.value_syntax import ListenAddress, MemberErrors, Unit, Unknown, unit_of
from gatepost.errors import ConfigError

T = TypeVar("T")
DEFAULT: Final = "default"
_LONGEST: Final = 800
"""Maximum length of a message in characters; our longest lists every profile."""


@dataclass(frozen=True, slots=True)
class EffectiveValue:
    """One effective value, and its origin: ``default`` or ``file:line``."""

    key: str
    value: Any
    """As in JSON; of a secret its place, never the secret."""
    origin: str
    unit: Unit = ""
    """What a number, or a list of them, is measured in: seconds, octets, messages a minute."""


@dataclass(slots=True)
class Source:
    """A file, the lines of its keys, and the mistakes found so far."""

    file: str
    lines: Mapping[Path, int]
    problems: list[ConfigError] = field(default_factory=list)
    warnings: list[ConfigError] = field(default_factory=list)
    """What works, but should be changed."""
    effective: list[EffectiveValue] = field(default_factory=list)
    mistaken: set[Path] = field(default_factory=set)
    """The paths of mistakes."""

    def where(self, path: Path) -> str:
        """Return ``file:line`` of a key, or of the nearest table around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return f"{self.file}:{self.lines[path]}" if path else self.file

    def fault(self, path: Path, message: str, near: str = "") -> None:
        """Note a mistake; repeated ones are noted once."""
        self.mistaken.add(path)
        problem = ConfigError(_fit(message), where=self.where(path), did_you_mean=near)
        if not any(str(problem) == str(each) for each in self.problems):
            self.problems.append(problem)

    def warn(self, path: Path, message: str) -> None:
        """Note what should be changed."""
        self.warnings.append(ConfigError(message, where=self.where(path)))


class TableReader:
    """A table of the file. Read its values; then ``finish`` notes the keys that were not read."""

    def __init__(self, source: Source, fields: Mapping[str, Any], path: Path = ()) -> None:
        self._source, self._fields, self.path = source, fields, path
        self._read_keys: list[str] = []
        self._absent: list[tuple[tuple[str, ...], str, str | None]] = []
        """Alternatives of missing keys, the message, and its position."""

    @property
    def effective(self) -> "list[EffectiveValue]":
        """Every value that was read from the file so far, defaults included."""
        return self._source.effective

    def has(self, key: str) -> bool:
        """Tell whether the file has a key."""
        return key in self._fields

    def is_said(self, key: str, value: Any) -> bool:
        """Tell whether the file has exactly this value for a key."""
        return bool(self._fields.get(key) == value)

    def is_mistaken(self, key: str) -> bool:
        """Tell whether a value is a mistake: then its replacement means nothing."""
        return (*self.path, key) in self._source.mistaken

    def is_clear(self, path: Path) -> bool:
        """Tell whether no mistake was noted so far anywhere below this key of the file."""
        return not any(each[: len(path)] == path for each in self._source.mistaken)

    def take(self, key: str, read: Callable[[Any], T], default: T, none: str = "") -> T:
        """Return a value, or the default, also if the value is a mistake.

        ``none`` is the value in the file that means None.
        """
        self._read_keys.append(key)
        if key not in self._fields:
            said = none if default is None and none else default
            self._record(key, said, DEFAULT, unit_of(read, default))
            return default
        if self.is_no_toml(key):
            return default
        try:
            value = read(self._fields[key])
        except MemberErrors as failed:
            for number, each in failed.errors.items():
                self._refuse(key, each, number)
            return default
        except ValueError as error:
            self._refuse(key, error)
            return default
        said = none if value is None and none else value
        self._record(key, said, self._source.where((*self.path, key)), unit_of(read, value))
        return value

    def replace_default(self, key: str, value: Any) -> None:
        """Show another value for a key that the file does not have, because others decide it."""
        effective, name = self._source.effective, self.name(key)
        for place, each in enumerate(effective):
            if each.key == name:
                effective[place] = replace(each, value=value)

    def need(self, key: str, read: Callable[[Any], T], default: T) -> T:
        """Return a required value; ``default`` replaces it after a mistake."""
        if key not in self._fields:
            self._read_keys.append(key)
            self.lack(key, f"{self.name(key)} is missing")
            return default
        return self.take(key, read, default)

    def decide(
        self, key: str, read: Callable[[Any], T], default: T, *, required: bool = False
    ) -> T:
        """Return the value that decides which other keys exist, or the default.

        Without it these keys are unknown, so a misspelling of its own key is reported immediately.
        """
        if key not in self._fields:
            other = next((each for each in self._fields if nearest(each, [key])), "")
            if other:
                self._read_keys.append(other)
                self._source.mistaken.add((*self.path, key))
                self.fault(other, f"unknown key {self.name(other)}", key)
            elif required:
                self.fault(None, f"{self.name(key)} is missing")
        return self.take(key, read, default)

    def turn_away(self, keys: Iterable[str], message: str) -> None:
        """Report each of these keys if the file has it here, with its right position."""
        for key in keys:
            if key in self._fields:
                self._read_keys.append(key)
                self.fault(key, f"{self.name(key)} {message}")

    def ignore_rest(self) -> None:
        """Report no key that was not read: a mistake elsewhere hides which ones there are."""
        self._read_keys += self._fields

    def lack(self, keys: str | tuple[str, ...], message: str, *, at: str | None = None) -> None:
        """Report at the end that a key, or each of some, is missing, unless it was misspelt."""
        self._absent.append(((keys,) if isinstance(keys, str) else keys, message, at))

    def table(self, key: str) -> "TableReader":
        """Return a table in it; an empty one if the file has none."""
        self._read_keys.append(key)
        value = self._fields.get(key, {})
        if not isinstance(value, dict):
            if not self.is_no_toml(key):
                self.fault(key, f"{self.name(key)} is a table: [{self.name(key)}]")
            value = {}
        return TableReader(self._source, value, (*self.path, key))

    def tables(self, key: str) -> "list[TableReader]":
        """Return the tables of an array, ``[[key]]``."""
        self._read_keys.append(key)
        value = self._fields.get(key, [])
        if self.is_no_toml(key):
            return []
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            self.fault(key, f"{self.name(key)} is a list of tables: [[{self._header(key)}]]")
            return []
        if key in self._fields and not value:
            self.fault(key, f"{self.name(key)} is an empty list: write [[{self._header(key)}]]")
        return [
            TableReader(self._source, each, (*self.path, key, index))
            for index, each in enumerate(value)
        ]

    def named(self, key: str) -> "dict[str, TableReader]":
        """Return the tables in a table, ``[key.NAME]``, by name."""
        outer = self.table(key)
        tables: dict[str, TableReader] = {}
        for table in (outer, *self._misspelt_tables(key)):
            for name, value in table._fields.items():
                if isinstance(value, dict):
                    tables.setdefault(name, TableReader(self._source, value, (*table.path, name)))
                elif table is outer and not outer.is_no_toml(name):
                    outer.fault(name, f"{outer.name(name)} is a table: [{outer.name(name)}]")
        return tables

    def is_no_toml(self, key: str) -> bool:
        """Tell whether a value is invalid TOML, which was reported already."""
        if self._fields.get(key) != MISTAKEN:
            return False
        self._source.mistaken.add((*self.path, key))
        return True

    def _misspelt_tables(self, key: str) -> "list[TableReader]":
        """Return keys that are probably misspelt tables: what is in them is not reported as
        missing."""
        return [
            TableReader(self._source, value, (*self.path, other))
            for other, value in self._fields.items()
            if other not in self._read_keys and isinstance(value, dict) and are_alike(other, key)
        ]

    def fault(
        self, key: str | None, message: str, near: str = "", *, number: int | None = None
    ) -> None:
        """Note a mistake at a key, at one member of its list, or at the table itself."""
        path = self.path if key is None else (*self.path, key)
        self._source.mistaken.add(path)
        self._source.fault(path if number is None else (*path, number), message, near)

    def _refuse(self, key: str, error: ValueError, number: int | None = None) -> None:
        near = error.near if isinstance(error, Unknown) else ""
        self.fault(key, f"{self.name(key)} {error}", near, number=number)

    def warn(self, message: str, key: str | None = None) -> None:
        """Note a warning at the table, or at a key."""
        self._source.warn(self.path if key is None else (*self.path, key), message)

    def adopt(self, problems: Iterable[ConfigError]) -> None:
        """Note the mistakes of another file, which a value names."""
        for each in problems:
            if str(each) not in map(str, self._source.problems):
                self._source.problems.append(each)

    def finish(self) -> None:
        """Note every unknown key, and each required key that is missing."""
        misspelt = set()
        for key in self._fields:
            if key not in self._read_keys:
                near = nearest(key, self._read_keys)
                self.fault(key, f"unknown key {self.name(key)}", near)
                misspelt.add(near)
        misspelt -= self._fields.keys()
        self._source.mistaken.update([(*self.path, each) for each in misspelt])
        for keys, message, at in self._absent:
            if misspelt.isdisjoint(keys):
                self.fault(at, message)

    def name(self, key: str) -> str:
        """Return the name of a key as in the file: ``listener[0].address``."""
        return dotted((*self.path, key))

    def _header(self, key: str) -> str:
        """Return the name as in the header of a table: ``listener.network``."""
        return dotted(tuple([each for each in (*self.path, key) if isinstance(each, str)]))

    def _record(self, key: str, value: Any, origin: str, unit: Unit = "") -> None:
        self._source.effective.append(EffectiveValue(self.name(key), as_json(value), origin, unit))


def _fit(message: str) -> str:
    """Shorten a message to a few lines of a terminal, whatever value it quotes."""
    line = "".join([each if each.isprintable() else "?" for each in message])
    if len(line) <= _LONGEST:
        return line
    return f"{line[: _LONGEST // 2]} [...] {line[-_LONGEST // 2 :]}"


def dotted(path: Path) -> str:
    """Return a path as text."""
    text = "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in path)
    return text.removeprefix(".")


def as_json(value: Any) -> Any:
    """Return a value as in JSON."""
    if isinstance(value, list | tuple) and not isinstance(value, ListenAddress):
        return [as_json(each) for each in value]
    if isinstance(value, timedelta):
        return value.total_seconds()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)
