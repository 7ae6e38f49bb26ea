"""What clients of the e-mail API and subscribers learn of mail that is relayed, over kills too."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError

from tests.clients.node.packages import HERE, NODE, needs_node
from tests.shell.next_hop import NextHop
from tests.shell.reporting_relay import (
    KEY,
    ROUTE,
    SENDER,
    TOPIC,
    ReportingRelay,
    message,
    reporting,
)
from tests.shell.serve_process import wait_for
from tests.shell.webhook_endpoint import Webhook

EVENTS = "[events]\n"


@pytest.fixture(scope="module")
def next_hop() -> Iterator[NextHop]:
    with NextHop() as hop:
        yield hop


@pytest.fixture(scope="module")
def relay(next_hop: NextHop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReportingRelay]:
    home = tmp_path_factory.mktemp("relay")
    with reporting(home, next_hop.target + EVENTS + ROUTE) as running:
        yield running


@pytest.fixture
def webhook(relay: ReportingRelay) -> Iterator[Webhook]:
    with Webhook() as endpoint:
        relay.serve.ask("webhook", "create", endpoint.url, "--name", "hook")
        yield endpoint
        relay.serve.ask("webhook", "delete", "hook")


def code_of(error: HttpResponseError) -> str:
    assert error.error is not None
    return str(error.error.code)


def test_an_operation_runs_until_the_next_hop_has_the_message(
    relay: ReportingRelay, next_hop: NextHop
) -> None:
    next_hop.is_open.clear()
    poller = relay.begin("ann@example.net")
    relay.serve.wait_event("message_deferred")
    assert (poller.status(), poller.done()) == ("Running", False)
    next_hop.is_open.set()
    assert poller.result(30)["status"] == "Succeeded"
    assert next_hop.mail[-1].rcpt_tos == ["ann@example.net"]


def test_an_operation_fails_with_the_reply_of_the_next_hop(relay: ReportingRelay) -> None:
    with pytest.raises(HttpResponseError, match=r"550 5\.1\.1 User unknown") as caught:
        relay.begin("unknown@example.net").result(30)
    assert code_of(caught.value) == "EmailDeliveryFailed"


@pytest.mark.node
@needs_node
def test_the_sdk_for_node_sees_the_same(relay: ReportingRelay) -> None:
    def send(to: str) -> dict[str, Any]:
        order = {
            "connectionString": f"endpoint={relay.endpoint}/;accesskey={KEY}",
            "message": message(to),
        }
        done = subprocess.run(
            [str(NODE), str(HERE / "email.mjs")], input=json.dumps(order).encode(),
            stdout=subprocess.PIPE, check=True, timeout=60,
            env=os.environ | {"NODE_EXTRA_CA_CERTS": relay.ca_file},
        )  # fmt: skip
        outcome: dict[str, Any] = json.loads(done.stdout)
        return outcome

    assert send("ann@example.net")["result"]["status"] == "Succeeded"
    assert "550 5.1.1 User unknown" in str(send("unknown+5@example.net")["error"])


def test_an_operation_succeeds_if_one_recipient_gets_the_message(relay: ReportingRelay) -> None:
    assert relay.begin("ann@example.net", "unknown+2@example.net").result(30)["status"] == (
        "Succeeded"
    )


def test_an_operation_id_sends_once(relay: ReportingRelay, next_hop: NextHop) -> None:
    """However many requests come at the same time; with another message it is a conflict."""
    id_ = str(uuid4())

    def send(_: int) -> str:
        return str(relay.begin("ann@example.net", operation=id_).result(30)["id"])

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(send, range(8))) == {id_}
    with pytest.raises(ResourceExistsError):
        relay.begin("bob@example.net", operation=id_)
    contents = [each.content for each in next_hop.mail if isinstance(each.content, bytes)]
    assert len([each for each in contents if id_.encode() in each]) == 1


def test_each_recipient_is_reported_once(relay: ReportingRelay, webhook: Webhook) -> None:
    id_ = relay.send("ann@example.net", "unknown+3@example.net", "blocked@example.net",
                     message_id="<e73f@listmonk>")  # fmt: skip
    found = {each["data"]["recipient"]: each for each in webhook.wait(3)}
    assert {each["data"]["status"] for each in found.values()} == {"Delivered", "Bounced", "Failed"}
    event = found["unknown+3@example.net"]
    assert event["topic"] == TOPIC
    assert event["eventType"] == "Microsoft.Communication.EmailDeliveryReportReceived"
    data = event["data"]
    assert event["subject"] == f"sender/{SENDER}/message/{data['messageId']}"
    assert str(UUID(data["messageId"])) == data["messageId"]
    assert (data["sender"], data["internetMessageId"]) == (SENDER, "<e73f@listmonk>")
    details = data["deliveryStatusDetails"]
    assert (data["status"], details["statusMessage"]) == ("Bounced", "550 5.1.1 User unknown")
    assert details["recipientMailServerHostName"] == "127.0.0.1"
    assert found["blocked@example.net"]["data"]["status"] == "Failed"
    listed = relay.serve.ask("events", "list", "--message", id_)["events"]
    assert len(listed) == 3


def test_mail_of_the_rest_api_is_reported_under_its_operation(
    relay: ReportingRelay, webhook: Webhook
) -> None:
    operation = relay.begin("ann@example.net").result(30)["id"]
    [event] = webhook.wait(1)
    assert event["data"]["messageId"] == operation
    assert event["data"]["status"] == "Delivered"
    assert event["data"]["deliveryStatusDetails"]["statusMessage"].startswith("250 2.0.0 Ok")


def test_an_address_that_bounced_gets_no_more_mail(
    relay: ReportingRelay, webhook: Webhook, next_hop: NextHop
) -> None:
    """REST: the operation fails if nobody is left. SMTP: accepted, and reported, as with ACS."""
    gone = "unknown+4@example.net"
    with pytest.raises(HttpResponseError):
        relay.begin(gone).result(30)
    webhook.wait(1)
    with pytest.raises(HttpResponseError) as caught:
        relay.begin(gone).result(30)
    assert code_of(caught.value) == "EmailDroppedAllRecipientsSuppressed"
    assert relay.begin(gone, "ann@example.net").result(30)["status"] == "Succeeded"
    assert next_hop.mail[-1].rcpt_tos == ["ann@example.net"]
    relay.send(gone)
    statuses = [
        each["data"]["status"] for each in webhook.wait(5) if each["data"]["recipient"] == gone
    ]
    assert statuses == ["Bounced", "Suppressed", "Suppressed", "Suppressed"]
    [listed] = [
        each for each in relay.serve.ask("suppression", "list")["suppressed"]
        if each["address"] == gone
    ]  # fmt: skip
    assert listed["level"] == 3
    relay.serve.ask("suppression", "delete", gone)
    with pytest.raises(HttpResponseError) as caught:
        relay.begin(gone).result(30)
    assert code_of(caught.value) == "EmailDeliveryFailed"


def test_other_routes_report_too(
    relay: ReportingRelay, webhook: Webhook, next_hop: NextHop
) -> None:
    """After a reload another deliverer settles; [events] itself needs a restart."""
    text = next_hop.target.replace('"1s"', '"2s"') + EVENTS + ROUTE
    relay.serve.reloaded(text)
    assert relay.begin("ann@example.net").result(30)["status"] == "Succeeded"
    assert webhook.wait(1)[0]["data"]["status"] == "Delivered"
    relay.serve.reload(text.replace(EVENTS, "[events]\nsuppress = false\n"))
    assert "restart" in relay.serve.wait_event("reload_refused")["reason"]


def test_an_operator_suppresses_addresses(relay: ReportingRelay) -> None:
    old = relay.serve.directory / "old.txt"
    old.write_text("Left@Example.net\n\nleft@example.net\n")
    arguments = ("suppression", "add", "gone@example.net", "--file", str(old))
    assert relay.serve.ask(*arguments) == {"added": 2}
    assert relay.serve.ask(*arguments) == {"added": 0}
    refused = relay.serve.ask("suppression", "add", "no address")
    assert "is not an address" in refused["error"]["message"]
    with pytest.raises(HttpResponseError) as caught:
        relay.begin("left@example.net", "GONE@example.net").result(30)
    assert code_of(caught.value) == "EmailDroppedAllRecipientsSuppressed"
    assert relay.serve.ask("suppression", "delete", "--all")["deleted"] >= 2


@pytest.mark.compliance
def test_a_kill_loses_and_repeats_no_event(tmp_path: Path) -> None:
    """Kills while mail is delivered and reported: each recipient has one report in the end."""
    with NextHop() as hop, Webhook() as endpoint:
        text = hop.target + EVENTS + ROUTE
        operations: dict[str, tuple[str, str]] = {}
        with reporting(tmp_path, text) as relay:
            relay.serve.ask("webhook", "create", endpoint.url, "--name", "hook")
        for kill in range(4):
            with reporting(tmp_path, text) as relay:
                for number in range(20):
                    to = (f"a{kill}.{number}@example.net", f"unknown+{kill}.{number}@example.net")
                    operation = str(uuid4())
                    relay.begin(*to, operation=operation)
                    operations[operation] = to
                relay.serve.process.send_signal(signal.SIGKILL)
                relay.serve.process.wait()
                (relay.serve.data / "ready.json").unlink()
        expected = {(id_, each) for id_, to in operations.items() for each in to}
        with reporting(tmp_path, text) as relay:
            for operation, to in operations.items():
                assert relay.begin(*to, operation=operation).result(30)["id"] == operation
            wait_for(lambda: len({each["id"] for each in endpoint.reports}) >= len(expected))
        events = {each["id"]: each["data"] for each in endpoint.reports}
        assert len(events) == len(expected)
        assert {(each["messageId"], each["recipient"]) for each in events.values()} == expected
        for each in events.values():
            bounced = each["recipient"].startswith("unknown")
            assert each["status"] == ("Bounced" if bounced else "Delivered")
