"""Senders by pattern."""

import pytest

from gatepost.directory.sender_patterns import standing_of
from gatepost.model.address import parse_address
from gatepost.model.credentials import Standing

ALLOWED, REGISTERED, LINKED = (
    Standing.ALLOWED,
    Standing.SENDER_NOT_REGISTERED,
    Standing.DOMAIN_NOT_LINKED,
)


@pytest.mark.parametrize(
    ("patterns", "sender", "expected"),
    [
        (["a@example.com"], "a@example.com", ALLOWED),
        (["a@example.com"], "A@EXAMPLE.com", ALLOWED),
        (["a@example.com"], "b@example.com", REGISTERED),
        (["a@example.com"], "a@example.net", LINKED),
        (["@example.com"], "b@example.com", ALLOWED),
        (["@example.com"], "b@sub.example.com", LINKED),
        (["@example.com"], "b@notexample.com", LINKED),
        (["@*.example.com"], "b@a.sub.example.com", ALLOWED),
        (["@*.bücher.example"], "b@sub.xn--bcher-kva.example", ALLOWED),
        (["@*.example.com"], "b@example.com", LINKED),
        (["@*.example.com"], "b@notexample.com", LINKED),
        (["@*.example.com"], "b@sub.example.com.evil.example", LINKED),
        (["*"], "b@example.org", ALLOWED),
        ([], "b@example.org", LINKED),
        (["x@example.com", "@other.net"], "y@other.net", ALLOWED),
        (["bücher.example", "@bücher.example"], "a@xn--bcher-kva.example", ALLOWED),
        (["A@xn--bcher-kva.example"], "a@BÜCHER.example", ALLOWED),
    ],
)
def test_standing(patterns: list[str], sender: str, expected: Standing) -> None:
    assert standing_of(patterns, parse_address(sender)) is expected
