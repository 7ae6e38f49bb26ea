"""The contract of every mailbox (``queue.mailbox_contract.MailboxStore``)."""

import asyncio
import json
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from gatepost.queue.mailbox_contract import (
    ArrivedAfter,
    Condition,
    Contains,
    HasId,
    HasKey,
    HasTag,
    InboxCount,
    InInbox,
    Is,
    Larger,
    ListedEntry,
    MailboxCount,
    MailboxEntry,
    ReceivedBefore,
    Term,
)
from gatepost.queue.reports_contract import Unread
from gatepost.store.sqlite import (
    Retention,
    SqliteStore,
    StoreSettings,
    mailbox_search,
    open_store,
)
from gatepost.testing.memory import MemoryStore
from tests.contract.messages import NOON, message
from tests.contract.stores import AnyStore, run

SETTINGS = StoreSettings(reserve=0, retention=Retention(age=timedelta(days=36_500)))


def entry(unread: Unread, **other: Any) -> MailboxEntry:
    """Return an entry of a message; ``other`` fields replace the defaults."""
    usual = MailboxEntry(
        seq=unread.seq,
        id=unread.message.id,
        received_at=unread.message.received_at,
        size=unread.message.size,
        summary=json.dumps({"id": unread.message.id}),
        texts={"subject": unread.message.id, "words": f"text of {unread.message.id}"},
    )
    return replace(usual, **other)


async def fill(store: AnyStore, names: str, **others: dict[str, Any]) -> None:
    """Put messages, and record their entries; ``others`` are fields by the message's name."""
    for name in names:
        await store.put(message(name))
    unread = await store.mailbox.read_on(100)
    entries = [entry(each, **others.get(each.message.id, {})) for each in unread]
    await store.mailbox.record(unread[-1].seq, entries)


async def ids(store: AnyStore, *conditions: Condition) -> str:
    return "".join(await store.mailbox.ids(tuple(map(Term, conditions))))


def test_entries_are_recorded_behind_a_cursor(store: AnyStore) -> None:
    async def steps() -> None:
        mailbox = store.mailbox
        assert await mailbox.cursor() == await mailbox.newest() == 0
        for name in "abc":
            await store.put(message(name))
        first, second = await mailbox.read_on(2)
        assert [first.message, second.message] == [await store.get("a"), await store.get("b")]
        await mailbox.record(first.seq, [entry(first)])
        assert await mailbox.cursor() == first.seq < await mailbox.newest()
        assert [each.message.id for each in await mailbox.read_on(9)] == ["b", "c"]
        assert (await mailbox.page(())).entries == [
            ListedEntry(first.seq, "a", NOON, first.message.size, False, (), "", '{"id": "a"}')
        ]
        await mailbox.record(first.seq, [entry(first, is_read=True)])
        assert await mailbox.count() == MailboxCount(1, 1), "an entry is recorded once"

    run(steps())


def test_entries_may_be_recorded_ahead_of_the_cursor(store: AnyStore) -> None:
    async def steps() -> None:
        mailbox = store.mailbox
        for name in "abcde":
            await store.put(message(name))
        ahead = await mailbox.read_on(9, after=3)
        assert [each.message.id for each in ahead] == ["d", "e"]
        await mailbox.record(0, map(entry, ahead))
        assert (await mailbox.cursor(), await ids(store)) == (0, "ed")
        assert [each.message.id for each in await mailbox.read_on(9)] == ["a", "b", "c"]
        assert not await mailbox.read_on(9, after=3)

    run(steps())


def test_a_message_deleted_before_it_was_read_gets_no_entry(store: AnyStore) -> None:
    async def steps() -> None:
        for name in "abc":
            await store.put(message(name))
        unread = await store.mailbox.read_on(9)
        await store.delete(["b"])
        await store.mailbox.record(unread[-1].seq, map(entry, unread))
        assert await ids(store) == "ca"
        await store.delete(["c"])
        await store.put(message("d"))
        assert [each.message.id for each in await store.mailbox.read_on(9)] == ["d"]

    run(steps())


def test_an_entry_is_deleted_with_its_message(store: AnyStore) -> None:
    async def steps() -> None:
        await fill(store, "abc", a={"tags": ("x",), "lane": "one"})
        await store.delete(["a"])
        assert await ids(store) == "cb"
        assert await store.mailbox.tags() == {}
        assert await store.mailbox.inboxes() == []
        await store.delete(None)
        assert await store.mailbox.count() == MailboxCount()

    run(steps())


def test_a_page_is_a_part_of_all_that_match(store: AnyStore) -> None:
    async def steps() -> None:
        await fill(store, "abcde", b={"is_read": True})
        page = await store.mailbox.page((), limit=2, start=1)
        assert [each.id for each in page.entries] == ["d", "c"]
        assert page.matching == MailboxCount(5, 4)
        assert len((await store.mailbox.page(())).entries) == 5
        page = await store.mailbox.page((), limit=0)
        assert (list(page.entries), page.matching.messages) == ([], 5)
        page = await store.mailbox.page((Term(Is("read")),), start=9)
        assert (list(page.entries), page.matching) == ([], MailboxCount(1, 0))

    run(steps())


FIELDS: dict[str, dict[str, Any]] = {
    "a": {"texts": {"from": "ann <ann@a.example>", "subject": "hello", "words": "100% _x_ ünï"}},
    "b": {"keys": frozenset({"rcpt:b@x", "code:123"}), "tags": ("Big", "news"), "size": 5000},
    "c": {"application": "app", "username": "user", "lane": "lane", "is_read": True},
    "d": {"attachments": 2, "inlines": 1, "received_at": NOON + timedelta(hours=1)},
}
CONDITIONS: list[tuple[Condition, str]] = [
    (Contains(("subject",), "ell"), "a"),
    (Contains(("from", "to"), "ann@a"), "a"),
    (Contains(("to",), "ann@a"), ""),
    (Contains(("words",), "ünï"), "a"),
    (Contains(("words",), "% _"), "a"),
    (Contains(("words",), "%"), "a"),
    (Contains(("words",), "text of"), "dcb"),
    (Contains(("words",), ""), "dcba"),
    (Contains(("words",), "'; DROP TABLE mailbox; --"), ""),
    (HasKey("rcpt:b@x"), "b"),
    (HasKey("code:123"), "b"),
    (HasKey("rcpt:b@"), ""),
    (HasKey("code:12"), ""),
    (HasTag("Big"), "b"),
    (HasTag("big"), ""),
    (HasTag("new"), ""),
    (InInbox("application", "app"), "c"),
    (InInbox("username", "user"), "c"),
    (InInbox("lane", "lane"), "c"),
    (InInbox("lane", "app"), ""),
    (Is("read"), "c"),
    (Is("tagged"), "b"),
    (Is("with_attachments"), "d"),
    (Is("with_inlines"), "d"),
    (Larger(4999), "b"),
    (Larger(5000), ""),
    (ReceivedBefore(NOON + timedelta(hours=1)), "cba"),
    (ReceivedBefore(NOON), ""),
    (ArrivedAfter(2), "dc"),
    (HasId(frozenset({"a", "c", "z", "'"})), "ca"),
    (HasId(frozenset()), ""),
]


@pytest.mark.parametrize(("condition", "expected"), CONDITIONS)
def test_conditions(store: AnyStore, condition: Condition, expected: str) -> None:
    async def steps() -> None:
        await fill(store, "abcd", **FIELDS)
        assert await ids(store, condition) == expected
        others = "".join(await store.mailbox.ids((Term(condition, is_negated=True),)))
        assert sorted(others + expected) == list("abcd")
        assert (await store.mailbox.count((Term(condition),))).messages == len(expected)

    run(steps())


def test_all_terms_must_match(store: AnyStore) -> None:
    async def steps() -> None:
        await fill(store, "abcd", **FIELDS)
        assert await ids(store, Is("tagged"), Larger(1), HasKey("code:123")) == "b"
        assert await ids(store, Is("tagged"), Is("read")) == ""
        many = [Term(Contains(("words",), "text"))] * 60
        assert "".join(await store.mailbox.ids(tuple(many))) == "dcb"

    run(steps())


def test_marks_change_what_matches(store: AnyStore) -> None:
    async def steps() -> None:
        mailbox = store.mailbox
        await fill(store, "abc", c={"is_read": True})
        assert await mailbox.mark((Term(HasId(frozenset("ac"))),), is_read=True) == ["a"]
        assert await mailbox.count() == MailboxCount(3, 1)
        assert await mailbox.mark((), is_read=False) == ["c", "a"]
        assert await mailbox.mark((), is_read=False) == []
        assert await mailbox.count() == MailboxCount(3, 3)

    run(steps())


def test_tags(store: AnyStore) -> None:
    async def steps() -> None:
        mailbox = store.mailbox
        await fill(store, "abc", a={"tags": ("new", "old")}, b={"tags": ("new",)})
        assert await mailbox.tags() == {"new": 2, "old": 1}
        assert await mailbox.set_tags(["c", "z", "c"], ["Über", "a b"]) == ["c"]
        assert list(await mailbox.tags()) == ["a b", "new", "old", "Über"]
        assert (await mailbox.page((Term(HasTag("Über")),))).entries[0].tags == ("a b", "Über")
        assert await mailbox.replace_tag("new", "old") == ["b", "a"]
        assert await mailbox.replace_tag("new", "old") == []
        assert await mailbox.tags() == {"a b": 1, "old": 2, "Über": 1}
        assert await mailbox.replace_tag("old", None) == ["b", "a"]
        await mailbox.set_tags("c", [])
        assert await mailbox.tags() == {}
        await mailbox.set_tags("abc", ["both"])
        only = (Term(HasId(frozenset("ab"))),)
        assert await mailbox.tags(only) == {"both": 2}
        assert await mailbox.replace_tag("both", None, only) == ["b", "a"]
        assert await mailbox.tags() == {"both": 1}

    run(steps())


def test_inboxes_are_counted(store: AnyStore) -> None:
    later = NOON + timedelta(hours=1)

    async def steps() -> None:
        await fill(
            store,
            "abcd",
            a={"application": "one", "username": "u"},
            b={"application": "one", "received_at": later, "is_read": True},
            c={"lane": "l"},
        )
        assert list(await store.mailbox.inboxes()) == [
            InboxCount("application", "one", MailboxCount(2, 1), later),
            InboxCount("lane", "l", MailboxCount(1, 1), NOON),
            InboxCount("username", "u", MailboxCount(1, 1), NOON),
        ]

    run(steps())


def test_watchers_are_called_for_mail_beside_those_of_reports(store: AnyStore) -> None:
    rung: list[str] = []

    async def put(name: str) -> None:
        await store.put(message(name))
        await store.new_epoch()  # behind the call after the commit

    async def steps() -> None:
        store.reports.watch(lambda: rung.append("reports"))
        store.mailbox.watch(lambda: rung.append("mailbox"))
        await put("a")
        assert sorted(rung) == ["mailbox", "reports"]
        store.reports.watch(None)
        await put("b")
        store.mailbox.watch(None)
        await put("c")
        assert sorted(rung) == ["mailbox", "mailbox", "reports"]

    run(steps())


def reopened(tmp_path: Path, check: Callable[[SqliteStore], Awaitable[None]]) -> None:
    store = open_store(tmp_path, SETTINGS)
    try:
        run(check(store))
    finally:
        store.close()


def test_marks_tags_and_cursor_survive(tmp_path: Path) -> None:
    async def first(store: SqliteStore) -> None:
        await fill(store, "abc", a={"tags": ("x",)})
        await store.mailbox.mark((Term(HasId(frozenset("b"))),), is_read=True)
        await store.delete(["c"])

    async def second(store: SqliteStore) -> None:
        assert await store.mailbox.cursor() == 3
        assert await store.mailbox.count() == MailboxCount(2, 1)
        assert await store.mailbox.tags() == {"x": 1}
        await store.put(message("d"))
        [new] = await store.mailbox.read_on(9)
        assert new.seq == 4, "a number that the cursor has passed does not come again"

    reopened(tmp_path, first)
    reopened(tmp_path, second)


def test_more_are_changed_than_fit_in_one_commit(tmp_path: Path) -> None:
    async def steps(store: SqliteStore) -> None:
        await asyncio.gather(*[store.put(message(f"m{number}")) for number in range(600)])
        unread: Sequence[Unread] = await store.mailbox.read_on(600)
        await store.mailbox.record(600, [entry(each, tags=("t",)) for each in unread])
        assert len(await store.mailbox.mark((), is_read=True)) == 600
        assert len(await store.mailbox.replace_tag("t", "u")) == 600
        assert await store.mailbox.count() == MailboxCount(600, 0)
        assert await store.mailbox.tags() == {"u": 600}

    reopened(tmp_path, steps)


WORDS = ("alpha", "alphabet", "beta", "gamma", "rare", "認証コード", "zwölf", "a-b", "ten eleven")
EVERY = "every one of us *[a?]"
SEARCHES: list[tuple[Condition, ...]] = [
    (Contains(("words",), "alpha"),),
    (Contains(("words",), "rare"),),
    (Contains(("words",), "認証"),),
    (Contains(("words",), "en el"),),
    (Contains(("words",), "never"),),
    (Contains(("words",), "alpha beta"),),
    (Contains(("words",), "ha be"),),
    (Contains(("words",), "alphabet gamma alpha"),),
    (Contains(("words",), "a gamma al"),),
    (Contains(("words",), "beta alphabet"), Contains(("words",), "gamma beta")),
    (Contains(("words",), "very one of u"),),
    (Contains(("words",), "every one of us never"),),
    (Contains(("words",), "us"), Contains(("words",), "alpha gamma")),
    (Contains(("words",), "*[a?] "),),
    (Contains(("words",), "]"),),
    (Contains(("subject", "words"), "[a"),),
    (Contains(("words",), " "),),
    (Contains(("subject",), "m1"), Contains(("words",), "beta")),
    (Contains(("from", "subject"), "77"),),
    (HasKey("rcpt:b7@example.net"),),
    (Is("read"), Contains(("words",), "gamma")),
    (InInbox("lane", "left"),),
    (InInbox("lane", "left"), Contains(("words",), "wölf")),
    (ArrivedAfter(300), Contains(("words",), "alpha")),
    (ArrivedAfter(590),),
    (Larger(100),),
]


def test_a_search_finds_the_same_with_and_without_vocabularies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox_search, "COUNTING", 60.0)
    chance = Random(7)
    facts = {
        f"m{number}": {
            "texts": {
                "subject": f"m{number}",
                "words": f"{EVERY} {' '.join(chance.sample(WORDS[:4], 3))}",
            }
            | ({"words": f"{EVERY} {chance.choice(WORDS)}"} if number % 50 == 3 else {}),
            "keys": frozenset({f"rcpt:b{number % 90}@example.net", "user:me and you"}),
            "lane": "left" if number % 3 else "",
            "is_read": number % 4 == 0,
        }
        for number in range(1, 601)
    }

    async def results(store: AnyStore, conditions: tuple[Condition, ...]) -> Sequence[Any]:
        mailbox, terms = store.mailbox, tuple(map(Term, conditions))
        others = (*terms[:-1], Term(conditions[-1], is_negated=True))
        return [
            [await mailbox.page(each, limit, start) for limit, start in ((50, 0), (7, 40), (0, 0))]
            + [await mailbox.count(each), list(await mailbox.ids(each))]
            for each in (terms, others)
        ]

    async def steps(store: SqliteStore) -> None:
        memory = MemoryStore()
        for made in (memory, store):
            await asyncio.gather(*[made.put(message(name)) for name in facts])
            unread = await made.mailbox.read_on(600)
            await made.mailbox.record(
                600, [entry(each, **facts[each.message.id]) for each in unread]
            )
        for stage in ("new", "prepared", "deleted", "prepared again"):
            if stage.startswith("prepared"):
                while await store.mailbox.prepare_search():
                    pass
            if stage == "deleted":
                for made in (memory, store):
                    await made.delete([f"m{number}" for number in range(250, 580, 7)])
            for conditions in SEARCHES:
                assert await results(store, conditions) == await results(memory, conditions), (
                    stage, conditions
                )  # fmt: skip

    reopened(tmp_path, steps)


def test_the_words_of_deleted_mail_are_forgotten(tmp_path: Path) -> None:
    async def steps(store: SqliteStore) -> None:
        await asyncio.gather(*[store.put(message(f"m{number}")) for number in range(600)])
        unread = await store.mailbox.read_on(600)
        texts = {"words": "s3cret"}
        await store.mailbox.record(600, [entry(each, texts=texts) for each in unread])
        while await store.mailbox.prepare_search():
            pass
        await store.delete(None)

    reopened(tmp_path, steps)
    database = sqlite3.connect(tmp_path / "store.db")
    assert database.execute("SELECT count(*) FROM mailbox_vocabulary").fetchone() == (0,)
    database.close()


def test_a_page_does_not_wait_until_all_matches_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox_search, "COUNTING", -1.0)

    async def steps(store: SqliteStore) -> None:
        await asyncio.gather(*[store.put(message(f"m{number}")) for number in range(600)])
        unread = await store.mailbox.read_on(600)
        await store.mailbox.record(600, map(entry, unread))
        while await store.mailbox.prepare_search():
            pass
        terms = (Term(Contains(("words",), "text")),)
        page = await store.mailbox.page(terms, 50)
        assert (len(page.entries), page.counted_all) == (50, False)
        assert 50 < page.matching.messages < 600
        assert (await store.mailbox.count(terms)).messages == 600
        last = await store.mailbox.page(terms, 50, 590)
        assert (len(last.entries), last.matching.messages, last.counted_all) == (10, 600, True)

    reopened(tmp_path, steps)
