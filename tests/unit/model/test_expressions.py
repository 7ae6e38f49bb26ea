"""Patterns of rules: the same results as ``re``, and linear time."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.model.expressions import MAX_TEXT, compile_expression, compile_glob
from tests.examples import examples
from tests.processor_time import run_within

PATTERNS = (
    "a", "^a", "a$", "^$", "a|b", "(ab)+c", "a{2,3}b", "[A-C]x", "[^a]b", r"\d+@", "a.*b.*c",
    "(a|b)*abb$", "x?y", "a{2}", "a{2,}", "[a-]", "[]a]", r"\.", "^(?:a|bc)*$", "()", "a||b",
    "a+?b", r"[\d.]+", r"\W", "(a|^)b", "(b|$)a?", "a{0}b", "[A-Z]", "[^A-Z]", r"\bab", r"a\b",
    r"\ba\b", r"\Bb", r"a\B", r"\A[ab]", r"\Aa\Z", r"(\b|x)a", r"^\ba", r"a\b$", r"(a\b.)+b",
)  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
@settings(max_examples=examples(100))
@given(text=st.text("abcxyAB1@.- \n", max_size=8))
def test_an_expression_is_found_where_re_finds_it(pattern: str, text: str) -> None:
    if pattern.endswith("$") and text.endswith("\n"):
        return  # for re, the end is also before a last line feed
    for ignores_case in (True, False):
        flags = re.DOTALL | (re.IGNORECASE if ignores_case else re.NOFLAG)
        expected = re.search(pattern, text, flags) is not None
        assert compile_expression(pattern, ignores_case=ignores_case).is_in(text) is expected


def test_case_is_ignored_on_demand() -> None:
    assert not compile_expression("[a-c]B", ignores_case=False).is_in("Ab AB ab")
    assert compile_expression("(?i)[a-c]B", ignores_case=False).is_in("Ab")


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("*@slow.test", "ann@SLOW.test", True),
        ("*@slow.test", "ann@slow.test.example", False),
        ("ann?@*", "ann1@x.test", True),
        ("ann?@*", "ann@x.test", False),
        ("a.b*", "axb", False),
        ("*", "", True),
        ("[x]*", "[x] y", True),
    ],
)
def test_a_glob_is_for_the_whole_text(pattern: str, text: str, matches: bool) -> None:
    assert compile_glob(pattern).is_in(text) is matches


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("(", "a ( has no )"),
        ("a)", "a ) has no ("),
        ("*a", "nothing is before the *"),
        ("a**", "two quantifiers follow each other: **"),
        ("(?=x)", "(?= is not supported"),
        (r"(a)\1", r"\1 is not supported"),
        (r"\Gx", r"\G is not supported"),
        (r"[\b]", r"\b is not supported"),
        ("[a", "the pattern ends too early"),
        ("[z-a]", "the range z-a is empty"),
        ("a{3,1}", "{3,1} is empty"),
        ("a{x}", "a { needs numbers and a }, as in {2,4}"),
        ("((a{40}){40}){40}", "the pattern is too complex"),
        ("(" * 60 + ")" * 60, "too many groups are in each other"),
    ],
)
def test_what_is_not_possible_is_refused(pattern: str, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(problem)}$"):
        compile_expression(pattern)


@pytest.mark.parametrize(
    "pattern", ["(a*)*b", "(a|a)*b", "(a+)+b", "a*a*a*a*a*a*b", "(a|b)*a(a|b){50}c", "(.*)*x$"]
)
def test_what_takes_re_forever_takes_linear_time(pattern: str) -> None:
    """The worst case is MAX_STEPS for each of MAX_TEXT characters; these take a tenth of that."""
    expression = compile_expression(pattern)
    assert not expression.is_in("a" * 100_000)
    texts = ("a" * 100_000, "aa " * 50_000, "aabab" * 20_000)
    run_within(1, lambda: [expression.is_in(text) for text in texts])


def test_only_the_beginning_of_a_text_is_looked_at() -> None:
    assert compile_expression("b").is_in("a" * (MAX_TEXT - 1) + "b")
    assert not compile_expression("b").is_in("a" * MAX_TEXT + "b")
