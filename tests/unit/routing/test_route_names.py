"""The name of a route that has none: the same at every place."""

import pytest

from gatepost.config.value_syntax import name
from gatepost.model.route import Match
from gatepost.routing.route_names import route_name

NAMES = [
    (Match(), "default"),
    (Match(recipients=("*",)), "default"),
    (Match(recipients=("example.com",)), "to-example.com"),
    (Match(senders=("example.com",), applications=("printer",)), "from-example.com-by-printer"),
]
OTHERS = [
    Match(recipients=("*.example.com",)),
    Match(recipients=("bob@example.com",)),
    Match(recipients=("bob-at-example.com",)),
    Match(recipients=("example.com", "example.net")),
    Match(recipients=("example.com", "example.org")),
    Match(senders=("<>",)),
    Match(recipients=("b\u00fccher.example",)),
    Match(recipients=(f"{'a' * 60}.example",)),
    Match(applications=("a/b c",)),
]


@pytest.mark.parametrize(("match", "expected"), NAMES)
def test_simple_matches_have_readable_names(match: Match, expected: str) -> None:
    assert route_name(match) == expected


def test_each_condition_has_a_name_of_its_own_that_a_file_could_give() -> None:
    names = [route_name(each) for each in [*OTHERS, *[match for match, _ in NAMES[2:]]]]
    assert len(set(names)) == len(names)
    assert [name(each) for each in names] == names


def test_the_order_of_patterns_is_no_condition() -> None:
    one, other = ("a.example", "b.example"), ("b.example", "a.example")
    assert route_name(Match(one)) == route_name(Match(other))
