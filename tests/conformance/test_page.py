"""The conformance page says what the tests prove."""

from tests.conformance.page import from_tests, render


def test_the_page_has_every_clause() -> None:
    page = render()
    for clause in from_tests():
        assert f"| {clause.section} | {clause.promise} | test |" in page
