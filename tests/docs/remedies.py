"""Generate the tables and sections about fixes from the tables of ``diagnosis.remedies``."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gatepost.diagnosis.causes import CAUSES
from gatepost.diagnosis.remedies.catalog import LIBRARIES
from gatepost.diagnosis.remedies.choice import FIXABLE, topic_of, why_not
from gatepost.diagnosis.remedies.library import Library, Placeholders
from tests.docs.pages import FINDINGS

BEGIN: Final = "<!-- fixes: made by `make docs`, from diagnosis/remedies -->"
END: Final = "<!-- end of fixes -->"
_BLOCK: Final = re.compile(rf"\n*{re.escape(BEGIN)}.*?{re.escape(END)}\n*", re.DOTALL)
_OFFERED: Final = ("LOGIN",)
"""The mechanisms of the example server, for fixes that depend on them."""
_MARKS: Final = {
    "run": "code that the tests run: first with the fault, which the doctor names, then with the "
    "fix, which delivers",
    "code": "code that the tests do not run",
    "told": "a description, because no code is needed",
    "never": "the library cannot have the fault; if asked, the doctor says why",
}


def without_fixes(text: str) -> str:
    """Return the page of a finding without its generated section."""
    return _BLOCK.sub("\n\n", text).rstrip("\n") + "\n"


def finding_page(path: Path) -> str:
    """Return the page with a new section of fixes."""
    text = without_fixes(path.read_text("utf-8"))
    head, neighbours, tail = text.partition("## Similar findings\n")
    section = "\n".join([BEGIN, *_section(path.stem), END])
    parts = [head.rstrip("\n"), section, *([neighbours + tail.rstrip("\n")] if neighbours else [])]
    return "\n\n".join(parts) + "\n"


def _section(finding: str) -> Iterator[str]:
    place = Placeholders(
        "mail.example.com", 465 if "on_implicit" in finding else 587, "mail.example.com"
    )
    yield from ("## In your library", "")
    if CAUSES[finding].topic == "by_offer":
        yield from ("For servers that offer LOGIN; the doctor prints the code for yours.", "")
    spared = []
    for library in LIBRARIES.values():
        if why := why_not(finding, library, _OFFERED):
            spared.append(f"- {library.title}: {why}")
            continue
        topic = topic_of(finding, library, _OFFERED)
        fix = library.fixes.get(topic) if topic else None
        if fix is None:
            continue
        run = " (run in our tests)" if finding in library.executed else ""
        yield from (f"### {library.title}", "", f"{place.fill(fix.text)}{run}", "")
        if fix.code:
            yield from (f"```{library.language}", place.fill(fix.code).rstrip("\n"), "```", "")
    if spared:
        yield from ("### Not needed", "")
        yield from spared
        yield ""


def mark(library: Library, finding: str) -> str:
    """Return the mark for how far the fix of a finding is proven in a library; empty without a
    fix."""
    if finding in library.executed:
        return "run"
    if why_not(finding, library, _OFFERED):
        return "never"
    topic = topic_of(finding, library, _OFFERED)
    fix = library.fixes.get(topic) if topic else None
    return ("code" if fix.code else "told") if fix else ""


def rows() -> Iterator[tuple[str, ...]]:
    """Yield a row for each cause that a change of the client fixes."""
    for finding in FIXABLE:
        marks = [mark(library, finding) for library in LIBRARIES.values()]
        yield (f"[{finding}](../findings/{finding}.md)", *marks)


def legend() -> Iterator[str]:
    """Yield the meaning of the marks."""
    yield from (f"- `{name}`: {text}." for name, text in _MARKS.items())


FINDING_PAGES: Final = tuple(FINDINGS / f"{each}.md" for each in FIXABLE)
