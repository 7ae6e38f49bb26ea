"""Lists, searches, marks and deletions over HTTP, as Mailpit's clients use them."""

import asyncio
from typing import Any
from urllib.parse import quote

import pytest
from starlette.requests import ClientDisconnect

from gatepost.mailbox.entries import MessageFacts
from gatepost.rest.mailbox import lists
from tests.unit.rest.mailbox.calling import Api, run

PLAIN = "From: Ann <ann@a.example>\nTo: Bob <bob@example.net>\nSubject: {}\n\nHello {}\n"
FORM = "application/x-www-form-urlencoded"
MESSAGES = "/api/v1/messages"


async def fill(made: Api, number: int = 3, lane: str = "") -> None:
    for each in range(number):
        await made.put(PLAIN.format(each, each), facts=MessageFacts(lane=lane))


SUMMARY_TYPES: dict[str, type] = {
    "ID": str, "MessageID": str, "Read": bool, "From": dict, "To": list, "Cc": list, "Bcc": list,
    "ReplyTo": list, "Subject": str, "Created": str, "Username": str, "Tags": list, "Size": int,
    "Attachments": int, "Snippet": str, "Application": str, "Inbox": str, "Injected": list,
    "Statuses": list,
}  # fmt: skip
LIST_TYPES: dict[str, type] = {
    "total": int, "unread": int, "count": int, "messages_count": int, "messages_unread": int,
    "start": int, "tags": list, "messages": list, "cursor": str,
}  # fmt: skip


def types_of(document: dict[str, Any]) -> dict[str, type]:
    return {name: type(value) for name, value in document.items()}


@pytest.mark.parametrize("content", [PLAIN, "", "\n", "Cc: a@b\nReply-To: c@d\nX-Tags: t\n\n"])
def test_every_field_of_a_list_is_there_with_its_type(content: str) -> None:
    async def steps(made: Api) -> None:
        await made.put(content, sender="")
        listed = await made.get(MESSAGES)
        assert types_of(listed) == LIST_TYPES
        [summary] = listed["messages"]
        assert types_of(summary) == SUMMARY_TYPES
        assert types_of(summary["From"]) == {"Name": str, "Address": str}
        for name in ("To", "Cc", "Bcc", "ReplyTo"):
            assert all(set(each) == {"Name", "Address"} for each in summary[name])

    run(steps)


def test_pages() -> None:
    async def steps(made: Api) -> None:
        await fill(made, 60)
        assert len(await made.ids()) == 50
        assert len(await made.ids(f"{MESSAGES}?limit=0")) == 60
        assert len(await made.ids(f"{MESSAGES}?limit=many")) == 50
        assert await made.ids(f"{MESSAGES}?limit=2&start=1") == ["m59", "m58"]
        listed = await made.get("/api/v1/search?query=subject:5&limit=2&start=1")
        names = ("total", "unread", "count", "messages_count", "start")
        assert [listed[each] for each in names] == [60, 60, 2, 15, 1]
        assert await made.ids("/api/v1/search?query=hello&limit=0") == []
        assert await made.ids(f"{MESSAGES}?before=2026-11-30T12:00:03Z") == ["m2", "m1"]
        assert len(await made.ids(f"{MESSAGES}?before=nonsense")) == 50

    run(steps)


def test_a_list_of_everything_lets_others_take_their_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def steps(made: Api) -> None:
        await fill(made, 60)
        task = asyncio.create_task(other())
        for slices in (1, 7):
            monkeypatch.setattr(lists, "SLICE", 60 // slices)
            await made.get(MESSAGES)  # what else takes turns is the same for both
            before = turns
            assert len(await made.ids(f"{MESSAGES}?limit=0")) == 60
            counted.append(turns - before)
        task.cancel()

    counted: list[int] = []
    run(steps)
    assert counted[1] >= counted[0] + 6


@pytest.mark.parametrize("query", ["", "%20", "query=", "query=%20"])
def test_a_search_needs_a_query(query: str) -> None:
    async def steps(made: Api) -> None:
        for method in ("GET", "DELETE"):
            answer = await made.ask(method, f"/api/v1/search?{query}")
            assert (answer.status, answer.text) == (400, "no search query\n")

    run(steps)


def test_what_is_ignored_of_a_query_is_said() -> None:
    async def steps(made: Api) -> None:
        await fill(made)
        answer = await made.ask("GET", f"/api/v1/search?query={quote('hello after:gestern-früh')}")
        assert answer.json["messages_count"] == 3
        assert answer.headers["gatepost-ignored"] == r"after:gestern-fr\xfch"
        for method, path, body in (
            ("DELETE", "/api/v1/search?query=after:soon", None),
            ("DELETE", "/api/v1/search?query=hello%20larger:x", None),
            ("DELETE", "/api/v1/search?query=from:", None),
            ("PUT", MESSAGES, {"Read": True, "Search": "before:soon"}),
        ):
            assert (await made.ask(method, path, body)).status == 400
        assert (await made.get(MESSAGES))["unread"] == 3

    run(steps)


def test_dates_are_in_the_time_zone_of_the_request() -> None:
    async def steps(made: Api) -> None:
        await fill(made)  # at noon in UTC, 21:00 in Tokyo
        for zone, count in (("UTC", 3), ("Asia/Tokyo", 0), ("Nowhere/Land", 3), ("../x", 3)):
            path = f"/api/v1/search?query={quote('before:2026-11-30T12:30')}&tz={quote(zone)}"
            assert len(await made.ids(path)) == count, zone

    run(steps)


def test_marks() -> None:
    async def unread(made: Api) -> int:
        return int((await made.get(MESSAGES))["unread"])

    async def steps(made: Api) -> None:
        await fill(made)
        await made.ok("PUT", MESSAGES, {"Read": True, "IDs": ["m1", "zz"], "Unknown": 1})
        assert await unread(made) == 2
        await made.ok("PUT", MESSAGES, {"Read": True, "Search": "subject:2"})
        assert await unread(made) == 1
        await made.ok("PUT", MESSAGES, b"ids=m1&ids=m2&Read=false", content_type=FORM)
        assert await unread(made) == 3 - 1
        await made.ok("PUT", MESSAGES, {"Read": True, "IDs": None})
        assert await unread(made) == 0
        await made.ok("PUT", MESSAGES, {"Read": False, "IDs": []})
        assert await unread(made) == 3
        bad: list[Any] = [
            b"",
            b"{",
            b"[]",
            {"IDs": "m1"},
            {"Read": "x"},
            {"IDs": ["m1"], "Search": "x"},
        ]
        for body in bad:
            assert (await made.ask("PUT", MESSAGES, body)).status == 400, body
        assert await unread(made) == 3

    run(steps)


@pytest.mark.parametrize(
    ("body", "headers", "left"),
    [
        (None, {}, []),
        ({}, {}, []),
        ({"IDs": []}, {}, []),
        ({"IDs": None}, {}, []),
        ({"IDs": ["m2", "zz"]}, {}, ["m3", "m1"]),
        ({"ids": ["m2"]}, {}, ["m3", "m1"]),
        (b"ids=m1&ids=m3", {"content_type": FORM}, ["m2"]),
        (b'{"IDs": ["m1"]}', {"content_type": FORM}, ["m3", "m2"]),
        ({"IDs": ["zz"]}, {}, ["m3", "m2", "m1"]),
    ],
)
def test_deletions(body: Any, headers: dict[str, str], left: list[str]) -> None:
    async def steps(made: Api) -> None:
        await fill(made)
        await made.ok("DELETE", MESSAGES, body, **headers)
        assert await made.ids() == left

    run(steps)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b'{"IDs":', {}),
        (b'"m1"', {}),
        (b"null", {}),
        (b'{"IDs": "m1"}', {}),
        (b'{"IDs": [1]}', {}),
        (b"\xff", {}),
        (b"nothing=known", {"content_type": FORM}),
        (b"[" * 100_000, {}),
    ],
)
def test_an_unreadable_body_deletes_nothing(body: bytes, headers: dict[str, str]) -> None:
    async def steps(made: Api) -> None:
        await fill(made)
        answer = await made.ask("DELETE", MESSAGES, body, headers=headers)
        assert answer.status == 400
        assert answer.headers["content-type"].startswith("text/plain")
        assert len(await made.ids()) == 3

    run(steps)


def test_a_body_has_a_limit() -> None:
    async def steps(made: Api) -> None:
        answer = await made.ask("DELETE", MESSAGES, b" " * (5 * 1024 * 1024 + 1))
        assert answer.status == 413

    run(steps)


def test_a_search_can_be_deleted() -> None:
    async def steps(made: Api) -> None:
        await fill(made)
        await made.ok("DELETE", "/api/v1/search?query=-subject:1")
        assert await made.ids() == ["m2"]

    run(steps)


def test_a_lane_is_an_inbox_of_its_own() -> None:
    async def steps(made: Api) -> None:
        await fill(made, 2)
        await fill(made, 2, "one")
        await fill(made, 1, "two")
        lane = "/inbox/one"
        assert await made.ids(f"{lane}{MESSAGES}") == ["m4", "m3"]
        listed = await made.get(f"{lane}/api/v1/search?query=subject:0")
        assert (listed["total"], listed["messages_count"]) == (2, 1)
        assert (await made.ask("GET", f"{lane}/api/v1/message/m1")).status == 404
        assert (await made.ask("GET", "/inbox/no/api/v1/messages")).status == 404
        await made.ok("PUT", f"{lane}{MESSAGES}", {"Read": True})
        assert (await made.get(MESSAGES))["unread"] == 3
        await made.ok("PUT", f"{lane}/api/v1/tags", {"IDs": ["m1", "m3"], "Tags": ["x"]})
        assert await made.get("/api/v1/tags") == ["x"]
        assert await made.get("/inbox/two/api/v1/tags") == []
        await made.ok("DELETE", f"{lane}{MESSAGES}", {"IDs": ["m1", "m3"]})
        await made.ok("DELETE", f"{lane}{MESSAGES}")
        assert await made.ids() == ["m5", "m2", "m1"]

    run(steps)


def test_a_search_waits() -> None:
    async def steps(made: Api) -> None:
        await fill(made)
        path = "/api/v1/search?query=subject:wanted&wait=10"
        waiting = asyncio.create_task(made.ask("GET", path))
        await asyncio.sleep(0.02)
        assert not waiting.done()
        await made.put(PLAIN.format("wanted", ""))
        listed = (await waiting).json
        assert [each["ID"] for each in listed["messages"]] == ["m4"]
        assert "timed_out" not in listed
        path = "/api/v1/search?query=subject:wanted&wait=0.01&min=2"
        assert (await made.get(path))["timed_out"] is True
        for wait in ("-1", "61", "nan", "x"):
            assert (await made.ask("GET", f"{MESSAGES}?wait={wait}")).status == 400

    run(steps)


def test_later_arrivals_only() -> None:
    async def steps(made: Api) -> None:
        await fill(made)
        cursor = (await made.get(f"{MESSAGES}?limit=1"))["cursor"]
        assert await made.ids(f"{MESSAGES}?after={cursor}") == []
        waiting = asyncio.create_task(made.ids(f"{MESSAGES}?after={cursor}&wait=5&min=2"))
        await made.ok("DELETE", MESSAGES)
        await fill(made, 2)
        assert await waiting == ["m5", "m4"]
        assert (await made.ask("GET", f"{MESSAGES}?after=x")).status == 400
        found = await made.get(f"/api/v1/message/latest?after={cursor}&query=subject:0&wait=5")
        assert found["ID"] == "m4"

    run(steps)


def test_a_client_that_leaves_waits_no_more() -> None:
    async def steps(made: Api) -> None:
        leaves = asyncio.Event()
        waiting = asyncio.create_task(made.ask("GET", f"{MESSAGES}?wait=50", leaves=leaves))
        await asyncio.sleep(0.02)
        assert (await made.get("/api/v1/info"))["RuntimeStats"]["Waiting"] == 1
        leaves.set()
        with pytest.raises(ClientDisconnect):
            await waiting
        await asyncio.sleep(0)
        assert made.world.mailbox.waiting.count == 0

    run(steps)


def test_too_many_waiting_requests_are_refused() -> None:
    async def steps(made: Api) -> None:
        waiting = [asyncio.create_task(made.ask("GET", f"{MESSAGES}?wait=20")) for _ in range(200)]
        await asyncio.sleep(0.3)
        answer = await made.ask("GET", f"{MESSAGES}?wait=20")
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        await fill(made, 1)
        assert {(await each).status for each in waiting} == {200}

    run(steps)
