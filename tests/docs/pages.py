"""The Markdown pages: their fenced blocks and what stands above them, links, headings.

A comment above a block says what a test does with it:

``<!-- not run: REASON -->``  it cannot run in a test; each is counted.
``<!-- needs: go -->``        it runs where Go (or node) is installed.
``<!-- exit: 2 -->``          its last command exits with 2.
``<!-- file: NAME -->``       it is the content of a file that a later block uses.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
FINDINGS: Final = ROOT / "docs" / "findings"

_FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMENT: Final = re.compile(r"<!-- (not run|needs|exit|file): (.+?) -->")
_LINK: Final = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_HEADING: Final = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_INLINE: Final = re.compile(r"`(gatepost [^`]+)`")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block, and what the comments above it say."""

    language: str
    text: str
    line: int
    not_run: str = ""
    needs: str = ""
    exit: int = 0
    file: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A Markdown file."""

    path: Path
    text: str

    @property
    def name(self) -> str:
        """Its path from the root of the project."""
        return str(self.path.relative_to(ROOT))

    @property
    def prose(self) -> str:
        """The text without its blocks."""
        return _FENCE.sub("", self.text)

    def blocks(self) -> Iterator[Block]:
        """Yield the fenced blocks in order."""
        for match in _FENCE.finditer(self.text):
            said = dict(_COMMENT.findall(_above(self.text[: match.start()])))
            yield Block(
                match[1], match[2], self.text.count("\n", 0, match.start()) + 1,
                said.get("not run", ""), said.get("needs", ""), int(said.get("exit", 0)),
                said.get("file", ""),
            )  # fmt: skip

    def links(self) -> Iterator[str]:
        """Yield the targets of the links."""
        yield from _LINK.findall(self.prose)

    def anchors(self) -> set[str]:
        """Return what ``#...`` may point to, as GitHub makes it from headings."""
        kept = (re.sub(r"[^\w\- ]", "", each.lower()) for each in _HEADING.findall(self.prose))
        return {each.replace(" ", "-") for each in kept}

    def commands(self) -> Iterator[str]:
        """Yield the command lines in backquotes in the prose."""
        yield from (" ".join(each.split()) for each in _INLINE.findall(self.prose))


def _above(text: str) -> str:
    """Return the comments directly above the end of ``text``."""
    lines: list[str] = []
    for line in reversed(text.rstrip("\n").split("\n")):
        if not line.startswith("<!--"):
            break
        lines.append(line)
    return "\n".join(lines)


def read_page(path: Path) -> Page:
    """Read a page."""
    return Page(path, path.read_text("utf-8"))


def all_pages() -> list[Page]:
    """Return every page of the project, in order."""
    paths = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return [read_page(path) for path in sorted(paths)]


def taught_pages() -> list[Page]:
    """Return the pages whose blocks are for the reader to run; a finding shows dialogues."""
    return [page for page in all_pages() if FINDINGS not in page.path.parents]
