"""Reads a library's file: a Markdown page with its facts, and a section for each of its fixes.

Under the title is a list of facts, by the names of ``Library``'s fields. A section's title is its
topic; its text is followed by a block of code, or by ``Code: TOPIC`` if it has the code of another
topic. The section ``Not needed`` has the reasons why the library needs no fix: usual ones by their
topics, and its own.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, cast

from gatepost.diagnosis.causes.cause import Topic
from gatepost.diagnosis.remedies.library import ALWAYS_EXECUTED, USUAL_REASONS, Fix, Library

_LISTS: Final = frozenset({"mechanisms", "settable"})
_SETS: Final = frozenset({"initial", "executed"})
_FLAGS: Final = frozenset({
    "is_compared", "keeps_passwords", "wants_san", "is_strict", "checks_revocation",
    "fills_authzid",
})  # fmt: skip
_FENCE: Final = "```"
_SAME_CODE: Final = "Code: "


@cache
def read_library(name: str) -> Library:
    """Return the library that NAME.md describes."""
    page = Path(__file__).with_name(f"{name}.md").read_text("utf-8")
    head, *sections = f"\n{page}".split("\n## ")
    title, _, facts = head.strip().removeprefix("# ").partition("\n")
    fixes: dict[Topic, Fix] = {}
    spared: dict[str, str] = {}
    for section in sections:
        topic, _, body = section.partition("\n")
        if topic == "Not needed":
            spared = dict(_reasons(body))
        else:
            fixes[cast("Topic", topic)] = _fix(body, fixes)
    return Library(name=name, title=title, fixes=fixes, spared=spared, **_facts(facts))


def _facts(text: str) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for key, value in _items(text):
        words = [each for each in value.split(", ") if each]
        if key in _FLAGS:
            facts[key] = value == "yes"
        elif key in _LISTS:
            facts[key] = tuple(words)
        elif key in _SETS:
            facts[key] = frozenset(words)
        else:
            facts[key] = value
    if "executed" in facts:
        facts["executed"] |= ALWAYS_EXECUTED
    return facts


def _reasons(text: str) -> Iterator[tuple[str, str]]:
    for key, value in _items(text):
        yield key, value or USUAL_REASONS[key]


def _items(text: str) -> Iterator[tuple[str, str]]:
    """Yield the items of a list, ``- key: value`` or ``- key``, over several lines."""
    for item in f"\n{text}".split("\n- ")[1:]:
        key, _, value = " ".join(item.split()).partition(": ")
        yield key, value


def _fix(body: str, fixes: Mapping[Topic, Fix]) -> Fix:
    text, fence, code = body.partition(_FENCE)
    text, same, topic = text.partition(_SAME_CODE)
    text = " ".join(text.split())
    if same:
        return Fix(text, fixes[cast("Topic", topic.strip())].code)
    return Fix(text, code[code.index("\n") + 1 : code.rindex(_FENCE)] if fence else None)
