"""Query options of collections (OData 4.01 part 1, 11.2): ``$filter $select $top $count``.

Of ``$filter``, the part that finds an object by its name.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from gatepost.rest.graph.errors import bad_request, unsupported

PAGE: Final = 100
"""Objects in one response without ``$top``."""
MOST: Final = 999
"""Largest value of ``$top`` (Graph v1.0, "paging")."""

Document = dict[str, Any]
Test = Callable[[Document], bool]

_VALUE: Final = r"'(?P<value>(?:[^']|'')*)'"
_EQUAL: Final = re.compile(rf"(?P<name>\w+)\s+eq\s+{_VALUE}", re.IGNORECASE)
_STARTS: Final = re.compile(rf"startswith\(\s*(?P<name>\w+)\s*,\s*{_VALUE}\s*\)", re.IGNORECASE)
_ANY: Final = re.compile(
    rf"(?P<name>\w+)/any\(\s*(?P<each>\w+)\s*:\s*(?P=each)\s+eq\s+{_VALUE}\s*\)", re.IGNORECASE
)
_AND: Final = re.compile(r"\s+and\s+", re.IGNORECASE)
_SEARCHED: Final = frozenset({"appid", "displayname", "id", "serviceprincipalnames"})
_OPTIONS: Final = frozenset({"$filter", "$select", "$top", "$count", "$skiptoken", "$format"})


def parse_filter(text: str, resource: str) -> Test:
    """Return the test of a ``$filter``. Raises Rejected."""
    tests: list[Test] = []
    at = 0
    while True:
        is_match, at = _clause(text, at, resource)
        tests.append(is_match)
        if at == len(text):
            return lambda document: all(each(document) for each in tests)
        joint = _AND.match(text, at)
        if joint is None:
            raise unsupported(text[at:], resource)
        at = joint.end()


def _clause(text: str, at: int, resource: str) -> tuple[Test, int]:
    for pattern, compare in ((_EQUAL, _is_equal), (_STARTS, _has_prefix), (_ANY, _contains)):
        match = pattern.match(text, at)
        if match is None:
            continue
        name = match["name"].lower()
        if name not in _SEARCHED:
            raise unsupported(match["name"], resource)
        wanted = match["value"].replace("''", "'").lower()
        return _make_test(name, wanted, compare), match.end()
    raise unsupported(text[at:], resource)


def _make_test(name: str, wanted: str, compare: Callable[[Any, str], bool]) -> Test:
    def is_match(document: Document) -> bool:
        return any(compare(value, wanted) for key, value in document.items() if key.lower() == name)

    return is_match


def _is_equal(value: Any, wanted: str) -> bool:
    return isinstance(value, str) and value.lower() == wanted


def _has_prefix(value: Any, wanted: str) -> bool:
    return isinstance(value, str) and value.lower().startswith(wanted)


def _contains(value: Any, wanted: str) -> bool:
    return isinstance(value, list) and any(_is_equal(each, wanted) for each in value)


def select(document: Document, query: Mapping[str, str]) -> Document:
    """Return the properties of a document in ``$select``."""
    names = query.get("$select", "")
    if not names or names == "*":
        return document
    selected = {each.strip().lower() for each in names.split(",")}
    return {
        key: value
        for key, value in document.items()
        if key.lower() in selected or key.startswith("@")
    }


def page_of(
    documents: Sequence[Document], query: Mapping[str, str], url: str, resource: str
) -> Document:
    """Return one page of the matching objects, and the link to the next. Raises Rejected.

    ``url`` is that of the collection.
    """
    for name in query:
        if name.startswith("$") and name not in _OPTIONS:
            raise unsupported(name, resource)
    if wanted := query.get("$filter", "").strip():
        documents = list(filter(parse_filter(wanted, resource), documents))
    top = _number(query, "$top", PAGE, least=1)
    start = _number(query, "$skiptoken", 0, least=0)
    objects = [select(each, query) for each in documents[start : start + top]]
    page: Document = {}
    if query.get("$count", "").lower() == "true":
        page["@odata.count"] = len(documents)
    if start + top < len(documents):
        page["@odata.nextLink"] = _next(query, url, start + top)
    return page | {"value": objects}


def _number(query: Mapping[str, str], name: str, default: int, *, least: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 6 or int(text) < least:
        raise bad_request(f"Invalid value '{text[:20]}' for {name} query option found.")
    number = int(text)
    if name == "$top" and number > MOST:
        raise bad_request(f"Invalid page size specified: '{number}'. Must be between 1 and {MOST}.")
    return number


def _next(query: Mapping[str, str], url: str, start: int) -> str:
    return f"{url}?{urlencode({**query, '$skiptoken': str(start)}, safe='$')}"
