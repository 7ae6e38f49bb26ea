"""Every example of the pages is run in order, as a reader would, against a real relay."""

from pathlib import Path

import pytest

from tests.clients.node.packages import needs_node
from tests.docs.pages import Page, taught_pages
from tests.docs.shell import Step, Surprise, agrees, reader, steps

PAGES = {page.name: page for page in taught_pages() if page.path.suffixes == [".md"]}
"""A translation shows the same examples, which ``test_translations`` sees to."""
RUN = ("console", "python")
SHOWN = ("text", "properties", "ini")
"""Languages of blocks that only show something."""
NOT_RUN = 10
"""Blocks that cannot run in a test; each says why. One more is a decision, not an accident."""
JAKARTA_MAIL = Path("/usr/share/java/jakarta-mail.jar")

MANY_PROGRAMS = {"README.md", "docs/explanation/durability.md", "docs/how-to/django.md",
                 "docs/how-to/pytest.md"}  # fmt: skip
"""Pages whose examples start many programs, such as the demonstration and whole test suites."""


def has_examples(page: Page, needs: str = "") -> bool:
    return any(
        block.language in RUN and not block.not_run and block.needs == needs
        for block in page.blocks()
    )


def pages_that_need(needs: str) -> list[str]:
    return [name for name, page in PAGES.items() if has_examples(page, needs)]


def follow(page: Page, home: Path, needs: str) -> None:
    """Run the blocks whose requirements are met."""
    with reader(home) as someone:
        for block in page.blocks():
            if block.not_run or block.needs not in ("", needs):
                continue
            if block.file or block.language in RUN:
                someone.follow(block)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.compliance] if name in MANY_PROGRAMS else [])
     for name in pages_that_need("")],
)  # fmt: skip
def test_every_example_does_what_the_page_shows(name: str, tmp_path: Path) -> None:
    follow(PAGES[name], tmp_path, "")


@pytest.mark.compliance
@pytest.mark.parametrize("name", pages_that_need("go"))
def test_every_example_in_go(name: str, tmp_path: Path) -> None:
    follow(PAGES[name], tmp_path, "go")


@pytest.mark.compliance
@pytest.mark.skipif(not JAKARTA_MAIL.exists(), reason="needs Jakarta Mail (libjakarta-mail-java)")
@pytest.mark.parametrize("name", pages_that_need("java"))
def test_every_example_in_java(name: str, tmp_path: Path) -> None:
    follow(PAGES[name], tmp_path, "java")


@needs_node
@pytest.mark.parametrize("name", pages_that_need("node"))
def test_every_example_in_javascript(name: str, tmp_path: Path) -> None:
    follow(PAGES[name], tmp_path, "node")


def test_a_block_that_is_not_run_says_why_and_is_counted() -> None:
    left_out = [block for page in PAGES.values() for block in page.blocks() if block.not_run]
    assert len(left_out) == NOT_RUN, [(block.line, block.not_run) for block in left_out]


def test_no_block_is_forgotten() -> None:
    """A block of commands or code is run, or is a file that one uses, or says why it is not run."""
    forgotten = [
        f"{page.name}:{block.line} {block.language or 'without a language'}"
        for page in PAGES.values()
        for block in page.blocks()
        if block.language not in (*RUN, *SHOWN) and not (block.file or block.not_run)
    ]
    assert forgotten == []


def test_needs_are_known() -> None:
    assert {block.needs for page in PAGES.values() for block in page.blocks()} <= {
        "", "go", "java", "node",
    }  # fmt: skip


class TestReader:
    """The reader that these tests use."""

    def test_steps(self) -> None:
        block = "$ one \\\n    more\nits answer\n\n$ two\n"
        assert list(steps(block)) == [
            Step("one \\\n    more", "its answer\n\n"), Step("two", ""),
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("shown", "said", "fits"),
        [
            ("a\n", "a\n", True),
            ("a\n", "b\n", False),
            ("a\n", "a\nb\n", False),
            ("a ...\n", "a b\n", True),
            ("a ...\n", "a b\nc\n", False),
            ("...\nb\n", "a\na\nb\n", True),
            ("...\nb\n", "a\na\n", False),
            ("a.c\n", "abc\n", False),
            ("a\n...\n", "a\n", True),
        ],
    )
    def test_agreement(self, shown: str, said: str, fits: bool) -> None:
        assert agrees(shown, said) is fits

    @pytest.mark.parametrize(
        ("block", "surprise"),
        [
            ("$ echo this\nthat\n", "the page shows"),
            ("$ false\n", "exits 1, not 0"),
            ("$ exit 0\n", "ended the shell"),
            ("$ make tea\n", "no target tea"),
        ],
    )
    def test_a_lie_is_noticed(self, block: str, surprise: str, tmp_path: Path) -> None:
        page = Page(tmp_path / "page.md", f"```console\n{block}```\n")
        with pytest.raises(Surprise, match=surprise):
            follow(page, tmp_path, "")

    def test_the_output_of_python_is_compared(self, tmp_path: Path) -> None:
        page = Page(tmp_path / "page.md", "```python\nprint(1 + 1)  # 3\n```\n")
        with pytest.raises(Surprise, match="it says\n2"):
            follow(page, tmp_path, "")
