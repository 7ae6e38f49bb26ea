"""A file of rules of scripted failures: ``[[rule]]`` tables in TOML, all mistakes at once."""

from pathlib import Path as FilePath
from typing import Any, Final

from gatepost.config.lenient_toml import MISTAKEN, read_toml
from gatepost.config.positions import find_positions
from gatepost.config.problems import ConfigProblems, nearest
from gatepost.config.source_file import raise_problems
from gatepost.config.table_reader import Source
from gatepost.errors import ConfigError
from gatepost.failures.grammar import FailureRule
from gatepost.failures.read_rule import RuleMistake, RuleMistakes, read_rule
from gatepost.failures.rulebook import MAX_RULES

MOST: Final = 1024 * 1024
"""Octets of a file."""
_TABLE: Final = "rule"


def read_rules_file(file: FilePath, *, captures: bool) -> tuple[FailureRule, ...]:
    """Return the rules of a file. ``captures``: see ``read_rule``.

    Those without an id are named by their place. Raises ConfigProblems with every mistake, each at
    ``file:line``.
    """
    try:
        with file.open("rb") as opened:
            octets = opened.read(MOST + 1)
    except OSError as error:
        raise _alone(f"the rules cannot be read: {error.strerror or error}", file) from error
    if len(octets) > MOST:
        raise _alone(f"the file is longer than {MOST} octets", file)
    try:
        return parse_rules(octets.decode("utf-8-sig"), str(file), captures=captures)
    except UnicodeDecodeError as error:
        raise _alone("the file is not UTF-8", file) from error


def parse_rules(text: str, file: str, *, captures: bool = True) -> tuple[FailureRule, ...]:
    """Return the rules of a text. Raises ConfigProblems."""
    try:
        toml = read_toml(text)
    except (ValueError, RecursionError) as error:
        raise _alone(f"invalid TOML: {error}", file) from error
    mistakes = [
        ConfigError(each.message, where=f"{file}:{each.line}", did_you_mean=each.did_you_mean)
        for each in toml.mistakes
    ]
    if toml.fields is None:
        raise ConfigProblems(mistakes)
    source = Source(file, find_positions(toml.text), mistakes)
    rules = _read_rules(source, toml.fields, captures=captures)
    raise_problems(source)
    return rules


def _read_rules(
    source: Source, fields: dict[str, Any], *, captures: bool
) -> tuple[FailureRule, ...]:
    for key in fields:
        if key != _TABLE:
            source.fault((key,), f"unknown key {key}: rules are [[rule]]", nearest(key, [_TABLE]))
    tables = fields.get(_TABLE, [])
    if not isinstance(tables, list):
        source.fault((_TABLE,), "rules are [[rule]], in two brackets")
        return ()
    if len(tables) > MAX_RULES:
        source.fault((_TABLE,), f"there are more than {MAX_RULES} rules")
    rules: dict[tuple[str, str], FailureRule] = {}
    for index, table in enumerate(tables[:MAX_RULES]):
        path = (_TABLE, index)
        document = {"id": f"{_TABLE}-{index + 1}", **table} if isinstance(table, dict) else table
        try:
            rule = read_rule(document, captures=captures)
        except RuleMistakes as error:
            for each in error.mistakes:
                if not _is_reported(document, each):
                    source.fault((*path, *each.path), _sentence(each), each.did_you_mean)
            continue
        place = rule.lane or "", rule.id
        if place in rules:
            source.fault((*path, "id"), f"there is another rule {rule.id}")
        rules[place] = rule
    return tuple(rules.values())


def _sentence(mistake: RuleMistake) -> str:
    name = ".".join(map(str, mistake.path))
    return f"{name}: {mistake.message}" if name else mistake.message


def _is_reported(document: Any, mistake: RuleMistake) -> bool:
    """Tell whether a value is not even TOML, which has been reported."""
    value = document
    for key in mistake.path:
        value = value.get(key) if isinstance(value, dict) else None
    return bool(value == MISTAKEN)


def _alone(message: str, file: FilePath | str) -> ConfigProblems:
    return ConfigProblems([ConfigError(message, where=str(file))])
