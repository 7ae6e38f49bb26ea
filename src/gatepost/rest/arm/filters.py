"""The supported forms of ``$filter`` of lists."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from gatepost.rest.errors import ApiError

_TERM: Final = re.compile(r"(?P<name>[\w./]+)\s+eq\s+(?:'(?P<text>(?:[^']|'')*)'|(?P<word>[\w-]+))")
_CALL: Final = re.compile(r"(?P<name>\w+)\(\s*(?:'(?P<text>(?:[^']|'')*)'\s*)?\)")
_AND: Final = re.compile(r"\s+and\s+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Filter:
    """The conditions of a filter; names are in lower case."""

    equals: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """From ``name eq 'value'``."""
    calls: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """From ``atScope()`` or ``assignedTo('id')``."""


def parse_filter(text: str, names: frozenset[str]) -> Filter:
    """Return the filter; terms are joined by ``and``.

    Raises ApiError for a term that is not among ``names`` (lower case): a list that
    ignored it would return too much.
    """
    equals: dict[str, str] = {}
    calls: dict[str, str] = {}
    text = text.strip()
    at = 0
    while at < len(text):
        match = _TERM.match(text, at) or _CALL.match(text, at)
        if match is None or match["name"].lower() not in names:
            raise _unsupported(text)
        values = match.groupdict()
        value = values["text"].replace("''", "'") if values["text"] else values.get("word") or ""
        (equals if match.re is _TERM else calls)[match["name"].lower()] = value
        at = match.end()
        if at < len(text):
            joint = _AND.match(text, at)
            if joint is None or joint.end() == len(text):
                raise _unsupported(text)
            at = joint.end()
    return Filter(equals, calls)


def _unsupported(text: str) -> ApiError:
    return ApiError(400, "UnsupportedQuery", f"The filter '{text[:200]}' is not supported.")
