"""The console in a real browser: accessible in every theme and language, usable by keys, live in
many tabs, and unmoved by hostile mail."""

import http.server
import json
import os
import re
import shutil
import smtplib
import subprocess
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any, ClassVar

import pytest

from gatepost.testing import Emulator
from tests.clients.hostile_mail import hostile_html
from tests.clients.node.packages import HERE, NODE, needs_node
from tests.clients.shop_mail import Shop
from tests.shell.console_client import Browser
from tests.shell.peer import Peer
from tests.shell.serve_process import BASE, ServeProcess, relaying, wait_for
from tests.shell.test_console_entra import configuration
from tests.shell.test_console_operations import SERVE_BASE, SERVING, WAITING
from tests.shell.test_up import signed_in
from tests.shell.webhook_endpoint import Webhook

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
IMAGES = Path(__file__).parents[2] / "docs" / "images"
TAKES_PICTURES = "GATEPOST_PICTURES" in os.environ
"""Set it to renew the pictures of the documentation."""
LARGEST = 600_000
"""Octets of a picture."""
TIMEOUT = 1_200
"""Seconds; a quick machine needs two minutes."""
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360f8cfc000000301010018dd8db000"
    "00000049454e44ae426082"
)

pytestmark = [
    pytest.mark.compliance,
    pytest.mark.node,
    needs_node,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian's package chromium)"),
]


class Recorder(http.server.BaseHTTPRequestHandler):
    """Another server, which notes who asks it for what."""

    seen: ClassVar[list[tuple[str, str | None]]] = []

    def do_GET(self) -> None:
        self.seen.append((self.path, self.headers["referer"]))
        self.send_response(200)
        self.send_header("content-type", "image/png" if self.path.endswith(".png") else "text/html")
        self.end_headers()
        self.wfile.write(PIXEL if self.path.endswith(".png") else b"<title>other</title>")

    def log_message(self, *_arguments: Any) -> None:
        """Print nothing."""


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def send(relay: Emulator, mails: list[tuple[str, str, str]]) -> list[str]:
    """Send messages with subject, text and HTML; return their ids, in order."""
    with signed_in(relay.ready) as peer:
        for subject, text, html in mails:
            message = EmailMessage()
            message["From"], message["To"] = relay.sender, "bob@example.net"
            message["Subject"] = subject
            message.set_content(text)
            if html:
                message.add_alternative(html, subtype="html")
                part: Any = message.get_payload(1)
                part.add_related(PIXEL, "image", "png", cid="<pixel>")
            content = message.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
            content = content.replace(b"\r\n.", b"\r\n..")
            assert peer.deliver(relay.sender, content).startswith("250 ")
    relay.wait(subject=mails[-1][0])
    found = {each.subject: each.id for each in relay.messages()}
    return [found[subject] for subject, _, _ in mails]


def refuse_go(relay: Emulator) -> None:
    """Sign in with PLAIN, as Go's net/smtp does, where only LOGIN is offered."""
    with Peer.connect(relay.smtp.port, relay.ca_file) as peer:
        peer.reply()
        peer.ask("EHLO localhost")
        peer.start_tls()
        peer.ask("EHLO localhost")
        assert peer.ask("AUTH PLAIN AGFubgBzZWNyZXQ=").startswith("504 ")


NOUNS = ("secret", "role", "resource", "domain")
"""Kinds of objects whose pages differ."""


def filled_pages(browser: Browser, url: str, ids: list[str]) -> list[str]:
    """Make rules, a webhook at this URL, a domain and a job of the doctor; return the pages of an
    emulator with these messages."""
    token = {"form_token": browser.get("/failures").form_token}
    browser.post("/failures", {**token, "preset": "slow"})
    browser.post("/failures", {**token, "preset": "alert"})
    browser.post("/failures/change", {**token, "id": "tls-1", "action": "pause"})
    found = browser.post("/doctor", {**token, "example": "1"})
    job = next(each for each in found.links if each.endswith("/evidence"))
    browser.post("/events/webhooks", {**token, "url": url, "name": "hook", "schema": "eventgrid"})
    domain = {"noun": "domain", "verb": "create", "name": "mail.contoso.localhost"}
    browser.post("/directory", {**token, **domain})
    session = next(each for each in browser.get("/sessions").links if each.startswith("/sessions/"))
    rich = ids[-1]
    return [
        "/", "/?q=nothing", "/inboxes", f"/m/{rich}", f"/m/{ids[0]}", "/m/gone", "/sessions",
        session, "/failures", "/events", "/doctor", "/directory", "/settings",
        "/failures?edit=data-1", f"/events?message={ids[0]}", "/events/webhooks/hook",
        job.removesuffix("/evidence"), "/doctor/findings/mechanism_not_offered", "/log",
        "/log?text=nothing", "/nothing", *[f"/directory?noun={each}" for each in NOUNS],
        *[f"/m/{rich}?view={each}" for each in ("links", "headers", "parts", "source")],
    ]  # fmt: skip


def serve_pages(serving: ServeProcess) -> list[str]:
    """Send messages that wait, and one that is kept; return the pages of a relay that delivers."""
    with smtplib.SMTP("127.0.0.1", serving.listener("in")["port"]) as client:
        for to in (*[f"{n}@one.example" for n in range(WAITING)], "c@kept.example"):
            client.sendmail("s@example.org", [to], "Subject: hi\r\n\r\nHello\r\n")
    browser = Browser(serving.ready["console"]).sign_in(serving.ready["api_token"])
    wait_for(lambda: "nothing is tried" in browser.get("/upstreams").text)
    token = {"form_token": browser.get("/upstreams").form_token}
    browser.post("/upstreams/probe", {**token, "name": "hub"})
    wait_for(lambda: "/doctor/jobs/" in browser.get("/upstreams").text)
    held = browser.post("/queue", {**token, "action": "hold", "all": "1"}, follows=False)
    [captured] = re.findall(r'data-id="([^"]+)"', browser.get("/").text)
    delivery = next(each for each in browser.get("/queue").links if each.startswith("/queue/"))
    return [
        held.headers["location"], "/queue?next_hop=out", delivery, "/upstreams", f"/m/{captured}",
        "/settings", "/log",
    ]  # fmt: skip


def pictures_of(relay: Emulator, folder: Path) -> dict[str, Any]:
    """Fill a shop's inbox; return which pictures are taken of it."""
    ids = Shop(relay).fill()
    refuse_go(relay)
    browser = Browser(relay.ready["console"]).sign_in(relay.ready["api_token"])
    session = next(each for each in browser.get("/sessions").links if each.startswith("/sessions/"))
    return {
        "url": relay.ready["console"], "token": relay.ready["api_token"], "folder": str(folder),
        "pictures": [
            ["inbox", f"/m/{ids['Your sign-in code is 739204']}"],
            ["receipt", f"/m/{ids['Your order CO-20417 is confirmed']}"],
            ["refused-login", session],
        ],
    }  # fmt: skip


@pytest.fixture(scope="module")
def seen(elsewhere: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Yield what the browser has seen in all suites."""
    with (
        Webhook() as webhook,
        Emulator(options=("--https", "127.0.0.1:0", "--console", "127.0.0.1:0")) as empty,
        Emulator() as filled,
        Emulator() as hostile,
        Emulator() as shop,
        relaying(
            tmp_path_factory.mktemp("serve"),
            f"{configuration(empty)}[sessions]\nrecord = true\n",
            base=f'ca_file = "{empty.ready["ca_file"]}"\n{BASE}',
        ) as relay,
        relaying(tmp_path_factory.mktemp("serving"), SERVING, base=SERVE_BASE) as serving,
    ):
        refuse_go(filled)
        keys = [(f"Keys {n}", f"Your code is 48151{n}.", "") for n in range(3)]
        html = (
            f"<p>Hello</p><a href='{elsewhere}/link'>open</a><img alt=inline src='cid:pixel'>"
            f"<img alt=remote src='{elsewhere}/remote.png'>"
            f"<link rel=prefetch href='{elsewhere}/no'>"
        )
        ids = send(filled, [*keys, ("Rich", "x", html)])
        browser = Browser(filled.ready["console"]).sign_in(filled.ready["api_token"])
        pages = filled_pages(browser, webhook.url, ids)
        rich = ids[-1]
        bad = send(
            hostile, [(f"Hostile {n}", "x", each) for n, each in enumerate(hostile_html(elsewhere))]
        )
        folder = IMAGES if TAKES_PICTURES else tmp_path_factory.mktemp("pictures")
        place = {"url": filled.ready["console"], "token": filled.ready["api_token"]}
        task = [
            ("filled", "pages", {**place, "pages": pages}),
            ("empty", "pages", {
                "url": empty.ready["console"], "token": empty.ready["api_token"],
                "pages": ["/", "/sessions", "/failures", "/events", "/doctor", "/settings"],
            }),
            ("serving", "pages", {
                "url": serving.ready["console"], "token": serving.ready["api_token"],
                "pages": serve_pages(serving),
            }),
            ("rules", "rules", place),
            ("keyboard", "keyboard", place),
            ("links", "links", {**place, "id": rich}),
            ("tabs", "tabs", place),
            ("hidden", "hidden", place),
            ("entra", "entra", {"url": relay.ready["console"]}),
            ("hostile", "hostile", {
                "url": hostile.ready["console"], "token": hostile.ready["api_token"], "ids": bad,
            }),
            ("pictures", "pictures", pictures_of(shop, folder)),
        ]  # fmt: skip
        done = subprocess.run(
            [str(NODE), "console.mjs", str(CHROMIUM)], cwd=HERE, input=json.dumps(task),
            capture_output=True, text=True, timeout=TIMEOUT, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        print(done.stderr)  # how long each suite took
        results: dict[str, Any] = json.loads(done.stdout)
        results["messages"] = len(bad)
        results["pictures_of"] = sorted(each.stat().st_size for each in folder.iterdir())
        yield results


@pytest.mark.parametrize("server", ["filled", "empty", "serving"])
def test_pages_are_accessible_and_fit(seen: dict[str, Any], server: str) -> None:
    """axe finds nothing in any theme and language, nothing overflows at 360 or 1280 px, and the
    browser has nothing to complain of."""
    assert seen[server] == []


def test_a_rule_is_checked_while_it_is_typed(seen: dict[str, Any]) -> None:
    assert seen["rules"] == {
        "mistakes": ["when.recipent: unknown key; did you mean recipient?"], "invalid": "true",
        "mended": 0, "valid": "false", "order": ["tls-1", "data-1"], "back": ["data-1", "tls-1"],
    }  # fmt: skip


def test_the_inbox_is_used_by_keys_alone(seen: dict[str, Any]) -> None:
    keys = seen["keyboard"]
    assert keys["found"] == 3, keys
    assert keys["focus"].endswith("Keys 1")
    assert (keys["opened"], keys["next"]) == ("Keys 1", "Keys 0")
    assert keys["code"] == "481511"
    assert (keys["after_delete"], keys["after_undo"]) == (2, 3)
    assert keys["back"]
    assert keys["help"] == 1
    assert keys["arrows_scroll"]


def test_nine_tabs_load_and_hear_of_new_mail(seen: dict[str, Any]) -> None:
    assert seen["tabs"] == {"tabs": 9, "bars": 1, "first": "Unread:Tabs"}


def test_a_hidden_tab_asks_for_nothing_and_is_up_to_date_when_it_is_seen(
    seen: dict[str, Any],
) -> None:
    assert seen["hidden"] == {"soon": 0, "later": 0, "bars": ["1 new: show", "2 new: show"]}


def test_who_signs_in_at_entra_arrives_at_the_page_that_was_wanted(seen: dict[str, Any]) -> None:
    assert seen["entra"] == {
        "tenant": True, "heading": "Sessions", "cookies": [["Strict", True, True]],
        "faults": [],
    }  # fmt: skip


def test_hostile_mail_does_nothing(seen: dict[str, Any]) -> None:
    assert seen["hostile"] == {"frames": seen["messages"], "faults": []}
    assert seen["messages"] >= 200


def test_a_link_opens_a_tab_and_images_load_when_wanted(
    seen: dict[str, Any], elsewhere: str
) -> None:
    assert seen["links"] == {"inline": 1, "address": f"{elsewhere}/link"}
    asked = [path for path, _ in Recorder.seen if path != "/favicon.ico"]
    assert asked == ["/link", "/remote.png"]
    assert {referrer for _, referrer in Recorder.seen if _ != "/favicon.ico"} == {None}


def test_pictures_are_small(seen: dict[str, Any]) -> None:
    assert seen["pictures"] == len(list(IMAGES.iterdir())) == len(seen["pictures_of"])
    assert all(size < LARGEST for size in seen["pictures_of"])
    assert all(each.stat().st_size < LARGEST for each in IMAGES.iterdir())
