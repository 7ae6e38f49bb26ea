"""The Markdown of the findings' pages as blocks that a template writes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

_FENCE: Final = "```"


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a line."""

    text: str
    kind: Literal["text", "code", "strong", "link"] = "text"
    href: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """A heading, a paragraph, a list or code."""

    kind: Literal["h2", "h3", "text", "list", "code"]
    lines: Sequence[Sequence[Span]] = ()
    code: str = ""


def markdown_blocks(page: str) -> Iterator[Block]:
    """Yield the blocks of a page without its title; comments are left out."""
    lines = iter(page.splitlines())
    kind: Literal["text", "list"] = "text"
    gathered: list[str] = []
    for line in lines:
        is_item = line.startswith("- ")
        is_other = not line.strip() or line.startswith(("#", "<!--", _FENCE))
        if gathered and (is_other or (is_item and kind == "text")):
            yield _block(kind, gathered)
            gathered = []
        if line.startswith(_FENCE):
            yield Block("code", code="\n".join(_until_fence(lines)))
        elif line.startswith(("## ", "### ")):
            marks, _, text = line.partition(" ")
            yield Block("h2" if len(marks) == 2 else "h3", [tuple(_spans(text))])
        elif line.strip() and not line.startswith(("# ", "<!--")):
            if is_item or not gathered:
                kind = "list" if is_item else "text"
                gathered.append(line.removeprefix("- "))
            else:
                gathered[-1] += f" {line.strip()}"
    if gathered:
        yield _block(kind, gathered)


def _until_fence(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        if line.startswith(_FENCE):
            return
        yield line


def _block(kind: Literal["text", "list"], lines: Sequence[str]) -> Block:
    return Block(kind, [tuple(_spans(each)) for each in lines])


def _spans(text: str) -> Iterator[Span]:
    for number, part in enumerate(text.split("`")):
        if number % 2:
            yield Span(part, "code")
        else:
            yield from _links(part)


def _links(text: str) -> Iterator[Span]:
    before, bracket, rest = text.partition("[")
    label, middle, after = rest.partition("](")
    href, end, behind = after.partition(")")
    yield from _strong(before)
    if bracket and middle and end:
        yield Span(label, "link", href)
        yield from _links(behind)
    elif bracket:
        yield from _strong(bracket + rest)


def _strong(text: str) -> Iterator[Span]:
    for number, part in enumerate(text.split("**")):
        if part:
            yield Span(part, "strong" if number % 2 else "text")
