"""The mailbox of a real server: what survives a kill, lanes that do not meet, and chaos of one."""

import json
import smtplib
import socket
import ssl
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.error import HTTPError

import pytest

from gatepost.testing import Emulator
from tests.commands import PATIENCE, ask
from tests.loopback import eventually
from tests.shell.serve_process import ServeProcess, relaying

OWN = "/api/gatepost/v1"


def call(relay: Emulator | ServeProcess, method: str, path: str, body: Any = None) -> Any:
    """Return the JSON, or the text, of a response."""
    ready = json.loads((relay.data / "ready.json").read_bytes())
    request = urllib.request.Request(
        ready["mailbox_api"] + path,
        None if body is None else json.dumps(body).encode(),
        {"authorization": f"Bearer {ready['api_token']}", "content-type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=PATIENCE) as response:
        text = response.read()
        return json.loads(text) if "json" in response.headers["content-type"] else text.decode()


def main_lane(relay: Emulator) -> dict[str, Any]:
    """Return the relay's own listener in the form of a lane."""
    return {
        "smtp": {"host": relay.smtp.host, "port": relay.smtp.port}, "username": relay.username,
        "password": relay.password, "from": relay.sender, "ca_file": str(relay.ca_file),
    }  # fmt: skip


def send(lane: dict[str, Any], subject: str, to: str = "bob@example.net") -> None:
    context = ssl.create_default_context(cafile=lane["ca_file"])
    with smtplib.SMTP(lane["smtp"]["host"], lane["smtp"]["port"], timeout=PATIENCE) as client:
        client.starttls(context=context)
        client.login(lane["username"], lane["password"])
        content = f"From: {lane['from']}\r\nSubject: {subject}\r\nX-Tags: sent\r\n\r\nhello\r\n"
        client.sendmail(lane["from"], [to], content)


@pytest.fixture(scope="module")
def relay() -> Iterator[Emulator]:
    with Emulator() as relay:
        yield relay


def subjects(relay: Emulator | ServeProcess, base: str = "") -> list[str]:
    listed = call(relay, "GET", f"{base}/api/v1/messages")
    return [each["Subject"] for each in listed["messages"]]


def test_marks_tags_and_cursors_survive_a_kill(tmp_path: Path) -> None:
    with Emulator(data=tmp_path / "data") as relay:
        for number in range(3):
            send(main_lane(relay), f"number {number}")
        listed = call(relay, "GET", "/api/v1/messages")
        ids = [each["ID"] for each in listed["messages"]]
        assert call(relay, "PUT", "/api/v1/messages", {"Read": True, "IDs": ids[:1]}) == "ok"
        assert call(relay, "PUT", "/api/v1/tags", {"IDs": ids[1:2], "Tags": ["kept"]}) == "ok"
        send(main_lane(relay), "unseen")
        relay.kill()
    with Emulator(data=tmp_path / "data") as relay:
        send(main_lane(relay), "later")
        listed = call(relay, "GET", "/api/v1/messages")
        assert [(each["Subject"], each["Read"], each["Tags"]) for each in listed["messages"]] == [
            ("later", False, ["sent"]),
            ("unseen", False, ["sent"]),
            ("number 2", True, ["sent"]),
            ("number 1", False, ["kept"]),
            ("number 0", False, ["sent"]),
        ]
        after = call(relay, "GET", f"/api/v1/messages?after={listed['cursor']}")
        assert after["messages"] == []


def test_lanes_and_what_rules_did_survive_a_kill(tmp_path: Path) -> None:
    with Emulator(data=tmp_path / "data") as relay:
        lasting, brief = [
            call(relay, "POST", f"{OWN}/lanes", {"name": name, "ttl": ttl, "application": app})
            for name, ttl, app in (("lasting", 86_400, None), ("brief", 600, "new"))
        ]
        rule = {
            "id": "odd",
            "when": {"stage": "message", "recipient": "*@odd.test"},
            "do": {"outcome": {"status": "Bounced", "code": "550 5.1.1 No"}, "go_on": True},
        }
        call(relay, "POST", f"{OWN}/rules", rule)
        send(lasting, "in the lane")
        send(brief, "brief")
        send(main_lane(relay), "odd", "a@odd.test")
        before = call(relay, "GET", "/api/v1/message/latest")
        relay.kill()
    with Emulator(data=tmp_path / "data") as relay:
        for lane in (lasting, brief):
            send(lane, "after the restart")
            assert len(subjects(relay, f"/inbox/{lane['name']}")) == 2
        after = call(relay, "GET", f"/api/v1/message/{before['ID']}")
        for each in (before, after):
            assert each["Injected"] == ["odd"]
            assert [one["Status"] for one in each["Outcome"]] == ["Bounced"]
        relay.advance(timedelta(minutes=11))
        eventually(lambda: len(subjects(relay)) == 3)
    with Emulator(data=tmp_path / "data") as relay:
        lanes = call(relay, "GET", f"{OWN}/lanes")["lanes"]
        assert [each["name"] for each in lanes] == ["lasting"]
        assert subjects(relay) == ["after the restart", "odd", "in the lane"]
        call(relay, "DELETE", f"{OWN}/lanes/lasting")
    with Emulator(data=tmp_path / "data") as relay:
        assert call(relay, "GET", f"{OWN}/lanes") == {"lanes": []}
        assert subjects(relay) == ["odd"]


def test_a_lane_whose_port_is_taken_ends_and_says_so(tmp_path: Path) -> None:
    with Emulator(data=tmp_path / "data") as relay:
        lane = call(relay, "POST", f"{OWN}/lanes", {"name": "unlucky"})
        send(lane, "gone")
        send(main_lane(relay), "stays")
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((lane["smtp"]["host"], lane["smtp"]["port"]))
        taken.listen()
        with Emulator(data=tmp_path / "data") as relay:
            assert subjects(relay) == ["stays"]
            [ended] = [each for each in relay.events() if each["event"] == "lane_ended"]
            assert ended["lane"] == "unlucky"


def test_lanes_do_not_meet(relay: Emulator) -> None:
    lanes = [call(relay, "POST", f"{OWN}/lanes", {"name": f"lane{n}"}) for n in range(20)]
    with ThreadPoolExecutor(10) as pool:
        each = [(lane, f"{lane['name']} {n}") for lane in lanes for n in range(3)]
        list(pool.map(lambda pair: send(*pair), each))
    send(main_lane(relay), "no lane")
    for lane in lanes:
        name = lane["name"]
        assert sorted(subjects(relay, f"/inbox/{name}")) == [f"{name} {n}" for n in range(3)]
    call(relay, "DELETE", f"{OWN}/lanes/lane0")
    with pytest.raises(OSError, match="refused"):
        send(lanes[0], "too late")
    assert len(subjects(relay)) == 50
    assert call(relay, "GET", "/api/v1/messages")["total"] == 58
    for lane in lanes[1:]:
        call(relay, "DELETE", f"{OWN}/lanes/{lane['name']}")
    assert subjects(relay) == ["no lane"]
    call(relay, "DELETE", "/api/v1/messages")


def test_a_lane_ends_with_its_time(relay: Emulator) -> None:
    lane = call(relay, "POST", f"{OWN}/lanes", {"ttl": 1, "listeners": ["smtp", "smtps"]})
    assert lane["smtps"]["tls"] == "implicit"
    send(lane, "short-lived")
    ends = monotonic() + PATIENCE
    while subjects(relay) and monotonic() < ends:
        sleep(0.05)
    assert subjects(relay) == []
    assert call(relay, "GET", f"{OWN}/lanes") == {"lanes": []}
    with pytest.raises(HTTPError, match="404"):
        subjects(relay, f"/inbox/{lane['name']}")


def test_a_lane_may_have_an_application(relay: Emulator) -> None:
    lane = call(relay, "POST", f"{OWN}/lanes", {"name": "app", "application": "new"})
    send(lane, "of the application")
    message = call(relay, "GET", "/inbox/app/api/v1/message/latest")
    assert (message["Application"], message["Inbox"]) == ("lane app", "app")
    assert message["Session"]
    send({**lane, "smtp": main_lane(relay)["smtp"]}, "at the other port")
    assert subjects(relay, "/inbox/app") == ["at the other port", "of the application"]
    call(relay, "DELETE", f"{OWN}/lanes/app")
    with pytest.raises(smtplib.SMTPAuthenticationError):
        send({**lane, "smtp": main_lane(relay)["smtp"]}, "too late")
    with pytest.raises(HTTPError, match="400"):
        call(relay, "POST", f"{OWN}/lanes", {"application": "nobody"})


def test_chaos_of_a_lane_is_its_own(relay: Emulator) -> None:
    one, two = [call(relay, "POST", f"{OWN}/lanes", {"name": name}) for name in ("one", "two")]
    trigger = {"ErrorCode": 452, "Probability": 100}
    triggers = call(relay, "PUT", "/inbox/one/api/v1/chaos", {"Recipient": trigger})
    assert triggers["Recipient"] == trigger
    with pytest.raises(smtplib.SMTPRecipientsRefused, match="Chaos recipient error"):
        send(one, "refused")
    send(two, "accepted")
    send(main_lane(relay), "accepted")
    assert call(relay, "GET", "/api/v1/chaos")["Recipient"]["Probability"] == 0
    assert call(relay, "PUT", "/inbox/one/api/v1/chaos", {})["Recipient"]["Probability"] == 0
    send(one, "accepted")
    for name in ("one", "two"):
        call(relay, "DELETE", f"{OWN}/lanes/{name}")
    call(relay, "DELETE", "/api/v1/messages")


def test_two_applications_have_an_inbox_each(relay: Emulator) -> None:
    lanes = [
        call(relay, "POST", f"{OWN}/lanes", {"name": name, "application": "new"})
        for name in ("left", "right")
    ]
    for lane in lanes:
        send(lane, lane["name"])
    inboxes = call(relay, "GET", f"{OWN}/inboxes")["inboxes"]
    ids = {each["name"]: each["id"] for each in inboxes if each["kind"] == "application"}
    assert subjects(relay, f"/inbox/{ids['lane left']}") == ["left"]
    assert subjects(relay, f"/inbox/{ids['lane right']}") == ["right"]
    assert subjects(relay, "/inbox/all") == ["right", "left"]
    for lane in lanes:
        call(relay, "DELETE", f"{OWN}/lanes/{lane['name']}")


def test_an_unreadable_deletion_deletes_nothing(relay: Emulator) -> None:
    send(main_lane(relay), "kept")
    ready = json.loads((relay.data / "ready.json").read_bytes())
    request = urllib.request.Request(
        f"{ready['mailbox_api']}/api/v1/messages", b'{"IDs":', method="DELETE"
    )
    with pytest.raises(HTTPError, match="400"):
        urllib.request.urlopen(request, timeout=PATIENCE)
    assert subjects(relay) == ["kept"]
    call(relay, "DELETE", "/api/v1/messages")
    assert subjects(relay) == []


RELEASING = """
[console]
address = "127.0.0.1:0"
release_route = "later"
[target.later]
kind = "smarthost"
servers = ["127.0.0.1:1"]
tls = "none"
[[route]]
name = "later"
recipients = ["never.example"]
to = "later"
[[listener]]
address = "127.0.0.1:0"
tls = "none"
"""


def test_serve_releases_captured_mail_by_a_route(tmp_path: Path) -> None:
    with relaying(tmp_path, RELEASING) as it:
        sent = {"From": {"Email": "a@example.com"}, "To": [{"Email": "b@example.net"}]}
        id_ = call(it, "POST", "/api/v1/send", {**sent, "Subject": "kept", "Text": "hello"})["ID"]
        path = f"/api/v1/message/{id_}/release"
        assert call(it, "POST", path, {"To": ["c@elsewhere.example"]}) == "ok"
        [delivery] = call(it, "GET", f"{OWN}/queue")["deliveries"]
        assert [each["address"] for each in delivery["recipients"]] == ["c@elsewhere.example"]
        assert (delivery["target"], delivery["subject"]) == ("later", "kept")
        assert subjects(it) == ["kept"], "the captured message stays"
        for to in (["nobody"], []):
            with pytest.raises(HTTPError, match="400"):
                call(it, "POST", path, {"To": to})
        with pytest.raises(HTTPError, match="404"):
            call(it, "POST", "/api/v1/message/none/release", {"To": ["c@elsewhere.example"]})


def test_a_release_is_the_same_in_the_own_api_and_in_a_terminal(tmp_path: Path) -> None:
    with relaying(tmp_path, RELEASING) as it:
        sent = {"From": {"Email": "a@example.com"}, "To": [{"Email": "b@example.net"}]}
        id_ = call(it, "POST", "/api/v1/send", {**sent, "Subject": "kept", "Text": "hello"})["ID"]
        to = ["c@elsewhere.example", "d@elsewhere.example"]
        path = f"{OWN}/messages/{id_}/release"
        by_api = call(it, "POST", path, {"to": to})
        by_command = json.loads(ask(it.data, "messages", "release", id_, *to, "--json"))
        assert by_api.keys() == by_command.keys() == {"released", "to", "queued"}
        for each in (by_api, by_command):
            assert (each["released"], each["to"]) == (id_, to)
            [delivery] = call(it, "GET", f"{OWN}/queue/{each['queued']}")["deliveries"]
            assert [one["address"] for one in delivery["recipients"]] == to
        wrong: list[dict[str, Any]] = [
            {"to": ["nobody"]},
            {"to": []},
            {},
            {"to": to, "by": "later"},
        ]
        for body in wrong:
            assert refusal(it, path, body) == (400, "BadRequest")
        assert refusal(it, f"{OWN}/messages/none/release", {"to": to}) == (404, "NotFound")


def test_up_releases_nothing(relay: Emulator) -> None:
    send(main_lane(relay), "stays")
    id_ = call(relay, "GET", "/api/v1/messages")["messages"][0]["ID"]
    path = f"{OWN}/messages/{id_}/release"
    assert refusal(relay, path, {"to": ["a@example.net"]}) == (409, "NotConfigured")


def refusal(relay: Emulator | ServeProcess, path: str, body: Any) -> tuple[int, str]:
    """Return the status and the code with which a POST is refused."""
    with pytest.raises(HTTPError) as caught:
        call(relay, "POST", path, body)
    return caught.value.code, json.loads(caught.value.read())["error"]["code"]
