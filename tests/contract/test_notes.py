"""The contract of every store of notes (``queue.notes_contract.NoteStore``)."""

from datetime import timedelta
from typing import Any

import pytest

from gatepost.errors import LeaseLost
from gatepost.model.delivery import Settlement, Verdict
from gatepost.model.note import FOREVER, Note
from gatepost.model.reply import Reply
from gatepost.testing.memory import MemoryDeliveries, MemoryStore
from tests.contract.messages import NOON, message
from tests.contract.queued import planned
from tests.contract.stores import AnyStore, run

LATER = NOON + timedelta(days=1)


def note(key: str, value: str = "v", scope: str = "accepted out", **more: Any) -> Note:
    return Note(scope, key, value, **{"until": LATER, **more})


def test_a_note_is_found_by_scope_and_key(store: AnyStore) -> None:
    async def steps() -> None:
        notes = store.notes
        assert await notes.find("accepted out", ["a"]) is None
        await notes.put([note("a", "1"), note("b", "2"), note("a", "3", "cursor x")])
        assert await notes.find("accepted out", ["a"]) == "1"
        assert await notes.find("accepted out", ["x", "b", "a"]) == "2"
        assert await notes.find("accepted out", ["A"]) is None
        assert await notes.find("accepted", ["a"]) is None
        assert await notes.find("cursor x", ["a"]) == "3"
        assert await notes.find("accepted out", []) is None

    run(steps())


@pytest.mark.parametrize("text", ["\udcff", "\0", "a\udce9\0\ud800"])
def test_a_note_has_any_text(store: AnyStore, text: str) -> None:
    """Replies of servers and fields of messages may have octets that are not UTF-8."""

    async def steps() -> None:
        await store.notes.put([note(f"id {text}", "1"), note(f"ID {text}", f"v {text}")])
        assert await store.notes.find("accepted out", [f"x {text}", f"id {text}"]) == "1"
        assert await store.notes.find("accepted out", [f"ID {text}"]) is not None

    run(steps())


def test_a_note_is_replaced(store: AnyStore) -> None:
    async def steps() -> None:
        await store.notes.put([note("a", "1"), note("ü", "grüße")])
        await store.notes.put([note("a", "2"), note("a", "3")])
        await store.notes.put([])
        assert await store.notes.find("accepted out", ["a"]) == "3"
        assert await store.notes.find("accepted out", ["ü"]) == "grüße"

    run(steps())


def test_notes_end(store: AnyStore) -> None:
    async def steps() -> None:
        await store.notes.put([note("old", until=NOON), note("new"), note("c", until=FOREVER)])
        assert await store.notes.expire(NOON) == 0
        assert await store.notes.expire(NOON + timedelta(seconds=1)) == 1
        assert await store.notes.find("accepted out", ["old"]) is None
        assert await store.notes.find("accepted out", ["new"]) == "v"

    run(steps())


def test_of_too_many_the_oldest_go(store: AnyStore) -> None:
    async def steps() -> None:
        await store.notes.put([note("cursor", until=FOREVER)])
        for number in range(5):
            await store.notes.put([note(str(number))])
        await store.notes.put([note("0")])  # is new again
        assert await store.notes.expire(NOON, 3) == 2
        left = [each for each in "01234" if await store.notes.find("accepted out", [each])]
        assert {"0", "4"} <= set(left)
        assert "1" not in left
        assert await store.notes.find("accepted out", ["cursor"]) == "v"

    run(steps())


def test_what_was_deleted_makes_nothing_old(store: AnyStore) -> None:
    """However many notes come and go, those that stay are counted, not those that went."""

    async def steps() -> None:
        await store.notes.put([note("old")])
        for number in range(9):
            await store.notes.put([note(str(number), scope="early x")])
            await store.notes.delete("early x", [str(number)])
        assert await store.notes.expire(NOON, 3) == 0
        assert await store.notes.find("accepted out", ["old"]) == "v"

    run(steps())


def test_the_notes_of_a_scope_are_listed_and_deleted(store: AnyStore) -> None:
    async def steps() -> None:
        notes = store.notes
        assert await notes.list("early x", 9) == []
        await notes.put([note("b", "1", "early x", until=NOON), note("a", "2", "early x")])
        await notes.put([note("c", "3", "early x"), note("a", "4", "early y")])
        await notes.put([note("b", "5", "early x")])
        found = await notes.list("early x", 9)
        assert [(each.scope, each.key, each.value, each.until) for each in found] == [
            ("early x", key, value, LATER) for key, value in [("a", "2"), ("c", "3"), ("b", "5")]
        ]
        assert [each.key for each in await notes.list("early x", 2)] == ["a", "c"]
        await notes.delete("early x", ["a", "b", "none"])
        await notes.delete("early x", [])
        assert [each.key for each in await notes.list("early x", 9)] == ["c"]
        assert await notes.find("early y", ["a"]) == "4"

    run(steps())


def test_a_settlement_writes_notes_unless_its_lease_is_lost(store: AnyStore) -> None:
    queue = (
        MemoryDeliveries(store.reports, store.notes)
        if isinstance(store, MemoryStore)
        else store.deliveries
    )

    async def steps() -> None:
        await queue.take_over(NOON)
        [lease] = await queue.put(message("m1"), [planned()])
        verdicts = [Verdict("delivered", Reply(250, "ok"))] * len(lease.delivery.waiting)
        settlement = Settlement(verdicts, notes=(note("id-1", "m1.0 0"),))
        await queue.settle(lease, settlement, NOON)
        assert await store.notes.find("accepted out", ["id-1"]) == "m1.0 0"
        lost = Settlement(verdicts, notes=(note("id-2", "m1.0 0"),))
        with pytest.raises(LeaseLost):
            await queue.settle(lease, lost, NOON)
        assert await store.notes.find("accepted out", ["id-2"]) is None

    run(steps())
