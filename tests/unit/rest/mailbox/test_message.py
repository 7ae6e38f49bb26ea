"""One message over HTTP: document, header, octets, parts, pages."""

import hashlib
import re
from typing import Any

import pytest

from gatepost.mailbox.entries import MessageFacts
from gatepost.model.operation_errors import NO_RELEASE
from tests.unit.mailbox.world import TRACE
from tests.unit.rest.mailbox.calling import Api, run
from tests.unit.rest.mailbox.test_lists import types_of

TYPES: dict[str, type] = {
    "ID": str, "MessageID": str, "Read": bool, "From": dict, "To": list, "Cc": list, "Bcc": list,
    "ReplyTo": list, "ReturnPath": str, "Subject": str, "ListUnsubscribe": dict, "Date": str,
    "Tags": list, "Username": str, "Text": str, "HTML": str, "Size": int, "Inline": list,
    "Attachments": list, "Codes": list, "Links": list, "Application": str, "Inbox": str,
    "Session": str, "Injected": list, "Envelope": dict, "Tls": str, "Outcome": list,
}  # fmt: skip
RICH = """From: =?iso-2022-jp?b?GyRCOzNFRBsoQg==?= <yamada@a.example>
To: "Doe, Jane" <jane@b.example>, bob@example.net
Cc: Carl <carl@c.example>
Bcc: dora@d.example
Reply-To: help@a.example
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
Message-ID: <1@a.example>
Date: Mon, 30 Nov 2026 13:00:05 +0100
List-Unsubscribe: <https://a.example/u>, <mailto:u@a.example>, <ftp://x>
List-Unsubscribe-Post: List-Unsubscribe=One-Click
DKIM-Signature: v=1;
 a=rsa-sha256
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=m

--m
Content-Type: multipart/alternative; boundary=a

--a
Content-Type: text/plain; charset=utf-8

Your code is 482913. See https://a.example/t.
--a
Content-Type: multipart/related; boundary=r

--r
Content-Type: text/html; charset=utf-8

<p onclick="x()">Hi <a href="https://a.example/h">link</a><img src="cid:pic@a"><script>x</script>
--r
Content-Type: image/png
Content-ID: <pic@a>
Content-Disposition: inline; filename="pic.png"
Content-Transfer-Encoding: base64

aGVsbG8=
--r--
--a--
--m
Content-Type: text/html
Content-Disposition: attachment; filename*=utf-8''r%C3%A9sum%C3%A9.html

<b>file</b>
--m
Content-Type: application/octet-stream

unnamed
--m--
"""


def test_a_message() -> None:
    async def steps(made: Api) -> None:
        facts = MessageFacts("Billing", "id", "one", "s-1", ("r1",), (("x@y", "Delivered"),))
        await made.put(RICH, ("bob@example.net", "eve@example.net"), facts=facts, principal="me")
        document = await made.get("/api/v1/message/m1")
        assert types_of(document) == TYPES
        assert document["From"] == {"Name": "山田", "Address": "yamada@a.example"}
        assert document["To"][0] == {"Name": "Doe, Jane", "Address": "jane@b.example"}
        assert [each["Address"] for each in document["Bcc"]] == [
            "dora@d.example",
            "eve@example.net",
        ]
        assert (document["Subject"], document["MessageID"]) == ("Grüße", "1@a.example")
        assert document["Date"] == "2026-11-30T12:00:05.000Z"
        assert document["ReturnPath"] == "ann@example.org"
        assert document["ListUnsubscribe"] == {
            "Header": "<https://a.example/u>, <mailto:u@a.example>, <ftp://x>",
            "Links": ["https://a.example/u", "mailto:u@a.example"],
            "Errors": "not a link: ftp://x",
            "HeaderPost": "List-Unsubscribe=One-Click",
        }
        [inline], [attached] = document["Inline"], document["Attachments"]
        assert inline == {
            "PartID": "1.2.2", "FileName": "pic.png", "ContentType": "image/png",
            "ContentID": "pic@a", "Size": 5,
            "Checksums": {
                "MD5": hashlib.md5(b"hello").hexdigest(),
                "SHA1": hashlib.sha1(b"hello").hexdigest(),
                "SHA256": hashlib.sha256(b"hello").hexdigest(),
            },
        }  # fmt: skip
        assert (attached["PartID"], attached["FileName"]) == ("2", "résumé.html")
        assert document["Codes"] == [
            {"Value": "482913", "Where": "text", "Score": 1.0,
             "Context": "Your code is 482913. See https://a.example/t."},
        ]  # fmt: skip
        assert document["Links"] == [
            {"URL": "https://a.example/h", "Text": "link", "Where": "html"},
            {"URL": "https://a.example/t", "Text": "", "Where": "text"},
        ]
        assert document["Envelope"] == {
            "From": "ann@example.org", "To": ["bob@example.net", "eve@example.net"],
        }  # fmt: skip
        names = ("Application", "Inbox", "Session", "Injected", "Outcome", "Username", "Tls")
        assert [document[each] for each in names] == [
            "Billing", "one", "s-1", ["r1"], [{"Recipient": "x@y", "Status": "Delivered"}], "me",
            "",
        ]  # fmt: skip

    run(steps)


@pytest.mark.parametrize("content", ["", "\n", "Subject: only\n\n", "no header at all"])
def test_a_message_without_anything(content: str) -> None:
    async def steps(made: Api) -> None:
        await made.put(content, sender="")
        document = await made.get("/api/v1/message/m1")
        assert types_of(document) == TYPES
        assert document["From"] == {"Name": "", "Address": ""}
        assert document["Date"] == "2026-11-30T12:00:01.123Z"
        assert document["Bcc"] == [{"Name": "", "Address": "bob@example.net"}]
        assert (await made.ask("GET", "/view/m1.html")).status == 404

    run(steps)


def test_showing_marks_as_read() -> None:
    async def steps(made: Api) -> None:
        await made.put("\n")
        assert (await made.get("/api/v1/messages"))["unread"] == 1
        for path in ("headers", "raw", "part/0"):
            assert (await made.ask("GET", f"/api/v1/message/m1/{path}")).status == 200
        assert (await made.get("/api/v1/messages"))["unread"] == 1
        assert (await made.get("/api/v1/message/m1"))["Read"] is True
        assert (await made.get("/api/v1/messages"))["unread"] == 0

    run(steps)


def test_headers() -> None:
    async def steps(made: Api) -> None:
        await made.put(RICH.replace("Cc:", "X-two: 1\nx-TWO: 2\nCc:"))
        headers = await made.get("/api/v1/message/m1/headers")
        assert headers["Message-Id"] == ["<1@a.example>"]
        assert headers["Mime-Version"] == ["1.0"]
        assert headers["Dkim-Signature"] == ["v=1; a=rsa-sha256"]
        assert headers["Subject"] == ["=?utf-8?q?Gr=C3=BC=C3=9Fe?="]
        assert headers["X-Two"] == ["1", "2"]

    run(steps)


def test_the_source() -> None:
    async def steps(made: Api) -> None:
        await made.put(RICH)
        content = RICH.replace("\n", "\r\n").encode()
        answer = await made.ask("GET", "/api/v1/message/m1/raw")
        assert answer.body == TRACE + content
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert (await made.get("/api/v1/message/m1"))["Size"] == len(answer.body)
        answer = await made.ask("GET", "/api/v1/message/m1/raw?trace=0&dl=1")
        assert answer.body == content
        assert answer.headers["content-disposition"] == 'attachment; filename="m1.eml"'

    run(steps)


def test_parts() -> None:
    async def steps(made: Api) -> None:
        await made.put(RICH)
        path = "/api/v1/message/m1/part"
        answer = await made.ask("GET", f"{path}/1.2.2")
        assert (answer.body, answer.headers["content-type"]) == (b"hello", "image/png")
        assert answer.headers["content-disposition"] == "inline; filename*=UTF-8''pic.png"
        for part in ("1.2.1", "2"):
            answer = await made.ask("GET", f"{path}/{part}")
            assert answer.headers["content-disposition"].startswith("attachment;")
            assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
            assert answer.headers["x-content-type-options"] == "nosniff"
        for part in ("0", "1", "9", "1.2", "x"):
            assert (await made.ask("GET", f"{path}/{part}")).status == 404, part
        assert (await made.ask("GET", f"{path}/1.2.2/thumb")).status == 400

    run(steps)


@pytest.mark.parametrize(
    "kind", ["text/html", "image/svg+xml", "text/xml", "application/xhtml+xml", "application/pdf",
             "text/xsl", "multipart/x-mixed-replace",
             "application/javascript", "text/html/x", "TEXT/HTML"],
)  # fmt: skip
def test_what_may_act_in_a_browser_is_a_file(kind: str) -> None:
    async def steps(made: Api) -> None:
        await made.put(f"Content-Type: {kind}\nContent-ID: <a>\n\n<b>")
        answer = await made.ask("GET", "/api/v1/message/m1/part/0")
        is_file = answer.headers["content-disposition"].startswith("attachment")
        assert is_file or answer.headers["content-type"].startswith("text/plain")

    run(steps)


def test_the_newest_of_all_or_of_a_query() -> None:
    async def steps(made: Api) -> None:
        for path in ("/api/v1/message/latest", "/view/latest", "/view/latest.html"):
            assert (await made.ask("GET", path)).status == 404
        await made.put("Subject: one\n\n1")
        await made.put("Subject: two\n\n2")
        assert (await made.get("/api/v1/message/latest"))["Subject"] == "two"
        query = "?query=subject:one"
        assert (await made.get(f"/api/v1/message/latest{query}"))["ID"] == "m1"
        assert (await made.get(f"/api/v1/message/latest/headers{query}"))["Subject"] == ["one"]
        assert (await made.ask("GET", f"/api/v1/message/latest/raw{query}&trace=0")).text[-1] == "1"
        assert (await made.ask("GET", f"/api/v1/message/latest/part/0{query}")).text == "1"
        assert (await made.ask("GET", f"/view/latest.txt{query}")).text == "1"
        answer = await made.ask("GET", f"/view/latest{query}&embed=1")
        assert (answer.status, answer.headers["location"]) == (302, "/view/m1.html?embed=1")
        assert (await made.ask("GET", "/api/v1/message/latest?wait=0.01&min=3")).status == 404

    run(steps)


def test_unknown_messages() -> None:
    async def steps(made: Api) -> None:
        await made.put("\n")
        for path in ("", "/headers", "/raw", "/part/0"):
            answer = await made.ask("GET", f"/api/v1/message/m2{path}")
            assert (answer.status, answer.text) == (404, "Message not found\n")
        for path in ("/view/m2.html", "/view/m2.txt", "/view/m2"):
            assert (await made.ask("GET", path)).status == 404
        answer = await made.ask("GET", "/api/events")
        assert (answer.status, answer.text.split()[-1]) == (404, "/api/gatepost/v1/events")

    run(steps)


def test_the_page_of_a_message() -> None:
    async def steps(made: Api) -> None:
        await made.put(RICH, facts=MessageFacts(lane="one"))
        for base in ("", "/inbox/one"):
            answer = await made.ask("GET", f"{base}/view/m1.html")
            assert answer.headers["content-type"].startswith("text/html")
            assert f'src="{base}/api/v1/message/m1/part/1.2.2"' in answer.text
            assert "script" not in answer.text
            assert "onclick" not in answer.text
            assert "target" not in answer.text
            policy = answer.headers["content-security-policy"]
            assert policy == (
                "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; "
                "base-uri 'none'; form-action 'none'; frame-ancestors 'self'; "
                "sandbox allow-popups allow-popups-to-escape-sandbox"
            )
        text = (await made.ask("GET", "/view/m1.html?embed=1")).text
        assert 'target="_blank"' in text
        assert 'rel="noopener noreferrer"' in text
        assert (await made.ask("GET", "/view/m1.txt")).text.startswith("Your code is")

    run(steps)


HOSTILE = [
    "<script>act</script>", "<img src=x onerror=act>", "<svg onload=act><script>act</script></svg>",
    "<a href='javascript:act'>x</a>", "<a href=' java\nscript:act'>x</a>",
    "<form action=act><input>",
    "<iframe src=act></iframe>", "<base href=act>", "<meta http-equiv=refresh content='0;act'>",
    "<link rel=stylesheet href=act>", "<object data=act></object>", "<embed src=act>",
    "<math><mtext><img src=x onerror=act></mtext></math>", "<img src='data:text/html,act'>",
    "<img srcset='act 2x'>", "<video src=act>",
    "<noscript><p title='</noscript><img onerror=act>'>",
    "<template><script>act</script></template>", "<img src='cid:act'>",
]  # fmt: skip


@pytest.mark.parametrize("html", HOSTILE)
def test_nothing_in_a_page_acts(html: str) -> None:
    async def steps(made: Api) -> None:
        await made.put(f"Content-Type: text/html\n\n<p>shown</p>{html}")
        text = (await made.ask("GET", "/view/m1.html")).text
        assert "shown" in text
        tags = re.findall(r"<[^>]*>", text)
        assert not any("act" in each for each in tags), tags

    run(steps)


def test_what_is_not_offered() -> None:
    async def steps(made: Api) -> None:
        await made.put("\n")
        for name in ("link-check", "html-check", "sa-check"):
            answer = await made.ask("GET", f"/api/v1/message/m1/{name}")
            assert answer.status == 400
            assert answer.text.startswith(f"{name} is not offered")
        answer = await made.ask("POST", "/api/v1/message/m1/release", {"To": ["a@b.example"]})
        assert (answer.status, answer.text) == (400, f"{NO_RELEASE}\n")

    run(steps)


def test_release() -> None:
    released: list[Any] = []

    async def release(id_: str, to: Any) -> None:
        if "bad" in to:
            raise ValueError("bad is no address")
        released.append((id_, list(to)))

    async def steps(made: Api) -> None:
        made.use(release=release)
        await made.put("\n")
        path = "/api/v1/message/m1/release"
        await made.ok("POST", path, {"To": ["a@b.example"]})
        assert released == [("m1", ["a@b.example"])]
        for body, status in (({"To": []}, 400), ({}, 400), ({"To": ["bad"]}, 400), (b"{", 400)):
            assert (await made.ask("POST", path, body)).status == status
        unknown = await made.ask("POST", "/api/v1/message/latest/release", {"To": ["a@b.example"]})
        assert unknown.status == 404

    run(steps)
