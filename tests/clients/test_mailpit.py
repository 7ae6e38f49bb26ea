"""Clients of Mailpit, unmodified: over all mail, and over a lane."""

import json
import smtplib
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from mailpit.client.api import API

from gatepost.testing import Emulator
from tests.clients.node.packages import HERE, NODE, needs_node

LANES = "/api/gatepost/v1/lanes"
PATIENCE = 60


@dataclass(frozen=True)
class Inbox:
    """The base URL of an API, and where its mail is sent."""

    url: str
    host: str
    port: int
    username: str
    password: str
    sender: str
    ca_file: str

    def send(self, subject: str, to: str = "bob@example.net", text: str = "hello") -> None:
        """Send a message with an HTML part and an attachment."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self.sender, f"Bob <{to}>", subject
        message["Delivered-To"], message["Date"] = to, "Mon, 30 Nov 2026 12:00:00 +0000"
        message["Message-ID"] = f"<{abs(hash(subject))}@client.example>"
        message.set_content(text)
        message.add_alternative(f"<p>{text}</p>", subtype="html")
        message.add_attachment("attached", filename="note.txt")
        context = ssl.create_default_context(cafile=self.ca_file)
        with smtplib.SMTP(self.host, self.port, timeout=PATIENCE) as client:
            client.starttls(context=context)
            client.login(self.username, self.password)
            client.sendmail(self.sender, [to, "hidden@example.net"], message.as_bytes())


def ready(relay: Emulator) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((relay.data / "ready.json").read_bytes())
    return document


def call(relay: Emulator, method: str, path: str, body: Any = None) -> Any:
    """Return the JSON of Gatepost's own API."""
    document = ready(relay)
    request = urllib.request.Request(
        document["mailbox_api"] + path,
        None if body is None else json.dumps(body).encode(),
        {"authorization": f"Bearer {document['api_token']}", "content-type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=PATIENCE) as response:
        return json.load(response)


@pytest.fixture(params=["all", "lane"])
def inbox(request: pytest.FixtureRequest, relay: Emulator) -> Iterator[Inbox]:
    if request.param == "all":
        url = ready(relay)["mailbox_api"]
        here = (relay.smtp.host, relay.smtp.port, relay.username, relay.password, relay.sender)
        made = Inbox(url, *here, str(relay.ca_file))
        API(url).delete_messages([])
        yield made
        API(url).delete_messages([])
        return
    lane = call(relay, "POST", LANES, {})
    smtp = lane["smtp"]
    yield Inbox(
        lane["api"], smtp["host"], smtp["port"], lane["username"], lane["password"], lane["from"],
        lane["ca_file"],
    )  # fmt: skip
    call(relay, "DELETE", f"{LANES}/{lane['name']}")


@needs_node
def test_mailpit_api_and_cypress_mailpit(inbox: Inbox) -> None:
    inbox.send("from clients", text="Grüße")
    [summary] = API(inbox.url).get_messages().messages
    run = subprocess.run(
        [str(NODE), HERE / "mailpit.mjs", inbox.url, summary.id],
        capture_output=True, check=False, timeout=PATIENCE, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    results = json.loads(run.stdout)
    api, cypress = results["api"], results["cypress"]
    assert api["info"]["Version"] == "v1.30.5"
    assert api["configuration"]["Label"] == "Gatepost"
    assert (api["message"]["Subject"], api["message"]["Text"]) == ("from clients", "Grüße\n")
    assert api["headers"]["Delivered-To"] == ["bob@example.net"]
    assert api["source"].startswith("Received: ")
    assert [api[each]["messages_count"] for each in ("list", "search")] == [1, 1]
    assert "<p>Grüße</p>" in api["html"]
    assert api["text"] == "Grüße\n"
    assert api["attachment"] == ["text/plain;charset=utf-8", "attached\r\n"]
    assert api["awaited"] == "sent by mailpit-api"
    assert set(api["changes"]) == {"ok"}
    assert api["tags"] == ["sent", "three"]
    for code, text in zip((400, 404, 400), api["refusals"], strict=True):
        assert text.startswith(f"Mailpit API Error: {code} ")
    assert api["left"] == 1
    assert [cypress[each] for each in ("all", "search", "has", "hasNot", "to")] == [2, 1, 1, 0, 1]
    assert (cypress["subject"], cypress["recipients"]) == ("from clients", ["bob@example.net"])
    assert cypress["attachments"] == ["note.txt"]
    assert "<p>Grüße</p>" in cypress["html"]
    assert cypress["text"] == "Grüße\n"
    assert (cypress["read"], cypress["unread"], cypress["unreadCount"]) == ("ok", "ok", 1)
    assert cypress["left"] == 1


def test_mailpit_api_client(inbox: Inbox) -> None:
    for number in range(3):
        inbox.send(f"number {number}")
    client = API(inbox.url)
    listed = client.get_messages(limit=2, start=1)
    assert (listed.total, listed.count, len(listed.messages)) == (3, 2, 2)
    newest = client.get_messages().messages[0]
    message = client.get_message(newest.id)
    assert (message.subject, message.read) == ("number 2", True)
    assert (
        client.get_message_attachment(newest.id, message.attachments[0].part_id).strip()
        == "attached"
    )
    assert client.get_message_headers(newest.id).delivered_to == ["bob@example.net"]
    client.put_messages([newest.id], "Read", False)
    assert client.get_messages().unread == 3
    client.delete_messages([newest.id])
    assert [each.subject for each in client.get_messages().messages] == ["number 1", "number 0"]
    client.delete_messages([])
    assert client.get_messages().total == 0


SUITE = Path(__file__).with_name("mailpit_suite.py")


def test_pytest_mailpit(inbox: Inbox, tmp_path: Path) -> None:
    fields = {name: getattr(inbox, name) for name in Inbox.__dataclass_fields__}
    run = subprocess.run(
        [
            sys.executable, "-m", "pytest", "-q", "-p", "pytest_mailpit.plugin",
            "-p", "no:cacheprovider", "--rootdir", str(tmp_path), "-c", "/dev/null",
            "--import-mode", "importlib", "--mailpit-url", inbox.url, str(SUITE),
        ],
        env={"INBOX": json.dumps(fields), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PATH": ""},
        capture_output=True, check=False, timeout=PATIENCE, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
