"""Gatepost's own API of captured mail: inboxes, lanes, messages and parts."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Route

from gatepost.mailbox.entries import MessageFacts
from gatepost.mailbox.lanes import (
    Lane,
    LaneExists,
    LaneListener,
    LanePort,
    TooManyLanes,
    check_lane_name,
    check_ttl,
)
from gatepost.model.console_access import API_PREFIX
from gatepost.model.secret import Secret
from gatepost.rest.inboxes import inboxes_face
from gatepost.rest.inboxes.site import InboxesSite, LaneKeeper
from tests.unit.mailbox.world import NOON
from tests.unit.rest.mailbox.calling import Answer, Api, run

HTML = """Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/html

<p>Your code is 482913</p>
--b
Content-Type: image/svg+xml; name=a.svg

<svg/>
--b--
"""


class Keeper:
    """Lanes without listeners; there may be two."""

    def __init__(self) -> None:
        self._lanes: dict[str, Lane] = {}

    def all(self) -> Sequence[Lane]:
        return list(self._lanes.values())

    def get(self, name: str) -> Lane:
        return self._lanes[name]

    async def create(
        self,
        name: str | None,
        ttl: float,
        listeners: Iterable[LaneListener],
        application: str | None,  # noqa: ARG002
    ) -> Lane:
        name = check_lane_name(name or "random")
        if name in self._lanes:
            raise LaneExists(name)
        if len(self._lanes) == 2:
            raise TooManyLanes
        ends = NOON + timedelta(seconds=check_ttl(ttl))
        ports = {each: LanePort("127.0.0.1", 2525, "starttls") for each in listeners}
        lane = Lane(name, f"user-{name}", Secret("pässword"), "a@b.example", ports, NOON, ends)
        self._lanes[name] = lane
        return lane

    async def delete(self, name: str) -> None:
        del self._lanes[name]


class OwnApi(Api):
    """The API of inboxes, below its prefix."""

    lanes: LaneKeeper | None = None

    def application(self) -> Starlette:
        site = InboxesSite(self.site, self.lanes, "http://localhost:8025", "/data/ca.pem")
        return Starlette(
            routes=[
                Route(f"{API_PREFIX}{endpoint.path}", handler, methods=[endpoint.method])
                for endpoint, handler in inboxes_face(site)
            ]
        )

    async def own(self, method: str, path: str, body: Any = None) -> Answer:
        return await self.ask(method, f"{API_PREFIX}{path}", body)


def own(made: Api, lanes: LaneKeeper | None = None) -> OwnApi:
    api = OwnApi(made.world)
    api.lanes = lanes
    return api


def code_of(answer: Answer) -> tuple[int, str]:
    error = answer.json["error"]
    assert set(error) == {"code", "message"}
    return answer.status, error["code"]


def test_lanes() -> None:
    async def steps(made: Api) -> None:
        api = own(made, Keeper())
        created = await api.own("POST", "/lanes", {"name": "one", "ttl": 60})
        assert created.status == 200
        lane = created.json
        assert lane.pop("password") == "pässword"
        assert lane == {
            "name": "one", "api": "http://localhost:8025/inbox/one",
            "smtp": {"host": "127.0.0.1", "port": 2525, "tls": "starttls"}, "smtps": None,
            "username": "user-one", "from": "a@b.example", "ca_file": "/data/ca.pem",
            "created_at": "2026-11-30T12:00:00.123Z", "expires_at": "2026-11-30T12:01:00.123Z",
            "messages": 0, "unread": 0,
        }  # fmt: skip
        await made.put("\n", facts=MessageFacts(lane="one"))
        assert (await api.own("GET", "/lanes/one")).json == {**lane, "messages": 1, "unread": 1}
        assert (await api.own("POST", "/lanes")).json["name"] == "random"
        listed = (await api.own("GET", "/lanes")).json["lanes"]
        assert [(each["name"], each["messages"]) for each in listed] == [("one", 1), ("random", 0)]
        assert code_of(await api.own("POST", "/lanes", {"name": "one"})) == (409, "AlreadyExists")
        assert code_of(await api.own("POST", "/lanes", {"name": "x"})) == (429, "Failed")
        assert (await api.own("DELETE", "/lanes/one")).json == {"deleted": "one"}
        for method in ("GET", "DELETE"):
            assert code_of(await api.own(method, "/lanes/one")) == (404, "NotFound")

    run(steps)


def test_lanes_that_cannot_be() -> None:
    async def steps(made: Api) -> None:
        api = own(made, Keeper())
        bad: list[Any] = [
            b"{", [], {"name": "Big"}, {"name": "a" * 65}, {"name": "all"}, {"name": "../x"},
            {"ttl": 0}, {"ttl": 86_401}, {"ttl": "x"}, {"listeners": ["http"]}, {"unknown": 1},
        ]  # fmt: skip
        for body in bad:
            assert code_of(await api.own("POST", "/lanes", body)) == (400, "BadRequest"), body
        api.lanes = None
        assert (await api.own("GET", "/lanes")).json == {"lanes": []}
        assert code_of(await api.own("POST", "/lanes", {})) == (409, "Failed")

    run(steps)


def test_inboxes() -> None:
    async def steps(made: Api) -> None:
        api = own(made)
        assert (await api.own("GET", "/inboxes")).json == {
            "inboxes": [
                {"id": "all", "kind": "all", "name": "all", "messages": 0, "unread": 0,
                 "last_at": None},
            ]
        }  # fmt: skip
        for lane, app in (("one", ""), ("", "app-1"), ("", "app-1")):
            await made.put("\n", facts=MessageFacts(lane=lane, application_id=app), principal="me")
        inboxes = (await api.own("GET", "/inboxes")).json["inboxes"]
        assert [(each["id"], each["kind"], each["messages"]) for each in inboxes] == [
            ("all", "all", 3),
            ("application:app-1", "application", 2),
            ("one", "lane", 1),
            ("username:me", "username", 3),
        ]
        assert inboxes[0]["last_at"] == "2026-11-30T12:00:03.123456Z"

    run(steps)


def test_messages_are_listed_page_by_page() -> None:
    async def steps(made: Api) -> None:
        api = own(made)
        for number in range(7):
            lane = "one" if number < 2 else ""
            await made.put(f"Subject: s{number}\n\n", facts=MessageFacts(lane=lane))
        listed: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            page = (await api.own("GET", f"/messages?limit=3&after={cursor}")).json
            assert (page["count"], page["unread"]) == (7, 7)
            listed += [each["subject"] for each in page["messages"]]
            cursor = page["cursor"]
        assert listed == [f"s{number}" for number in reversed(range(7))]
        page = (await api.own("GET", "/messages?inbox=one&query=subject:s1")).json
        assert [each["lane"] for each in page["messages"]] == ["one"]
        assert list(page["messages"][0]) == [
            "id", "received_at", "mail_from", "rcpt_to", "subject", "message_id", "size",
            "principal", "read", "tags", "lane",
        ]  # fmt: skip
        for query in ("limit=0", "limit=501", "limit=x", "after=x", "after=m-1"):
            assert code_of(await api.own("GET", f"/messages?{query}")) == (400, "BadRequest"), query
        assert code_of(await api.own("GET", "/messages?inbox=none")) == (404, "NotFound")

    run(steps)


def test_a_message() -> None:
    async def steps(made: Api) -> None:
        api = own(made)
        await made.put(HTML)
        message = (await api.own("GET", "/messages/m1")).json
        assert list(message) == [
            "id", "received_at", "mail_from", "rcpt_to", "subject", "message_id", "size",
            "principal", "headers", "text", "html", "attachments", "azure_message_id", "read",
            "tags", "lane", "application", "session", "injected", "outcomes", "codes", "links",
        ]  # fmt: skip
        assert (message["text"], message["read"]) == (None, False)
        assert [each["value"] for each in message["codes"]] == ["482913"]
        assert (await api.own("GET", "/messages/latest")).json["id"] == "m1"
        assert code_of(await api.own("GET", "/messages/m2")) == (404, "NotFound")

    run(steps)


def test_parts() -> None:
    async def steps(made: Api) -> None:
        api = own(made)
        await made.put(HTML)
        tree = (await api.own("GET", "/messages/m1/parts")).json
        assert (tree["id"], tree["content_type"]) == ("0", "multipart/mixed")
        assert [(each["id"], each["filename"]) for each in tree["parts"]] == [
            ("1", ""),
            ("2", "a.svg"),
        ]
        part = await api.own("GET", "/messages/m1/parts/2")
        assert (part.body, part.headers["content-disposition"][:10]) == (b"<svg/>", "attachment")
        assert code_of(await api.own("GET", "/messages/m1/parts/9")) == (404, "NotFound")
        await made.put("Content-Type: multipart/a; boundary=a\n\n--a\n" * 30)
        assert code_of(await api.own("GET", "/messages/m2/parts")) == (409, "Failed")

    run(steps)


def test_codes() -> None:
    async def steps(made: Api) -> None:
        api = own(made)
        await made.put("Subject: KEY-77\n\nYour code is 482913")
        codes = (await api.own("GET", "/messages/m1/codes")).json["codes"]
        assert [(each["value"], each["where"]) for each in codes] == [("482913", "text")]
        codes = (await api.own("GET", "/messages/m1/codes?pattern=KEY-(%5Cd%2B)")).json["codes"]
        assert [(each["value"], each["where"]) for each in codes] == [("77", "subject")]
        answer = await api.own("GET", "/messages/m1/codes?pattern=(a%2B)%2B")
        assert code_of(answer) == (400, "BadRequest")

    run(steps)


def test_many_are_asked_at_once() -> None:
    async def steps(made: Api) -> None:
        api = own(made)
        await made.put(HTML)
        answers = await asyncio.gather(*[api.own("GET", "/messages/m1") for _ in range(50)])
        assert {each.status for each in answers} == {200}

    run(steps)
