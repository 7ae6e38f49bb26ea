"""Microsoft's e-mail SDKs, unchanged, send through a relay and meet its refusals.

azure-communication-email 1.1, blocking and asyncio; 1.0, which many programs pin; and
@azure/communication-email for Node.js.
"""

import asyncio
import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from azure.communication.email import EmailClient
from azure.communication.email.aio import EmailClient as AsyncEmailClient
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.identity import ClientSecretCredential
from azure.identity.aio import ClientSecretCredential as AsyncClientSecretCredential

from gatepost.testing import Emulator
from tests.clients.node.packages import HERE, NODE, needs_node

SDK_1_0 = Path(sys.prefix) / "azure-email-1.0"
SDK_1_0B1 = Path(sys.prefix) / "azure-email-1.0b1"
WEB = ("--https", "127.0.0.1:0", "--http", "127.0.0.1:0")
WRONG_KEY = base64.b64encode(b"wrong" * 13).decode()
INVALID_SENDER = (
    "Invalid email sender username: 'slugger'. Please use a username from the list of "
    "valid usernames configured by your admin."
)
NOT_LINKED = "The specified sender domain has not been linked."
DENIED = "Denied by the resource provider."
SUPPRESSED = "Message dropped because all recipients were suppressed"
BOUNCES = "bounced@outcome.gatepost.test"

Outcome = dict[str, Any]
Attempt = Callable[[Emulator, dict[str, Any], dict[str, Any]], Outcome]


@pytest.fixture(scope="module")
def relay() -> Iterator[Emulator]:
    """Operations end at once here, so that no test waits."""
    with Emulator(options=(*WEB, "--set", "api.running=0")) as relay:
        yield relay


@pytest.fixture(scope="module")
def strict() -> Iterator[Emulator]:
    with Emulator(options=(*WEB, "--set", "api.running=0"), strict=True) as relay:
        for _ in range(5):  # a minute's fill
            try_sync(relay, message(relay), {})
        yield relay


def message(relay: Emulator, **changes: Any) -> dict[str, Any]:
    usual = {
        "senderAddress": relay.sender,
        "content": {"subject": "Grüße", "plainText": "a text", "html": "<b>größer</b>"},
        "recipients": {
            "to": [{"address": "ann@example.net", "displayName": "Ann Ö"}],
            "bcc": [{"address": "hidden@example.net"}],
        },
        "replyTo": [{"address": "answers@example.net"}],
        "headers": {"X-Priority": "1"},
        "attachments": [
            {"name": "a.txt", "contentType": "text/plain", "contentInBase64": "aGVsbG8="}
        ],
    }
    return usual | changes


def client_of(relay: Emulator, **options: Any) -> EmailClient:
    connection_string = options.pop("connection_string", relay.ready["connection_string"])
    return EmailClient.from_connection_string(
        connection_string, connection_verify=relay.ca_file, **options
    )


# What each SDK makes of one message: a result, or an error in the same words.


def try_sync(relay: Emulator, body: dict[str, Any], options: dict[str, Any]) -> Outcome:
    with client_of(relay, retry_total=0, **options) as client:
        try:
            return {"result": client.begin_send(body).result()}
        except HttpResponseError as error:
            return {"error": told(error)}


def told(error: HttpResponseError) -> Outcome:
    assert error.error is not None
    headers: Any = getattr(error.response, "headers", {})
    return {
        "code": error.error.code,
        "status": error.status_code,
        "message": error.error.message,
        "retry_after": headers.get("Retry-After"),
    }


def try_async(relay: Emulator, body: dict[str, Any], options: dict[str, Any]) -> Outcome:
    connection_string = options.get("connection_string", relay.ready["connection_string"])

    async def send() -> Outcome:
        client = AsyncEmailClient.from_connection_string(
            connection_string, connection_verify=relay.ca_file, retry_total=0
        )
        async with client:
            try:
                poller = await client.begin_send(body)
                return {"result": await poller.result()}
            except HttpResponseError as error:
                return {"error": told(error)}

    return asyncio.run(send())


def try_1_0(relay: Emulator, body: dict[str, Any], options: dict[str, Any]) -> Outcome:
    if not SDK_1_0.is_dir():
        pytest.skip("needs azure-email-1.0 in the environment, which `make test` installs")
    order = {"connection_string": relay.ready["connection_string"], "message": body} | options
    environment = os.environ | {"PYTHONPATH": str(SDK_1_0), "REQUESTS_CA_BUNDLE": relay.ca_file}
    command = [sys.executable, str(Path(__file__).with_name("email_1_0.py"))]
    return run(command, order, environment)


def try_node(relay: Emulator, body: dict[str, Any], options: dict[str, Any]) -> Outcome:
    connection_string = options.get("connection_string", relay.ready["connection_string"])
    order = {"connectionString": connection_string, "message": body}
    environment = os.environ | {"NODE_EXTRA_CA_CERTS": relay.ca_file}
    outcome = run([str(NODE), str(HERE / "email.mjs")], order, environment)
    if "error" in outcome:
        outcome["error"]["retry_after"] = outcome["error"].pop("retryAfter")
    return outcome


def run(command: list[str], order: Outcome, environment: dict[str, str]) -> Outcome:
    done = subprocess.run(
        command, input=json.dumps(order).encode(), stdout=subprocess.PIPE, check=True, timeout=60,
        env=environment,
    )  # fmt: skip
    outcome: Outcome = json.loads(done.stdout)
    return outcome


IN_PROCESS = [
    pytest.param(try_sync, id="python-1.1"),
    pytest.param(try_async, id="python-1.1-aio"),
]
NODE_MARKS = [pytest.mark.node, needs_node]
every_sdk = pytest.mark.parametrize(
    "attempt",
    [
        *IN_PROCESS,
        pytest.param(try_1_0, id="python-1.0"),
        pytest.param(try_node, id="node", marks=NODE_MARKS),
    ],
)
every_sdk_in_the_end = pytest.mark.parametrize(
    "attempt",
    [
        *IN_PROCESS,
        pytest.param(try_1_0, id="python-1.0", marks=pytest.mark.compliance),
        pytest.param(try_node, id="node", marks=[*NODE_MARKS, pytest.mark.compliance]),
    ],
)
"""Those that need a process for each message, only in ``make compliance``."""


@every_sdk
def test_a_message_is_sent(relay: Emulator, attempt: Attempt) -> None:
    relay.clear()
    outcome = attempt(relay, message(relay), {})
    assert outcome["result"]["status"] == "Succeeded"
    captured = relay.wait(to="hidden@example.net")
    assert captured.id == outcome["result"]["id"]
    assert (captured.subject, captured.mail_from) == ("Grüße", relay.sender)
    assert captured.rcpt_to == ("ann@example.net", "hidden@example.net")
    mail = captured.parse()
    assert mail["to"].addresses[0].display_name == "Ann Ö"
    assert (str(mail["reply-to"]), mail["x-priority"]) == ("answers@example.net", "1")
    assert b"hidden" not in captured.content
    texts = [mail.get_body((kind,)) for kind in ("plain", "html")]
    assert [each.get_content() for each in texts if each] == ["a text", "<b>größer</b>"]
    [attached] = mail.iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == ("a.txt", "hello")


@every_sdk_in_the_end
@pytest.mark.parametrize(
    ("change", "status", "code", "said"),
    [
        ({"senderAddress": "a@elsewhere.example"}, 404, "DomainNotLinked", NOT_LINKED),
        (
            {"senderAddress": "slugger@{domain}"},
            400,
            "InvalidSenderUserName",
            INVALID_SENDER,
        ),
        (
            {"recipients": {"to": [{"address": "nope"}]}},
            400,
            "BadRequest",
            "Invalid format for email address",
        ),
    ],
)
def test_a_message_is_refused(
    relay: Emulator, attempt: Attempt, change: dict[str, Any], status: int, code: str, said: str
) -> None:
    domain = relay.sender.partition("@")[2]
    if "senderAddress" in change:
        change = {"senderAddress": change["senderAddress"].format(domain=domain)}
    error = attempt(relay, message(relay, **change), {})["error"]
    assert (error["status"], error["code"]) == (status, code)
    assert said in error["message"]


@every_sdk_in_the_end
def test_a_wrong_key_is_denied(relay: Emulator, attempt: Attempt) -> None:
    wrong = f"endpoint={relay.ready['https']['url']}/;accesskey={WRONG_KEY}"
    error = attempt(relay, message(relay), {"connection_string": wrong})["error"]
    assert (error["status"], error["code"]) == (401, "Denied")
    assert DENIED in error["message"]
    assert relay.wait_event("auth_refused")["reason"].startswith("signature_wrong: ")


@every_sdk_in_the_end
def test_requests_over_the_limit_get_a_retry_after(strict: Emulator, attempt: Attempt) -> None:
    error = attempt(strict, message(strict), {})["error"]
    assert (error["status"], error["code"]) == (429, "TooManyRequests")
    assert 1 <= int(error["retry_after"]) <= 60


@every_sdk_in_the_end
def test_an_operation_fails_in_the_end(relay: Emulator, attempt: Attempt) -> None:
    """An address that bounced is on the managed list; the second message to it is dropped."""
    bouncing = message(relay, recipients={"to": [{"address": BOUNCES}]})
    attempt(relay, bouncing, {})
    deadline = time.monotonic() + 20
    while "error" not in (outcome := attempt(relay, bouncing, {})):
        assert time.monotonic() < deadline
    error = outcome["error"]
    if error["code"] is not None:  # that of JavaScript has everything in its message
        assert error["code"] == "EmailDroppedAllRecipientsSuppressed"
    assert SUPPRESSED in error["message"]


def test_errors_that_the_sdk_raises(relay: Emulator) -> None:
    """The classes that programs catch; the status of a failed operation is 200."""
    with client_of(relay) as client:
        with pytest.raises(ResourceNotFoundError) as not_linked:
            client.begin_send(message(relay, senderAddress="a@elsewhere.example"))
        assert not_linked.value.message == (
            f"(DomainNotLinked) {NOT_LINKED}\nCode: DomainNotLinked\nMessage: {NOT_LINKED}"
        )
        id_ = str(uuid4())
        client.begin_send(message(relay), operation_id=id_)
        with pytest.raises(ResourceExistsError):
            client.begin_send(message(relay, replyTo=[]), operation_id=id_)
    wrong = f"endpoint={relay.ready['https']['url']};accesskey={WRONG_KEY}"
    with (
        client_of(relay, connection_string=wrong) as client,
        pytest.raises(ClientAuthenticationError, match=DENIED),
    ):
        client.begin_send(message(relay))


def test_an_operation_id_sends_once(relay: Emulator) -> None:
    relay.clear()
    id_ = str(uuid4())
    with client_of(relay) as client:
        for _ in range(3):
            poller = client.begin_send(message(relay), operation_id=id_)
            assert poller.result()["id"] == id_
    assert relay.count() == 1


def test_the_sdk_of_the_first_version(relay: Emulator) -> None:
    """azure-communication-email 1.0.0b1 speaks 2021-10-01-preview."""
    if not SDK_1_0B1.is_dir():
        pytest.skip("needs azure-email-1.0b1 in the environment, which `make test` installs")
    relay.clear()
    path = os.pathsep.join(map(str, (SDK_1_0B1, SDK_1_0)))
    environment = os.environ | {"PYTHONPATH": path, "REQUESTS_CA_BUNDLE": relay.ca_file}
    command = [sys.executable, str(Path(__file__).with_name("email_1_0b1.py"))]
    order = {"connection_string": relay.ready["connection_string"], "sender": relay.sender}
    outcome = run(command, order, environment)
    captured = relay.wait(to="hidden@example.net")
    assert outcome["sent"] == {"id": captured.id, "status": "OutForDelivery"}
    mail = captured.parse()
    assert (captured.subject, mail["importance"], mail["x-a"]) == ("Grüße", "high", "b")
    assert (str(mail["cc"]), str(mail["reply-to"])) == ("cc@example.net", "answers@example.net")
    [attached] = mail.iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == ("a.txt", "hello")
    assert outcome["refused"] == {"kind": "ResourceNotFoundError", "status": 404}


def test_a_key_in_clear(relay: Emulator) -> None:
    """``EmailClient("http://...", AzureKeyCredential(...))`` needs no certificate."""
    key = relay.ready["connection_string"].partition("accesskey=")[2]
    with EmailClient(relay.ready["http"]["url"], AzureKeyCredential(key)) as client:
        assert client.begin_send(message(relay)).result()["status"] == "Succeeded"


def test_a_resource_has_a_name_of_its_own(relay: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Like ``<resource>.communication.azure.com``; it resolves to this machine."""
    import socket

    resolve = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda _host, *more, **named: resolve("127.0.0.1", *more, **named)
    )
    port = relay.ready["https"]["url"].rpartition(":")[2]
    key = relay.ready["connection_string"].partition("accesskey=")[2]
    host = f"{relay.ready['resource']}.communication.localhost:{port}"
    with client_of(relay, connection_string=f"endpoint=https://{host}/;accesskey={key}") as client:
        assert client.begin_send(message(relay)).result()["status"] == "Succeeded"


def test_a_token_sends(relay: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", relay.ca_file)
    ready = relay.ready
    credential = ClientSecretCredential(
        ready["tenant_id"], ready["client_id"], ready["client_secret"],
        authority=ready["authority"], disable_instance_discovery=True,
    )  # fmt: skip
    with credential, EmailClient(ready["https"]["url"], credential) as client:
        result = client.begin_send(message(relay)).result()
    assert result["status"] == "Succeeded"
    assert relay.messages()[0].principal == relay.username


@pytest.mark.node
@needs_node
def test_a_token_sends_from_node(relay: Emulator) -> None:
    """@azure/identity gets it, @azure/communication-email uses it; ``to`` is empty."""
    ready = relay.ready
    application = {
        "tenant": ready["tenant_id"], "id": ready["client_id"], "secret": ready["client_secret"],
        "authorityHost": ready["authority"],
    }  # fmt: skip
    body = message(relay, recipients={"bcc": [{"address": "node@example.net"}]})
    order = {"endpoint": ready["https"]["url"], "application": application, "message": body}
    environment = os.environ | {"NODE_EXTRA_CA_CERTS": relay.ca_file}
    outcome = run([str(NODE), str(HERE / "email.mjs")], order, environment)
    assert outcome["result"]["status"] == "Succeeded"
    captured = relay.wait(to="node@example.net")
    assert (captured.id, captured.principal) == (outcome["result"]["id"], relay.username)


def test_a_token_sends_in_asyncio(relay: Emulator) -> None:
    ready = relay.ready

    async def send() -> Any:
        credential = AsyncClientSecretCredential(
            ready["tenant_id"], ready["client_id"], ready["client_secret"],
            authority=ready["authority"], connection_verify=relay.ca_file,
        )  # fmt: skip
        client = AsyncEmailClient(
            ready["https"]["url"], credential, connection_verify=relay.ca_file
        )
        async with credential, client:
            poller = await client.begin_send(message(relay))
            return await poller.result()

    assert asyncio.run(send())["status"] == "Succeeded"


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("unchanged") / "data"


def test_polling_asks_once_more_after_a_second(unchanged: Path) -> None:
    """Running at first, with Retry-After: 1; the SDK's own default would be 30 seconds."""
    seen: list[tuple[int, str | None]] = []

    def note(response: Any) -> None:
        http = response.http_response
        seen.append((http.status_code, http.headers.get("Retry-After")))

    id_ = str(uuid4())
    for attempt in ("first", "after a restart"):
        with Emulator(data=unchanged, options=WEB) as relay, client_of(relay) as client:
            body, start = message(relay), time.monotonic()
            poller = client.begin_send(body, operation_id=id_, raw_response_hook=note)
            assert poller.result() == {"id": id_, "status": "Succeeded", "error": None}
            assert time.monotonic() - start < 20
            assert relay.count() == 1, attempt
    assert seen == [(202, "1"), (200, "1"), (200, None), (202, "1")], "the last had succeeded"
