"""Patterns with wildcards: what they match, and that many wildcards cost nothing."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.model.wildcards import compile_wildcards


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("*", "", True),
        ("*.example.com", "mail.EXAMPLE.com", True),
        ("*.example.com", "example.com", False),
        ("a*b*c", "a b b c", True),
        ("a*b*c", "a c b", False),
        ("a*a", "a", False),
        ("a**b", "ab", True),
        ("a.c", "abc", False),
        ("a*", "a\nb", True),
    ],
)
def test_a_wildcard_stands_for_any_characters(pattern: str, text: str, matches: bool) -> None:
    assert (compile_wildcards(pattern).fullmatch(text) is not None) is matches


@given(st.text("ab*", max_size=8), st.text("abc", max_size=12))
def test_it_is_what_a_plain_expression_matches(pattern: str, text: str) -> None:
    plain = ".*".join(map(re.escape, pattern.split("*")))
    found = compile_wildcards(pattern).fullmatch(text) is not None
    assert found is (re.fullmatch(plain, text) is not None)


def test_the_first_place_of_each_part_is_enough() -> None:
    """Each of these asterisks would multiply the time of an expression that goes back."""
    assert not compile_wildcards("*a" * 40 + "b").fullmatch("a" * 60)
