"""The console of a relay: what waits and why, what operators do, and what each role sees."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatepost.directory.passwords import scrypt_hash
from tests.shell.console_client import Browser
from tests.shell.serve_process import ServeProcess, relaying, wait_for

LISTENER = """
[[listener]]
name = "in"
address = "127.0.0.1:0"
tls = "none"
[[listener.network]]
from = "127.0.0.1"
may_relay = true
[target.nowhere]
kind = "smarthost"
servers = ["127.0.0.1:1"]
tls = "none"
[[route]]
name = "out"
to = "nowhere"
[console]
address = "127.0.0.1:0"
"""
PASSWORD = "correct horse"


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServeProcess]:
    verifier = scrypt_hash(PASSWORD.encode())
    users = "".join(
        f'[[console.user]]\nname = "{role}"\nrole = "{role}"\npassword_hash = "{verifier}"\n'
        for role in ("viewer", "support", "operator")
    )
    directory: Path = tmp_path_factory.mktemp("relay")
    base = 'hostname = "relay.example"\n[storage]\ndirectory = "data"\nfree_space = 0\n'
    with relaying(directory, LISTENER + users, base=base) as relay:
        with relay.peer("in") as peer:
            peer.reply()
            peer.ask("EHLO client.example")
            for number in range(3):
                peer.ask("MAIL FROM:<app@example.com>")
                peer.ask(f"RCPT TO:<ann{number}@example.org>")
                peer.ask("DATA")
                peer.send(f"Subject: Invoice {number}\r\n\r\nhi\r\n.\r\n".encode())
                assert peer.reply().startswith("250 ")
        yield relay


@pytest.fixture
def admin(relay: ServeProcess) -> Browser:
    return Browser(relay.ready["console"]).sign_in(relay.ready["api_token"])


def signed_in(relay: ServeProcess, role: str) -> Browser:
    browser = Browser(relay.ready["console"])
    assert browser.post("/sign-in", {"name": role, "password": PASSWORD}).status == 200
    return browser


def test_the_queue_says_why(relay: ServeProcess, admin: Browser) -> None:
    def refused() -> str:
        text = admin.get("/queue").text
        return text if "cannot connect" in text else ""

    page = wait_for(refused)
    assert "3 deliveries" in page
    assert "ann0@example.org" in page
    assert "127.0.0.1:1" in page
    one = re.search(r'href="(/queue/[^"?]+)"', page)
    assert one is not None
    shown = admin.get(one[1])
    assert "Invoice" in shown.text
    assert "Expires" in shown.text
    assert admin.get("/queue/nothing").status == 404
    upstreams = admin.get("/upstreams").text
    assert "nowhere" in upstreams
    assert "smarthost" in upstreams


def test_a_next_hop_has_charts_with_tables(admin: Browser) -> None:
    page = admin.get("/queue?next_hop=out").text
    assert page.count('class="chart card"') == 4
    assert page.count("<polyline") == 4
    assert page.count("<details><summary>As a table") == 4
    assert admin.get("/queue?next_hop=other").status == 404


def test_deliveries_are_held_and_released(admin: Browser) -> None:
    fields = {"form_token": admin.get("/queue").form_token, "all": 1, "action": "hold"}
    held = admin.post("/queue", fields)
    assert "3 are held" in held.text
    assert admin.get("/queue?state=waiting").text.count("data-id") == 0
    assert admin.get("/queue?state=held").text.count("data-id") == 3
    undo = {**fields, "state": "held", "action": "release"}
    assert "3 were released" in admin.post("/queue", undo).text
    one = re.findall(r'data-id="([^"]+)"', admin.get("/queue").text)[0]
    dropped = admin.post("/queue", {**fields, "all": "", "id": one, "action": "drop"})
    assert "1 were dropped" in dropped.text
    assert "2 deliveries" in dropped.text
    again = admin.post("/queue", {**fields, "all": "", "id": one, "action": "drop"})
    assert "0 were dropped" in again.text
    assert admin.post("/queue", {**fields, "action": "explode"}).status == 400


def test_a_viewer_sees_no_addresses(relay: ServeProcess) -> None:
    viewer = signed_in(relay, "viewer")
    page = viewer.get("/queue")
    assert page.status == 200
    assert re.search(r"ann\d", page.text) is None
    assert "a***@example.org" in page.text
    assert "Invoice" not in page.text
    assert "Drop" not in page.text
    assert "What waits for delivery" in viewer.get("/").text
    for path in ("/m/x", "/doctor", "/queue/x"):
        assert viewer.get(path).status == 403, path
    assert viewer.post("/queue", {"form_token": page.form_token}).status == 403


def test_support_retries_and_operators_hold(relay: ServeProcess) -> None:
    support, operator = signed_in(relay, "support"), signed_in(relay, "operator")
    fields = {"form_token": support.get("/queue").form_token, "all": 1}
    assert "will be tried now" in support.post("/queue", {**fields, "action": "retry"}).text
    assert support.post("/queue", {**fields, "action": "hold"}).status == 403
    fields["form_token"] = operator.get("/queue").form_token
    assert "are held" in operator.post("/queue", {**fields, "action": "hold"}).text
    assert relay.wait_event("console_changed", user="operator")["route"] == "POST /queue"


def test_the_doctor_reads_a_log(admin: Browser) -> None:
    page = admin.get("/doctor")
    token = {"form_token": page.form_token}
    found = admin.post("/doctor", {**token, "example": 1})
    assert "SmtpClientAuthentication" not in found.text.partition("<textarea")[2]
    assert "smtp_auth_disabled" in found.text or "disabled" in found.text
    log = "AUTH PLAIN AGFubgBodW50ZXIy\r\n535 5.7.8 Error: authentication failed"
    secret = admin.post("/doctor", {**token, "text": log})
    assert secret.status == 200
    assert "AGFubgBodW50ZXIy" not in secret.text
    assert "hunter2" not in secret.text
    assert admin.get("/doctor/jobs/nothing").status == 404
    assert admin.post("/doctor/probe", {**token, "host": "a b"}).status == 400
