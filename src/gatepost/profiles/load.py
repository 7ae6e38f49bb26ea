"""Read a profile: every key checked, every fault told at once."""

import difflib
import re
import secrets
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, get_type_hints

import msgspec

from gatepost.errors import ConfigError
from gatepost.model.profile import Limits, Profile, StrictLimits
from gatepost.model.reply import Esc, Reply
from gatepost.wire.server.replies import NAMES as REPLY_NAMES

_GROUPS: Final[Mapping[str, type[Any]]] = {"limits": Limits, "strict": StrictLimits}
_KEYS: Final = frozenset(field.name for field in fields(Profile)) - {"name"}
_REPLY: Final = re.compile(r"([2-5]\d\d)(?: ([245])\.(\d{1,3})\.(\d{1,3}))? (\S.*)")
_PLACEHOLDER: Final = re.compile(r"\{(\w*)\}")
_PLACEHOLDERS: Final[Mapping[str, frozenset[str]]] = {
    "host": frozenset({"pod"}),
    "greeting": frozenset({"host", "peer"}),
    "hello": frozenset({"host", "peer"}),
}

# What Kubernetes names pods with: no vowels, nothing that looks like another letter.
_POD_ALPHABET: Final = "bcdfghjklmnpqrstvwxz2456789"
_HASH_ALPHABET: Final = "bcdf2456789"


def available_profiles() -> tuple[str, ...]:
    """Return the names of the profiles that come with Gatepost, in order."""
    names = (entry.name for entry in files("gatepost.profiles").iterdir())
    return tuple(sorted(name[:-5] for name in names if name.endswith(".toml")))


@cache
def pod_name() -> str:
    """Return what ``{pod}`` stands for in this process: ``<10 hex digits>-<5 letters>``."""
    digest = "".join(secrets.choice(_HASH_ALPHABET) for _ in range(10))
    return f"{digest}-{''.join(secrets.choice(_POD_ALPHABET) for _ in range(5))}"


def load_profile(name: str, *, path: Path | None = None) -> Profile:
    """Return the profile ``name``, or the one that the file ``path`` holds under that name.

    ``{pod}`` in its host is replaced; ``{host}`` and ``{peer}`` stay for the session.
    Raises ConfigError when there is no such profile or anything in it is wrong.
    """
    if path is None and name not in available_profiles():
        raise ConfigError(
            f"no profile is named {name!r}; there are {', '.join(available_profiles())}",
            did_you_mean=_nearest(name, available_profiles()),
        )
    where = f"profiles/{name}.toml" if path is None else str(path)
    try:
        source = files("gatepost.profiles") / f"{name}.toml" if path is None else path
        table = tomllib.loads(source.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"cannot read the profile: {error}", where=where) from error
    profile = parse_profile(name, table, where=where)
    return replace(profile, host=profile.host.replace("{pod}", pod_name()))


def parse_profile(name: str, table: Mapping[str, Any], *, where: str = "") -> Profile:
    """Return the profile that a TOML table describes. Raises ConfigError naming every fault."""
    faults = _Faults(where)
    values: dict[str, Any] = {"name": name}
    hints = get_type_hints(Profile)
    for key, value in table.items():
        if key not in _KEYS:
            faults.unknown(key, _KEYS)
        elif key == "replies":
            values[key] = MappingProxyType(_parse_replies(value, faults))
        elif key in _GROUPS:
            values[key] = _parse_group(key, value, faults)
        else:
            values[key] = faults.convert(key, value, hints[key])
    for key, allowed in _PLACEHOLDERS.items():
        for placeholder in _PLACEHOLDER.findall(str(table.get(key, ""))):
            if placeholder not in allowed:
                faults.add(f"{key}: {{{placeholder}}} is not known here")
    _check_sources(table, faults)
    faults.raise_any()
    return Profile(**values)


def parse_reply(text: str) -> Reply:
    """Return the reply that a line such as ``504 5.7.4 Unrecognized`` is. Raises ValueError."""
    match = _REPLY.fullmatch(text)
    if match is None or not text.isascii():
        raise ValueError(f"not a reply line: {text!r}")
    code, klass, subject, detail, words = match.groups()
    if klass and klass != code[0] and (code, klass) not in _SEEN_MISMATCHED:
        raise ValueError(f"the status does not fit the code: {text!r}")
    status = Esc(int(klass), int(subject), int(detail)) if klass else None
    return Reply(int(code), words, status)


_SEEN_MISMATCHED: Final = frozenset({("451", "5")})
"""ACS answers MAIL before STARTTLS with ``451 5.7.3``."""


class _Faults:
    """Everything that is wrong with one file."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.found: list[str] = []
        self.did_you_mean = ""

    def add(self, fault: str) -> None:
        self.found.append(fault)

    def unknown(self, key: str, known: Iterable[str]) -> None:
        nearest = _nearest(key.rpartition(".")[2], known)
        self.did_you_mean = self.did_you_mean or nearest
        self.add(f"unknown key {key}" + (f", did you mean {nearest}?" if nearest else ""))

    def convert(self, key: str, value: Any, hint: Any) -> Any:
        try:
            return msgspec.convert(value, hint)
        except msgspec.ValidationError as error:
            self.add(f"{key}: {error}")

    def raise_any(self) -> None:
        if self.found:
            error = ConfigError("; ".join(self.found), where=self.where)
            error.did_you_mean = self.did_you_mean
            raise error


def _parse_replies(value: Any, faults: _Faults) -> dict[str, Reply]:
    replies = {}
    for name, line in (faults.convert("replies", value, dict[str, str]) or {}).items():
        if name not in REPLY_NAMES:
            faults.unknown(f"replies.{name}", REPLY_NAMES)
            continue
        try:
            replies[name] = parse_reply(line)
        except ValueError as error:
            faults.add(f"replies.{name}: {error}")
    return replies


def _parse_group(key: str, value: Any, faults: _Faults) -> Any:
    kind = _GROUPS[key]
    hints = get_type_hints(kind)
    values = {}
    for name, item in (faults.convert(key, value, dict[str, Any]) or {}).items():
        if name not in hints:
            faults.unknown(f"{key}.{name}", hints)
            continue
        values[name] = faults.convert(f"{key}.{name}", item, hints[name])
        if isinstance(values[name], int | float) and values[name] < 0:
            faults.add(f"{key}.{name}: must not be negative")
    return kind(**values)


def _check_sources(table: Mapping[str, Any], faults: _Faults) -> None:
    sources = table.get("sources")
    for key in sources if isinstance(sources, dict) else ():
        group, _, name = key.partition(".")
        there = table.get(group)
        if there is None or (name and not (isinstance(there, dict) and name in there)):
            faults.add(f"sources: {key} is not set in this file")


def _nearest(word: str, known: Iterable[str]) -> str:
    matches = difflib.get_close_matches(word, list(known), 1)
    return matches[0] if matches else ""
