"""Sending, tags, chaos and the server's numbers over HTTP."""

import base64
from typing import Any

import msgspec
import pytest

from gatepost.failures.chaos import ChaosTriggers
from tests.unit.rest.mailbox.calling import Api, run

SEND = "/api/v1/send"
FULL = {
    "From": {"Email": "ann@a.example", "Name": "Änn"},
    "To": [{"Email": "bob@b.example", "Name": "Bob"}],
    "Cc": [{"Email": "carl@c.example"}],
    "ReplyTo": [{"Email": "help@a.example", "Name": ""}],
    "Bcc": ["dora@d.example"],
    "Subject": "Grüße",
    "Text": "Hallo\nWelt",
    "HTML": '<p>Hallo <img src="cid:pic"></p>',
    "Tags": ["one", "t/wo"],
    "Headers": {"X-Own": "yes", "Message-ID": "<own@a.example>"},
    "Attachments": [
        {"Content": base64.b64encode(b"file").decode(), "Filename": "a.txt"},
        {
            "Content": "data:image/png;base64," + base64.b64encode(b"pic").decode(),
            "Filename": "p.png",
            "ContentType": "image/png",
            "ContentID": "pic",
        },
    ],
}


def test_a_sent_message_is_captured() -> None:
    async def steps(made: Api) -> None:
        user = base64.b64encode(b"me:secret").decode()
        answer = await made.ask("POST", SEND, FULL, headers={"authorization": f"Basic {user}"})
        assert (answer.status, answer.json) == (200, {"ID": "sent-1"})
        message = await made.get("/api/v1/message/sent-1")
        assert message["From"] == {"Name": "Änn", "Address": "ann@a.example"}
        assert message["Bcc"] == [{"Name": "", "Address": "dora@d.example"}]
        assert (message["Subject"], message["Username"]) == ("Grüße", "me")
        assert (message["Text"], message["Tags"]) == ("Hallo\nWelt", ["one", "t wo"])
        assert message["MessageID"] == "own@a.example"
        files = [(each["FileName"], each["ContentType"]) for each in message["Attachments"]]
        assert files == [("a.txt", "text/plain")], "by its name"
        assert [each["ContentID"] for each in message["Inline"]] == ["pic"]
        headers = await made.get("/api/v1/message/sent-1/headers")
        assert headers["X-Own"] == ["yes"]
        assert "Bcc" not in headers
        [inline] = message["Inline"]
        part = await made.ask("GET", f"/api/v1/message/sent-1/part/{inline['PartID']}")
        assert part.body == b"pic"

    run(steps)


def test_the_least_that_can_be_sent() -> None:
    async def steps(made: Api) -> None:
        sent = {"From": {"Email": "a@a.example"}, "To": [{"Email": "b@b.example"}]}
        assert (await made.ask("POST", SEND, sent)).status == 200
        message = await made.get("/api/v1/message/latest")
        assert (message["Subject"], message["Text"].strip(), message["HTML"]) == ("", "", "")
        assert message["MessageID"]

    run(steps)


def test_a_message_that_is_sent_to_a_lane_is_its_own() -> None:
    async def steps(made: Api) -> None:
        assert (await made.ask("POST", f"/inbox/one{SEND}", FULL)).status == 200
        assert await made.ids("/inbox/one/api/v1/messages") == ["sent-1"]
        assert await made.ids("/inbox/two/api/v1/messages") == []

    run(steps)


def changed(**fields: Any) -> dict[str, Any]:
    return {**FULL, **fields}


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        {},
        changed(From=None),
        changed(From={"Email": "nobody"}),
        changed(From={"Email": "a@a.example", "Name": "a\r\nBcc: x@y"}),
        changed(To=[{"Email": "x@y\r\nz"}]),
        changed(To=[], Cc=[], Bcc=[]),
        changed(Bcc=[f"b{each}@b.example" for each in range(1_000)]),
        changed(Subject="a\r\nBcc: x@y"),
        changed(Subject=5),
        changed(Headers={"Subject": "x"}),
        changed(Headers={"content-type": "x"}),
        changed(Headers={"X Own": "x"}),
        changed(Headers={"X-Own": "a\nb"}),
        changed(Attachments=[{"Content": "*", "Filename": "x"}]),
        changed(Attachments=[{"Content": "", "Filename": "x", "ContentType": "a/b\r\nX: y"}]),
        changed(Attachments=[{"Content": "", "Filename": "x\r\n"}]),
        changed(Attachments=[{"Content": "", "Filename": "x", "ContentID": "a>\r\nX: y"}]),
        changed(Attachments=[{"Content": "", "Filename": "x", "ContentID": "é"}]),
    ],
)
def test_what_cannot_be_sent_is_refused_in_json(body: Any) -> None:
    async def steps(made: Api) -> None:
        answer = await made.ask("POST", SEND, body)
        assert answer.status == 400
        assert set(answer.json) == {"Error"}
        assert await made.ids() == []

    run(steps)


def test_a_sent_message_has_a_limit() -> None:
    async def steps(made: Api) -> None:
        for size in (100_001, 300_000):
            answer = await made.ask("POST", SEND, changed(Text="x" * size))
            assert answer.status == 413
            assert set(answer.json) == {"Error"}

    run(steps)


def test_tags() -> None:
    async def steps(made: Api) -> None:
        await made.put("X-Tags: News\n\n")
        await made.put("\n")
        assert await made.get("/api/v1/tags") == ["News"]
        await made.ok("PUT", "/api/v1/tags", {"IDs": ["m1", "m2"], "Tags": ["news", "two words"]})
        assert await made.get("/api/v1/tags") == ["News", "two words"]
        assert (await made.get("/api/v1/messages"))["tags"] == ["News", "two words"]
        assert await made.ids("/api/v1/search?query=tag:NEWS") == ["m2", "m1"]
        await made.ok("PUT", "/api/v1/tags/two words", {"Name": "three"})
        await made.ok("DELETE", "/api/v1/tags/NEWS")
        assert (await made.get("/api/v1/info"))["Tags"] == {"three": 2}
        await made.ok("PUT", "/api/v1/tags", {"IDs": ["m1"], "Tags": []})
        assert (await made.get("/api/v1/info"))["Tags"] == {"three": 1}
        for method, path, body, status in (
            ("PUT", "/api/v1/tags", {"Tags": ["x"]}, 400),
            ("PUT", "/api/v1/tags", b"", 400),
            ("PUT", "/api/v1/tags/three", {"Name": "/"}, 400),
            ("PUT", "/api/v1/tags/three", {}, 400),
            ("PUT", "/api/v1/tags/none", {"Name": "x"}, 404),
            ("DELETE", "/api/v1/tags/none", None, 404),
        ):
            assert (await made.ask(method, path, body)).status == status, (method, path)

    run(steps)


def test_numbers_of_the_server() -> None:
    async def steps(made: Api) -> None:
        await made.put("X-Tags: a\n\nhello")
        await made.put("\n")
        await made.get("/api/v1/message/m1")
        await made.ok("DELETE", "/api/v1/messages", {"IDs": ["m2"]})
        info = await made.get("/api/v1/info")
        assert info.pop("RuntimeStats") == {
            "Uptime": 7, "Memory": 1000, "MessagesDeleted": 1, "SMTPAccepted": 2,
            "SMTPAcceptedSize": 24 * 2 + 18 + 2, "SMTPRejected": 0, "SMTPIgnored": 0, "Waiting": 0,
        }  # fmt: skip
        assert info == {
            "Version": "v1.30.5", "LatestVersion": "disabled", "Gatepost": "0.1.0",
            "Database": "/data", "DatabaseSize": 4096, "Messages": 1, "Unread": 0,
            "Tags": {"a": 1},
        }  # fmt: skip

    run(steps)


def test_settings_of_pages() -> None:
    async def steps(made: Api) -> None:
        settings = await made.get("/api/v1/webui")
        assert list(settings) == [
            "Label", "MessageRelay", "SpamAssassin", "ChaosEnabled", "DuplicatesIgnored",
            "HideDeleteAllButton",
        ]  # fmt: skip
        assert list(settings["MessageRelay"]) == [
            "Enabled", "SMTPServer", "ReturnPath", "AllowedRecipients", "BlockedRecipients",
            "OverrideFrom", "PreserveMessageIDs", "RecipientAllowlist",
        ]  # fmt: skip

    run(steps)


def test_chaos() -> None:
    class Switch:
        def __init__(self) -> None:
            self.triggers: dict[str, bytes] = {}

        def show(self, lane: str) -> Any:
            return {"Sender": self.triggers.get(lane, b"").decode()}

        def set(self, triggers: bytes, lane: str) -> Any:
            msgspec.json.decode(triggers, type=ChaosTriggers)
            self.triggers[lane] = triggers
            return self.show(lane)

    async def steps(made: Api) -> None:
        for method in ("GET", "PUT"):
            answer = await made.ask(method, "/api/v1/chaos", {})
            assert (answer.status, answer.text) == (400, "chaos is not enabled on this server\n")
        made.use(chaos=Switch())
        assert (await made.ask("PUT", "/api/v1/chaos", {})).json == {"Sender": "{}"}
        assert (await made.ask("PUT", "/inbox/one/api/v1/chaos")).json == {"Sender": "{}"}
        assert await made.get("/inbox/two/api/v1/chaos") == {"Sender": ""}
        for body in (b"[]", b"{", b'{"a":' * 100_000):
            assert (await made.ask("PUT", "/api/v1/chaos", body)).status == 400

    run(steps)
