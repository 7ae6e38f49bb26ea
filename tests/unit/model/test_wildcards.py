"""Patterns with wildcards: what they match, and that many wildcards cost nothing."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.model.wildcards import matches_parts


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("*", "", True),
        ("", "", True),
        ("", "a", False),
        ("*.example.com", "mail.example.com", True),
        ("*.example.com", "example.com", False),
        ("a*b*c", "a b b c", True),
        ("a*b*c", "a c b", False),
        ("a*a", "a", False),
        ("ab*ba", "aba", False),
        ("a**b", "ab", True),
        ("a.c", "abc", False),
        ("a*", "a\nb", True),
    ],
)
def test_a_wildcard_stands_for_any_characters(pattern: str, text: str, matches: bool) -> None:
    assert matches_parts(pattern.split("*"), text) is matches


@given(st.text("ab*", max_size=8), st.text("abc", max_size=12))
def test_it_is_what_an_expression_matches(pattern: str, text: str) -> None:
    parts = pattern.split("*")
    expression = ".*".join(map(re.escape, parts))
    assert matches_parts(parts, text) is (re.fullmatch(expression, text) is not None)


def test_many_wildcards_do_not_take_long() -> None:
    """Each of them multiplies the time of an expression that goes back."""
    assert not matches_parts(("*a" * 1000 + "b").split("*"), "a" * 2000)
