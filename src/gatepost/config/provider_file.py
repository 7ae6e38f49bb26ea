"""A file that describes a provider: one that comes with Gatepost, or the user's own, in TOML."""

import re
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path as FilePath
from typing import Any, Final, Literal, TypeVar

from gatepost.config import value_syntax as values
from gatepost.config.problems import ConfigProblems, nearest
from gatepost.config.source_file import read_text
from gatepost.config.table_reader import TableReader

T = TypeVar("T")
Folder = Literal["apis", "events"]
"""Of ``gatepost.profiles``, with a file for each provider."""

_HEADER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")


@cache
def shipped_providers(folder: Folder) -> tuple[str, ...]:
    """Return the names of the providers that come with Gatepost, in order."""
    entries = files("gatepost.profiles").joinpath(folder).iterdir()
    return tuple(sorted([each.name[:-5] for each in entries if each.name.endswith(".toml")]))


def read_shipped_or_own(folder: Folder, provider: str, parse: Callable[[str, str], T]) -> T:
    """Return what ``parse`` makes of the text and the name of a provider's file.

    ``provider`` is a name of ``shipped_providers``, or a path with a slash or the ending .toml.
    Raises what ``parse`` does, ConfigProblems for a file that cannot be read, and values.Unknown
    for a name that is none of ours.
    """
    if "/" in provider or provider.endswith(".toml"):
        return parse(read_text(FilePath(provider)), provider)
    shipped = shipped_providers(folder)
    if provider not in shipped:
        names = ", ".join(shipped)
        problem = f'must be one of {names}, or a file such as "./mine.toml", not {provider!r}'
        raise values.Unknown(problem, nearest(provider, shipped))
    described: T = _read_shipped(folder, provider, parse)
    return described


@cache
def _read_shipped(folder: Folder, name: str, parse: Callable[[str, str], Any]) -> Any:
    text = files("gatepost.profiles").joinpath(folder, f"{name}.toml").read_text("utf-8")
    return parse(text, name)


def take_provider(table: TableReader, read: Callable[[str], T]) -> T | None:
    """Return the provider that a table names, as ``read`` returns it; None after a mistake.

    The mistakes in a provider's file are noted with their positions there.
    """
    providers: list[T] = []

    def read_named(value: Any) -> str:
        name = values.text(value)
        try:
            providers.append(read(name))
        except ConfigProblems as error:
            table.adopt(error.problems)
        return name

    table.decide("provider", read_named, "", required=True)
    return providers[0] if providers else None


def sourced_table(parent: TableReader, key: str) -> TableReader:
    """Return a table, whose values may have a source."""
    table = parent.table(key)
    table.take("source", values.text, "")
    return table


def header_name(value: Any) -> str:
    if not isinstance(value, str) or not _HEADER.fullmatch(value):
        raise ValueError("must be the name of a header field")
    return value
