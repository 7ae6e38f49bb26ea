"""A page has the same examples in both languages."""

import pytest

from tests.docs.pages import Page, all_pages, read_page

TRANSLATED = [page for page in all_pages() if page.path.suffixes == [".ja", ".md"]]


def test_translations_exist() -> None:
    assert TRANSLATED


@pytest.mark.parametrize("page", TRANSLATED, ids=lambda page: page.name)
def test_a_translation_shows_the_same_examples(page: Page) -> None:
    original = read_page(page.path.with_name(page.path.name.replace(".ja.md", ".md")))

    def shown(each: Page) -> list[tuple[str, str, int, str]]:
        return [(one.language, one.text, one.exit, one.file) for one in each.blocks()]

    assert shown(page) == shown(original)
