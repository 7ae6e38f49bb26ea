"""The effective configuration: every value, and its origin."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from gatepost.config.problems import ConfigProblems
from gatepost.config.settings import Configuration
from gatepost.config.table_reader import DEFAULT, EffectiveValue
from gatepost.config.value_syntax import in_units
from gatepost.errors import ConfigError

_INDEX: Final = re.compile(r"\[\d+\]")
_NAMED: Final = re.compile(r"^(credentials|target|retry)\.[^.]+")
_UNSAID: Final[Mapping[str, str]] = {
    "ca_file": "the system's authorities",
    "credentials.scope": "what is usual for the server",
    "directory.applications": "all of the tenants",
    "directory.audiences": "the resource of scope",
    "dns.nameservers": "the system's",
    "dkim.expires_after": "for good",
    "health": "nowhere",
    "listener.mechanisms": "all that the directory verifies, without -PLUS",
    "listener.network.mechanisms": "those of the listener",
    "listener.proxies": "nobody",
    "listener.replies": "Gatepost's own",
    "postmaster": "refused",
    "route.applications": "everybody",
    "route.max_size": "no limit",
    "route.recipients": "everybody",
    "route.senders": "everybody",
    "target.ca_file": "the system's authorities",
    "target.dkim": "nothing is signed",
    "target.endpoint": "the provider's",
    "target.mailbox": "the sender's own",
    "target.mechanisms": "all that fit, the best first",
    "target.message_size": "not known",
    "target.rate": "no limit",
    "target.send_as": "each sender as it is",
    "target.send_as_for": "everybody",
}
"""The meaning of a missing key without a default value."""
_NONE: Final[Mapping[str, str]] = {
    "listener.network.mechanisms": "nobody signs in, because of may_send_to",
}
"""The same if the default is an empty list, and another one elsewhere."""
_MIND: Final[Mapping[str, str]] = {
    "target.send_as": "signatures (DKIM) of applications do not hold behind it",
}
"""What follows from a key that has a value."""


def explain(config: Configuration) -> list[str]:
    """Return a line for each value in the syntax of the file, followed by its origin."""
    lines = [
        (f"{each.key} = {_toml(in_units(each.value, each.unit))}", _origin(each))
        for each in config.effective
    ]
    width = min(60, max([len(text) for text, _ in lines], default=0))
    return [f"{text:<{width}}  # {origin}" for text, origin in lines]


def _origin(value: EffectiveValue) -> str:
    """Return the origin of a value, the meaning of an empty one, and what follows from it."""
    key = _NAMED.sub(r"\1", _INDEX.sub("", value.key))
    if value.value and key in _MIND:
        return f"{value.origin}: {_MIND[key]}"
    if value.origin != DEFAULT or value.value or key not in _UNSAID:
        return value.origin
    if value.value == [] and key in _NONE:
        return f"{value.origin}: {_NONE[key]}"
    return f"{value.origin}: {_UNSAID[key]}"


def explanation(config: Configuration) -> dict[str, Any]:
    """Return the same as a JSON document."""
    values = [
        {"key": each.key, "value": each.value, "origin": each.origin} for each in config.effective
    ]
    warnings = [_problem(each) for each in config.warnings]
    return {"valid": True, "problems": [], "warnings": warnings, "values": values}


def problems_document(error: ConfigProblems) -> dict[str, Any]:
    """Return the mistakes as a JSON document."""
    problems = [_problem(each) for each in error.problems]
    return {"valid": False, "problems": problems, "warnings": [], "values": []}


def _problem(error: ConfigError) -> dict[str, str]:
    hint = f" (did you mean {error.did_you_mean}?)" if error.did_you_mean else ""
    message = str(error).removeprefix(f"{error.where}: ").removesuffix(hint)
    return {"where": error.where, "message": message, "did_you_mean": error.did_you_mean}


def _toml(value: Any) -> str:
    """Return a value in TOML; for strings, numbers and lists of them that is JSON."""
    return '""' if value is None else json.dumps(value, ensure_ascii=False)
