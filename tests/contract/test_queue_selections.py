"""What each selection of deliveries means, in every store."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gatepost.control.queue_control import QueueControl
from gatepost.control.queue_documents import Document
from gatepost.control.queue_operations import operate_queue
from gatepost.model.delivery import Contact, Delivery
from gatepost.model.route import Capture, NextHop, Route
from gatepost.queue.deliveries_contract import Cursor, Deliveries, QueueSelection, SelectedSome
from gatepost.store.sqlite import SqliteStore, StoreSettings, open_store
from gatepost.testing.memory import MemoryDeliveries
from tests.contract.messages import NOON, envelope
from tests.contract.queued import HOUR, MINUTE, attempt, mail, planned, settlement

if TYPE_CHECKING:  # where psycopg is not installed, the others are tested
    from gatepost.store.postgres import PostgresStore

MAIL: dict[str, tuple[str, list[tuple[str, list[str]]], timedelta]] = {
    "a": ("alice@example.org", [("hub", ["bob@example.net"])], timedelta(0)),
    "b": ("Bounce+1@News.example", [("hub", ["carol@example.net", "dave@x.example"])], HOUR),
    "c": ("", [("world/x.example", ["eve@x.example"]), ("hub", ["bob@y.example"])], 2 * HOUR),
    "d": ("alice@sub.example.org", [("world/y.example", ["BOB@y.example"])], 3 * HOUR),
}
"""The sender of each message, its deliveries, and how old it is."""

SELECTIONS: Sequence[tuple[dict[str, Any], str]] = [
    ({}, "d.0 c.0 c.1 b.0 a.0"),
    ({"next_hop": "hub"}, "c.1 b.0 a.0"),
    ({"next_hop": "hu"}, ""),
    ({"sender": "alice@example.org"}, "a.0"),
    ({"sender": "ALICE@Example.ORG"}, "a.0"),
    ({"sender": "@example.org"}, "a.0"),
    ({"sender": "alice@*example.org"}, "d.0 a.0"),
    ({"sender": "@*.example.org"}, "d.0"),
    ({"sender": "bounce+*@news.example"}, "b.0"),
    ({"sender": "<>"}, "c.0 c.1"),
    ({"sender": "*"}, "d.0 c.0 c.1 b.0 a.0"),
    ({"sender": "alice?example.org"}, ""),
    ({"sender": "[a]lice@example.org"}, ""),
    ({"sender": "example.org"}, ""),
    ({"recipient": "bob@y.example"}, "d.0 c.1"),
    ({"recipient": "@x.example"}, "c.0"),
    ({"recipient": "@example.net"}, "b.0 a.0"),
    ({"recipient": "bob@*"}, "d.0 c.1 a.0"),
    ({"recipient": "dave@x.example", "states": ("settled",)}, ""),
    ({"received_before": NOON - 2 * HOUR}, "d.0 c.0 c.1"),
    ({"received_after": NOON - 2 * HOUR}, "c.0 c.1 b.0 a.0"),
    ({"received_before": NOON - HOUR, "received_after": NOON - 2 * HOUR}, "c.0 c.1 b.0"),
    ({"cause": "greylisted"}, "b.0"),
    ({"cause": "grey"}, ""),
    ({"target": "spare"}, "b.0"),
    ({"target": "hub", "first_of": frozenset({"hub"})}, "c.1 a.0"),
    ({"target": "hub"}, ""),
    ({"states": ("held",)}, "c.1"),
    ({"states": ("waiting",)}, "d.0 b.0 a.0"),
    ({"states": ("leased",)}, "c.0"),
    ({"changed_by": "hold"}, "d.0 c.0 b.0 a.0"),
    ({"changed_by": "release"}, "c.1"),
    ({"changed_by": "retry"}, "d.0 b.0 a.0"),
    ({"changed_by": "drop"}, "d.0 c.0 c.1 b.0 a.0"),
    ({"next_hop": "hub", "sender": "<>", "recipient": "bob@*"}, "c.1"),
    ({"next_hop": "hub", "sender": "<>", "recipient": "eve@*"}, ""),
]


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def queue(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Deliveries]:
    store: SqliteStore | PostgresStore | None = None
    if request.param == "sqlite":
        store = open_store(tmp_path, StoreSettings(reserve=0))
    elif request.param == "postgres":
        store = request.getfixturevalue("postgres").open(tmp_path)
    yield MemoryDeliveries() if store is None else store.deliveries
    if store is not None:
        store.close()


async def fill(queue: Deliveries) -> None:
    """``b.0`` was tried at another target, with one recipient left; ``c.0`` is leased."""
    await queue.take_over(NOON)
    for id_, (sender, places, age) in reversed(MAIL.items()):
        given = envelope(sender, *[each for _, some in places for each in some])
        plans = [
            planned(envelope("", *some).recipients, NextHop(*hop.split("/")))
            for hop, some in places
        ]
        submission = replace(mail(id_, given), received_at=NOON - age)
        leases = await queue.put(submission, plans, leased=id_ in ("b", "c"))
        if id_ == "b":
            tried = replace(attempt(), contact=Contact("spare"), finding="greylisted")
            await queue.settle(leases[0], settlement("deferred", "delivered", attempt=tried), NOON)
        elif id_ == "c":
            await queue.settle(leases[1], settlement("deferred", attempt=None), NOON)
            await queue.act("hold", ["c.1"], NOON + MINUTE)


async def select_all(queue: Deliveries, selection: QueueSelection) -> list[Delivery]:
    found: list[Delivery] = []
    after: Cursor | None = None
    while True:
        some, after, accepted = await queue.select(selection, after)
        assert [each.at for each in accepted] == [NOON - MAIL[each.message][2] for each in some]
        assert [each.sender for each in accepted] == [MAIL[each.message][0] for each in some]
        found += some
        if after is None:
            return found


def test_every_selection_means_the_same(queue: Deliveries) -> None:
    async def steps() -> dict[str, list[str]]:
        await fill(queue)
        found = {}
        for fields, _ in SELECTIONS:
            selection = QueueSelection(**fields)
            chosen = sorted(await select_all(queue, selection), key=lambda each: each.id)
            assert chosen == sorted(await queue.list(selection), key=lambda each: each.id)
            found[str(fields)] = sorted([each.id for each in chosen])
        return found

    assert asyncio.run(steps()) == {str(fields): sorted(ids.split()) for fields, ids in SELECTIONS}


def test_a_queue_is_looked_through_as_it_was(queue: Deliveries) -> None:
    """Each delivery is found once, though all change, and new ones come, between the pages."""

    async def steps() -> None:
        await queue.take_over(NOON)
        for number in range(1_100):
            await queue.put(mail(f"m{number}"), [planned()], leased=False)
        found: list[str] = []
        after: Cursor | None = None
        for page in count():
            some, after, _ = await queue.select(QueueSelection(changed_by="hold"), after)
            found += [each.id for each in some]
            await queue.act("hold", [each.id for each in some], NOON)
            await queue.put(mail(f"new{page}"), [planned()], leased=False)
            if after is None:
                break
        assert sorted(found) == sorted([f"m{number}.0" for number in range(1_100)])
        assert len(await queue.list(QueueSelection(states=("held",)))) == 1_100

    asyncio.run(steps())


AGES: Sequence[tuple[dict[str, Any], dict[str | None, tuple[int, str]]]] = [
    ({}, {"hub": (2, "c.1"), "spare": (1, "b.0"), "mx": (2, "d.0")}),
    ({"by": "next-hop"}, {"hub": (3, "c.1"), "world/x.example": (1, "c.0"),
                          "world/y.example": (1, "d.0")}),
    ({"by": "sender-domain"}, {"<>": (2, "c.0"), "example.org": (1, "a.0"),
                               "news.example": (1, "b.0"), "sub.example.org": (1, "d.0")}),
    ({"by": "recipient-domain"}, {"example.net": (2, "b.0"), "x.example": (1, "c.0"),
                                  "y.example": (2, "d.0")}),
    ({"by": "cause"}, {None: (4, "d.0"), "greylisted": (1, "b.0")}),
    ({"by": "target", "state": "held"}, {"hub": (1, "c.1")}),
    ({"by": "next-hop", "sender": "@example.org"}, {"hub": (1, "a.0")}),
]  # fmt: skip
"""The number of deliveries in each row, and the oldest one."""


@pytest.mark.parametrize(("fields", "rows"), AGES)
def test_ages_are_counted_in_rows(
    queue: Deliveries, fields: dict[str, Any], rows: dict[str | None, tuple[int, str]]
) -> None:
    chain = {"hub": "hub", "world": "mx"}
    routes = [Route(name, (Capture(target),)) for name, target in chain.items()]

    async def steps() -> Document:
        await fill(queue)
        control = QueueControl(queue, lambda: NOON, routes=lambda: routes)
        return await operate_queue(control, "ages", fields)

    document = asyncio.run(steps())
    counted = {each["key"]: (each["total"], each["oldest"]["id"]) for each in document["rows"]}
    assert counted == rows
    whole = document["total"]
    assert whole["total"] == sum(number for number, _ in rows.values())
    for each in document["rows"]:
        hours = each["oldest"]["age"] // 3600
        column = {0: 0, 1: 4, 2: 5, 3: 6}[hours]  # below 5, 80, 160 and 320 minutes
        assert each["ages"][column] > 0
        assert sum(each["ages"]) == each["total"]
    assert (document["others"]["total"], document["others"]["oldest"]) == (0, None)


def test_a_page_of_a_listing_reads_no_more_than_it_shows(
    queue: Deliveries, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However far down a long queue it is."""
    reads = 0
    select = queue.select

    async def counted(selection: QueueSelection, after: Cursor | None = None) -> SelectedSome:
        nonlocal reads
        reads += 1
        return await select(selection, after)

    async def steps() -> None:
        nonlocal reads
        await queue.take_over(NOON)
        mails = [mail(f"m{number}") for number in range(1_200)]
        await asyncio.gather(*[queue.put(each, [planned()], leased=False) for each in mails])
        monkeypatch.setattr(queue, "select", counted)
        control, listed = QueueControl(queue, lambda: NOON), list[str]()
        cursor: str | None = ""
        while cursor is not None:
            reads = 0
            fields = {"limit": 150, "recipient": "@example.net", "after": cursor}
            page = await operate_queue(control, "list", fields)
            is_first, cursor = not cursor, page["cursor"]
            assert page["more"] in ((1_050,) if is_first else (None, 0))
            assert is_first or reads <= 2  # the first page has counted the others
            listed += [each["message"] for each in page["deliveries"]]
        assert listed == [f"m{number}" for number in range(1_199, -1, -1)]

    asyncio.run(steps())


@pytest.mark.parametrize("limit", [-1, 0, 1, 600])
def test_a_list_has_the_newest(queue: Deliveries, limit: int) -> None:
    async def steps() -> None:
        await queue.take_over(NOON)
        for number in range(601):
            await queue.put(mail(f"m{number}"), [planned()], leased=False)
        listed = await queue.list(QueueSelection(limit=limit, sender="@example.org"))
        newest = [f"m{number}.0" for number in range(600, -1, -1)]
        assert [each.id for each in listed] == newest[: max(0, limit)]

    asyncio.run(steps())
