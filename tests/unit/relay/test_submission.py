"""The message that the store gets."""

import pytest

from gatepost.mime.header import Summary
from gatepost.model.address import parse_address
from gatepost.model.envelope import Envelope
from gatepost.relay.submission import read_authors, with_proven_auth

AUTHORS: list[tuple[tuple[str, ...], list[str] | None]] = [
    (("a@example.com",), ["a@example.com"]),
    (("A Person <a@example.com>",), ["a@example.com"]),
    (("a@example.com, B <b@example.com>",), ["a@example.com", "b@example.com"]),
    (("a@example.com", "b@example.com"), ["a@example.com", "b@example.com"]),
    (("a@example.com, a@example.com", "A <a@example.com>"), ["a@example.com"]),
    (tuple(f"{n}@example.com" for n in range(50)), [f"{n}@example.com" for n in range(50)]),
    (tuple(f"{n}@example.com" for n in range(51)), None),
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


def test_a_header_that_is_too_long_may_hide_an_author() -> None:
    assert read_authors(Summary(from_=("a@example.com",), complete=False)) is None


@pytest.mark.parametrize(
    ("said", "is_checked", "goes_on"),
    [
        ("a@example.com", True, "a@example.com"),
        ("boss@example.com", True, "<>"),
        ("a@example.com", False, "<>"),
        ("<>", True, "<>"),
        (None, False, None),
    ],
)
def test_auth_is_kept_only_for_a_client_that_signed_in(
    said: str | None, is_checked: bool, goes_on: str | None
) -> None:
    """RFC 4954 5."""
    envelope = Envelope(parse_address("a@example.com"), auth=said)
    assert with_proven_auth(envelope, is_checked=is_checked).auth == goes_on
