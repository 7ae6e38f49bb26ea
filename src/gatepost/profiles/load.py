"""Loads a profile: its file, those that it extends, and settings of the command line."""

import re
import secrets
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from gatepost.errors import ConfigError
from gatepost.model.profile import Profile
from gatepost.profiles.file_format import EXTENDS, Faults, Layer, is_text, nearest, read_layer

SET: Final = "--set"
"""The source of a value from the command line."""
_KEY: Final = re.compile(r"\w+(\.\w+)*")

# What Kubernetes names pods with: no vowels, nothing that looks like another letter.
_POD_ALPHABET: Final = "bcdfghjklmnpqrstvwxz2456789"
_HASH_ALPHABET: Final = "bcdf2456789"


_QUIRKS: Final = "quirks"
"""The folder of faulty servers, which are not providers: the doctor need not recognise them."""


@cache
def _shipped() -> Mapping[str, str]:
    """Return the profiles that come with Gatepost: name to file, relative to this package."""
    here = files("gatepost.profiles")
    folders = ((here, ""), (here / _QUIRKS, f"{_QUIRKS}/"))
    names = {
        entry.name[:-5]: f"{prefix}{entry.name}"
        for folder, prefix in folders
        for entry in folder.iterdir()
        if entry.name.endswith(".toml")
    }
    return {name: names[name] for name in sorted(names)}


def available_profiles() -> tuple[str, ...]:
    """Return the names of the profiles that come with Gatepost, in order."""
    return tuple(_shipped())


def known_providers() -> tuple[str, ...]:
    """Return the names of those by which a server is recognised: all but the quirks."""
    return tuple([name for name, file in _shipped().items() if not file.startswith(_QUIRKS)])


def problems_in(path: Path) -> list[tuple[str, str]]:
    """Return all mistakes in the profile ``path``: place and text.

    Raises ConfigError for a file that is not valid TOML, or that cannot be read.
    """
    faults = Faults()
    _read_file(path, faults)
    return [(where, fault) for where, texts in faults.by_place.items() for fault in texts]


@cache
def pod_name() -> str:
    """Return the value of ``{pod}`` in this process: ``<10 hex digits>-<5 letters>``."""
    digest = "".join(secrets.choice(_HASH_ALPHABET) for _ in range(10))
    return f"{digest}-{''.join(secrets.choice(_POD_ALPHABET) for _ in range(5))}"


def load_profile(
    name: str, *, path: Path | None = None, settings: Sequence[str] = (), strict: bool = True
) -> Profile:
    """Return the profile ``name``, or that of the file ``path`` with that name.

    ``settings`` are ``KEY=VALUE``, as for ``--set``, and come last. Without ``strict`` the files'
    table of that name is ignored, but not the settings for it. ``{pod}`` in the host and the
    greeting is replaced; ``{host}`` and ``{peer}`` stay for the session. Raises ConfigError if
    there is no such profile, or with all mistakes in it.
    """
    faults = Faults()
    layer = _read_shipped(name) if path is None else _read_file(path, faults)
    if not strict:
        layer = layer.without("strict")
    layer = _read_settings(settings, faults).over(layer)
    faults.raise_any()
    profile = layer.profile(name)
    named = {
        key: getattr(profile, key).replace("{pod}", pod_name()) for key in ("host", "greeting")
    }
    return replace(profile, **named)


@cache
def _read_shipped(name: str) -> Layer:
    names = available_profiles()
    if name not in names:
        raise ConfigError(
            f"there is no profile {name!r}; `gatepost profile list` lists them",
            did_you_mean=nearest(name, names),
        )
    file = _shipped()[name]
    where = f"profiles/{file}"
    text = files("gatepost.profiles").joinpath(*file.split("/")).read_text("utf-8")
    faults = Faults()
    layer = _with_base(_parse(text, where), where, None, faults)
    faults.raise_any()
    return layer


def _read_file(path: Path, faults: Faults, above: tuple[Path, ...] = ()) -> Layer:
    if path.resolve() in above:
        raise ConfigError("the profile extends itself", where=str(path))
    try:
        table = _parse(path.read_text("utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise ConfigError(f"cannot read the profile: {why}", where=str(path)) from error
    return _with_base(table, str(path), (*above, path.resolve()), faults)


def _parse(text: str, where: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"cannot read the profile: {error}", where=where) from error


def _with_base(
    table: Mapping[str, Any], where: str, above: tuple[Path, ...] | None, faults: Faults
) -> Layer:
    """Return a table's values on top of those of the profile that it extends.

    ``above`` are the files that extend this one; None for one that comes with Gatepost.
    """
    layer = read_layer(table, where, faults, source=where if above else "")
    base = table.get(EXTENDS)
    if base is None:
        return layer
    if not isinstance(base, str):
        faults.add(where, f"{EXTENDS}: the name of a profile, or a file that ends in .toml")
        return layer
    if above is not None and base.endswith(".toml"):
        return layer.over(_read_file(above[-1].parent / base, faults, above))
    if base not in available_profiles():
        near = nearest(base, available_profiles())
        hint = f", did you mean {near}?" if near else ""
        faults.add(where, f"{EXTENDS}: there is no profile {base!r}{hint}")
        return layer
    return layer.over(_read_shipped(base))


def _read_settings(settings: Sequence[str], faults: Faults) -> Layer:
    """Return the values of ``KEY=VALUE``, the last one of each key."""
    layer = Layer()
    for setting in settings:
        key, equals, text = setting.partition("=")
        key = key.strip()
        if not equals or not _KEY.fullmatch(key):
            faults.add(SET, f"{setting!r} is not a KEY=VALUE")
        elif key.partition(".")[0] in (EXTENDS, "sources"):
            faults.add(SET, f"{key} can only be set in a file")
        else:
            group, dot, member = key.partition(".")
            value = _value_of(key, text)
            table = {group: {member: value} if dot else value}
            layer = read_layer(table, SET, faults, source=SET).over(layer)
    return layer


def _value_of(key: str, text: str) -> Any:
    """Return a string as it is, everything else parsed as TOML."""
    if is_text(key):
        return text
    try:
        table = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return table["value"] if len(table) == 1 else text
