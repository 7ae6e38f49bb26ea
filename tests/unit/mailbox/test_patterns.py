"""Patterns of clients: what they may be, and that they take linear time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.mailbox.patterns import LONGEST, BadPattern, compile_pattern, find_pattern
from tests.processor_time import run_within

CASES = [
    (r"[A-Z]{2}-\d{4}", "Your key: AB-1234, CD-5678", ["AB-1234", "CD-5678"]),
    (r"key: (\w+)", "The key: abc", ["abc"]),
    (r"\bPIN \d\d\d\d\b", "PIN 1234 PIN 1234", ["PIN 1234"]),
    (r"a.c", "abc a\nc", ["abc"]),
    (r"x{3}|yy?", "xxx y yy", ["xxx", "y", "yy"]),
    (r"\(\d+\)", "(12)", ["(12)"]),
    (r"[^\s-]+-[0-9a-f]{4}", "id-12ab", ["id-12ab"]),
    (r"code:?\s*(\d{6})", "Your code: 123456", ["123456"]),
    ("認証(\\d+)", "認証1234", ["1234"]),
]


@pytest.mark.parametrize(("pattern", "text", "values"), CASES)
def test_patterns(pattern: str, text: str, values: list[str]) -> None:
    codes = find_pattern(compile_pattern(pattern), [("subject", ""), ("text", text)])
    assert [each.value for each in codes] == values
    assert {each.where for each in codes} == {"text"}


@pytest.mark.parametrize(
    "pattern",
    [
        "", "a" * (LONGEST + 1), "(a+)+", "(a)(b)", "(?=a)", "(?P<n>a)", r"\1", "a**",
        "[a", "a{2,1}",
        r"\d+\d+\d+", ".*.*", "(a", "a)", "{2}", "a{1,64}b{1,64}", r"\p", "[[:alpha:]]",
        "[a--b]", "[a&&b]", "[a||b]",
    ],
)  # fmt: skip
def test_what_is_no_pattern(pattern: str) -> None:
    with pytest.raises(BadPattern):
        compile_pattern(pattern)


@pytest.mark.parametrize(
    "pattern", [r"\w+@", r".*x", r"a?a?a?a?a?b", r"(\d{1,32})\D?z", "a{1,32}b?c"]
)
def test_a_pattern_takes_linear_time(pattern: str) -> None:
    compiled = compile_pattern(pattern)
    text, html = "a1" * 50_000, "\n".join(["aaaa" * 400] * 50)
    run_within(2, lambda: find_pattern(compiled, [("text", text), ("html", html)]))


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_pattern_is_refused_or_searched(pattern: str, text: str) -> None:
    try:
        compiled = compile_pattern(pattern)
    except BadPattern:
        return
    find_pattern(compiled, [("text", text)])
