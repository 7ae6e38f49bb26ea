"""Events that the relay reads from the APIs of providers: reported once, over restarts and kills.

The APIs are imitated by their documents; none was tried with an account.
"""

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import make_authority
from tests.shell.http_server import Asked, HttpServer, Told
from tests.shell.next_hop import NextHop
from tests.shell.reporting_relay import ReportingRelay, reporting
from tests.shell.serve_process import wait_for
from tests.shell.webhook_endpoint import Webhook

KEY, SIZE = "key-0123456789abcdef", 5
UNKNOWN = "550 5.1.1 User unknown"
DOMAINS = {"mailgun": 'domain = "mg.example.com"\n', "brevo": "", "sendgrid": "", "postmark": ""}


class Providers:
    """Plays the APIs of all; what each list has is added by the test."""

    def __init__(self) -> None:
        self.lists: dict[str, list[Any]] = {name: [] for name in DOMAINS}
        self.pages = 0
        self.held = threading.Event()
        """While it is not set, nothing behind the first page of Mailgun is answered."""
        self.held.set()

    def answer(self, asked: Asked) -> Told:
        query, path = asked.query, asked.path
        if path == "/v3/mg.example.com/events":
            assert asked.headers["authorization"].startswith("Basic ")
            page = int(query.get("page", 0))
            self.pages += 1
            if page:
                self.held.wait(60)
            link = f"https://{asked.headers['host']}{path}?page={page + 1}"
            shown = self.lists["mailgun"][page * SIZE : (page + 1) * SIZE]
            return _told({"items": shown, "paging": {"next": link}})
        offset = int(query.get("offset", 0))
        if path == "/v3/smtp/statistics/events":
            assert asked.headers["api-key"] == KEY
            return _told({"events": self.lists["brevo"][offset:]})
        if path == "/v3/suppression/bounces":
            assert asked.headers["authorization"] == f"Bearer {KEY}"
            return _told(self.lists["sendgrid"][offset:])
        if path == "/bounces":
            assert asked.headers["x-postmark-server-token"] == KEY
            bounces = self.lists["postmark"]
            return _told({"TotalCount": len(bounces), "Bounces": bounces[offset:]})
        assert path == "/v3/suppression/spam_reports"
        return _told([])


def _told(document: Any) -> Told:
    return Told(200, json.dumps(document).encode())


def config(hop: NextHop, api: str) -> str:
    text = "[events]\n[limits]\nlogin_failures = 1000\n"
    for name, more in DOMAINS.items():
        text += hop.target.replace("[target.out]", f"[target.{name}]").replace(
            "[retry.quick]", f"[retry.{name}]"
        )
        text += f'[[route]]\nrecipients = ["{name}.test"]\nto = "{name}"\n'
        text += f'[events.provider.{name}]\nprovider = "{name}"\ntargets = ["{name}"]\n{more}'
        text += f'poll = "10s"\napi_key = {{ file = "key" }}\napi_endpoint = "{api}"\n'
    return text


@contextmanager
def relaying(home: Path, hop: NextHop, api: str) -> Iterator[ReportingRelay]:
    with reporting(home, config(hop, api), top='ca_file = "api-ca.pem"\n') as relay:
        yield relay


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "key").write_text(KEY)
    (tmp_path / "key").chmod(0o600)
    return tmp_path


def mailgun(mark: str, recipient: str) -> dict[str, Any]:
    return {
        "event": "failed", "severity": "permanent", "recipient": recipient,
        "timestamp": time.time(), "user-variables": {"gatepost": mark},
        "delivery-status": {"message": UNKNOWN},
    }  # fmt: skip


def mark_of(content: Any) -> str:
    found = re.search(r"[a-z0-9-]+\.0\.0\.[0-9a-f]{16}", str(content))
    assert found is not None
    return found[0]


def statuses(subscriber: Webhook, recipient: str) -> list[str]:
    data = {each["id"]: each["data"] for each in subscriber.reports}
    return [each["status"] for each in data.values() if each["recipient"] == recipient]


def test_lists_are_read_by_marks_ids_and_recipients(home: Path) -> None:
    providers, authority = Providers(), make_authority(home)
    (home / "api-ca.pem").write_bytes(Path(authority.ca_file).read_bytes())
    with (
        NextHop() as hop,
        HttpServer(providers.answer, authority.issue("localhost")) as api,
        Webhook() as subscriber,
    ):
        with relaying(home, hop, api.url) as relay:
            relay.serve.ask("webhook", "create", subscriber.url, "--name", "hook")
            assert not relay.serve.ready["events"], "no webhook is accepted"
            for name in DOMAINS:
                relay.send(f"ann@{name}.test", message_id=f"<{name}-1@example.org>")
            wait_for(lambda: len(hop.mail) == len(DOMAINS))
            # Their lists have failures only, so what a server took counts as delivered.
            for name in ("sendgrid", "postmark"):
                wait_for(lambda to=f"ann@{name}.test": statuses(subscriber, to) == ["Delivered"])
            assert len({each["id"] for each in subscriber.reports}) == 2
            ids = {each.rcpt_tos[0]: f"4f1c{number:06}" for number, each in
                   enumerate(hop.mail, 1)}  # fmt: skip
        content = {each.rcpt_tos[0]: each.content for each in hop.mail}
        to = "ann@mailgun.test"
        providers.lists["mailgun"] = [mailgun(mark_of(content[to]), to)]
        providers.lists["brevo"] = [{"event": "delivered", "email": "ann@brevo.test",
                                     "messageId": "<brevo-1@example.org>"}]  # fmt: skip
        providers.lists["sendgrid"] = [
            {"email": "ann@sendgrid.test", "reason": UNKNOWN, "created": int(time.time())},
            {"email": "stranger@sendgrid.test", "reason": UNKNOWN, "created": int(time.time())},
        ]
        providers.lists["postmark"] = [
            {"Type": "HardBounce", "Email": "ann@postmark.test", "Details": UNKNOWN,
             "MessageID": ids["ann@postmark.test"], "BouncedAt": datetime.now(UTC).isoformat()},
        ]  # fmt: skip
        listed: list[dict[str, Any]] = []
        for _ in range(2):  # each start reads the lists at once
            with relaying(home, hop, api.url) as relay:
                wait_for(lambda: statuses(subscriber, "ann@mailgun.test") == ["Bounced"])
                wait_for(lambda: statuses(subscriber, "ann@brevo.test") == ["Delivered"])
                for name in ("sendgrid", "postmark"):
                    address = f"ann@{name}.test"
                    wait_for(lambda to=address: "Bounced" in statuses(subscriber, to))
                    assert statuses(subscriber, address) == ["Delivered", "Bounced"]
                listed = relay.serve.ask("suppression", "list")["suppressed"]
        suppressed = sorted(each["address"] for each in listed)
        assert suppressed == [f"ann@{name}.test" for name in ("mailgun", "postmark", "sendgrid")]


@pytest.mark.compliance
def test_a_kill_amid_the_pages_loses_and_repeats_nothing(home: Path) -> None:
    providers, authority = Providers(), make_authority(home)
    (home / "api-ca.pem").write_bytes(Path(authority.ca_file).read_bytes())
    with (
        NextHop() as hop,
        HttpServer(providers.answer, authority.issue("localhost")) as api,
        Webhook() as subscriber,
    ):
        with relaying(home, hop, api.url) as relay:
            relay.serve.ask("webhook", "create", subscriber.url, "--name", "hook")
            for number in range(4 * SIZE):
                relay.send(f"gone{number}@mailgun.test")
            wait_for(lambda: len(hop.mail) == 4 * SIZE)
        providers.lists["mailgun"] = [
            mailgun(mark_of(each.content), each.rcpt_tos[0]) for each in hop.mail
        ]
        for _ in range(3):
            providers.held.clear()
            before = providers.pages
            with relaying(home, hop, api.url) as relay:
                wait_for(lambda at=before: providers.pages >= at + 2)  # the first is recorded
                relay.serve.process.kill()
                relay.serve.process.wait()
            (relay.serve.data / "ready.json").unlink()
            providers.held.set()
        with relaying(home, hop, api.url):
            wait_for(lambda: len({each["id"] for each in subscriber.reports}) >= 4 * SIZE)
        events = {each["id"]: each["data"] for each in subscriber.reports}
        sent = sorted(each.rcpt_tos[0] for each in hop.mail)
        assert sorted(each["recipient"] for each in events.values()) == sent
        assert {each["status"] for each in events.values()} == {"Bounced"}
