"""Subjects as people read them."""

import pytest

from gatepost.queue.message_selection import decode_subject

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
