"""The file of a configuration: from octets to a table, with all mistakes at the end."""

from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Final

from gatepost.client.named_secret import NamedSecret
from gatepost.config.lenient_toml import read_toml
from gatepost.config.positions import find_positions
from gatepost.config.problems import ConfigProblems
from gatepost.config.table_reader import Source, TableReader
from gatepost.errors import ConfigError
from gatepost.net.rereadable_files import open_again

MOST: Final = 4 * 1024 * 1024
"""Maximum size of a configuration in octets."""


def read_text(path: FilePath) -> str:
    """Return the text of the file. Raises ConfigProblems."""
    try:
        with path.open("rb") as file:
            octets = file.read(MOST + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        raise _alone(f"the configuration cannot be read: {reason}", str(path)) from error
    if len(octets) > MOST:
        raise _alone(f"the configuration is longer than {MOST} octets", str(path))
    try:
        text = octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        raise _alone("the configuration is not UTF-8", f"{path}:{line}") from error
    return text


def parse(text: str, file: str) -> tuple[TableReader, Source]:
    """Return the root table of ``text``, its mistakes noted.

    Raises ConfigProblems if there is no table at all.
    """
    try:
        read = read_toml(text)
    except (ValueError, RecursionError) as error:  # a number too long, tables nested too deeply
        raise _alone(f"invalid TOML: {error}", file) from error
    mistakes = [
        ConfigError(each.message, where=f"{file}:{each.line}", did_you_mean=each.did_you_mean)
        for each in read.mistakes
    ]
    if read.fields is None:
        raise ConfigProblems(mistakes)
    source = Source(file, find_positions(read.text), mistakes)
    return TableReader(source, read.fields), source


def try_to_read(source: Source, path: tuple[str | int, ...], file: str) -> bool:
    """Report a file that the configuration names and that cannot be read; tell whether it can."""
    try:
        open_again(FilePath(file)).close()
    except OSError as error:
        problem = f"the file {file} cannot be read: {error.strerror or error}"
        if not any(problem in str(each) for each in source.problems):
            source.fault(path, problem)
        return False
    return True


def try_secret(
    source: Source, path: tuple[str | int, ...], secret: object, environment: Mapping[str, str]
) -> bool:
    """Report a secret that is not where the configuration says; tell whether it is."""
    if isinstance(secret, NamedSecret) and secret.name:
        try:
            secret.read(environment)
        except ConfigError as error:
            source.fault(path, str(error))
            return False
    return True


def _alone(message: str, where: str) -> ConfigProblems:
    return ConfigProblems([ConfigError(message, where=where)])


def raise_problems(source: Source) -> None:
    """Raise ConfigProblems with all mistakes, in the order of the file."""
    if source.problems:
        raise ConfigProblems(sorted(source.problems, key=lambda each: _line_of(each.where)))


def _line_of(where: str) -> int:
    line = where.rpartition(":")[2]
    return int(line) if line.isdecimal() else 0
