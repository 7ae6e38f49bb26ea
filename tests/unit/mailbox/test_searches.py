"""Sixty searches over a few messages: the ids that each finds."""

import asyncio
from zoneinfo import ZoneInfo

import pytest

from gatepost.mailbox.entries import MessageFacts
from gatepost.mailbox.mailbox import Wanted
from tests.unit.mailbox.world import NOON, world

A = b"""From: =?iso-2022-jp?b?GyRCOzNFRBsoQg==?= <yamada@a.example>
To: "Doe, Jane" <jane@b.example>
Subject: =?iso-2022-jp?b?GyRCRyc+WiUzITwlSRsoQg==?=
Message-ID: <one@a.example>
X-Tags: News, Two Words
Content-Type: text/plain; charset=iso-2022-jp

\x1b$BG'>Z%3!<%I\x1b(B: 482913
"""
B = """From: Ann <ann@c.example>
To: bob@d.example
Cc: Carl <carl@e.example>
Reply-To: help@c.example
Subject: Invoice 100% of STRASSE & more
Message-ID: <two@c.example>
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/html

<p>Please <b>pay</b>&nbsp;now, caf\u00e9 \uff21\uff22\uff23</p><script>hidden()</script>
--b
Content-Type: application/pdf; name="Invoice-42.pdf"
Content-Disposition: attachment

pdf
--b--
"""
C = f"Subject: \n\n{'x' * 3_000}\n"
QUERIES = [
    ("山田", "a"), ("認証", "a"), ("認証コード", "a"), ("ｺｰﾄﾞ", "a"), ("-認証", "cb"),
    ("subject:認証コード", "a"), ("from:山田", "a"), ("from:YAMADA@", "a"), ("to:doe", "a"),
    ('to:"Doe, Jane"', "a"), ("to:jane@b", "a"), ("482913", "a"), ("code:482913", "a"),
    ("code:４８２９１３", "a"), ("code:48291", ""), ("tag:news", "a"), ('tag:"two words"', "a"),
    ("tag:new", ""), ("-tag:news", "cb"), ("is:tagged", "a"), ("message-id:one@", "a"),
    ("ann", "b"), ("ANN", "b"), ("cc:carl", "b"), ("reply-to:help", "b"), ("bcc:hidden", "b"),
    ("hidden@f", "b"), ("addressed:hidden", "b"), ("addressed:example", "cba"), ("straße", "b"),
    ("subject:strasse", "b"), ("100%", "b"), ("% of", "b"), ('"100% of"', "b"), ("10_%", ""),
    ("pay now", "b"), ('"pay now"', "b"), ('"now pay"', ""), ("CAFÉ", "b"), ("abc", "b"),
    ("hidden()", ""), ("invoice-42.pdf", "b"), ("has:attachment", "b"), ("-has:attachments", "ca"),
    ("has:inline", ""), ("is:read", "b"), ("is:unread", "ca"), ("!is:unread", "b"),
    ("larger:2k", "c"), ("smaller:1K", "ba"), ("-larger:2k", "ba"), ("larger:0.001M", "c"),
    ("before:2026-11-30T12:30Z", "ba"), ("after:2026-11-30T12:30Z", "c"),
    ("before:2026-11-30", ""), ("after:2026-12-01", "c"), ("rcpt:jane@b.example", "a"),
    ("rcpt:JANE@b.example", "a"), ("rcpt:jane", ""), ("mail-from:<>", "c"), ("user:Ann", "b"),
    ("app:billing", "b"), ("status:bounced", "b"), ("injected:lost-250", "c"), ("session:s-3", "c"),
    ("ann -pay", ""), ("ann XOR pay", ""), ("unknown:term", ""),
]  # fmt: skip


async def search() -> list[tuple[str, str]]:
    async with world() as made:
        await made.put(A, ["jane@b.example"], "yamada@a.example", id="a")
        facts = MessageFacts("Billing", "id-1", outcomes=(("bob@d.example", "Bounced"),))
        to = ["bob@d.example", "hidden@f.example"]
        await made.put(B, to, "ann@c.example", facts, id="b", principal="ann")
        facts = MessageFacts(session="s-3", injected=("lost-250",))
        late = NOON.replace(hour=16)
        await made.put(C, ["x@y.example"], "", facts, id="c", at=late)
        inbox = made.mailbox.everything()
        await inbox.mark(inbox.read_query("cc:carl").terms, is_read=True)
        results = []
        for query, _ in QUERIES:
            terms = inbox.read_query(query, ZoneInfo("Asia/Tokyo")).terms
            page = (await inbox.find(Wanted(terms))).page
            assert page.matching.messages == len(page.entries)
            results.append((query, "".join(each.id for each in page.entries)))
        return results


def test_searches() -> None:
    assert len(QUERIES) >= 60
    assert asyncio.run(search()) == QUERIES


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"])
def test_dates_of_a_zone(zone: str) -> None:
    async def steps() -> list[str]:
        async with world() as made:
            await made.put("\n", at=NOON.replace(hour=16))
            inbox = made.mailbox.everything()
            terms = inbox.read_query("after:2026-12-01", ZoneInfo(zone)).terms
            return [each.id for each in (await inbox.find(Wanted(terms))).page.entries]

    assert asyncio.run(steps()) == (["m1"] if zone == "Asia/Tokyo" else [])
