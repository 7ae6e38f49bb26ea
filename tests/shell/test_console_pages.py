"""The console's pages without scripts: what they show, and what their forms do."""

import base64
import re
import time
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest

from gatepost.console.failure_pages import PRESETS
from gatepost.testing import Emulator
from tests.shell.console_client import Browser
from tests.shell.test_up import refused_login, signed_in

WRONG = "a-wrong-secret-7391"
HTML = (
    "<p onclick=alert(1)>Hello <img src='cid:logo'><img src='https://cdn.test/x.png'>"
    "<a href='https://example.test/confirm'>confirm</a><script>alert(1)</script>"
)


@pytest.fixture(scope="module")
def relay() -> Iterator[Emulator]:
    with Emulator(settings={"server.tls": "starttls"}) as relay:
        yield relay


@pytest.fixture(scope="module")
def browser(relay: Emulator) -> Browser:
    return Browser(relay.ready["console"]).sign_in(relay.ready["api_token"])


def send(relay: Emulator, subject: str, html: str = "") -> str:
    """Send a message; return its id."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = relay.sender, "ann@example.net", subject
    message.set_content(f"The code is 481516.\n{subject}\nhttps://example.test/a?b=1\n")
    if html:
        message.add_alternative(html, subtype="html")
        part = message.get_payload()[-1]  # type: ignore[index]
        part.add_related(b"\x89PNG", "image", "png", cid="<logo>")  # type: ignore[union-attr]
    with signed_in(relay.ready) as peer:
        reply = peer.deliver(relay.sender, message.as_bytes(policy=SMTP))
    assert reply.startswith("250 ")
    return str(relay.wait(subject=subject).id)


def ids(browser: Browser, path: str = "/") -> list[str]:
    return re.findall(r'data-id="([^"]+)"', browser.get(path).text.partition("data-rows")[2])


def test_an_empty_inbox_says_what_to_do(relay: Emulator, browser: Browser) -> None:
    page = browser.get("/")
    assert f"127.0.0.1:{relay.smtp.port}" in page.text
    assert relay.username in page.text
    assert "gatepost send --local" in page.text
    assert relay.password not in page.text


def test_enter_in_a_field_of_the_list_presses_no_unrelated_button(
    relay: Emulator, browser: Browser
) -> None:
    """Browsers press the first button of a form, and none if that one is disabled."""
    with signed_in(relay.ready) as peer:
        peer.deliver(
            relay.sender, b"Subject: x\r\nFrom: " + relay.sender.encode() + b"\r\n\r\nx\r\n"
        )
    form = browser.get("/").text.partition('id="rows-form"')[2]
    assert form.index("<button disabled hidden>") == form.index("<button")
    assert 'name="tag"' in form


def test_a_refused_login_is_first_class(relay: Emulator, browser: Browser) -> None:
    refused_login(relay.ready, WRONG).sock.close()
    begun = time.monotonic()
    while "Refused logins" not in (page := browser.get("/sessions")).text:
        assert time.monotonic() - begun < 60
    [link] = [each for each in page.links if each.startswith("/sessions/")][:1]
    session = browser.get(link)
    for expected in (
        "Why it was refused",
        "No client secret of the application",
        "bad_credentials",
    ):
        assert expected in session.text
    assert "AUTH LOGIN" in session.text
    everything = page.text + session.text
    for form in (WRONG.encode(), base64.b64encode(WRONG.encode())):
        assert form.decode() not in everything


def test_a_message_is_read(relay: Emulator, browser: Browser) -> None:
    id_ = send(relay, "Read me <now>", html=HTML)
    listed = browser.get("/")
    assert "Read me &lt;now&gt;" in listed.text
    page = browser.get(f"/m/{id_}")
    assert page.status == 200
    assert "481516" in page.text, "the code"
    assert "1 remote image is not loaded" in page.text
    assert f'src="/m/{id_}/html"' in page.text
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page.text
    for view, expected in (
        ("text", "The code is 481516."), ("links", "https://example.test/confirm"),
        ("headers", "RCPT TO"), ("parts", "image/png"), ("source", "MIME-Version"),
    ):  # fmt: skip
        assert expected in browser.get(f"/m/{id_}?view={view}").text, view
    assert "unread" not in browser.get("/").text.partition(id_)[0].rpartition("<li")[2]
    assert relay.wait(subject="Read me <now>").id == id_


def test_the_html_cannot_act(relay: Emulator, browser: Browser) -> None:
    id_ = send(relay, "Harmless", html=HTML)
    frame = browser.get(f"/m/{id_}/html")
    policy = frame.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'")
    assert "sandbox allow-popups" in policy
    assert frame.headers["referrer-policy"] == "no-referrer"
    assert "data:image/png;base64," in frame.text
    assert "script" not in frame.text
    assert "cdn.test" not in frame.text
    assert "https://cdn.test/x.png" in browser.get(f"/m/{id_}/html?images=1").text
    part = browser.get(f"/m/{id_}/part/2.2")
    assert part.headers["content-disposition"].startswith("attachment")


def test_images_of_a_sender_are_trusted(relay: Emulator, browser: Browser) -> None:
    id_ = send(relay, "Trusted", html=HTML)
    token = browser.get(f"/m/{id_}").form_token
    browser.post(f"/m/{id_}/images", {"form_token": token})
    assert "https://cdn.test/x.png" in browser.get(f"/m/{id_}/html").text


def test_search_finds_and_says_when_it_does_not(relay: Emulator, browser: Browser) -> None:
    id_ = send(relay, "Needle in the mail")
    assert ids(browser, "/?q=subject:needle") == [id_]
    assert "No message matches" in browser.get("/?q=nothinghere").text
    assert browser.get("/?q=%22unclosed").status == 200


def test_each_sender_has_an_inbox(relay: Emulator, browser: Browser) -> None:
    id_ = send(relay, "In the inbox")
    page = browser.get("/inboxes")
    links = [each for each in page.links if each.startswith("/?inbox=")]
    assert len(links) == 2, "of the application, and of its user name"
    for each in links:
        assert id_ in ids(browser, each)
    assert ids(browser, "/?inbox=application:nobody") == []
    assert ">Email sender</a>" in page.text, "its name, not its id"
    assert "Inbox: Email sender" in browser.get(links[0]).text


def test_a_deletion_can_be_undone(relay: Emulator, browser: Browser) -> None:
    one, two = send(relay, "Delete one"), send(relay, "Delete two")
    token = browser.get("/").form_token
    page = browser.post("/mail", {"form_token": token, "action": "delete", "id": [one, two]})
    assert "2 messages will be deleted" in page.text
    assert not {one, two} & set(ids(browser))
    [undo] = [each["undo"] for each in page.forms if each["action"] == "/mail/undo"]
    back = browser.post("/mail/undo", {"form_token": token, "undo": undo})
    assert "2 messages are back" in back.text
    assert {one, two} <= set(ids(browser))
    late = browser.post("/mail/undo", {"form_token": token, "undo": undo})
    assert "too late" in late.text


def test_a_stop_deletes_what_was_to_be_deleted(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Emulator(data=data) as relay:
        id_ = send(relay, "Gone")
        browser = Browser(relay.ready["console"]).sign_in(relay.ready["api_token"])
        token = browser.get("/").form_token
        browser.post("/mail", {"form_token": token, "action": "delete", "id": id_})
        assert relay.count() == 1
    with Emulator(data=data) as relay:
        assert relay.count() == 0


def test_all_of_a_search_is_deleted(relay: Emulator, browser: Browser) -> None:
    kept = send(relay, "Keep this one")
    for number in range(3):
        send(relay, f"Bulk {number}")
    page = browser.get("/?q=subject:bulk")
    assert "Delete all 3 of these messages" in page.text
    fields = {"form_token": page.form_token, "q": "subject:bulk", "all": 1, "action": "delete"}
    assert "3 messages will be deleted" in browser.post("/mail", fields).text
    assert kept in ids(browser)
    assert ids(browser, "/?q=subject:bulk") == []


def test_marks_and_tags_change(relay: Emulator, browser: Browser) -> None:
    id_ = send(relay, "Mark me")
    token = browser.get("/").form_token
    browser.post("/mail", {"form_token": token, "action": "read", "id": id_})
    assert id_ not in ids(browser, "/?q=is:unread")
    browser.post("/mail", {"form_token": token, "action": "unread", "id": id_})
    assert id_ in ids(browser, "/?q=is:unread")
    for each in ("nothing", id_):  # what was deleted meanwhile is no failure
        tag = {"form_token": token, "action": "tag", "tag": "urgent, blue", "id": each}
        assert browser.post("/mail", tag).status < 400
    assert ids(browser, "/?q=tag:urgent") == [id_]


def test_what_is_gone_says_so(browser: Browser) -> None:
    assert browser.get("/m/nothing").status == 404
    assert "This message is gone" in browser.get("/m/nothing").text
    assert browser.get("/m/nothing/html").status == 404
    assert browser.get("/sessions/nothing").status == 404
    assert browser.get("/sessions?after=nonsense").status == 400


def test_theme_and_language_are_kept(browser: Browser) -> None:
    token = browser.get("/settings").form_token
    page = browser.post("/settings/look", {"form_token": token, "theme": "dark", "language": "ja"})
    assert '<html lang="ja" data-theme="dark">' in page.text
    assert "受信箱" in browser.get("/").text
    browser.post("/settings/look", {"form_token": token, "theme": "system", "language": ""})
    assert '<html lang="en" data-theme="system">' in browser.get("/settings").text


def test_the_language_of_the_browser_is_used(relay: Emulator) -> None:
    browser = Browser(relay.ready["console"], **{"accept-language": "fr, ja;q=0.8, en;q=0.5"})
    assert "コンソールにサインイン" in browser.get("/").text


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/nothing", "/nothing には何もありません。"),
        ("/m/none/html", "このメールは削除されました。"),
        ("/a%2f../b", "パスがあいまいです。"),
        ("/doctor/findings/none", "finding none はありません。"),
        ("/directory?noun=none", "このディレクトリにその種類のオブジェクトはありません。"),
    ],
)
def test_a_refusal_is_in_the_language_of_the_page(relay: Emulator, path: str, said: str) -> None:
    browser = Browser(relay.ready["console"], **{"accept-language": "ja"})
    page = browser.sign_in(relay.ready["api_token"]).get(path)
    assert page.status >= 400
    assert said in page.text
    assert 'lang="en"' not in page.text


def test_the_clock_moves(relay: Emulator, browser: Browser) -> None:
    token = browser.get("/settings").form_token
    page = browser.post("/settings/clock", {"form_token": token, "step": "minute"})
    assert "ahead by" in page.text
    assert browser.post("/settings/clock", {"form_token": token, "step": "x"}).status == 400


def test_other_browsers_are_signed_out(relay: Emulator, browser: Browser) -> None:
    other = Browser(relay.ready["console"]).sign_in(relay.ready["api_token"])
    page = browser.get("/settings")
    logins = re.findall(r'name="login" value="([^"]+)"', page.text)
    for each in logins:
        browser.post("/settings/logins", {"form_token": page.form_token, "login": each})
    assert "Sign in to the console" in other.get("/").text
    assert browser.get("/settings").status == 200


def test_a_rule_is_added_with_its_mistakes_shown(relay: Emulator, browser: Browser) -> None:
    page = browser.get("/failures")
    assert "No rules" in page.text
    token = {"form_token": page.form_token}
    wrong = browser.post("/failures", {**token, "line": "rcpt recipent=x -> reply 200 ok"})
    assert wrong.status == 400
    assert "did you mean recipient" in wrong.text
    assert 'value="rcpt recipent=x -&gt; reply 200 ok"' in wrong.text, "it can be mended"
    line = "rcpt recipient=*@slow.test -> reply 451 4.7.1 Later"
    assert "*@slow.test" in browser.post("/failures", {**token, "line": line}).text
    with_preset = browser.post("/failures", {**token, "preset": "slow"})
    assert "data -&gt; delay 5s" in with_preset.text
    assert "Delete all 2 rules" in with_preset.text
    one = browser.post("/failures/change", {**token, "id": "rcpt-1", "action": "delete"})
    assert "*@slow.test" not in one.text.partition("data-live")[2]
    assert "No rules" in browser.post("/failures/change", {**token, "action": "delete"}).text


def test_a_scripted_failure_is_marked_in_its_session(relay: Emulator, browser: Browser) -> None:
    token = {"form_token": browser.get("/failures").form_token}
    line = "mail times=1 -> delay 0.01s ; reply 451 4.7.1 Scripted"
    browser.post("/failures", {**token, "line": line})
    with signed_in(relay.ready) as peer:
        assert peer.ask(f"MAIL FROM:<{relay.sender}>") == "451 4.7.1 Scripted"
    fired = browser.get("/failures")
    session = next(each for each in fired.links if each.startswith("/sessions/"))
    shown = browser.get(session).text
    assert shown.count('class="injected') == 2, "the delay, and the reply"
    assert "instead of 250" in shown
    assert "Script a failure for it" in shown
    browser.post("/failures/change", {**token, "action": "delete"})


def test_every_preset_is_a_rule(browser: Browser) -> None:
    token = {"form_token": browser.get("/failures").form_token}
    for preset in PRESETS:
        assert browser.post("/failures", {**token, "preset": preset}).status == 200, preset
    browser.post("/failures/change", {**token, "action": "delete"})


def test_a_secret_is_shown_once(relay: Emulator, browser: Browser) -> None:
    page = browser.get("/directory")
    token = {"form_token": page.form_token}
    assert "Email sender" in page.text
    assert "DoNotReply" in browser.get("/directory?noun=sender").text
    assert "AzureManaged" in browser.get("/directory?noun=domain").text
    assert relay.password not in page.text
    token |= {"noun": "secret", "verb": "create"}
    fields = {**token, "parent": "Email sender", "lifetime": "30"}
    made = browser.post("/directory", fields)
    assert "Copy it now" in made.text
    [value] = set(re.findall(r'data-copy="([^"]+)"', made.text))
    assert value not in browser.get("/directory").text
    wrong = browser.post("/directory", {**token, "parent": "nobody"})
    assert wrong.status >= 400
    assert 'role="alert"' in wrong.text
    assert browser.post("/directory", {**token, "noun": "planet"}).status == 400


def test_objects_of_the_directory_are_made_and_deleted(browser: Browser) -> None:
    token = {"form_token": browser.get("/directory").form_token}
    token |= {"noun": "app", "verb": "create"}
    made = browser.post("/directory", {**token, "name": "Nightly job"})
    assert made.text.count("Nightly job") >= 2
    row = re.split(r">Nightly job\s*</td>", made.text)[1]
    [id_] = re.findall(r'name="name" value="([^"]+)"', row)[:1]
    gone = browser.post("/directory", {**token, "verb": "delete", "name": id_})
    assert not re.search(r">Nightly job\s*</td>", gone.text)
    again = browser.post("/directory", {**token, "verb": "delete", "name": id_})
    assert again.status == 404


def test_outcomes_are_scripted(browser: Browser) -> None:
    token = {"form_token": browser.get("/events").form_token}
    fields = {**token, "target": "carol@example.net", "status": "Bounced"}
    assert "carol@example.net" in browser.post("/events/outcome", fields).text
    wrong = browser.post("/events/outcome", {**token, "target": "b c", "status": "Nothing"})
    assert wrong.status == 400
    assert 'role="alert"' in wrong.text
    gone = browser.post("/events/outcome", {**token, "delete": "carol@example.net"})
    assert "carol@example.net" not in gone.text.partition("Scripted outcomes")[2]


def test_every_form_needs_the_token_of_its_login(relay: Emulator, browser: Browser) -> None:
    page = browser.get("/settings")
    paths = {each["action"] for each in page.forms if each["action"]} | {
        "/mail",
        "/mail/undo",
        "/m/x/images",
    }
    assert len(paths) >= 6
    for path in paths:
        for fields in ({}, {"form_token": "x"}):
            assert browser.post(path, fields, follows=False).status == 403, path
