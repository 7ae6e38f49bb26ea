"""The stream of events: each once, in order; whoever is too slow learns it."""

import asyncio
import json
import re
from typing import Any

from gatepost.rest.console_api.event_bus import MAX_KEPT, MAX_READERS, EventBus
from tests.unit.rest.console_api.asking import Api


def parse(text: str) -> list[tuple[str, str, Any]]:
    """Return id, name and data of each event."""
    found = re.findall(r"id: (.*)\nevent: (.*)\ndata: (.*)\n\n", text)
    return [(id_, name, json.loads(data)) for id_, name, data in found]


async def collect(api: Api, number: int, path: str = "/events", after: str = "") -> list[Any]:
    events: list[Any] = []
    headers = {"last-event-id": after} if after else {}
    stream = api.stream(path, headers)
    async for piece in stream:
        events += parse(piece)
        if len(events) >= number:
            break
    await stream.aclose()  # type: ignore[attr-defined]  # it is a generator
    return events


def test_a_reader_gets_each_event_once_in_order_also_after_it_reconnects() -> None:
    async def main() -> None:
        api = Api()
        first = asyncio.ensure_future(collect(api, 400))
        for _ in range(10):
            await asyncio.sleep(0)
        assert api.bus.has_readers
        for number in range(400):
            api.bus.publish("message", {"id": number})
            if number % 50 == 0:
                await asyncio.sleep(0)
        seen = await first
        for number in range(400, 1_000):
            api.bus.publish("message", {"id": number})
        seen += await collect(api, 600, after=seen[-1][0])
        assert [data["id"] for _, _, data in seen] == list(range(1_000))
        assert not api.bus.has_readers

    asyncio.run(main())


def test_a_slow_reader_gets_a_gap_and_then_what_came_last() -> None:
    async def main() -> None:
        bus = EventBus()
        reader = bus.open()
        for number in range(MAX_KEPT + 5):
            bus.publish("message", {"id": number})
        events = await reader.read(1)
        assert (events[0].name, events[0].data) == ("gap", {"missed": MAX_KEPT})
        assert [each.data["id"] for each in events[1:]] == list(range(MAX_KEPT, MAX_KEPT + 5))
        again = bus.open(after=events[0].cursor)
        assert [each.data for each in await again.read(1)] == [each.data for each in events[1:]]

    asyncio.run(main())


def test_a_cursor_that_is_too_old_or_of_another_start_gives_a_gap() -> None:
    async def main() -> None:
        bus = EventBus()
        old = bus.last_cursor
        for number in range(MAX_KEPT + 1):
            bus.publish("message", {"id": number})
        for cursor in (old, "00000000-5", "nonsense", "-", f"{old[:8]}-99999999999999999999999"):
            events = await bus.open(after=cursor).read(1)
            assert [each.name for each in events] == ["gap"], cursor
        assert await bus.open(after=bus.last_cursor).read(0.01) == ()

    asyncio.run(main())


def test_a_reader_may_want_only_numbers() -> None:
    async def main() -> None:
        api = Api()
        path = "/events?types=message,session&every=0.01"
        reading = asyncio.ensure_future(collect(api, 3, path))
        await asyncio.sleep(0.05)
        assert api.bus.has_readers
        for _ in range(5):
            for name in ("message", "message", "other"):
                api.bus.publish(name, {"id": 1})
        await asyncio.sleep(0.05)
        for name in ("message", "session", "session"):
            api.bus.publish(name, {"id": 1})
        counts = [(name, data) for _, name, data in await reading]
        assert counts == [
            ("message", {"count": 10}), ("message", {"count": 1}), ("session", {"count": 2}),
        ]  # fmt: skip
        for bad in ("-1", "x", "nan", "16"):
            assert (await api.ask("GET", f"/events?every={bad}"))[0] == 400

    asyncio.run(main())


def test_who_counts_gets_also_what_came_before_and_while_it_rested() -> None:
    async def main() -> None:
        bus = EventBus()
        bus.publish("message", {"id": 1})
        cursor = bus.last_cursor
        for name in ("message", "session", "other"):
            bus.publish(name, {"id": 2})
        reader = bus.open({"message", "session"}, cursor, counts=True)
        bus.publish("message", {"id": 3})
        counts = [(each.name, each.data) for each in await reader.read(10)]
        assert counts == [("message", {"count": 2}), ("session", {"count": 1})]
        bus.publish("session", {"id": 4})  # nobody waits for it
        bus.publish("other", {"id": 5})
        assert [each.data for each in await reader.read(10)] == [{"count": 1}]
        assert await reader.read(0.01) == []
        waiting = asyncio.ensure_future(reader.read(10))
        await asyncio.sleep(0)
        bus.publish("other", {"id": 6})
        assert not waiting.done()
        bus.publish("message", {"id": 7})
        assert [each.data for each in await waiting] == [{"count": 1}]
        old = bus.open(after="00000000-5", counts=True)
        assert [each.name for each in await old.read(10)] == ["gap"]

    asyncio.run(main())


def test_a_reader_chooses_names_and_an_inbox() -> None:
    async def main() -> None:
        api = Api(inboxes={"m1": "lane-one", "m2": "lane-two"})
        cursor = api.bus.last_cursor
        api.bus.publish("message", {"id": "m1"})
        api.bus.publish("session", {"id": "s1"})
        api.bus.publish("message", {"id": "m2"})
        path = "/events?types=message&inbox=lane-two"
        assert [each[2] for each in await collect(api, 1, path, cursor)] == [{"id": "m2"}]
        path = "/events?types=session,message&inbox=lane-one"
        assert [each[1] for each in await collect(api, 2, path, cursor)] == ["message", "session"]

    asyncio.run(main())


def test_a_viewer_sees_masked_events() -> None:
    async def main() -> None:
        api = Api(role="viewer")
        cursor = api.bus.last_cursor
        api.bus.publish("accepted", {"mail_from": "alice@example.com"})
        [(_, _, data)] = await collect(api, 1, after=cursor)
        assert data == {"mail_from": "a***@example.com"}

    asyncio.run(main())


def test_there_are_at_most_so_many_streams() -> None:
    async def main() -> None:
        api = Api()
        readers = [api.bus.open() for _ in range(MAX_READERS)]
        status, document = await api.ask("GET", "/events")
        assert (status, document["error"]["code"]) == (429, "TooManyStreams")
        readers[0].close()
        async for piece in api.stream():
            assert piece == "status 200"
            break

    asyncio.run(main())
