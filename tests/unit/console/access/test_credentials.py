"""Tokens, passwords, tickets and cookies, and how many wrong ones an address may present."""

from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest

from gatepost.console.access.logins import IDLE
from gatepost.console.access.throttle import PERMITTED, WINDOW
from gatepost.console.access.tickets import LIFETIME
from tests.unit.console.access.guarded import HOST, ORIGIN, TOKEN, Guarded, basic, settings

API = "/api/gatepost/v1/viewer"
ACCEPTED = [
    (f"Bearer {TOKEN}", b"token admin 127.0.0.1"),
    (f"bearer  {TOKEN}", b"token admin 127.0.0.1"),
    (basic("", TOKEN), b"token admin 127.0.0.1"),
    (basic("anybody", TOKEN), b"token admin 127.0.0.1"),
    (basic("a-viewer", "password of viewer"), b"a-viewer viewer 127.0.0.1"),
]
REFUSED = [
    "Bearer", "Bearer x", f"Bearer {TOKEN}x", f"Digest {TOKEN}", "Basic x", "Basic /w==",
    basic("a-viewer", "password of admin"), basic("nobody", "password of admin"),
    basic("a-viewer", ""), basic("", ""), basic("a-viewer", "x" * 5000), "", TOKEN,
]  # fmt: skip


@pytest.mark.parametrize(("value", "said"), ACCEPTED)
def test_the_token_and_passwords_open(value: str, said: bytes) -> None:
    assert Guarded().ask(API, authorization=value).body == said


@pytest.mark.parametrize("value", REFUSED)
def test_nothing_else_opens(value: str) -> None:
    answer = Guarded().ask(API, authorization=value)
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Basic ")
    assert TOKEN.encode() not in answer.body


def test_without_credentials_programs_get_401_and_people_a_page() -> None:
    guarded = Guarded()
    assert guarded.ask(API).code == "Unauthorized"
    mailbox = guarded.ask("/api/v1/messages")
    assert (mailbox.status, mailbox.headers["content-type"]) == (401, "text/plain; charset=utf-8")
    page = guarded.ask("/", query="q=a%20b")
    assert (page.status, page.headers["location"]) == (303, "/sign-in?next=/%3Fq%3Da%2520b")


def test_an_open_mailbox_needs_nothing_and_ignores_credentials() -> None:
    guarded = Guarded(settings(needs_token=False))
    assert guarded.ask("/api/v1/messages").body == b"anonymous admin 127.0.0.1"
    assert guarded.ask("//%2e/%61pi/v1/messages").body == b"anonymous admin 127.0.0.1"
    assert guarded.ask("/api/v1/../gatepost/v1/viewer").status == 401
    wrong = guarded.ask("/api/v1/messages", authorization=basic("me", "anything"))
    assert wrong.body == b"anonymous admin 127.0.0.1"
    assert guarded.ask(API).status == 401
    assert guarded.ask("/").status == 303


def test_ten_failures_a_minute() -> None:
    guarded = Guarded()
    for _ in range(PERMITTED):
        assert guarded.ask(API, authorization="Bearer guess").status == 401
    refused = guarded.ask(API, authorization="Bearer guess")
    assert refused.status == 429
    assert int(refused.headers["retry-after"]) == WINDOW + 1
    right: dict[str, Any] = {"authorization": basic("a-admin", "password of admin")}
    assert guarded.ask(API, **right).status == 429, "no more guesses, right or wrong"
    assert guarded.post("/sign-in", {"ticket": "guess"}).status == 429
    assert guarded.ask(API, authorization=f"Bearer {TOKEN}").status == 200, "nobody guesses it"
    assert guarded.ask(API, client="127.0.0.2", **right).status == 200
    guarded.seconds += WINDOW
    assert guarded.ask(API, **right).status == 200


def test_a_success_between_them_permits_no_more_failures() -> None:
    guarded = Guarded()
    for _ in range(PERMITTED):
        assert guarded.post("/sign-in", {"name": "a-admin", "password": "guess"}).status == 401
        if guarded.gate.throttle.pause("127.0.0.1") == 0:
            guarded.sign_in(name="a-viewer", password="password of viewer")
    assert guarded.post("/sign-in", {"name": "a-admin", "password": "guess"}).status == 429


def test_ipv6_addresses_of_a_network_count_together() -> None:
    guarded = Guarded()
    for number in range(PERMITTED):
        address = f"2001:db8::{number}"
        assert guarded.ask(API, client=address, authorization="Bearer guess").status == 401
    refused = guarded.ask(API, client="2001:db8::ffff", authorization="Bearer guess")
    assert refused.status == 429
    assert guarded.ask(API, client="2001:db8:0:1::1", authorization="Bearer guess").status == 401


def test_a_ticket_works_once() -> None:
    guarded = Guarded()
    ticket = guarded.gate.tickets.issue()
    page = guarded.ask("/sign-in", query=f"ticket={ticket}")
    assert ticket.encode() in page.body, "looking at the page does not use it up"
    first = guarded.post("/sign-in", {"ticket": ticket, "next": "/sessions?refused=1"})
    assert (first.status, first.headers["location"]) == (303, "/sessions?refused=1")
    second = guarded.post("/sign-in", {"ticket": ticket})
    assert second.status == 401
    assert b"was used already" in second.body
    assert ticket.encode() not in second.body
    assert [event for event, _ in guarded.reported] == ["console_signed_in", "console_refused"]
    assert ticket not in str(guarded.reported)


def test_a_ticket_expires_and_cannot_be_guessed() -> None:
    guarded = Guarded()
    ticket = guarded.gate.tickets.issue()
    assert guarded.post("/sign-in", {"ticket": ticket[:-1]}).status == 401
    guarded.seconds += LIFETIME
    assert guarded.post("/sign-in", {"ticket": ticket}).status == 401


@pytest.mark.parametrize(
    "address", ["https://evil.test/", "//evil.test", "/\\evil.test", "javascript:x", "evil", "/\n"]
)
def test_signing_in_leads_nowhere_else(address: str) -> None:
    guarded = Guarded()
    fields = {"ticket": guarded.gate.tickets.issue(), "next": address}
    assert guarded.post("/sign-in", fields).headers["location"] == "/"


def test_the_cookie_belongs_to_the_port() -> None:
    guarded = Guarded()
    answer = guarded.post("/sign-in", {"ticket": guarded.gate.tickets.issue()})
    name, _, rest = answer.headers["set-cookie"].partition("=")
    assert name == "gatepost-8025"
    attributes = {each.strip().lower() for each in rest.split(";")[1:]}
    assert attributes == {"httponly", "path=/", "samesite=strict"}
    other = Guarded(settings(port=8026))
    fields = {"ticket": other.gate.tickets.issue()}
    secure = other.post(
        "/sign-in", fields, host="localhost:8026", scheme="https", origin="https://localhost:8026"
    )
    assert secure.headers["set-cookie"].startswith("gatepost-8026=")
    assert "; secure" in secure.headers["set-cookie"].lower()


def test_a_cookie_signs_in_for_twelve_idle_hours() -> None:
    guarded = Guarded()
    cookie = guarded.sign_in()
    for _ in range(3):
        guarded.seconds += IDLE - 1
        assert guarded.ask("/", cookie=f"theme=dark; {cookie}").body == b"token admin 127.0.0.1"
    guarded.seconds += IDLE + 1
    assert guarded.ask("/", cookie=cookie).status == 303
    assert guarded.ask("/", cookie=f"{cookie}x").status == 303


def test_people_sign_in_with_a_password_or_the_token() -> None:
    guarded = Guarded()
    cookie = guarded.sign_in(name="a-support", password="password of support")
    assert guarded.ask("/", cookie=cookie).body == b"a-support support 127.0.0.1"
    assert guarded.ask("/", cookie=guarded.sign_in(password=TOKEN)).status == 200
    wrong = guarded.post("/sign-in", {"name": "a-support", "password": "password of admin"})
    assert wrong.status == 401
    assert b"password of" not in wrong.body


def test_signing_out_needs_a_form_of_the_login() -> None:
    guarded = Guarded()
    cookie, other = guarded.sign_in(), guarded.sign_in()
    assert guarded.post("/sign-out", {}, cookie=cookie).status == 403
    [mine, others] = list(guarded.gate.logins)
    fields = {"form_token": others.form_token}
    assert guarded.post("/sign-out", fields, cookie=cookie).status == 403
    assert guarded.post("/sign-out", {"form_token": mine.form_token}, cookie=cookie).status == 303
    assert guarded.ask("/", cookie=cookie).status == 303
    assert guarded.ask("/", cookie=other).status == 200
    assert guarded.gate.logins.end_all() == 1
    assert guarded.ask("/", cookie=other).status == 303


def test_logins_and_tickets_are_bounded() -> None:
    guarded = Guarded()
    first = guarded.sign_in()
    ticket = guarded.gate.tickets.issue()
    for _ in range(1000):
        guarded.gate.tickets.issue()
        guarded.gate.logins.begin(next(iter(guarded.gate.logins)).user, "", "x" * 1000)
    assert len(list(guarded.gate.logins)) == 1000
    assert guarded.ask("/", cookie=first).status == 303
    assert not guarded.gate.tickets.try_use(ticket)
    for number in range(20_000):
        guarded.gate.throttle.fail(str(number))
    assert guarded.gate.throttle.pause("0") == 0.0


PROXIED = replace(settings(), proxies=(ip_network("10.0.0.0/8"),), user_header="X-User")


def test_only_a_proxy_says_who_calls() -> None:
    guarded = Guarded(PROXIED)
    headers: dict[str, Any] = {"x_user": "a-support", "x_forwarded_for": "192.0.2.7"}
    assert guarded.ask("/", client="10.1.1.1", **headers).body == b"a-support support 192.0.2.7"
    assert guarded.ask("/", client="11.1.1.1", **headers).status == 303
    assert guarded.ask("/", client="10.1.1.1", x_user="nobody").status == 303
    assert Guarded().ask("/", client="10.1.1.1", **headers).status == 303


def test_only_a_proxy_says_how_it_was_called() -> None:
    forwarded: dict[str, Any] = {
        "x_forwarded_proto": "https",
        "x_forwarded_host": "console.test",
        "x_user": "a-admin",
    }
    guarded = Guarded(PROXIED, names=("console.test:443",))
    through = guarded.ask("/", host="10.0.0.1:8025", client="10.1.1.1", **forwarded)
    assert through.status == 200
    assert guarded.ask("/", host="10.0.0.1:8025", client="11.1.1.1", **forwarded).status == 421
    evil: dict[str, Any] = {**forwarded, "x_forwarded_host": "evil.test"}
    assert guarded.ask("/", host=HOST, client="10.1.1.1", **evil).status == 421


def test_the_password_for_the_proxy_is_not_for_us() -> None:
    guarded = Guarded(PROXIED)
    headers: dict[str, Any] = {"x_user": "a-admin", "authorization": basic("a-admin", "proxy's")}
    assert guarded.ask("/", client="10.1.1.1", **headers).body == b"a-admin admin 10.1.1.1"
    assert guarded.ask("/", client="11.1.1.1", **headers).status != 200
    repeated: dict[str, Any] = {"x_user": "nobody", "authorization": basic("a-admin", "proxy's")}
    assert guarded.ask("/", client="10.1.1.1", **repeated).status != 200


def test_a_client_cannot_forge_its_address_through_a_proxy() -> None:
    guarded = Guarded(PROXIED)
    chain = "203.0.113.9, 192.0.2.7, 10.2.2.2"
    seen = guarded.ask("/", client="10.1.1.1", x_user="a-admin", x_forwarded_for=chain)
    assert seen.body == b"a-admin admin 192.0.2.7"


def test_every_response_has_the_headers() -> None:
    guarded = Guarded()
    cookie = guarded.sign_in()
    asked = [("/", cookie), ("/", ""), ("/nothing", cookie), ("/sign-in", ""), ("/fails", cookie)]
    for path, sent in asked:
        headers = guarded.ask(path, cookie=sent).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["referrer-policy"] == "same-origin"


def test_a_handler_that_fails_is_reported_without_its_request() -> None:
    guarded = Guarded()
    answer = guarded.ask("/fails", cookie=guarded.sign_in(), query="secret=1")
    assert answer.status == 500
    [failed] = [facts for event, facts in guarded.reported if event == "api_failed"]
    assert failed["route"] == "GET /fails"
    assert "secret" not in str(failed)
    assert ORIGIN not in str(failed)
