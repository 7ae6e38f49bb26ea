"""The search language: what each term asks for."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.mailbox.dates import read_date
from gatepost.mailbox.folding import fold
from gatepost.mailbox.query import LONGEST, MOST_TERMS, BadQuery, read_query
from gatepost.queue.mailbox_contract import (
    Condition,
    Contains,
    HasKey,
    HasTag,
    Is,
    Larger,
    ReceivedBefore,
    Term,
)


def word(text: str) -> Contains:
    return Contains(("words",), text)


def at(*when: int) -> ReceivedBefore:
    return ReceivedBefore(datetime(*when, tzinfo=UTC))  # type: ignore[arg-type, misc]


TERMS: list[tuple[str, Condition]] = [
    ("Hello", word("hello")),
    ("Ａｂｃ１", word("abc1")),
    ("STRASSE", word("strasse")),
    ("straße", word("strasse")),
    ("ﾃｽﾄ", word("テスト")),
    ('"two words"', word("two words")),
    ('"unclosed words', word("unclosed words")),
    ('in"side of"term', word("inside ofterm")),
    ("from:Ann", Contains(("from",), "ann")),
    ("to:bob@x.example", Contains(("to",), "bob@x.example")),
    ("cc:c", Contains(("cc",), "c")),
    ("bcc:c", Contains(("bcc",), "c")),
    ("reply-to:r", Contains(("reply_to",), "r")),
    ('subject:"Your code"', Contains(("subject",), "your code")),
    ('Subject:"Your: code"', Contains(("subject",), "your: code")),
    ("message-id:<1@x>", Contains(("message_id",), "<1@x>")),
    ("addressed:ann", Contains(("from", "to", "cc", "bcc", "reply_to"), "ann")),
    ("tag:News", HasTag("News")),
    ('tag:"two words"', HasTag("two words")),
    ("is:read", Is("read")),
    ("IS:READ", Is("read")),
    ("is:tagged", Is("tagged")),
    ("has:attachment", Is("with_attachments")),
    ("has:attachments", Is("with_attachments")),
    ("has:inline", Is("with_inlines")),
    ("has:inlines", Is("with_inlines")),
    ("larger:2M", Larger(2 * 1024 * 1024)),
    ("larger:1.5mb", Larger(1_572_864)),
    ("larger:10k", Larger(10_240)),
    ("larger:10KB", Larger(10_240)),
    ("larger:100", Larger(100)),
    (f"larger:{'9' * 15}m", Larger(1 << 62)),
    ("before:2026-11-30", at(2026, 11, 30)),
    ("before:2026/11/30", at(2026, 11, 30)),
    ('before:"2026-11-30 12:30"', at(2026, 11, 30, 12, 30)),
    ("before:2026-11-30T12:30:05", at(2026, 11, 30, 12, 30, 5)),
    ("before:2026-11-30T12:30:05.5Z", at(2026, 11, 30, 12, 30, 5, 500_000)),
    ("before:2026-11-30T12:30:05+09:00", at(2026, 11, 30, 3, 30, 5)),
    ('before:"30 Nov 2026"', at(2026, 11, 30)),
    ('before:"November 30, 2026"', at(2026, 11, 30)),
    ("before:11/30/2026", at(2026, 11, 30)),
    ("before:2026-11", at(2026, 11, 1)),
    ("before:1796000000", at(2026, 11, 30, 0, 53, 20)),
    ("rcpt:Bob@Example.NET", HasKey("rcpt:bob@example.net")),
    ("mail-from:<>", HasKey("mail-from:<>")),
    ("user:Ann", HasKey("user:ann")),
    ('app:"My App"', HasKey("app:my app")),
    ("session:1-2", HasKey("session:1-2")),
    ("injected:lost-250", HasKey("injected:lost-250")),
    ("code:１２３４", HasKey("code:1234")),
    ("status:Bounced", HasKey("status:bounced")),
    ("unknown:thing", word("unknown:thing")),
    ("is:strange", word("is:strange")),
    ("https://x.example/a", word("https://x.example/a")),
    ("12:30", word("12:30")),
    ("a-b", word("a-b")),
]


@pytest.mark.parametrize(("text", "condition"), TERMS)
def test_each_term(text: str, condition: Condition) -> None:
    assert read_query(text).terms == (Term(condition),)
    for sign in "-!":
        assert read_query(f"{sign}{text}").terms == (Term(condition, is_negated=True),)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("is:unread", (Term(Is("read"), is_negated=True),)),
        ("-is:unread", (Term(Is("read")),)),
        ("smaller:10", (Term(Larger(9), is_negated=True),)),
        ("after:2026-11-30", (Term(at(2026, 11, 30), is_negated=True),)),
        ("-after:2026-11-30", (Term(at(2026, 11, 30)),)),
        ("a -b  !c", (Term(word("a")), Term(word("b"), True), Term(word("c"), True))),
        ('-"a b" c', (Term(word("a b"), True), Term(word("c")))),
        ('"-a b"', (Term(word("a b"), True),)),
        ("", ()),
        ('""', ()),
        ("- !", ()),
        ("from:", ()),
    ],
)
def test_negation_and_order(text: str, terms: tuple[Term, ...]) -> None:
    query = read_query(text)
    assert (query.terms, query.ignored) == (terms, ())


@pytest.mark.parametrize(
    "text", ["before:soon", "-after:2026-13-40", "larger:huge", "smaller:1.5.6"]
)
def test_a_value_without_meaning_is_ignored(text: str) -> None:
    query = read_query(f"a {text}")
    assert (query.terms, query.ignored) == ((Term(word("a")),), (text,))


def test_dates_are_in_the_zone_of_the_client() -> None:
    tokyo = ZoneInfo("Asia/Tokyo")
    assert read_query("before:2026-11-30", tokyo).terms == (Term(at(2026, 11, 29, 15)),)
    assert read_query("before:2026-11-30T00:00Z", tokyo).terms == (Term(at(2026, 11, 30)),)


def test_tags_are_spelled_as_in_the_mailbox() -> None:
    assert read_query("tag:NEWS", spell={"NEWS": "News"}.__getitem__).terms == (
        Term(HasTag("News")),
    )


@pytest.mark.parametrize("text", ["a" * (LONGEST + 1), "a " * (MOST_TERMS + 1)])
def test_long_queries_are_refused(text: str) -> None:
    with pytest.raises(BadQuery):
        read_query(text)


@given(st.text(max_size=60))
def test_any_text_is_a_query(text: str) -> None:
    read_query(text)


@given(st.text(max_size=30))
def test_any_text_is_a_date_or_a_value_error(text: str) -> None:
    try:
        moment = read_date(text, UTC)
    except ValueError:
        return
    assert moment.tzinfo is UTC


@given(st.text())
def test_a_folded_text_stays_as_it_is(text: str) -> None:
    folded = fold(text)
    assert fold(folded) == folded
    folded.encode()
