"""Subjects as people read them, and which messages a selection matches."""

from datetime import UTC, datetime
from functools import partial

import pytest

from gatepost.model.message import StoredMessage
from gatepost.queue.message_selection import decode_subject, matcher
from gatepost.queue.store_contract import Selection
from tests.processor_time import run_within

SUBJECTS = [
    ("", ""),
    ("plain", "plain"),
    ("=?utf-8?q?gr=C3=BC=C3=9Fe?=", "grüße"),
    ("=?UTF-8?B?Z3LDvMOfZQ==?= =?iso-8859-1?q?=FC?=", "grüßeü"),
    ("a =?utf-8?q?b?= c", "a b c"),
    ("=?no-such-charset?q?abc?=", "=?no-such-charset?q?abc?="),
    ("=?utf-8?q?", "=?utf-8?q?"),
    ("grüße", "grüße"),
    (b"gr\xfc\xdfe".decode("utf-8", "surrogateescape"), "gr��e"),
]


@pytest.mark.parametrize(("raw", "expected"), SUBJECTS)
def test_a_subject_is_decoded_if_possible(raw: str, expected: str) -> None:
    assert decode_subject(raw) == expected


def message(subject: str) -> StoredMessage:
    received = datetime(2026, 11, 30, tzinfo=UTC)
    return StoredMessage("1", received, "a@b.example", ("c@d.example",), subject, "", 9, "")


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("", True),
        ("code", True),
        ("Code", False),
        ("(?i)^YOUR", True),
        (r"\bcode\b.*\d{6}$", True),
        (r"\bod", False),
        (r"^Your (code|link) is [0-9]+\Z", True),
    ],
)
def test_a_subject_is_compared_with_an_expression(pattern: str, matches: bool) -> None:
    assert matcher(Selection(subject=pattern))(message("Your code is 482913")) is matches


@pytest.mark.parametrize("pattern", ["^(a+)+$", "(a|a)*b", "(.*a){20}b", "(x+x+)+y"])
def test_no_expression_holds_the_relay(pattern: str) -> None:
    """With ``re`` these take minutes, in which the relay does nothing else."""
    matches = matcher(Selection(subject=pattern))
    for text in ("a" * 60 + "!", "x" * 60, "ax" * 30_000):
        assert not run_within(1, partial(matches, message(text)))


@pytest.mark.parametrize("pattern", ["(", "(?=a)", r"(a)\1", "a" * 501, "(" * 3_000 + ")" * 3_000])
def test_what_is_no_expression_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="regular expression"):
        matcher(Selection(subject=pattern))
