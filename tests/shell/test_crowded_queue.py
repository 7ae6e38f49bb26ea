"""The console of a relay with mail for many next hops, none of which can be reached."""

import asyncio
import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gatepost.model.address import parse_address
from gatepost.model.body import BytesBody
from gatepost.model.delivery import Planned
from gatepost.model.envelope import Envelope, Recipient
from gatepost.model.message import Submission
from gatepost.model.route import NextHop
from gatepost.store.sqlite import open_store
from tests.shell.console_client import Browser
from tests.shell.serve_process import ServeProcess, relaying, wait_for
from tests.shell.test_console_queue import BASE, TEXT, ask

HOPS = 50
EACH = 12
ROUTE = """
[target.t{0}]
kind = "smarthost"
servers = ["127.0.0.1:1"]
tls = "none"

[[route]]
name = "r{0}"
recipients = ["d{0}.test"]
to = "t{0}"
"""
METRICS = ("delivered", "deferred", "depth", "latency_p95")


async def fill(data: Path) -> None:
    """Queue messages for all next hops, in turns."""
    store, now = open_store(data), datetime.now(UTC)
    sender = parse_address("a@example.org")

    async def put(number: int) -> None:
        to = (Recipient(parse_address(f"b{number}@d{number % HOPS}.test")),)
        hop = NextHop(f"r{number % HOPS}")
        planned = Planned(hop, to, now, now + timedelta(days=5), now + timedelta(hours=4))
        body = BytesBody(b"Subject: hi\r\n\r\nHello\r\n")
        message = Submission(f"m{number}", Envelope(sender, to), body, b"", now)
        await store.deliveries.put(message, [planned], leased=False)

    await asyncio.gather(*map(put, range(HOPS * EACH)))
    store.close()


@contextmanager
def crowded(directory: Path) -> Iterator[ServeProcess]:
    asyncio.run(fill(directory / "data"))
    text = TEXT.replace("[[route]]", f"{''.join(map(ROUTE.format, range(HOPS)))}[[route]]")
    with relaying(directory, text, base=BASE) as relay:
        yield relay


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServeProcess]:
    with crowded(tmp_path_factory.mktemp("crowded")) as relay:
        yield relay


def signed_in(relay: ServeProcess) -> Browser:
    return Browser(relay.ready["console"]).sign_in(relay.ready["api_token"])


def test_each_next_hop_and_why_its_mail_waits(relay: ServeProcess) -> None:
    wait_for(lambda: all(each["pause"] for each in ask(relay, "GET", "next-hops")["next_hops"]))
    page = signed_in(relay).get("/queue")
    assert {f"/queue?next_hop=r{number}" for number in range(HOPS)} <= set(page.links)
    assert f"{HOPS * EACH} " in page.text
    rows = re.findall(r'<tr data-id="(.*?)</tr>', page.text, re.DOTALL)
    assert len(rows) == 50
    assert all("is paused" in html.unescape(row) for row in rows), "the reason of each"


def test_charts_show_their_series_and_have_tables(relay: ServeProcess) -> None:
    browser = signed_in(relay)
    wait_for(lambda: ask(relay, "GET", "next-hops/r7/series?metric=deferred")["points"])

    def tables() -> list[list[float]]:
        page = browser.get("/queue?next_hop=r7").text
        figures = re.findall(r"<figure.*?</figure>", page, re.DOTALL)
        cells = r'<td>\d\d:\d\d</td><td class="number">([\d.]+)</td>'
        return [[float(value) for value in re.findall(cells, each)] for each in figures]

    def series() -> list[list[float]]:
        path = "next-hops/r7/series?from=-3600&metric="
        documents = [ask(relay, "GET", f"{path}{metric}") for metric in METRICS]
        return [[round(value, 2) for _, value in each["points"]] for each in documents]

    def are_equal() -> bool:  # unless a minute began between them
        shown = tables()
        return shown == series() and len(shown) == len(METRICS) and sum(shown[2]) > 0

    wait_for(are_equal)


def test_actions_by_filter_name_the_right_numbers(tmp_path: Path) -> None:
    with crowded(tmp_path) as relay:
        check_actions(relay)


def check_actions(relay: ServeProcess) -> None:
    browser = signed_in(relay)

    def act(action: str, **fields: str) -> str:
        token = browser.get("/queue").form_token
        form = {"form_token": token, "action": action, "all": "1", **fields}
        return browser.post("/queue", form, follows=False).headers["location"]

    def count(state: str, hop: str = "") -> int:
        hops = ask(relay, "GET", "next-hops")["next_hops"]
        return sum(each[state] for each in hops if hop in ("", each["next_hop"]))

    assert f"number={EACH}" in act("hold", next_hop="r3")
    wait_for(lambda: count("held") == count("held", "r3") == EACH)  # one may be attempted now
    assert f"number={EACH}" in act("release", next_hop="r3", state="held")
    assert count("held") == 0
    assert f"number={EACH}" in act("drop", next_hop="r4")
    assert f"number={HOPS * EACH - EACH}" in act("hold")
    wait_for(lambda: count("held") == HOPS * EACH - EACH)
    assert "number=0" in act("hold", state="waiting")
    assert f"number={HOPS * EACH - EACH}" in act("drop", state="held")
    assert not any(count(state) for state in ("waiting", "leased", "held"))
