"""Inboxes: what they list, search, mark, tag and delete, and how requests wait for mail."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC
from typing import Any

import pytest

from gatepost.mailbox.entries import MessageFacts, listed_message
from gatepost.mailbox.mailbox import BadCursor, Inbox, MailboxChange, Wanted, with_ids
from gatepost.mailbox.waiting import TooManyWaiters
from gatepost.mime.readable_contents import Contents, read_contents
from tests.unit.mailbox.world import TRACE, World, world

PLAIN = "From: Ann <ann@a.example>\nTo: Bob <bob@example.net>\nSubject: {}\n\n{}\n"


def run(steps: Callable[[World], Awaitable[None]]) -> None:
    async def all_steps() -> None:
        async with world() as made:
            await steps(made)

    asyncio.run(asyncio.wait_for(all_steps(), 60))


async def found(inbox: Inbox, query: str = "", **other: Any) -> list[str]:
    page = (await inbox.find(Wanted(inbox.read_query(query).terms, **other))).page
    return [each.id for each in page.entries]


def test_a_message_is_listed_as_soon_as_it_is_stored() -> None:
    async def steps(made: World) -> None:
        content = PLAIN.format("=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Hello  Bob,\n\nyour code is 123456.")
        await made.put(content, ("bob@example.net", "hidden@example.net"), principal="me")
        inbox = made.mailbox.everything()
        result = await inbox.find(Wanted())
        listed = listed_message(result.page.entries[0])
        assert (listed.subject, listed.from_.name, listed.from_.address) == (
            "Grüße", "Ann", "ann@a.example",
        )  # fmt: skip
        assert [each.address for each in listed.bcc] == ["hidden@example.net"]
        assert listed.snippet == "Hello Bob, your code is 123456."
        assert listed.created == "2026-11-30T12:00:01.123Z"
        assert listed.username == "me"
        assert listed.size == len(content.replace("\n", "\r\n")) + len(TRACE)
        assert (result.inbox.messages, result.inbox.unread) == (1, 1)

    run(steps)


def test_searches() -> None:
    async def steps(made: World) -> None:
        facts = MessageFacts("Billing", "id-1", session="s-1", outcomes=(("x@y", "Bounced"),))
        await made.put(PLAIN.format("one", "alpha"), principal="Ann")
        await made.put(PLAIN.format("two", "Your code is 482913"), ["x@y.example"], facts=facts)
        await made.put("Subject: three\nX-Tags: a b, News\n\nbeta", sender="")
        everything = made.mailbox.everything()
        for query, expected in {
            "alpha": ["m1"],
            "-alpha": ["m3", "m2"],
            "user:ann": ["m1"],
            "code:482913": ["m2"],
            "app:billing": ["m2"],
            "app:ID-1": ["m2"],
            "session:s-1": ["m2"],
            "status:bounced": ["m2"],
            "rcpt:x@Y.example": ["m2"],
            "mail-from:<>": ["m3"],
            "tag:news": ["m3"],
            'tag:"a b"': ["m3"],
            "from:ann@": ["m2", "m1"],
            "two": ["m2"],
            "one three": [],
        }.items():
            assert await found(everything, query) == expected, query

    run(steps)


def test_inboxes_hold_only_their_own() -> None:
    async def steps(made: World) -> None:
        for lane in ("one", "two"):
            for number in range(2):
                await made.put(PLAIN.format(number, lane), facts=MessageFacts(lane=lane))
        await made.put(PLAIN.format("x", "x"))
        one, everything = made.mailbox.inbox("lane", "one"), made.mailbox.everything()
        assert await found(one) == ["m2", "m1"]
        assert await found(one, "two") == []
        await one.mark(is_read=True)
        assert (await everything.count()).unread == 3
        await one.set_tags(["m1", "m3"], ["t"])
        assert await everything.tags() == {"t": 1}
        assert await one.delete() == 2
        assert await found(everything) == ["m5", "m4", "m3"]
        assert [each.name for each in await made.mailbox.inboxes()] == ["two"]
        with pytest.raises(KeyError):
            await one.entry("m3")

    run(steps)


def test_tags_are_unique_without_case() -> None:
    async def steps(made: World) -> None:
        everything = made.mailbox.everything()
        await made.put("X-Tags: News\n\n1")
        await made.put("X-Tags: NEWS, b/c\n\n2", ["bob+news@example.net", "eve+Beta@example.net"])
        await everything.count()
        assert await everything.tags() == {"b c": 1, "Beta": 1, "News": 2}
        await everything.set_tags(["m1"], ["news", "News", " ", "new one"])
        assert await everything.tags() == {"b c": 1, "Beta": 1, "new one": 1, "News": 2}
        await everything.rename_tag("NEWS", "news")
        assert "news" in await everything.tags()
        await everything.rename_tag("news", "BETA")
        assert await everything.tags() == {"b c": 1, "Beta": 2, "new one": 1}
        await everything.delete_tag("beta")
        assert await everything.tags() == {"b c": 1, "new one": 1}
        with pytest.raises(KeyError):
            await everything.delete_tag("beta")
        with pytest.raises(ValueError, match="valid"):
            await everything.rename_tag("b c", "///")

    run(steps)


def test_a_cursor_lists_later_arrivals_only() -> None:
    async def steps(made: World) -> None:
        everything = made.mailbox.everything()
        for number in range(5):
            await made.put(PLAIN.format(number, "old"))
        cursor = (await everything.find(Wanted())).cursor
        await made.put(PLAIN.format("new", "new"))
        await everything.delete((with_ids(["m1", "m2", "m3"]),))
        later = Wanted((everything.after(cursor),))
        assert [each.id for each in (await everything.find(later)).page.entries] == ["m6"]
        for bad in ("", "5", "c", "c-1", "c1x", "c١"):
            with pytest.raises(BadCursor):
                everything.after(bad)
        everything.after("c" + "9" * 100)

    run(steps)


def test_a_request_waits_until_enough_match() -> None:
    async def steps(made: World) -> None:
        everything = made.mailbox.everything()
        terms = everything.read_query("subject:wanted").terms
        waiting = asyncio.create_task(everything.find(Wanted(terms, seconds=10, at_least=2)))
        for subject in ("wanted 1", "other", "wanted 2"):
            await asyncio.sleep(0.01)
            assert not waiting.done()
            assert made.mailbox.waiting.count == 1
            await made.put(PLAIN.format(subject, ""))
        result = await waiting
        assert [each.id for each in result.page.entries] == ["m3", "m1"]
        assert not result.has_timed_out
        assert made.mailbox.waiting.count == 0

    run(steps)


def test_a_wait_ends() -> None:
    async def steps(made: World) -> None:
        everything = made.mailbox.everything()
        await made.put(PLAIN.format("one", ""))
        result = await everything.find(Wanted(seconds=0.02, at_least=2))
        assert result.has_timed_out
        assert len(result.page.entries) == 1
        with pytest.raises(KeyError):
            await everything.newest(Wanted(everything.read_query("two").terms, seconds=0.01))
        assert made.mailbox.waiting.count == 0

    run(steps)


def test_so_many_may_wait_and_who_leaves_makes_room() -> None:
    async def steps(made: World) -> None:
        everything = made.mailbox.everything()
        wait = everything.find
        waiting = [asyncio.create_task(wait(Wanted(seconds=10))) for _ in range(200)]
        await asyncio.sleep(0.05)
        assert made.mailbox.waiting.count == 200
        with pytest.raises(TooManyWaiters):
            await wait(Wanted(seconds=10))
        assert await found(everything) == [], "who does not wait is answered"
        for each in waiting[:100]:
            each.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert made.mailbox.waiting.count == 100
        await made.put(PLAIN.format("", ""))
        for each in waiting[100:]:
            assert (await each).page.matching.messages == 1

    run(steps)


def test_listeners_are_told_of_changes() -> None:
    told: list[MailboxChange] = []

    async def steps(made: World) -> None:
        made.mailbox.listeners.add(told.append)
        everything = made.mailbox.everything()
        await made.put(PLAIN.format("", ""))
        await everything.count()
        await everything.mark(is_read=True)
        await everything.mark(is_read=True)
        await everything.set_tags(["m1", "zz"], ["a"])
        await everything.delete()
        assert told == [
            MailboxChange("message", ("m1",)),
            MailboxChange("message_changed", ("m1",)),
            MailboxChange("message_changed", ("m1",)),
            MailboxChange("message_deleted", ()),
        ]

    run(steps)


def test_mail_that_was_deleted_unseen_is_passed_over() -> None:
    async def steps(made: World) -> None:
        for _ in range(3):
            await made.put(PLAIN.format("", ""))
        await made.store.delete(None)
        assert await found(made.mailbox.everything()) == []
        await made.put(PLAIN.format("", ""))
        assert await found(made.mailbox.everything()) == ["m4"]
        assert made.mailbox.indexer.cursor == 4

    run(steps)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"no header",
        b"Subject: =?utf-8?b?\xff?=\n\n\xff\xfe",
        b"From: \xff\xfe <\xe3\x81>\nTo: ,,;\nDate: never\n\n",
        b"Content-Type: multipart/mixed; boundary=x\n\n--x\n--x--\n",
        b"Content-Type: multipart/mixed\n\nno boundary",
        b"Content-Type: text/plain; charset=utf-16\n\nodd",
        b"Content-Type: multipart/a; boundary=a\n\n" * 30,
        b"Content-Type: text/plain; charset=utf-7\n\n+2AA-",
        b"Subject: =?utf-7?q?+2AA-?=\nContent-Type: a/b; name*=utf-7''%2B2AA-\n\n",
        b"Content-Type: message/rfc822\n\nContent-Type: =?a?Q?b?=\x1c; name*0=a; name*0*=b\n\nx",
    ],
)
def test_any_content_gets_an_entry(content: bytes) -> None:
    async def steps(made: World) -> None:
        await made.put(content, sender="")
        [entry] = (await made.mailbox.everything().find(Wanted())).page.entries
        assert listed_message(entry).id == "m1"
        assert made.events == []

    run(steps)


def test_a_message_that_cannot_be_read_does_not_hide_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(content: bytes) -> Contents:
        if b"bad" in content:
            raise ZeroDivisionError
        return read_contents(content)

    monkeypatch.setattr("gatepost.mailbox.contents.read_contents", fail)

    async def steps(made: World) -> None:
        for each in ("good", "bad", "fine"):
            await made.put(PLAIN.format(each, each))
        assert await found(made.mailbox.everything()) == ["m3", "m2", "m1"]
        assert await found(made.mailbox.everything(), "rcpt:bob@example.net good") == ["m1"]
        [(event, facts)] = made.events
        assert (event, facts["id"]) == ("mailbox_unreadable", "m2")

    run(steps)


def test_a_date_is_in_the_zone_of_the_query() -> None:
    async def steps(made: World) -> None:
        await made.put(PLAIN.format("", ""))
        everything = made.mailbox.everything()
        terms = everything.read_query("after:2026-11-30 before:2026-12-01", UTC).terms
        assert len((await everything.find(Wanted(terms))).page.entries) == 1

    run(steps)


def test_what_was_indexed_before_a_start_is_not_waited_for() -> None:
    async def steps(made: World) -> None:
        await made.put(PLAIN.format("", ""))
        await made.mailbox.everything().count()
        async with world(made.store) as again:
            began = asyncio.get_running_loop().time()
            assert (await again.mailbox.everything().count()).messages == 1
            assert asyncio.get_running_loop().time() - began < 1

    run(steps)
