"""The contract of every store (``queue.store_contract`` and ``directory.contract.Records``)."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gatepost.directory.contract import OF_MESSAGE, Record
from gatepost.errors import QueueError
from gatepost.model.message import StoredMessage, Submission
from gatepost.queue.store_contract import Selection
from gatepost.store.sqlite import StoreSettings, open_store
from gatepost.testing.memory import MemoryStore
from tests.contract.messages import NOON, envelope, message
from tests.contract.stores import AnyStore, run

EVERYTHING = Selection()


QUICK = {"sqlite, in its thread": 0.0, "sqlite, in the loop": math.inf}
"""For how slow a disk the event loop commits by itself."""


@pytest.fixture(params=["memory", *QUICK, "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AnyStore]:
    made: AnyStore = MemoryStore()
    if request.param == "postgres":
        made = request.getfixturevalue("postgres").open(tmp_path)
    if request.param in QUICK:
        made = open_store(tmp_path, StoreSettings(reserve=0, quick=QUICK[request.param]))
    yield made
    made.close()


async def put(store: AnyStore, *submissions: Submission) -> None:
    await asyncio.gather(*[store.put(each) for each in submissions])


def ids(messages: object) -> list[str]:
    assert isinstance(messages, list | tuple)
    return [each.id for each in messages]


async def content(store: AnyStore, id: str) -> bytes:
    body = await store.body(id)
    read = b"".join(body.chunks())
    assert body.size == len(read)
    assert b"".join(body.chunks()) == read, "a body can be read again"
    return read


def test_a_stored_message_is_listed(store: AnyStore) -> None:
    to = ("bob@example.net", '"c d"@example.com')

    async def steps() -> None:
        await put(store, message(envelope=envelope("alice@example.org", *to)))
        assert await store.get("m1") == StoredMessage(
            id="m1",
            received_at=NOON,
            mail_from="alice@example.org",
            rcpt_to=to,
            subject="hi",
            message_id="<1@example.org>",
            size=22,
            principal="res.app.tenant",
        )
        assert await store.trace("m1") == b"Received: by localhost\r\n"

    run(steps())


@pytest.mark.parametrize("size", [0, 1, 4096, 6 * 1024, 6 * 1024 + 1, 300_000, 1_000_000])
def test_a_body_is_read_octet_by_octet(store: AnyStore, size: int) -> None:
    body = bytes(range(256)) * (size // 256) + bytes(size % 256)

    async def steps() -> None:
        await put(store, message(body=body))
        assert await content(store, "m1") == body
        assert (await store.get("m1")).size == size

    run(steps())


class Windows:
    """A body that is not in memory, like a spilled one."""

    def __init__(self, *chunks: bytes) -> None:
        self._chunks = chunks

    @property
    def size(self) -> int:
        return sum(map(len, self._chunks))

    def chunks(self) -> Iterator[bytes]:
        yield from self._chunks


@pytest.mark.parametrize("times", [1, 10_000])
def test_any_body_is_stored(store: AnyStore, times: int) -> None:
    async def steps() -> None:
        await put(store, replace(message(), body=Windows(b"ab" * times, b"", b"c")))
        assert await content(store, "m1") == b"ab" * times + b"c"

    run(steps())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("subject", "=?utf-8?q?gr=C3=BC=C3=9Fe?="),
        ("subject", "grüße 🎉"),
        ("subject", b"gr\xfc\xdfe".decode("utf-8", "surrogateescape")),
        ("subject", "a\0b"),
        ("message_id", ""),
        ("principal", "пользователь"),
        ("received_at", datetime(1999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
        ("received_at", datetime(2025, 1, 1, tzinfo=UTC) + timedelta(microseconds=1)),
    ],
)
def test_a_field_is_stored_unchanged(store: AnyStore, field: str, value: object) -> None:
    fields: dict[str, Any] = {field: value}

    async def steps() -> None:
        await put(store, replace(message(), **fields))
        assert getattr(await store.get("m1"), field) == value

    run(steps())


def test_the_null_sender_is_an_empty_one(store: AnyStore) -> None:
    async def steps() -> None:
        await put(store, message(envelope=envelope("", "bob@example.net")))
        assert (await store.get("m1")).mail_from == ""

    run(steps())


def test_the_newest_is_listed_first(store: AnyStore) -> None:
    async def steps() -> None:
        for name in ("a", "b", "c"):
            await store.put(message(name))
        assert ids(await store.list()) == ["c", "b", "a"]
        assert ids(await store.list(Selection(limit=2))) == ["c", "b"]
        assert ids(await store.list(Selection(limit=0))) == []
        assert (await store.get("last")).id == "c"
        assert await store.count() == 3

    run(steps())


def test_a_long_listing_is_complete(store: AnyStore) -> None:
    names = [f"m{number}" for number in range(1203)]

    async def steps() -> None:
        await put(store, *[message(name) for name in names])
        assert ids(await store.list()) == names[::-1]
        assert ids(await store.list(Selection(limit=700))) == names[:-701:-1]

    run(steps())


SELECTIONS = [
    (Selection(to="BOB@example.net"), ["two", "one"]),
    (Selection(to="bob"), []),
    (Selection(subject="gr.ß"), ["two"]),
    (Selection(subject="^hi$"), ["one"]),
    (Selection(to="bob@example.net", subject="nothing"), []),
    (Selection(to="carol@example.net"), ["two"]),
    (Selection(sender="ALICE@example.org", to="bob@example.net"), ["one"]),
    (Selection(sender="alice"), []),
    (Selection(sender="<>"), ["two"]),
    (Selection(account="Scanner", limit=1), ["two"]),
    (Selection(account="scan"), []),
]


@pytest.mark.parametrize(("selection", "expected"), SELECTIONS)
def test_a_selection_filters(store: AnyStore, selection: Selection, expected: list[str]) -> None:
    async def steps() -> None:
        await store.put(message("one", envelope=envelope("alice@example.org", "Bob@Example.net")))
        await store.put(
            message(
                "two",
                envelope=envelope("", "carol@example.net", "bob@example.net"),
                subject="=?utf-8?q?gr=C3=BC=C3=9F?=",
                principal="scanner",
            )
        )
        assert ids(await store.list(selection)) == expected

    run(steps())


def test_a_bad_regular_expression_is_refused(store: AnyStore) -> None:
    async def steps() -> None:
        with pytest.raises(ValueError, match="regular expression"):
            await store.list(Selection(subject="("))
        with pytest.raises(ValueError, match="regular expression"):
            await store.wait(Selection(subject="("), 0)

    run(steps())


@pytest.mark.parametrize("ask", ["get", "trace", "body"])
@pytest.mark.parametrize("name", ["nobody", "last", ""])
def test_an_unknown_id_is_a_key_error(store: AnyStore, ask: str, name: str) -> None:
    async def steps() -> None:
        question: Callable[[str], Awaitable[object]] = getattr(store, ask)
        with pytest.raises(KeyError):
            await question(name)

    run(steps())


def test_an_id_is_accepted_once_and_a_bad_message_fails_alone(store: AnyStore) -> None:
    async def steps() -> None:
        await store.put(message("b"))
        names = ["a", "b", "c", "c", "d"]
        outcomes = await asyncio.gather(
            *[store.put(message(name, body=name.encode())) for name in names],
            return_exceptions=True,
        )
        assert [isinstance(each, QueueError) for each in outcomes] == [
            False,
            True,
            False,
            True,
            False,
        ]
        assert sorted(ids(await store.list())) == ["a", "b", "c", "d"]
        assert await store.count() == 4
        assert await content(store, "d") == b"d"

    run(steps())


def test_deleted_messages_are_gone(store: AnyStore) -> None:
    async def steps() -> None:
        await put(store, message("a"), message("b", body=bytes(50_000)), message("c"))
        assert await store.delete(["b", "nobody", "b"]) == 1
        assert ids(await store.list()) == ["c", "a"]
        with pytest.raises(KeyError):
            await store.body("b")
        assert await store.delete([]) == 0
        assert await store.delete(None) == 2
        assert await store.count() == 0
        assert await store.list() == []
        await store.put(message("b"))
        assert await store.count() == 1

    run(steps())


def test_many_are_deleted_at_once(store: AnyStore) -> None:
    async def steps() -> None:
        names = [f"m{number}" for number in range(700)]
        await put(store, *[message(name) for name in names])
        assert await store.delete(names[:600]) == 600
        assert await store.count() == 100
        assert await store.delete(None) == 100

    run(steps())


def test_a_waiter_gets_an_existing_message(store: AnyStore) -> None:
    async def steps() -> None:
        await put(store, message("a", subject="one"), message("b", subject="one more"))
        found = await store.wait(Selection(subject="one"), 0)
        assert found is not None
        assert found.id == "b"

    run(steps())


def test_a_waiter_gets_a_new_message(store: AnyStore) -> None:
    async def steps() -> None:
        await store.put(message("a", envelope=envelope("alice@example.org", "bob@example.net")))
        waiting = asyncio.ensure_future(store.wait(Selection(to="carol@example.net"), 10))
        await asyncio.sleep(0)
        await store.put(message("b", envelope=envelope("alice@example.org", "dave@example.net")))
        await store.put(message("c", envelope=envelope("alice@example.org", "carol@example.net")))
        found = await waiting
        assert found == await store.get("c")

    run(steps())


def test_a_waiter_times_out(store: AnyStore) -> None:
    async def steps() -> None:
        assert await store.wait(EVERYTHING, 0.01) is None

    run(steps())


def test_cancelling_does_not_undo_a_commit(store: AnyStore) -> None:
    async def steps() -> None:
        store.put(message("a")).cancel()
        await store.put(message("b"))
        assert ids(await store.list()) == ["b", "a"]

    run(steps())


def test_no_epoch_is_returned_twice(store: AnyStore) -> None:
    async def steps() -> None:
        epochs = await asyncio.gather(*[store.new_epoch() for _ in range(20)])
        assert len(set(epochs)) == 20
        assert all(epoch > 0 for epoch in epochs)

    run(steps())


def test_records_are_saved_replaced_and_deleted(store: AnyStore) -> None:
    app = Record("app", "1", {"name": "grüße", "roles": ["a", "b"], "age": 3})

    async def steps() -> None:
        assert await store.load_records() == [] or await store.load_records() == ()
        await store.save_records([app, Record("app", "2", {}), Record("role", "1", {})])
        await store.save_records([Record("app", "2", {"x": 1})], [("role", "1"), ("role", "9")])
        loaded = {(each.kind, each.id): each.fields for each in await store.load_records()}
        assert loaded == {("app", "1"): app.fields, ("app", "2"): {"x": 1}}

    run(steps())


def test_records_of_a_message_go_with_it(store: AnyStore) -> None:
    async def steps() -> None:
        await put(store, message("one"), message("two"), message("three"))
        records = [Record(OF_MESSAGE, each, {"of": each}) for each in ("one", "two", "three")]
        await store.save_records([*records, Record("app", "one", {})])
        await store.delete(["one", "no such message"])
        left = {(each.kind, each.id) for each in await store.load_records()}
        assert left == {("app", "one"), (OF_MESSAGE, "two"), (OF_MESSAGE, "three")}
        await store.delete(None)
        assert [each.kind for each in await store.load_records()] == ["app"]

    run(steps())


def test_no_refusal_while_there_is_space(store: AnyStore) -> None:
    assert store.refusal == ""
