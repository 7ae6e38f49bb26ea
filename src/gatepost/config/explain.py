"""The configuration as it holds: every value, and where it is from."""

import json
from typing import Any

from gatepost.config.problems import ConfigProblems
from gatepost.config.settings import Config
from gatepost.errors import ConfigError


def explain(config: Config) -> list[str]:
    """Return a line for each value, as the file would write it, with its origin behind it."""
    lines = [(f"{each.key} = {_toml(each.value)}", each.origin) for each in config.effective]
    width = min(60, max([len(text) for text, _ in lines], default=0))
    return [f"{text:<{width}}  # {origin}" for text, origin in lines]


def explanation(config: Config) -> dict[str, Any]:
    """Return the same as a JSON document."""
    values = [
        {"key": each.key, "value": each.value, "origin": each.origin} for each in config.effective
    ]
    warnings = [_problem(each) for each in config.warnings]
    return {"valid": True, "problems": [], "warnings": warnings, "values": values}


def problems_document(error: ConfigProblems) -> dict[str, Any]:
    """Return what is wrong as a JSON document."""
    problems = [_problem(each) for each in error.problems]
    return {"valid": False, "problems": problems, "warnings": [], "values": []}


def _problem(error: ConfigError) -> dict[str, str]:
    hint = f" (did you mean {error.did_you_mean}?)" if error.did_you_mean else ""
    message = str(error).removeprefix(f"{error.where}: ").removesuffix(hint)
    return {"where": error.where, "message": message, "did_you_mean": error.did_you_mean}


def _toml(value: Any) -> str:
    """JSON writes texts, numbers and lists of them as TOML does."""
    return '""' if value is None else json.dumps(value, ensure_ascii=False)
