"""Gatepost's own API of a relay that delivers: its queue, next hops and upstreams."""

import http.client
import json
import smtplib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.commands import PATIENCE
from tests.shell.serve_process import ServeProcess, relaying, wait_for

TEXT = """
[[listener]]
name = "in"
address = "127.0.0.1:0"
tls = "none"

[[listener.network]]
from = ["127.0.0.1"]
may_relay = true

[target.hub]
kind = "smarthost"
servers = ["127.0.0.1:1"]
tls = "none"

[[route]]
name = "out"
to = "hub"

[sessions]
record = true

[console]
address = "127.0.0.1:0"
"""
BASE = 'hostname = "localhost"\n\n[storage]\ndirectory = "data"\n'
NUMBER = 12


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[ServeProcess]:
    with relaying(tmp_path, TEXT, base=BASE) as relay:
        port = relay.ready["listeners"][0]["port"]
        with smtplib.SMTP("127.0.0.1", port) as client:
            for number in range(NUMBER):
                to = f"b{number}@example.net"
                client.sendmail("a@example.org", [to], "Subject: hi\r\n\r\nHello\r\n")
        yield relay


def ask(relay: ServeProcess, method: str, path: str, body: Any = None) -> Any:
    """Return the document of Gatepost's own API."""
    connection = http.client.HTTPConnection(urlsplit(relay.ready["console"]).netloc)
    connection.timeout = PATIENCE
    headers = {
        "Authorization": f"Bearer {relay.ready['api_token']}",
        "Content-Type": "application/json",
    }
    octets = None if body is None else json.dumps(body)
    connection.request(method, f"/api/gatepost/v1/{path}", octets, headers)
    document = json.loads(connection.getresponse().read())
    connection.close()
    return document


def test_what_waits_and_why(relay: ServeProcess) -> None:
    wait_for(lambda: ask(relay, "GET", "next-hops")["next_hops"][0]["deferred_per_minute"] > 0)
    [hop] = ask(relay, "GET", "next-hops")["next_hops"]
    assert (hop["next_hop"], hop["waiting"], hop["targets"]) == ("out", NUMBER, ["hub"])
    assert hop["pause"]["what"] == "127.0.0.1:1"
    [upstream] = ask(relay, "GET", "upstreams")["upstreams"]
    assert (upstream["name"], upstream["kind"], upstream["state"]) == ("hub", "smarthost", "paused")
    series = ask(relay, "GET", "next-hops/out/series?metric=deferred")
    assert sum(value for _, value in series["points"]) > 0
    assert sum(series["by_class"]["45z"]) > 0
    [session] = ask(relay, "GET", "sessions")["sessions"]
    assert len(session["messages"]) == NUMBER
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = ask(relay, "GET", f"queue?limit=5&after={cursor}")
        seen += [each["message"] for each in page["deliveries"]]
        cursor = page["cursor"]
    assert len(seen) == len(set(seen)) == NUMBER
    why = ask(relay, "GET", f"queue/{seen[0]}/why")["deliveries"][0]["sentence"]
    assert "is paused" in why
    for path in ("clock", "reports", "outcomes"):  # which it does not have
        assert ask(relay, "GET", path)["error"]["code"] == "NotConfigured", path


def test_actions_by_filter_and_the_events_of_the_queue(relay: ServeProcess) -> None:
    connection = http.client.HTTPConnection(
        urlsplit(relay.ready["console"]).netloc, timeout=PATIENCE
    )
    authorization = {"Authorization": f"Bearer {relay.ready['api_token']}"}
    connection.request("GET", "/api/gatepost/v1/events?types=queue", headers=authorization)
    stream = connection.getresponse()
    wait_for(lambda: ask(relay, "GET", "next-hops")["next_hops"][0]["waiting"] == NUMBER)
    held = ask(relay, "POST", "queue/hold", {"next_hop": "out", "state": "waiting"})
    assert (held["held"], held["selected"]) == (NUMBER, NUMBER)
    line = b""
    while b'"held":12' not in line:
        line = stream.readline()
    connection.close()
    assert ask(relay, "GET", "queue?state=held&limit=1")["more"] == NUMBER - 1
    [one] = ask(relay, "GET", "queue?limit=1")["deliveries"]
    assert ask(relay, "POST", "queue/release", {"ids": [one["id"]]}) == {"released": 1}
    assert ask(relay, "POST", "queue/drop", {"state": "held"})["dropped"] == NUMBER - 1
    assert ask(relay, "POST", "queue/drop", {})["error"]["code"] == "BadRequest"
