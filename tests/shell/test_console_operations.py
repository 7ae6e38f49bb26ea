"""What operators do on the console's pages: each is an operation of the control socket."""

import asyncio
import http.client
import json
import re
import smtplib
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from gatepost.app.data_directory import open_console
from gatepost.console.directory_pages import PAGE
from gatepost.directory.passwords import scrypt_hash
from gatepost.doctor.conclude import diagnose_evidence
from gatepost.doctor.evidence_document import from_json
from gatepost.model.console_access import API_PREFIX
from gatepost.testing import Emulator
from tests.commands import PATIENCE, gatepost
from tests.shell.console_client import Browser, Shown
from tests.shell.serve_process import ServeProcess, relaying, wait_for
from tests.shell.test_up import signed_in
from tests.shell.webhook_endpoint import Webhook


@pytest.fixture(scope="module")
def relay() -> Iterator[Emulator]:
    with Emulator(settings={"server.tls": "starttls"}) as relay:
        yield relay


@pytest.fixture(scope="module")
def browser(relay: Emulator) -> Browser:
    return Browser(relay.ready["console"]).sign_in(relay.ready["api_token"])


def send(relay: Emulator, subject: str, to: str = "ann@example.net") -> str:
    """Send a message; return its id."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = relay.sender, to, subject
    message.set_content("Hello\n")
    with signed_in(relay.ready) as peer:
        for command in (f"MAIL FROM:<{relay.sender}>", f"RCPT TO:<{to}>", "DATA"):
            assert peer.ask(command)[0] in "23"
        peer.send(message.as_bytes().replace(b"\n", b"\r\n") + b".\r\n")
        assert peer.reply().startswith("250 ")
    return str(relay.wait(subject=subject).id)


def token(browser: Browser, path: str) -> dict[str, str]:
    return {"form_token": browser.get(path).form_token}


def order(page: Shown) -> list[str]:
    return re.findall(r'data-id="/([^"]+)"', page.text)


# Scripted failures.


def test_rules_are_moved_paused_and_changed(browser: Browser) -> None:
    own = token(browser, "/failures")
    for code in (450, 451, 452):
        browser.post("/failures", {**own, "line": f"rcpt -> reply {code} 4.7.1 Later"})
    assert order(browser.get("/failures")) == ["rcpt-1", "rcpt-2", "rcpt-3"]

    def change(**fields: str) -> Shown:
        return browser.post("/failures/change", {**own, **fields})

    assert order(change(id="rcpt-3", before="rcpt-1")) == ["rcpt-3", "rcpt-1", "rcpt-2"]
    assert order(change(id="rcpt-3", before="")) == ["rcpt-1", "rcpt-2", "rcpt-3"]
    paused = change(id="rcpt-1", action="pause")
    assert paused.text.count('class="paused"') == 1
    assert "Resume" in paused.text
    assert change(action="pause").text.count('class="paused"') == 3
    assert "Resume all" in change(action="pause").text
    assert 'class="paused"' not in change(action="resume").text
    edited = browser.get("/failures?edit=rcpt-2")
    assert 'value="rcpt -&gt; reply 451 4.7.1 Later"' in edited.text
    fields = {"id": "rcpt-2", "order": "100", "line": "rcpt -> reply 453 4.7.1 Never"}
    saved = browser.post("/failures", {**own, **fields})
    assert "453 4.7.1 Never" in saved.text
    assert order(saved) == ["rcpt-1", "rcpt-2", "rcpt-3"]
    assert browser.get("/failures?edit=nothing").status == 404
    assert browser.post("/failures/change", {**own, "action": "explode"}).status == 400
    assert "No rules" in change(action="delete").text


def test_a_paused_rule_does_nothing_to_clients(relay: Emulator, browser: Browser) -> None:
    own = token(browser, "/failures")
    browser.post("/failures", {**own, "line": "mail -> reply 451 4.7.1 Scripted"})
    for action, reply in (("pause", "250 "), ("resume", "451 ")):
        browser.post("/failures/change", {**own, "action": action})
        with signed_in(relay.ready) as peer:
            assert peer.ask(f"MAIL FROM:<{relay.sender}>").startswith(reply)
    browser.post("/failures/change", {**own, "action": "delete"})


def test_chaos_is_switched_on_and_off(browser: Browser) -> None:
    own = token(browser, "/failures")
    on = browser.post("/failures/chaos", {**own, "recipient_percent": "20"})
    assert "mailpit.recipient" in on.text
    wrong = browser.post("/failures/chaos", {**own, "sender_percent": "5", "sender_code": "250"})
    assert (wrong.status, 'role="alert"' in wrong.text) == (400, True)
    off = browser.post("/failures/chaos", {**own, "recipient_percent": "0"})
    assert "mailpit.recipient" not in off.text


# Delivery reports.


def test_webhooks_are_made_and_show_what_they_did_not_get(
    relay: Emulator, browser: Browser
) -> None:
    own = token(browser, "/events")
    refused = browser.post("/events/webhooks", {**own, "url": "http://127.0.0.1:1/x"})
    assert refused.status == 400
    assert 'value="http://127.0.0.1:1/x"' in refused.text, "it can be mended"
    assert 'role="alert"' in refused.text
    assert browser.get("/events/webhooks/nothing").status == 404


def test_what_a_webhook_did_not_get_is_sent_again(relay: Emulator, browser: Browser) -> None:
    own = token(browser, "/events")
    with Webhook() as endpoint:
        fields = {**own, "url": endpoint.url, "name": "hook", "schema": "eventgrid"}
        made = browser.post("/events/webhooks", fields)
        assert "<h1>hook</h1>" in made.text
        assert "This webhook got everything" in made.text
        assert "s3cret" not in made.text
        endpoint.status = 400
        send(relay, "Unheard", "bounced+hook@outcome.gatepost.test")
        page = wait_for(
            lambda: (
                (each := browser.get("/events/webhooks/hook")).text.count("bounced+hook@") and each
            )
        )
        assert "Send again" in page.text
        endpoint.status = 200
        [id_] = set(re.findall(r'name="id" value="([^"]+)"', page.text))
        [message] = set(re.findall(r'name="message" value="([^"]+)"', page.text))
        got = len(endpoint.reports)
        again = {**own, "id": id_, "message": message, "webhook": "hook"}
        assert browser.post("/events/resend", again).status == 200
        assert endpoint.wait(got + 1)[-1]["id"] == id_
        wait_for(lambda: "This webhook got everything" in browser.get("/events/webhooks/hook").text)
        gone = browser.post("/events/webhooks", {**own, "delete": "hook"})
        assert "Nobody gets reports" in gone.text
    browser.post("/events/suppressed", {**own, "all": "1"})


def test_a_recipient_is_taken_off_the_list(relay: Emulator, browser: Browser) -> None:
    send(relay, "Bounced", "bounced@outcome.gatepost.test")
    page = browser.get("/events")
    assert "bounced@outcome.gatepost.test" in page.text
    assert "Take off" in page.text
    own = {"form_token": page.form_token}
    fields = {**own, "address": "bounced@outcome.gatepost.test"}
    assert "1 taken off the list" in browser.post("/events/suppressed", fields).text
    assert "No recipient is suppressed" in browser.get("/events").text
    send(relay, "Bounced again", "bounced@outcome.gatepost.test")
    assert "1 taken off" in browser.post("/events/suppressed", {**own, "all": "1"}).text


def test_reports_of_one_message(relay: Emulator, browser: Browser) -> None:
    id_ = send(relay, "Reported", "failed@outcome.gatepost.test")
    page = browser.get(f"/m/{id_}")
    assert f"/events?message={id_}" in page.links
    listed = browser.get(f"/events?message={id_}")
    assert "failed@outcome.gatepost.test" in listed.text.partition("data-rows")[2]
    own = {"form_token": listed.form_token}
    resent = browser.post("/events/resend", {**own, "message": id_})
    assert "Sent again to: –" in resent.text
    assert browser.post("/events/resend", {**own, "message": "none"}).status == 404
    fields = {**own, "message": id_, "type": "view", "recipient": "failed@outcome.gatepost.test"}
    refused = browser.post("/events/simulate", fields)
    assert "engagement tracking is off" in refused.text
    assert refused.status == 400


def test_the_inbox_shows_what_became_of_messages(relay: Emulator, browser: Browser) -> None:
    own = token(browser, "/failures")
    browser.post("/failures", {**own, "line": "message times=1 -> delay 0.01s"})
    id_ = send(relay, "Marked", "bounced@outcome.gatepost.test")
    row = browser.get("/?q=subject:marked").text.partition(f'data-id="{id_}"')[2]
    row = row.partition("</li>")[0]
    for expected in ("Email sender", "Bounced", "message-1"):
        assert expected in row
    browser.post("/failures/change", {**own, "action": "delete"})


# The directory.


def change(browser: Browser, noun: str, verb: str, **fields: Any) -> Shown:
    own = token(browser, "/directory")
    return browser.post("/directory", {**own, "noun": noun, "verb": verb, **fields})


def service_of(browser: Browser) -> str:
    """Return the id of the Communication Services resource."""
    page = browser.get("/directory?noun=resource").text
    ids = re.findall(r'name="name" value="([^"]+/communicationServices/[^"]+)"', page)
    return str(ids[0])


def test_each_kind_of_object_has_its_page(browser: Browser) -> None:
    page = browser.get("/directory")
    nouns = re.findall(r'href="/directory\?noun=([a-z-]+)"', page.text)
    assert nouns == [
        "app", "secret", "role", "resource", "domain", "sender", "smtp-username", "tenant",
    ]  # fmt: skip
    for noun in nouns:
        assert browser.get(f"/directory?noun={noun}").status == 200
    assert browser.get("/directory?noun=account").status == 404
    assert browser.get("/directory?noun=planet").status == 404


def test_many_objects_have_pages(browser: Browser) -> None:
    change(browser, "domain", "create", name="many.localhost")
    for number in range(PAGE + 1):
        sender = json.dumps({"name": f"sender-{number:03}", "parent": "many.localhost"})
        kind = {"content_type": "application/json", "origin": browser.url}
        made = browser.request(f"{API_PREFIX}/directory/senders", "POST", sender, **kind)
        assert made.status == 200, made.text
    first = browser.get("/directory?noun=sender")
    [more] = [each for each in first.links if "start=50" in each]
    second = browser.get(more)
    found = [re.findall(r"sender-\d+@", each.text) for each in (first, second)]
    assert len(found[0]) + len(found[1]) == len({*found[0], *found[1]}) == PAGE + 1
    assert len(second.text) < len(first.text)
    assert browser.get("/directory?noun=sender&start=9999").status == 200
    change(browser, "domain", "delete", name="many.localhost")


def test_a_role_is_assigned_and_unassigned(browser: Browser) -> None:
    change(browser, "app", "create", name="Reporter")
    page = browser.get("/directory?noun=role")
    [app] = re.findall(r'<option value="([^"]+)">Reporter<', page.text)
    role, scope = "Communication and Email Service Owner", "/subscriptions/"
    [role_id] = re.findall(rf'<option value="([^"]+)">{role}<', page.text)[:1]
    [scope] = re.findall(r'<option value="([^"]+/communicationServices/[^"]+)">', page.text)[:1]
    assigned = change(browser, "role", "assign", name=role_id, app=app, on=scope)
    assert "Assigned:" in assigned.text
    table = assigned.text.partition('id="assignments"')[2].partition("</section>")[0]
    assert table.count("<td>Reporter</td>") == 1
    gone = change(browser, "role", "unassign", name=role_id, app=app, on=scope)
    assert "<td>Reporter</td>" not in gone.text
    refused = change(browser, "role", "unassign", name=role_id, app=app, on=scope)
    assert (refused.status, 'role="alert"' in refused.text) == (404, True)
    made = change(browser, "role", "create", name="Only reading", actions="*/read")
    assert "Only reading" in made.text
    [custom] = re.findall(r'name="name" value="([^"]+)" class="danger"', made.text)[-1:]
    assert "Deleted:" in change(browser, "role", "delete", name=custom).text
    change(browser, "app", "delete", name=app)


def test_a_domain_is_verified(browser: Browser) -> None:
    made = change(browser, "domain", "create", name="mail.contoso.localhost")
    assert "mail.contoso.localhost" in made.text
    assert "DNS records" in made.text
    assert "ms-domain-verification=" in made.text
    assert "Domain: NotStarted" in made.text
    verified = change(browser, "domain", "verify", name="mail.contoso.localhost", by_hand="1")
    assert "Verified:" in verified.text
    assert "Domain: Verified" in verified.text
    sender = {"name": "hello", "parent": "mail.contoso.localhost"}
    assert "hello@mail.contoso.localhost" in change(browser, "sender", "create", **sender).text
    service = service_of(browser)
    linked = {"name": service, "domain": "mail.contoso.localhost"}
    assert "Linked:" in change(browser, "resource", "link", **linked).text
    assert "Unlinked:" in change(browser, "resource", "unlink", **linked).text
    assert "Deleted:" in change(browser, "domain", "delete", name="mail.contoso.localhost").text


def test_the_api_does_the_same(browser: Browser) -> None:
    def call(method: str, path: str, body: Any = None) -> tuple[int, Any]:
        kind = {"content_type": "application/json", "origin": browser.url}
        text = "" if body is None else json.dumps(body)
        answer = browser.request(f"{API_PREFIX}/directory/{path}", method, text, **kind)
        return answer.status, json.loads(answer.body)

    id_ = service_of(browser)
    assert call("GET", f"resources/{quote(id_)}")[1]["id"] == id_, "an id that is a path"
    name = id_.rpartition("/")[2]
    assert call("GET", f"resources/{name}")[1]["kind"] in ("communication", "group")
    domain = {"name": "api.localhost"}
    assert call("POST", "domains", domain)[1]["records"]
    assert call("POST", "domains/api.localhost/verify", {"by_hand": True})[1]["proven"]
    link = {"domain": "api.localhost"}
    assert "api.localhost" in call("POST", f"resources/{id_}/link", link)[1]["linked_domains"]
    assert call("POST", f"resources/{id_}/link", link)[0] == 409
    assert call("POST", f"resources/{id_}/unlink", link)[0] == 200
    assert call("POST", f"resources/{id_}/keys", {})[0] == 400, "no key without a new one"
    assert call("POST", f"resources/{id_}/keys", {"regenerate": "primary"})[1]["primary_key"]
    assert call("DELETE", "domains/api.localhost")[1]["deleted"]["domain"] == "api.localhost"
    assert call("GET", "domains/api.localhost")[0] == 404
    page = call("GET", "roles?limit=2")[1]
    assert (len(page["roles"]), page["cursor"]) == (2, "2")


def test_a_key_is_replaced_and_shown_once(browser: Browser) -> None:
    service = service_of(browser)
    made = change(browser, "resource", "keys", name=service, regenerate="secondary")
    assert "Copy it now" in made.text
    notice = made.text.partition('class="notice good')[2]
    [text] = re.findall(r'data-copy="([^"]+)"', notice.partition("</div>\n</div>")[0])[:1]
    assert text not in browser.get("/directory?noun=resource").text
    assert change(browser, "resource", "keys", name=service).status == 400


def test_a_change_of_the_directory_is_an_event(relay: Emulator, browser: Browser) -> None:
    stream = http.client.HTTPConnection(urlsplit(relay.ready["console"]).netloc, timeout=PATIENCE)
    token = {"authorization": f"Bearer {relay.ready['api_token']}"}
    stream.request("GET", "/api/gatepost/v1/events?types=directory", headers=token)
    events = stream.getresponse()
    assert events.readline().startswith(b": ")
    change(browser, "app", "create", name="Watched")
    while events.readline() != b"event: directory\n":
        pass
    stream.close()
    page = browser.get("/directory?noun=app").text
    assert page.index('data-live="directory"') < page.index("Watched") < page.index('id="create"')


def test_an_expired_secret_is_made(browser: Browser) -> None:
    made = change(browser, "secret", "create", parent="Email sender", lifetime="0", name="old")
    assert "Copy it now" in made.text
    row = re.split(r">old\s*</td>", made.text)[1].partition("</tr>")[0]
    assert "expired" in row
    wrong = change(browser, "secret", "create", parent="Email sender", lifetime="soon")
    assert wrong.status == 400


# The doctor, the log, and the settings.


def test_evidence_is_saved(browser: Browser) -> None:
    own = token(browser, "/doctor")
    found = browser.post("/doctor", {**own, "example": "1"})
    assert "What the doctor found" in found.text
    [path] = [each for each in found.links if each.endswith("/evidence")]
    saved = browser.get(path)
    assert saved.headers["content-disposition"].startswith("attachment")
    diagnosis = diagnose_evidence(from_json(saved.body))
    assert f"/doctor/findings/{diagnosis.findings[0].id}" in found.links
    explained = browser.get(f"/doctor/findings/{diagnosis.findings[0].id}")
    assert "Symptom" in explained.text
    for missing in ("/doctor/findings/nothing", "/doctor/jobs/none/evidence"):
        assert browser.get(missing).status == 404
    assert browser.get("/doctor/jobs/none").status == 404


def test_the_log_is_filtered(relay: Emulator, browser: Browser) -> None:
    send(relay, "Logged")
    assert "signed in" in browser.get("/log?event=signed_in").text
    assert "Nothing here" in browser.get("/log?text=no+such+words").text
    assert browser.get("/log?level=loud").status == 400


def test_settings_say_what_is_stored(relay: Emulator, browser: Browser) -> None:
    page = browser.get("/settings").text
    for expected in ("Storage", str(relay.data), "Captured messages", "Running for"):
        assert expected in page


# A relay that delivers.

SERVING = """
[console]
address = "127.0.0.1:0"
release_route = "out"

[[listener]]
name = "in"
address = "127.0.0.1:0"
tls = "none"

[[listener.network]]
from = ["127.0.0.1"]
may_relay = true

[target.keep]
kind = "capture"

[target.hub]
kind = "smarthost"
servers = ["127.0.0.1:1", "127.0.0.1:2"]
tls = "none"

[[route]]
name = "kept"
recipients = ["kept.example"]
to = "keep"

[[route]]
name = "out"
to = "hub"
"""
WAITING = 8
SERVE_BASE = 'hostname = "localhost"\n\n[storage]\ndirectory = "data"\nfree_space = 0\n'


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServeProcess]:
    password = scrypt_hash(b"correct horse")
    users = "".join(
        f'[[console.user]]\nname = "{each}"\nrole = "{each}"\npassword_hash = "{password}"\n'
        for each in SEEN
    )
    with relaying(tmp_path_factory.mktemp("serve"), SERVING + users, base=SERVE_BASE) as relay:
        with smtplib.SMTP("127.0.0.1", relay.listener("in")["port"]) as client:
            for to in (*[f"{n}@one.example" for n in range(WAITING)], "c@kept.example"):
                client.sendmail("s@example.org", [to], "Subject: hi\r\n\r\nHello\r\n")
        yield relay


@pytest.fixture(scope="module")
def operator(serving: ServeProcess) -> Browser:
    return Browser(serving.ready["console"]).sign_in(serving.ready["api_token"])


SEEN = {
    "viewer": ("/upstreams", "hub", ("Connection refused", "Retry now", ">Check", "<form")),
    "support": ("/upstreams", "Retry now", (">Check",)),
    "operator": ("/queue", "Drop", ("Directory",)),
}
"""By role: a page, what is on it, and what is not."""


@pytest.mark.parametrize("role", SEEN)
def test_a_page_offers_what_its_user_may_do(serving: ServeProcess, role: str) -> None:
    path, present, absent = SEEN[role]
    browser = Browser(serving.ready["console"])
    browser.post("/sign-in", {"name": role, "password": "correct horse"})
    wait_for(lambda: "127.0.0.1:1" in browser.get("/queue").text or role == "viewer")
    page = browser.get(path)
    main = page.text.partition("<main")[2].partition("</main>")[0]
    menu = page.text.partition("<nav")[2].partition("</nav>")[0]
    assert present in main
    for each in absent:
        assert each not in main + menu, each
    refused = browser.get("/directory")
    assert refused.status == 403
    assert f"you are {role}" in refused.text


def test_an_upstream_says_why_nothing_goes_and_is_tried_again(operator: Browser) -> None:
    wait_for(lambda: "open: nothing is tried" in operator.get("/upstreams").text)
    page = operator.get("/upstreams")
    for expected in (
        "127.0.0.1:1, 127.0.0.1:2",
        "paused",
        "without a login",
        "Connection refused",
        "is kept here",
    ):
        assert expected.lower() in page.text.lower(), expected
    own = {"form_token": page.form_token}
    done = operator.post("/upstreams/retry", {**own, "name": "hub"}).text
    assert re.search(r"hub: pauses were ended, and \d+ deliveries are tried now", done)
    assert operator.post("/upstreams/retry", {**own, "name": "nothing"}).status == 404


def test_an_upstream_is_checked_and_never_gets_a_password(operator: Browser) -> None:
    own = token(operator, "/upstreams")
    fields = {**own, "name": "hub", "server": "127.0.0.1:2", "password": "secret"}
    page = operator.post("/upstreams/probe", fields)
    assert page.status == 200
    wait_for(lambda: "/doctor/jobs/" in operator.get("/upstreams").text)
    again = operator.post("/upstreams/probe", fields)
    assert again.status == 400, "one check of a host in ten seconds"
    [job] = {each for each in operator.get("/upstreams").links if "/doctor/jobs/" in each}
    evidence = json.loads(operator.get(f"{job}/evidence").body)
    assert not evidence.get("attempts")
    assert operator.post("/upstreams/probe", {**own, "name": "keep"}).status == 400


def test_undoing_a_hold_keeps_what_was_held_before(operator: Browser) -> None:
    own = token(operator, "/queue")
    ids = re.findall(r'name="id" value="([^"]+)"', operator.get("/queue?next_hop=out").text)
    assert len(ids) == WAITING
    operator.post("/queue", {**own, "action": "hold", "id": ids[0], "next_hop": "out"})
    held = operator.post("/queue", {**own, "action": "hold", "all": "1", "next_hop": "out"})
    assert f"{WAITING - 1} are held" in held.text
    [undo] = [each["undo"] for each in held.forms if "undo" in each]
    done = operator.post("/queue", {**own, "action": "release", "undo": undo, "next_hop": "out"})
    assert f"{WAITING - 1} were released" in done.text
    listed = operator.get("/queue?state=held").text
    assert re.findall(r'name="id" value="([^"]+)"', listed) == [ids[0]]
    late = operator.post("/queue", {**own, "action": "release", "undo": undo})
    assert "0 were released" in late.text


async def over_socket(serving: ServeProcess, operation: str, fields: dict[str, Any]) -> Any:
    """Run an operation of the console as the command line does."""
    async with open_console(serving.data) as operate:
        return await operate(operation, fields)


def test_a_message_is_released_from_its_page_the_list_and_a_terminal(
    serving: ServeProcess, operator: Browser
) -> None:
    wait_for(lambda: "data-rows" in operator.get("/").text)
    page = operator.get("/")
    [id_] = re.findall(r'data-id="([^"]+)"', page.text)
    own = {"form_token": page.form_token}
    shown = operator.get(f"/m/{id_}")
    assert f'action="/m/{id_}/release"' in shown.text
    done = operator.post(f"/m/{id_}/release", {**own, "to": "d@elsewhere.example"})
    assert "The message was queued" in done.text
    fields = {**own, "action": "release", "id": id_, "to": "e@elsewhere.example"}
    assert "The message was queued" in operator.post("/mail", fields).text
    queue = operator.get("/queue").text
    assert "d@elsewhere.example" in queue
    assert "e@elsewhere.example" in queue
    for to in ("", "nobody"):
        assert operator.post(f"/m/{id_}/release", {**own, "to": to}).status == 400
    fields = {"id": id_, "to": ["f@elsewhere.example"]}
    assert asyncio.run(over_socket(serving, "release", fields))["to"] == fields["to"]
    assert "f@elsewhere.example" in operator.get("/queue").text
    for wrong in ({"id": "none", "to": ["f@elsewhere.example"]}, {"id": id_, "to": ["nobody"]}):
        with pytest.raises((KeyError, ValueError)):
            asyncio.run(over_socket(serving, "release", wrong))


def test_up_releases_nothing(relay: Emulator, browser: Browser) -> None:
    id_ = send(relay, "Stays here")
    page = browser.get(f"/m/{id_}")
    assert "/release" not in page.text
    own = {"form_token": page.form_token}
    assert browser.post(f"/m/{id_}/release", {**own, "to": "a@b.example"}).status == 400


# The same in a terminal.


def test_upstreams_in_a_terminal(serving: ServeProcess, capsys: pytest.CaptureFixture[str]) -> None:
    place = ("--data", str(serving.data))

    def run(*arguments: str) -> tuple[int, str]:
        return gatepost("upstream", *arguments, *place), capsys.readouterr().out

    code, text = run("list")
    assert code == 0
    rows = [each.split() for each in text.splitlines()]
    assert rows[0][:4] == ["NAME", "KIND", "STATE", "IN"]
    assert [each[:2] for each in rows[1:]] == [["keep", "capture"], ["hub", "smarthost"]]
    code, text = run("retry", "hub")
    assert re.fullmatch(r"\d+ retried\n", text)
    code, text = run("probe", "hub", "--server", "localhost:1")
    assert code != 0, "it is not one of its servers"
    assert gatepost("upstream", "retry", "nothing", *place) != 0
    assert "there is no upstream nothing" in capsys.readouterr().err


def test_rules_in_a_terminal(relay: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*arguments: str) -> str:
        assert gatepost("failure", *arguments, "--data", str(relay.data)) == 0, arguments
        return capsys.readouterr().out

    run("add", "--id", "one", "rcpt -> reply 451 Later")
    run("add", "--id", "two", "rcpt -> reply 452 Later")
    assert run("move", "two", "--before", "one") == "two: rcpt -> reply 452 Later\n"
    assert [each["id"] for each in json.loads(run("list", "--json"))["rules"]] == ["two", "one"]
    assert run("pause", "two") == "paused: 1 rule\n"
    assert "(paused) rcpt" in run("list")
    assert run("resume", "--all") == "resumed: 2 rules\n"
    assert "450 Never" in run("replace", "two", "rcpt -> reply 450 Never")
    assert run("check", "rcpt -> reply 450 Never") == "rcpt -> reply 450 Never\n"
    place = ("--data", str(relay.data))
    assert gatepost("failure", "check", "rcpt -> reply 250 ok", *place) == 1
    assert "a rule only refuses: 400 to 599" in capsys.readouterr().out
    assert "recipient       20 %   451" in run("chaos", "recipient=20")
    assert gatepost("failure", "chaos", "recipient=x", *place) == 64
    run("chaos", "recipient=0")
    assert run("delete", "--all") == "deleted: 2 rules\n"


ACCOUNTS = """
[console]
address = "127.0.0.1:0"
[[listener]]
name = "in"
address = "127.0.0.1:0"
certificate = "cert.pem"
key = "key.pem"
"""


def test_accounts_are_made_get_a_password_and_are_deleted(tmp_path: Path) -> None:
    with relaying(tmp_path, ACCOUNTS) as it:
        browser = Browser(it.ready["console"]).sign_in(it.ready["api_token"])
        made = change(browser, "account", "create", name="printer", senders="example.com, a@b.c")
        [password] = re.findall(r'data-copy="([^"]+)"', made.text)
        assert "a@b.c" in made.text

        def reply(password: str) -> str:
            with it.secured("in") as peer:
                return peer.login("printer", password)

        assert reply(password).startswith("235 ")
        changed = change(browser, "account", "set-password", name="printer")
        [newer] = re.findall(r'data-copy="([^"]+)"', changed.text)
        assert newer != password
        assert reply(password).startswith("535 ")
        assert reply(newer).startswith("235 ")
        page = browser.get("/directory?noun=account").text
        assert newer not in page
        gone = change(browser, "account", "delete", name="printer")
        assert "Deleted:" in gone.text
        assert gone.text.count("printer") == 1
        assert change(browser, "account", "delete", name="app").status == 409, "it is configured"
        assert "configuration" in gone.text
