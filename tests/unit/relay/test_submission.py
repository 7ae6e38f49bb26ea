"""What the store gets of a message."""

import pytest

from gatepost.mime.header import Summary
from gatepost.relay.submission import read_authors

AUTHORS: list[tuple[tuple[str, ...], list[str] | None]] = [
    (("a@example.com",), ["a@example.com"]),
    (("A Person <a@example.com>",), ["a@example.com"]),
    (("a@example.com, B <b@example.com>",), ["a@example.com", "b@example.com"]),
    (("a@example.com", "b@example.com"), ["a@example.com", "b@example.com"]),
    (("",), None),
    (("a person",), None),
    (("a@example.com", "<"), None),
    ((), []),
]


@pytest.mark.parametrize(("fields", "expected"), AUTHORS)
def test_the_authors_are_those_of_every_from_field(
    fields: tuple[str, ...], expected: list[str] | None
) -> None:
    authors = read_authors(Summary(from_=fields))
    assert (None if authors is None else [str(author) for author in authors]) == expected


def test_a_header_that_goes_on_may_hide_an_author() -> None:
    assert read_authors(Summary(from_=("a@example.com",), complete=False)) is None
