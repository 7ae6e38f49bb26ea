"""The index of very many messages: the newest ones are listed at once, the others later."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from gatepost.mailbox import indexer
from gatepost.mailbox.mailbox import MailboxChange, Wanted, with_ids
from gatepost.queue.reports_contract import Unread
from gatepost.testing.memory import MemoryStore
from tests.unit.mailbox.world import World, world

MANY = 200
PAUSE = 0.02


class SlowStore(MemoryStore):
    """A store in which reading on from the cursor takes so long as if very many had no entry."""

    def __init__(self) -> None:
        super().__init__()
        self.mailbox.read_on = self._read_on  # type: ignore[method-assign]

    async def _read_on(self, limit: int, after: int = 0) -> Sequence[Unread]:
        if after <= await self.mailbox.cursor():
            await asyncio.sleep(PAUSE)
        return await type(self.mailbox).read_on(self.mailbox, limit, after)


def run(monkeypatch: pytest.MonkeyPatch, steps: Callable[[World], Awaitable[None]]) -> None:
    monkeypatch.setattr(indexer, "BATCH", 1)

    async def all_steps() -> None:
        made = World(SlowStore())
        for number in range(MANY):
            await made.put(f"Subject: {number}\n\nold")
        async with world(made.store) as again:
            again._number = MANY
            await steps(again)

    asyncio.run(asyncio.wait_for(all_steps(), 60))


async def listed(made: World, wanted: Wanted) -> list[str]:
    page = (await made.mailbox.everything().find(wanted)).page
    return [each.id for each in page.entries]


def test_the_newest_are_listed_before_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps(made: World) -> None:
        everything, mailbox = made.mailbox.everything(), made.mailbox
        found = await everything.find(Wanted(limit=10, recent=20))
        newest = [f"m{MANY - number}" for number in range(10)]
        assert [each.id for each in found.page.entries] == newest
        assert 0 < found.unlisted <= MANY - 20
        await mailbox.indexer.complete()
        found = await everything.find(Wanted(limit=10, recent=20))
        assert (found.unlisted, found.page.matching.messages) == (0, MANY)
        assert [each.id for each in found.page.entries] == newest
        assert await mailbox.store.mailbox.cursor() == MANY

    run(monkeypatch, steps)


def test_what_is_sent_is_listed_whatever_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps(made: World) -> None:
        everything = made.mailbox.everything()
        cursor = (await everything.find(Wanted(limit=1, recent=5))).cursor
        sent = [await made.put("Subject: new\n\nnew") for _ in range(3)]
        later = await everything.find(Wanted((everything.after(cursor),)))
        assert [each.id for each in later.page.entries] == sent[::-1]
        assert later.unlisted > 0
        one = await made.put("Subject: newer\n\nnew")
        waited = Wanted((everything.after(later.cursor),), seconds=30)
        assert await listed(made, waited) == [one]
        last = (await everything.find(Wanted(limit=1, recent=5))).cursor
        await made.mailbox.indexer.complete()
        assert await listed(made, Wanted((everything.after(last),))) == []
        assert (await everything.entry("m1")).id == "m1"

    run(monkeypatch, steps)


def test_listeners_are_told_of_new_mail_in_its_order(monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps(made: World) -> None:
        told: list[str] = []

        def listen(change: MailboxChange) -> None:
            told.extend(change.ids if change.kind == "message" else ())

        made.mailbox.listeners.add(listen)
        everything = made.mailbox.everything()
        sent: list[str] = []
        for _ in range(6):  # each request wants the newest ones first
            sent += [await made.put("Subject: new\n\nnew") for _ in range(20)]
            await everything.find(Wanted(limit=1, recent=2))
        await everything.delete((with_ids([sent.pop()]),))  # nobody has heard of it yet
        await made.mailbox.indexer.complete()
        assert [each for each in told if each in sent] == sent
        assert sorted(told) == sorted([f"m{n}" for n in range(1, MANY + 1)] + sent)

    run(monkeypatch, steps)


def test_who_waits_finds_old_mail_when_it_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps(made: World) -> None:
        everything = made.mailbox.everything()
        await everything.find(Wanted(limit=1, recent=5))
        terms = everything.read_query(f'subject:"{MANY // 2}"').terms
        assert await listed(made, Wanted(terms, seconds=30, recent=5)) == [f"m{MANY // 2 + 1}"]

    run(monkeypatch, steps)


def test_what_is_listed_is_changed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps(made: World) -> None:
        everything, newest = made.mailbox.everything(), [f"m{MANY}", f"m{MANY - 1}"]
        assert await listed(made, Wanted(limit=2, recent=5)) == newest
        await everything.mark((with_ids([*newest, "gone"]),), is_read=True)
        assert await everything.delete((with_ids(newest[:1]),)) == 1
        found = await everything.find(Wanted(limit=1, recent=5))
        assert [(each.id, each.is_read) for each in found.page.entries] == [(newest[1], True)]
        assert found.unlisted > 0

    run(monkeypatch, steps)


def test_a_message_is_shown_and_deleted_before_it_is_listed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def steps(made: World) -> None:
        everything = made.mailbox.everything()
        await everything.find(Wanted(limit=1, recent=5))
        assert (await everything.entry("m150")).id == "m150"
        with pytest.raises(KeyError):
            await everything.entry("m9999")
        assert await everything.delete(everything.read_query("old").terms) == MANY
        assert await listed(made, Wanted()) == []

    run(monkeypatch, steps)
