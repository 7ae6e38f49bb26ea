"""The pages of findings as blocks."""

from gatepost.console.markdown_blocks import Block, Span, markdown_blocks
from gatepost.doctor.explain import pages

PAGE = """\
# some_cause

The **first** line
goes on with `code` [and](more.md).

<!-- a comment -->
## Symptom

- one
  continued
- two [not a link

```
a  b
# no heading
```
### In a library
"""


def test_blocks() -> None:
    assert list(markdown_blocks(PAGE)) == [
        Block("text", [(
            Span("The "), Span("first", "strong"), Span(" line goes on with "),
            Span("code", "code"), Span(" "), Span("and", "link", "more.md"), Span("."),
        )]),
        Block("h2", [(Span("Symptom"),)]),
        Block("list", [(Span("one continued"),), (Span("two "), Span("[not a link"))]),
        Block("code", code="a  b\n# no heading"),
        Block("h3", [(Span("In a library"),)]),
    ]  # fmt: skip


def test_nothing_of_any_page_is_lost() -> None:
    for id_, page in pages().items():
        blocks = list(markdown_blocks(page))
        text = " ".join(
            [span.text for each in blocks for line in each.lines for span in line]
            + [each.code for each in blocks]
        )
        words = page.partition("\n")[2].replace("`", " ").replace("*", " ").split()
        kept = set(text.replace("*", " ").split())
        lost = [each for each in words if each.isalpha() and each not in kept]
        assert len(lost) <= 12, (id_, lost)  # comments, and the names of languages
