"""Events of Amazon SES in a queue of Amazon SQS: reported once, over kills, then deleted.

Amazon is imitated by its documents.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import make_authority
from tests.shell.http_server import Asked, HttpServer, Told
from tests.shell.next_hop import NextHop
from tests.shell.reporting_relay import ReportingRelay, reporting
from tests.shell.serve_process import wait_for
from tests.shell.webhook_endpoint import Webhook
from tests.unit.feedback.test_queue_reader import enveloped

UNKNOWN = "550 5.1.1 User unknown"
PATH = "/123456789012/mail-events"
SIGNED = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"
REFUSED = "UnrecognizedClientException"
INVALID = "The security token included in the request is invalid."
TOKEN = "IQoJb3JpZ2luX2VjEXAMPLE"


class Queue:
    """Plays SQS: what is not deleted is received again."""

    def __init__(self) -> None:
        self.messages: dict[str, str] = {}
        self.receives = 0
        self.may_delete = threading.Event()
        self.may_delete.set()

    def answer(self, asked: Asked) -> Told:
        members = json.loads(asked.body)
        assert members["QueueUrl"].endswith(PATH)
        proof = asked.headers["authorization"]
        if not proof.startswith(SIGNED) or "/eu-west-1/sqs/aws4_request" not in proof:
            return _told({"__type": f"com.amazon.coral.service#{REFUSED}", "message": INVALID}, 403)
        assert asked.headers["x-amz-security-token"] == TOKEN
        if asked.headers["x-amz-target"] == "AmazonSQS.DeleteMessageBatch":
            if not self.may_delete.is_set():
                return Told(500, b"{}")
            for each in members["Entries"]:
                self.messages.pop(each["ReceiptHandle"], None)
            return _told({"Successful": [{"Id": each["Id"]} for each in members["Entries"]]})
        assert asked.headers["x-amz-target"] == "AmazonSQS.ReceiveMessage"
        self.receives += 1
        messages = [
            {"MessageId": id_, "ReceiptHandle": id_, "Body": body}
            for id_, body in list(self.messages.items())[: members["MaxNumberOfMessages"]]
        ]
        return _told({"Messages": messages} if messages else {})


def _told(document: Any, status: int = 200) -> Told:
    return Told(status, json.dumps(document).encode())


def bounce(recipient: str, id_: str) -> str:
    return json.dumps({"eventType": "Bounce", "mail": {"messageId": id_}, "bounce": {
        "bounceType": "Permanent", "bounceSubType": "General", "bouncedRecipients": [
            {"emailAddress": recipient, "diagnosticCode": f"smtp; {UNKNOWN}"}]}})  # fmt: skip


def config(hop: NextHop, api: str, key_id: str = "AKIDEXAMPLE") -> str:
    return f"""[limits]
login_failures = 1000
[credentials.aws]
kind = "aws-access-key"
access_key_id = "{key_id}"
secret_access_key = {{ file = "key" }}
session_token = {{ file = "token" }}
{hop.target}
[[route]]
to = "out"
retry = "quick"
[events.provider.ses]
provider = "ses"
targets = ["out"]
queue = "{api}{PATH}"
region = "eu-west-1"
credential = "aws"
"""


@contextmanager
def relaying(home: Path, text: str) -> Iterator[ReportingRelay]:
    with reporting(home, f"[events]\n{text}", top='ca_file = "api-ca.pem"\n') as relay:
        yield relay


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name, secret in (("key", "wJalrXUtnFEMI/K7MDENG"), ("token", TOKEN)):
        (tmp_path / name).write_text(secret)
        (tmp_path / name).chmod(0o600)
    return tmp_path


def test_events_are_reported_once_and_deleted(home: Path) -> None:
    queue, authority = Queue(), make_authority(home)
    (home / "api-ca.pem").write_bytes(Path(authority.ca_file).read_bytes())
    with (
        NextHop() as hop,
        HttpServer(queue.answer, authority.issue("localhost")) as api,
        Webhook() as subscriber,
    ):
        text = config(hop, api.url)
        with relaying(home, text) as relay:
            relay.serve.ask("webhook", "create", subscriber.url, "--name", "hook")
            assert not relay.serve.ready["events"], "no webhook is accepted"
            sent = [f"gone{number}@example.net" for number in range(2)]
            for each in sent:
                relay.send(each)
            wait_for(lambda: len(hop.mail) == len(sent))
            assert subscriber.reports == [], "only the provider knows"
            ids = {each.rcpt_tos[0]: f"4f1c{number:06}" for number, each in
                   enumerate(hop.mail, 1)}  # fmt: skip
            queue.may_delete.clear()
            queue.messages = {
                "raw": bounce(sent[0], ids[sent[0]]),
                "sns": enveloped(bounce(sent[1], ids[sent[1]])),
                "junk": "this is no event",
            }
            wait_for(lambda: len({each["id"] for each in subscriber.reports}) == len(sent))
            assert relay.serve.wait_event("polling_failed", source="ses")["reason"] == (
                "the queue answered HTTP 500"
            )
            relay.serve.process.kill()
            relay.serve.process.wait()
        (relay.serve.data / "ready.json").unlink()
        queue.may_delete.set()
        with relaying(home, text) as relay:
            wait_for(lambda: list(queue.messages) == ["junk"])
            assert relay.serve.wait_event("feedback_malformed")["count"] == 1
            listed = relay.serve.ask("suppression", "list")["suppressed"]
            assert [each["level"] for each in listed] == [0, 0]
        reported = {each["id"]: each["data"] for each in subscriber.reports}
        assert sorted(each["recipient"] for each in reported.values()) == sent
        assert {each["status"] for each in reported.values()} == {"Bounced"}


def test_the_operator_learns_why_the_queue_is_not_read(home: Path) -> None:
    queue, authority = Queue(), make_authority(home)
    (home / "api-ca.pem").write_bytes(Path(authority.ca_file).read_bytes())
    with NextHop() as hop, HttpServer(queue.answer, authority.issue("localhost")) as api:
        with relaying(home, config(hop, api.url, "AKIDOTHER")) as relay:
            reason = relay.serve.wait_event("polling_failed", source="ses")["reason"]
        assert reason == (f"the queue answered HTTP 403, {REFUSED}: {INVALID}")
