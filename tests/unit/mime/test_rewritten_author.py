"""Another author in a header: what changes, and what stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.mime.authors import read_authors
from gatepost.mime.rewritten_author import apply_changes, rewrite_author
from gatepost.model.address import Address

HVE = Address("news", "contoso.com")
TO = b"To: ann@contoso.com\r\nSubject: Hi\r\n"

# Before, and after.
HEADERS = {
    "a display name stays": (
        b'From: "App, the" <app@contoso.com>\r\n',
        b'From: "App, the" <news@contoso.com>\r\nReply-To: "App, the" <app@contoso.com>\r\n',
    ),
    "an address without a name": (
        b"from: app@contoso.com\r\n",
        b"From: <news@contoso.com>\r\nReply-To: app@contoso.com\r\n",
    ),
    "an encoded name stays encoded": (
        b"From: =?utf-8?B?w4Q=?=\r\n <app@contoso.com>\r\n",
        (
            b"From: =?utf-8?B?w4Q=?= <news@contoso.com>\r\n"
            b"Reply-To: =?utf-8?B?w4Q=?=\r\n <app@contoso.com>\r\n"
        ),
    ),
    "several authors": (
        b"From: a@contoso.com, B <b@contoso.com>\r\n",
        b"From: <news@contoso.com>\r\nReply-To: a@contoso.com, B <b@contoso.com>\r\n",
    ),
    "a Reply-To of the application's": (
        b"Reply-To: help@contoso.com\r\nFrom: app@contoso.com\r\n",
        (
            b"Reply-To: help@contoso.com\r\nFrom: <news@contoso.com>\r\n"
            b"X-Original-From: app@contoso.com\r\n"
        ),
    ),
    "an invalid author": (
        b"From: the application\r\n",
        b"From: <news@contoso.com>\r\nX-Original-From: the application\r\n",
    ),
    "a group": (
        b"From: Sales: app@contoso.com;\r\n",
        b"From: <news@contoso.com>\r\nReply-To: Sales: app@contoso.com;\r\n",
    ),
    "a comment": (
        b"From: app@contoso.com (The App)\r\n",
        b"From: <news@contoso.com>\r\nReply-To: app@contoso.com (The App)\r\n",
    ),
    "two fields": (
        b"From: a@contoso.com\r\nX: 1\r\nFrom: b@contoso.com\r\n",
        b"From: <news@contoso.com>\r\nReply-To: a@contoso.com, b@contoso.com\r\nX: 1\r\n",
    ),
    "the same field twice": (
        b"From: a@contoso.com\r\nFrom: a@contoso.com\r\n",
        b"From: <news@contoso.com>\r\nReply-To: a@contoso.com, a@contoso.com\r\n",
    ),
    "no author": (b"X: 1\r\n", b"From: <news@contoso.com>\r\nX: 1\r\n"),
    "a sender": (
        b"From: News <news@contoso.com>\r\nSender: app@contoso.com\r\n",
        b"From: News <news@contoso.com>\r\nX-Original-Sender: app@contoso.com\r\n",
    ),
    "nothing, if it is the author": (
        b"From: News <NEWS@Contoso.com>\r\nSender: news@contoso.com\r\n",
        b"From: News <NEWS@Contoso.com>\r\nSender: news@contoso.com\r\n",
    ),
    "a signature stays as it is": (
        b"DKIM-Signature: v=1; d=contoso.com;\r\n\tb=abc\r\nFrom: app@contoso.com\r\n",
        (
            b"DKIM-Signature: v=1; d=contoso.com;\r\n\tb=abc\r\nFrom: <news@contoso.com>\r\n"
            b"Reply-To: app@contoso.com\r\n"
        ),
    ),
}


@pytest.mark.parametrize("what", HEADERS)
def test_headers(what: str) -> None:
    before, after = HEADERS[what]
    head = before + TO
    assert apply_changes(head, rewrite_author(head, HVE)) == after + TO


def test_a_long_name_is_folded() -> None:
    head = b"From: " + b"n" * 70 + b" <app@contoso.com>\r\n"
    new = apply_changes(head, rewrite_author(head, HVE))
    assert new.startswith(b"From: " + b"n" * 70 + b"\r\n <news@contoso.com>\r\n")


def test_a_line_is_never_longer_than_permitted() -> None:
    head = b"Reply-To: a@b.example\r\nFrom: " + b"n" * 970 + b" <app@contoso.com>\r\n"
    new = apply_changes(head, rewrite_author(head, HVE))
    assert max(map(len, new.split(b"\r\n"))) <= 998
    assert b"X-Original-From:\r\n n" in new


NAMES = st.binary(max_size=40).map(lambda name: name.replace(b"\r", b"").replace(b"\n", b""))


@given(
    st.lists(st.sampled_from([b"From", b"FROM", b"Reply-To", b"Sender", b"To"]), max_size=5), NAMES
)
def test_whatever_the_header_is_the_only_author_is_the_account(
    fields: list[bytes], value: bytes
) -> None:
    head = b"".join(b"%s:%s\r\n" % (name, value) for name in fields)
    new = apply_changes(head, rewrite_author(head, HVE))
    kept = [line for line in new.split(b"\r\n") if line.lower().startswith(b"from:")]
    assert len(kept) == 1
    assert kept[0].lower().endswith(b"<news@contoso.com>") or b"news@contoso.com" in kept[0].lower()
    again = rewrite_author(new, HVE)
    assert [each for each in again if each.before.lower().startswith(b"from")] == []
    assert all(line in new for line in head.split(b"\r\n") if line.startswith(b"To:"))


def test_readers_see_the_account_only() -> None:
    head = b'From: "x@evil.example" <app@contoso.com>\r\n'
    new = apply_changes(head, rewrite_author(head, HVE))
    assert HVE in read_authors(new)
