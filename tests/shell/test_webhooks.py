"""Delivery reports from a running relay to real endpoints, with kills and restarts."""

import asyncio
import json
import smtplib
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from gatepost.app.data_directory import open_events
from gatepost.testing import Emulator
from tests.certificates import make_authority
from tests.shell.webhook_endpoint import Webhook

SETTINGS: dict[str, object] = {"events.retry": [0.05, 0.1], "events.retry_jitter": 0.0}
OPTIONS = ("--https", "127.0.0.1:0", "--http", "127.0.0.1:0")
GUID = "7b6f2a4e-52a5-4a0e-8f0d-0a1b2c3d4e5f"
DEAD = "bounced+{}@outcome.gatepost.test"


def start(data: Path, **more: Any) -> Emulator:
    return Emulator(data=data, settings=SETTINGS, options=OPTIONS, **more)


def ask(data: Path, operation: str, **fields: Any) -> dict[str, Any]:
    """Run an operation as the command line does, with or without a running relay."""

    async def run() -> dict[str, Any]:
        async with open_events(data) as operate:
            return await operate(operation, fields)

    return asyncio.run(run())


def send(relay: Emulator, *to: str, message_id: str = "<1@example.org>") -> str:
    """Send a message; return the id in the server's reply."""
    text = f"From: <{relay.sender}>\r\nMessage-ID: {message_id}\r\nSubject: hi\r\n\r\nhello\r\n"
    with smtplib.SMTP(relay.smtp.host, relay.smtp.port) as client:
        client.starttls(context=ssl.create_default_context(cafile=relay.ca_file))
        client.login(relay.username, relay.password)
        client.mail(relay.sender)
        for each in to:
            client.rcpt(each)
        return client.data(text)[1].decode().rpartition(" ")[2]


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with start(tmp_path_factory.mktemp("relay") / "data") as running:
        yield running


@pytest.fixture
def webhook(relay: Emulator) -> Iterator[Webhook]:
    with Webhook() as endpoint:
        ask(relay.data, "webhook_create", url=endpoint.url, name="hook")
        yield endpoint
        ask(relay.data, "webhook_delete", name="hook")


def test_smtp_mail_is_reported_recipient_by_recipient(relay: Emulator, webhook: Webhook) -> None:
    dead = DEAD.format(1)
    id_ = send(relay, "ann@example.net", dead, message_id="<e73f@listmonk>")
    found = {each["data"]["recipient"]: each for each in webhook.wait(2)}
    event = found["ann@example.net"]
    assert event["topic"] == relay.ready["resource_id"].lower()
    assert event["data"]["internetMessageId"] == "<e73f@listmonk>"
    assert {each["data"]["messageId"] for each in found.values()} == {id_, str(UUID(id_))}
    assert event["subject"] == f"sender/{relay.sender}/message/{id_}"
    assert relay.messages()[0].id == id_
    assert event["data"]["status"] == "Delivered"
    assert found[dead]["data"]["status"] == "Bounced"
    assert {each.path for each in webhook.got} == {"/hook?code=s3cret"}
    send(relay, dead)
    assert webhook.wait(3)[-1]["data"]["status"] == "Suppressed"


def test_mail_of_the_rest_api_is_reported_under_its_operation(
    relay: Emulator, webhook: Webhook
) -> None:
    from azure.communication.email import EmailClient  # type: ignore[attr-defined,unused-ignore]
    from azure.core.credentials import AzureKeyCredential

    key = relay.ready["connection_string"].partition("accesskey=")[2]
    with EmailClient(relay.ready["http"]["url"], AzureKeyCredential(key)) as client:
        poller = client.begin_send(
            {
                "senderAddress": relay.sender,
                "content": {"subject": "hi", "plainText": "hello"},
                "recipients": {"to": [{"address": "ann@example.net"}]},
            },
            polling_interval=0,
        )
        operation = poller.result()["id"]
    [event] = webhook.wait(1)
    assert event["data"]["messageId"] == operation
    assert event["subject"] == f"sender/{relay.sender}/message/{operation}"
    assert event["topic"] == relay.ready["resource_id"].lower()


def test_a_failing_endpoint_gets_it_once_it_is_well(relay: Emulator, webhook: Webhook) -> None:
    webhook.status = 503
    send(relay, "ann@example.net")
    webhook.wait(3)
    assert relay.wait_event("webhook_failed")["reason"] == "HTTP 503"
    assert "s3cret" not in str(relay.events())
    webhook.status = 200
    number = len(webhook.wait(len(webhook.reports) + 1))
    send(relay, "bob@example.net")
    webhook.wait(number + 1)
    assert len({each["id"] for each in webhook.reports}) == 2


def test_a_stalled_endpoint_holds_up_no_other(relay: Emulator, webhook: Webhook) -> None:
    webhook.stalls = threading.Event()
    with Webhook() as other:
        ask(relay.data, "webhook_create", url=other.url, name="other", schema="cloudevents")
        for _ in range(12):
            send(relay, "ann@example.net")
        found = other.wait(12)
        assert {each["specversion"] for each in found} == {"1.0"}
        ask(relay.data, "webhook_delete", name="other")
    assert len(webhook.reports) < 12
    webhook.stalls.set()
    webhook.wait(12)


def test_a_suppression_ends_in_its_time(tmp_path: Path) -> None:
    """Mail within its 24 hours prolongs it to 48; after that it ends (7.1 of ACS)."""
    dead = DEAD.format("lease")
    with start(tmp_path / "data") as relay:
        send(relay, dead)
        relay.advance(timedelta(hours=23))
        send(relay, dead)
        statuses = [each["data"]["status"] for each in wait_for_reports(relay, 2)]
        assert statuses == ["Suppressed", "Bounced"]
        [period] = ask(relay.data, "suppression_list")["suppressed"]
        assert (period["level"], period["address"]) == (1, dead)
        relay.advance(timedelta(hours=47, minutes=59))
        assert len(ask(relay.data, "suppression_list")["suppressed"]) == 1
        relay.advance(timedelta(minutes=2))
        assert ask(relay.data, "suppression_list")["suppressed"] == []
        send(relay, dead)
        assert wait_for_reports(relay, 3)[0]["data"]["status"] == "Bounced"


def wait_for_reports(relay: Emulator, number: int) -> list[dict[str, Any]]:
    """Return the newest reports, once there are so many."""
    deadline = time.monotonic() + 30
    while True:
        found: list[dict[str, Any]] = ask(relay.data, "events_list")["events"]
        if len(found) >= number:
            return found
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_deleted_mail_is_still_reported(relay: Emulator, webhook: Webhook) -> None:
    for _ in range(5):
        send(relay, "ann@example.net")
    relay.clear()
    webhook.wait(5)


def test_a_certificate_must_be_good(relay: Emulator, tmp_path: Path) -> None:
    authority = make_authority(tmp_path)
    with Webhook(tls=authority.issue("127.0.0.1")) as secure:
        with pytest.raises(ValueError, match="certificate"):
            ask(relay.data, "webhook_create", url=secure.url)
        made = ask(relay.data, "webhook_create", url=secure.url, ca_file=authority.ca_file)
        assert made["state"] == "Succeeded"
        send(relay, "ann@example.net")
        secure.wait(1)
        ask(relay.data, "webhook_delete", name=made["name"])


def test_an_endpoint_that_is_not_there_is_refused(relay: Emulator) -> None:
    with Webhook() as gone:
        url = gone.url
    with pytest.raises(ValueError, match="Connection refused") as caught:
        ask(relay.data, "webhook_create", url=url)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_kill_between_commit_and_delivery_loses_nothing(tmp_path: Path, workers: int) -> None:
    """Messages with a 250 are reported after the next start."""
    data = tmp_path / "data"
    with Webhook() as endpoint:
        with start(data, workers=workers) as first:
            ask(data, "webhook_create", url=endpoint.url)
            endpoint.status = 500
            for number in range(6):
                send(first, f"r{number}@example.net")
            first.kill()
        endpoint.status = 200
        endpoint.got.clear()
        with start(data):
            endpoint.wait(6)
        found = [each["data"]["recipient"] for each in endpoint.reports]
        assert sorted(found) == [f"r{number}@example.net" for number in range(6)]


def test_reports_wait_for_a_relay_that_is_stopped(tmp_path: Path) -> None:
    """Rules and webhooks can be made without a relay; reports are sent once it runs again."""
    data = tmp_path / "data"
    with start(data) as first:
        sender_data = first.data
        send(first, DEAD.format("x"))
    with Webhook() as endpoint:
        assert ask(data, "webhook_create", url=endpoint.url)["state"] == "Succeeded"
        ask(data, "outcome_set", target="@example.net", status="Quarantined")
        statuses = [each["status"] for each in ask(sender_data, "events_list")["events"]]
        assert statuses == ["Bounced"]
        with start(data) as second:
            send(second, "ann@example.net")
            [event] = endpoint.wait(1)
    assert event["data"]["status"] == "Quarantined"


# Event Grid's own path.


class Arm:
    """Calls the management API with the administrator's token."""

    def __init__(self, relay: Emulator) -> None:
        self._relay, self.base = relay, relay.ready["arm_url"]
        self._context = ssl.create_default_context(cafile=relay.ca_file)
        admin = relay.ready["admin"]
        form = (
            f"client_id={admin['client_id']}&client_secret={admin['client_secret']}"
            "&grant_type=client_credentials&scope=https%3A%2F%2Fmanagement.azure.com%2F.default"
        )
        told = self._open(
            "POST", f"/{relay.ready['tenant_id']}/oauth2/v2.0/token", form.encode(), {}
        )[1]
        self._token = {"authorization": f"Bearer {told['access_token']}"}

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        octets = json.dumps(body).encode() if body is not None else None
        return self._open(method, f"{path}?api-version=2022-06-15", octets, self._token)

    def _open(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[int, Any]:
        request = urllib.request.Request(self.base + path, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, context=self._context) as answer:
                told = answer.read()
                return answer.status, json.loads(told) if told else None
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read() or b"null")


def body_of(endpoint: Webhook, **more: Any) -> dict[str, Any]:
    where = {"endpointType": "WebHook", "properties": {"endpointUrl": endpoint.url}}
    return {"properties": {"destination": where, **more}}


def test_a_subscription_is_made_over_resource_manager(relay: Emulator) -> None:
    arm = Arm(relay)
    scope = relay.ready["resource_id"]
    path = f"{scope.upper()}/providers/microsoft.eventgrid/EVENTSUBSCRIPTIONS"
    with Webhook() as endpoint:
        status, made = arm.ask("PUT", f"{path}/arm-hook", body_of(endpoint))
        assert (status, made["properties"]["provisioningState"]) == (201, "Succeeded")
        shown = made["properties"]["destination"]["properties"]
        assert shown["endpointBaseUrl"] == f"http://127.0.0.1:{endpoint.port}/hook"
        assert "s3cret" not in str(made)
        assert arm.ask("GET", f"{path}/ARM-HOOK") == (200, made)
        assert arm.ask("GET", path) == (200, {"value": [made]})
        full = arm.ask("POST", f"{path}/arm-hook/getFullUrl")
        assert full == (200, {"endpointUrl": endpoint.url})
        status, changed = arm.ask(
            "PATCH", f"{path}/arm-hook", {"filter": {"subjectBeginsWith": "sender/"}}
        )
        assert (status, changed["properties"]["filter"]["subjectBeginsWith"]) == (201, "sender/")
        send(relay, "ann@example.net")
        endpoint.wait(1)
        assert arm.ask("DELETE", f"{path}/arm-hook")[0] == 200
        assert arm.ask("DELETE", f"{path}/arm-hook")[0] == 204
    status, told = arm.ask("GET", f"{path}/arm-hook")
    assert (status, told["error"]["code"]) == (404, "ResourceNotFound")


@pytest.mark.parametrize(
    ("method", "body", "status", "code"),
    [
        ("PUT", {"properties": {}}, 400, "InvalidRequest"),
        ("PUT", {"properties": {"destination": 7}}, 400, "InvalidRequestContent"),
        ("POST", {}, 405, "MethodNotAllowed"),
        ("PATCH", {}, 404, "ResourceNotFound"),
    ],
)
def test_resource_manager_refuses_bad_subscriptions(
    relay: Emulator, method: str, body: Any, status: int, code: str
) -> None:
    path = f"{relay.ready['resource_id']}/providers/Microsoft.EventGrid/eventSubscriptions/hook-1"
    refused, told = Arm(relay).ask(method, path, body)
    assert (refused, told["error"]["code"]) == (status, code)


def test_an_endpoint_that_does_not_agree_waits_for_its_url(relay: Emulator) -> None:
    arm = Arm(relay)
    path = f"{relay.ready['resource_id']}/providers/Microsoft.EventGrid/eventSubscriptions/later"
    with Webhook(agrees=False) as endpoint:
        status, made = arm.ask("PUT", path, body_of(endpoint))
        assert (status, made["properties"]["provisioningState"]) == (201, "AwaitingManualAction")
        url = endpoint.got[0].events[0]["data"]["validationUrl"]
        context = ssl.create_default_context(cafile=relay.ca_file)
        with urllib.request.urlopen(url, context=context) as answer:
            assert answer.status == 200
        assert arm.ask("GET", path)[1]["properties"]["provisioningState"] == "Succeeded"
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(url, context=context)
        caught.value.close()
        assert arm.ask("DELETE", path)[0] == 200


def test_a_request_without_a_token_is_refused(relay: Emulator) -> None:
    arm = Arm(relay)
    arm._token = {}
    path = f"{relay.ready['resource_id']}/providers/Microsoft.EventGrid/eventSubscriptions"
    status, told = arm.ask("GET", path)
    assert (status, told["error"]["code"]) == (401, "AuthenticationFailed")


# What customers set up over Resource Manager counts for reports.


def managed_domain(arm: Arm, relay: Emulator) -> str:
    told = arm.ask("GET", relay.ready["resource_id"])[1]
    return str(told["properties"]["linkedDomains"][0])


def test_a_customer_s_list_suppresses(relay: Emulator, webhook: Webhook) -> None:
    arm = Arm(relay)
    list_ = f"{managed_domain(arm, relay)}/suppressionLists/{GUID}"
    assert arm.ask("PUT", list_, {"properties": {"listName": ""}})[0] in (200, 201)
    entry = f"{list_}/suppressionListAddresses/{GUID}"
    assert arm.ask("PUT", entry, {"properties": {"email": "Listed@example.net"}})[0] in (200, 201)
    send(relay, "listed@example.net", "free@example.net")
    found = {each["data"]["recipient"]: each["data"]["status"] for each in webhook.wait(2)}
    assert found == {"listed@example.net": "Suppressed", "free@example.net": "Delivered"}
    assert arm.ask("DELETE", list_)[0] == 200
    send(relay, "listed@example.net")
    assert webhook.wait(3)[-1]["data"]["status"] == "Delivered"


def test_an_operation_to_suppressed_recipients_alone_fails_and_is_reported(
    relay: Emulator, webhook: Webhook
) -> None:
    from azure.communication.email import EmailClient  # type: ignore[attr-defined,unused-ignore]
    from azure.core.credentials import AzureKeyCredential
    from azure.core.exceptions import HttpResponseError

    dead = DEAD.format("rest")
    send(relay, dead)
    webhook.wait(1)
    key = relay.ready["connection_string"].partition("accesskey=")[2]
    client = EmailClient(relay.ready["http"]["url"], AzureKeyCredential(key))
    operation = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
    poller = client.begin_send(
        {
            "senderAddress": relay.sender,
            "content": {"subject": "hi", "plainText": "hello"},
            "recipients": {"to": [{"address": dead}]},
        },
        operation_id=operation,
        polling_interval=0,
    )
    with pytest.raises(HttpResponseError) as caught:
        poller.result()
    assert caught.value.error is not None
    assert caught.value.error.code == "EmailDroppedAllRecipientsSuppressed"
    event = webhook.wait(2)[-1]["data"]
    assert (event["messageId"], event["status"]) == (operation, "Suppressed")
    [period] = [
        each
        for each in ask(relay.data, "suppression_list")["suppressed"]
        if each["address"] == dead
    ]
    assert period["level"] == 1, "one send prolongs it once"


def test_engagement_events_are_sent_if_the_domain_tracks_engagement(
    relay: Emulator, webhook: Webhook
) -> None:
    arm = Arm(relay)
    domain = managed_domain(arm, relay)
    body = {"properties": {"userEngagementTracking": "Enabled"}}
    assert arm.ask("PATCH", domain, body)[0] in (200, 201)
    send(relay, "ann@example.net")
    webhook.wait(1)
    click = {"type": "click", "link": "https://example.net/", "recipient": "ann@example.net"}
    ask(relay.data, "events_simulate", message="last", user_agent="test", **click)
    event = webhook.wait(2)[-1]
    assert event["eventType"] == "Microsoft.Communication.EmailEngagementTrackingReportReceived"
    assert event["data"]["engagementContext"] == "https://example.net/"
    assert event["data"]["userAgent"] == "test"
