"""Roles: the matches of patterns and the grants of permissions, compared with the simplest
oracle."""

from hypothesis import given
from hypothesis import strategies as st

from gatepost.directory.azure.actions import matches_action
from gatepost.directory.azure.entries import Permission
from gatepost.directory.azure.roles import allows

WORD = st.text(st.sampled_from("aAbB*/.[(\\"), max_size=7)
PATTERNS = st.lists(WORD, max_size=3).map(tuple)


def matches(pattern: str, action: str) -> bool:
    """The definition, letter by letter: ``*`` is any text, possibly empty."""
    if not pattern:
        return not action
    if pattern[0] == "*":
        return any(matches(pattern[1:], action[cut:]) for cut in range(len(action) + 1))
    return (
        bool(action)
        and pattern[0].lower() == action[0].lower()
        and matches(pattern[1:], action[1:])
    )


@given(WORD, WORD)
def test_a_pattern_matches_what_the_definition_says(pattern: str, action: str) -> None:
    assert matches_action(pattern, action) == matches(pattern, action)


@given(st.lists(st.builds(Permission, PATTERNS, PATTERNS), max_size=3), WORD)
def test_permissions_add_up_and_exceptions_count_within_one(
    permissions: list[Permission], action: str
) -> None:
    expected = False
    for each in permissions:
        granted = any(matches(pattern, action) for pattern in each.actions)
        excepted = any(matches(pattern, action) for pattern in each.not_actions)
        expected = expected or (granted and not excepted)
    assert allows(permissions, action) == expected


@given(WORD, WORD)
def test_case_does_not_matter(pattern: str, action: str) -> None:
    answer = matches_action(pattern, action)
    assert matches_action(pattern.upper(), action) == answer
    assert matches_action(pattern, action.swapcase()) == answer
