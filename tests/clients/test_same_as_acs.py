"""Unchanged programs get the same results and events from ``up``, which imitates ACS, and from a
relay with two providers in its place: recipients inside go to High Volume Email, others to SES.

Microsoft's e-mail SDKs for Python and JavaScript, with access keys and with tokens of
azure-identity; Python's smtplib; and Go's net/smtp with the authenticator that Go programs have.
What a provider says of a delivery is its own, so only that differs.
"""

import base64
import json
import os
import re
import smtplib
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any
from uuid import uuid4

import pytest
from azure.communication.email import EmailClient
from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential

from tests.clients.leaving import (
    APP_MAIL,
    INSIDE,
    LOGIN,
    LONG,
    OUTSIDE,
    SUPPRESSED,
    Exit,
    leaving,
    run,
    write,
)
from tests.clients.node.packages import HERE, NODE, needs_node
from tests.shell.serve_process import wait_for
from tests.shell.webhook_endpoint import Webhook

pytestmark = pytest.mark.compliance

MIB = 1024 * 1024
WRONG_KEY = base64.b64encode(b"wrong" * 13).decode()
GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
DOMAIN = APP_MAIL.partition("@")[2]
GONE = f"gone@{DOMAIN}"
UNKNOWN = "550 5.1.1 User unknown"
Result = dict[str, Any]


@dataclass
class Server:
    """What applications send to: ACS, or what is in its place."""

    exit: Exit
    api: str
    """The URL of the e-mail API."""
    smtp: int
    """Port."""
    ca_file: str
    webhook: Webhook

    @property
    def key(self) -> str:
        """The access key, which stays."""
        return str(self.exit.old.ready["connection_string"]).partition("accesskey=")[2]

    def connect(self) -> smtplib.SMTP:
        """Return a client that has a TLS connection."""
        client = smtplib.SMTP("localhost", self.smtp, timeout=LONG)
        client.starttls(context=ssl.create_default_context(cafile=self.ca_file))
        client.ehlo()
        return client

    def events_of(self, message: str, number: int) -> list[Result]:
        """Wait for the events of a message by its id or Message-ID, and return them without what
        differs from message to message, and without a provider's own words."""

        def found() -> list[Result]:
            return [
                each for each in self.webhook.reports
                if message in (each["data"]["messageId"], each["data"]["internetMessageId"])
            ]  # fmt: skip

        wait_for(lambda: len(found()) >= number)
        return sorted(map(_comparable, found()), key=lambda each: str(each["data"]["recipient"]))


def _comparable(event: Result) -> Result:
    data = dict(event["data"])
    details = dict(data.pop("deliveryStatusDetails"))
    if data["status"] == "Delivered":
        assert details.pop("statusMessage").startswith("250 2.")
    if data["status"] != "Suppressed":  # whom nobody was asked about
        assert details.pop("recipientMailServerHostName")
    times = data.pop("deliveryAttemptTimestamp"), event["eventTime"]
    assert all(each.startswith("20") for each in times)
    rest = {**event, "data": {**data, "deliveryStatusDetails": details}}
    del rest["eventTime"]
    result: Result = json.loads(GUID.sub("GUID", json.dumps(rest)))
    result["topic"] = event["topic"]
    return result


@dataclass
class Both:
    """The old server and the new one."""

    old: Server
    new: Server

    def same(self, act: Callable[[Server], Result]) -> Result:
        """Do the same at both; return the result, which is the same."""
        before, after = act(self.old), act(self.new)
        assert after == before
        return after


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    home = tmp_path_factory.mktemp("same")
    with ExitStack() as stack:
        exit_ = stack.enter_context(leaving(home))
        hooks = [stack.enter_context(Webhook()) for _ in range(2)]
        for hook, data in zip(hooks, (exit_.old.data, exit_.relay.data), strict=True):
            run(home, "webhook", "create", hook.url, "--data", str(data))
        run(home, "outcome", "set", GONE, "--code", UNKNOWN, "--data", str(exit_.old.data))
        rule = f"rcpt recipient={GONE} -> reply {UNKNOWN}"
        run(home, "failure", "add", rule, "--data", str(exit_.hve.data))
        authorities = (exit_.old.ca_file, exit_.relay.authority.ca_file)
        trusted = write(home / "both", "".join([Path(each).read_text() for each in authorities]))
        port = exit_.relay.ready["api"].rpartition(":")[2]
        old = str(exit_.old.ready["https"]["url"]), exit_.old.smtp.port
        new = f"https://localhost:{port}", exit_.relay.listener("submission")["port"]
        yield Both(Server(exit_, *old, trusted, hooks[0]), Server(exit_, *new, trusted, hooks[1]))


def mail(**changes: Any) -> dict[str, Any]:
    """Return a message for an SDK, to recipients inside and outside."""
    usual = {
        "senderAddress": APP_MAIL,
        "content": {"subject": "Grüße", "plainText": "a text", "html": "<b>größer</b>"},
        "recipients": {"to": [{"address": INSIDE}], "bcc": [{"address": OUTSIDE}]},
        "attachments": [
            {"name": "a.txt", "contentType": "text/plain", "contentInBase64": "aGVsbG8="}
        ],
    }
    return usual | changes


# The clients: each sends a message under an id, and returns what it is told.


def by_python(server: Server, body: dict[str, Any], operation: str, key: str = "") -> Result:
    connection = f"endpoint={server.api}/;accesskey={key or server.key}"
    with EmailClient.from_connection_string(
        connection, connection_verify=server.ca_file, retry_total=0
    ) as client:
        return result_of(client, body, operation)


def result_of(client: EmailClient, body: dict[str, Any], operation: str) -> Result:
    try:
        return {"result": client.begin_send(body, operation_id=operation).result(LONG)}
    except HttpResponseError as error:
        cause: Any = error.error
        return {
            "error": type(error).__name__,
            "status": error.status_code,
            "code": cause.code,
            "message": cause.message,
        }


def by_token(server: Server, body: dict[str, Any], operation: str, _: str = "") -> Result:
    ready = server.exit.old.ready
    credential = ClientSecretCredential(
        ready["tenant_id"], ready["client_id"], ready["client_secret"],
        authority=ready["authority"], disable_instance_discovery=True,
        connection_verify=server.ca_file,
    )  # fmt: skip
    with (
        credential,
        EmailClient(
            server.api, credential, connection_verify=server.ca_file, retry_total=0
        ) as client,
    ):
        return result_of(client, body, operation)


def by_node(server: Server, body: dict[str, Any], operation: str, key: str = "") -> Result:
    connection = f"endpoint={server.api}/;accesskey={key or server.key}"
    order = {"connectionString": connection, "message": body, "options": {"operationId": operation}}
    return node(server, order)


def by_node_with_token(server: Server, body: dict[str, Any], operation: str, _: str = "") -> Result:
    ready = server.exit.old.ready
    application = {
        "tenant": ready["tenant_id"], "id": ready["client_id"], "secret": ready["client_secret"],
        "authorityHost": ready["authority"],
    }  # fmt: skip
    return node(
        server,
        {
            "endpoint": server.api,
            "application": application,
            "message": body,
            "options": {"operationId": operation},
        },
    )


def node(server: Server, order: dict[str, Any]) -> Result:
    with TemporaryFile() as file:  # Node.js does not wait for a pipe
        file.write(json.dumps(order).encode())
        file.seek(0)
        done = subprocess.run(
            [str(NODE), str(HERE / "email.mjs")], stdin=file, stdout=subprocess.PIPE, check=True,
            timeout=LONG, env=os.environ | {"NODE_EXTRA_CA_CERTS": server.ca_file},
        )  # fmt: skip
    result: Result = json.loads(done.stdout)
    result.pop("seconds", None)
    return result


SENDS = {
    "python": by_python,
    "python, token": by_token,
    "node": by_node,
    "node, token": by_node_with_token,
}
LARGE = {
    "name": "a.txt", "contentType": "text/plain",
    "contentInBase64": base64.b64encode(bytes(8 * MIB)).decode(),
}  # fmt: skip
REFUSED: dict[str, dict[str, Any]] = {
    "a sender of others": {"senderAddress": "a@elsewhere.example"},
    "a sender that is not registered": {"senderAddress": f"slugger@{DOMAIN}"},
    "no address": {"recipients": {"to": [{"address": "nope"}]}},
    "suppressed": {"recipients": {"to": [{"address": SUPPRESSED}]}},
    "too many": {"recipients": {"to": [{"address": f"{n}@example.net"} for n in range(51)]}},
    "too large": {"attachments": [LARGE]},
}
CODES = {
    "a sender of others": "DomainNotLinked",
    "a sender that is not registered": "InvalidSenderUserName",
    "no address": "BadRequest",
    "suppressed": "EmailDroppedAllRecipientsSuppressed",
    "too many": "BadRequest",
    "too large": "RequestEntityTooLarge",
}


@needs_node
@pytest.mark.node
@pytest.mark.parametrize("name", SENDS)
def test_a_message_succeeds_under_its_id_and_is_reported(both: Both, name: str) -> None:
    id_ = str(uuid4())
    told = both.same(lambda server: SENDS[name](server, mail(), id_))
    assert told == {"result": {"id": id_, "status": "Succeeded", **told_error(told)}}
    events = both.same(lambda server: {"events": server.events_of(id_, 2)})["events"]
    assert [(each["data"]["recipient"], each["data"]["status"]) for each in events] == [
        (INSIDE, "Delivered"),
        (OUTSIDE, "Delivered"),
    ]
    assert events[0]["topic"].endswith("/microsoft.communication/communicationservices/gatepost")


def told_error(told: Result) -> Result:
    """Return the property without a value that one SDK shows."""
    return {"error": None} if "error" in told["result"] else {}


@needs_node
@pytest.mark.node
@pytest.mark.parametrize("name", ["python", "node"])
@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal_has_the_same_code_and_text(both: Both, name: str, case: str) -> None:
    told = both.same(lambda server: SENDS[name](server, mail(**REFUSED[case]), str(uuid4())))
    assert CODES[case] in str(told) or case == "suppressed"  # JavaScript shows its text only


@needs_node
@pytest.mark.node
@pytest.mark.parametrize("send", [by_python, by_node])
def test_a_wrong_key_is_denied_alike(both: Both, send: Callable[..., Result]) -> None:
    told = both.same(lambda server: send(server, mail(), str(uuid4()), WRONG_KEY))
    assert "Denied" in str(told)


def test_some_suppressed_recipients_are_reported_alike(both: Both) -> None:
    some = {"to": [{"address": SUPPRESSED}, {"address": OUTSIDE}]}
    id_ = str(uuid4())
    told = both.same(lambda server: by_python(server, mail(recipients=some), id_))
    assert told["result"]["status"] == "Succeeded"
    events = both.same(lambda server: {"events": server.events_of(id_, 2)})["events"]
    assert [each["data"]["status"] for each in events] == ["Delivered", "Suppressed"]


def replies(server: Server, act: Callable[[smtplib.SMTP], Iterator[Any]]) -> Result:
    """Return what a client is told that has signed in, in clear text."""
    with closing(server.connect()) as client:
        client.login(server.exit.old.username, server.exit.old.password)
        try:
            told = [*act(client)]
        except smtplib.SMTPResponseException as error:
            told = [error.smtp_code, error.smtp_error]
    return {"replies": told}


def text(sender: str = APP_MAIL, message_id: str = "<1@app.example>", more: str = "") -> bytes:
    head = f"From: <{sender}>\r\nTo: <{INSIDE}>\r\nMessage-ID: {message_id}\r\nSubject: hi"
    return f"{head}\r\n\r\nhello\r\n{more}".encode()


def test_logins_are_refused_alike(both: Both) -> None:
    def act(server: Server) -> Result:
        told = []
        for username in (server.exit.old.username, LOGIN, "nobody"):
            with closing(server.connect()) as client:
                with pytest.raises(smtplib.SMTPAuthenticationError) as caught:
                    client.login(username, "wrong")
                told.append((caught.value.smtp_code, caught.value.smtp_error))
        with closing(server.connect()) as client:
            told.append(client.mail(APP_MAIL))
        return {"replies": told}

    told = both.same(act)["replies"]
    assert told[0] == (535, b"5.7.3 Authentication unsuccessful")


@pytest.mark.parametrize(
    "sender", ["a@elsewhere.example", f"slugger@{DOMAIN}"], ids=["domain", "local part"]
)
def test_senders_are_refused_alike_over_smtp(both: Both, sender: str) -> None:
    def in_the_envelope(client: smtplib.SMTP) -> Iterator[Any]:
        yield client.mail(sender)

    def in_the_header(client: smtplib.SMTP) -> Iterator[Any]:
        yield client.mail(APP_MAIL)
        yield client.rcpt(INSIDE)
        yield client.data(text(sender))

    for act in (in_the_envelope, in_the_header):
        [*_, last] = both.same(lambda server, act=act: replies(server, act))["replies"]  # type: ignore[misc]
        assert last[0] in (501, 550)


def test_limits_are_the_same_over_smtp(both: Both) -> None:
    def too_large(client: smtplib.SMTP) -> Iterator[Any]:
        yield client.docmd("MAIL", f"FROM:<{APP_MAIL}> SIZE={31 * MIB}")

    def too_much(client: smtplib.SMTP) -> Iterator[Any]:
        yield client.mail(APP_MAIL)
        yield client.rcpt(INSIDE)
        yield client.data(text(more=("x" * 998 + "\r\n") * 32 * 1024))

    def too_many(client: smtplib.SMTP) -> Iterator[Any]:
        yield client.mail(APP_MAIL)
        for number in range(52):
            yield client.rcpt(f"{number}@example.net")

    codes = [
        both.same(lambda server, act=act: replies(server, act))["replies"][-1]  # type: ignore[misc]
        for act in (too_large, too_much, too_many)
    ]
    assert codes == [
        (552, b"5.3.4 Message size exceeds fixed maximum message size"),
        (552, b"5.3.4 Message size exceeds fixed maximum message size"),
        (452, b"4.5.3 Too many recipients"),
    ]


def test_mail_over_smtp_is_reported_alike(both: Both) -> None:
    """One is delivered, one bounces, one gets nothing."""
    message_id = f"<{uuid4()}@app.example>"

    def send(client: smtplib.SMTP) -> Iterator[Any]:
        yield client.mail(APP_MAIL)
        for each in (OUTSIDE, GONE, SUPPRESSED):
            yield client.rcpt(each)
        code, reply = client.data(text(message_id=message_id))
        yield code, reply.partition(b" as ")[0]

    assert both.same(lambda server: replies(server, send))["replies"][-1][0] == 250
    events = both.same(lambda server: {"events": server.events_of(message_id, 3)})["events"]
    statuses = {each["data"]["recipient"]: each["data"]["status"] for each in events}
    assert statuses == {OUTSIDE: "Delivered", GONE: "Bounced", SUPPRESSED: "Suppressed"}


def test_the_program_in_go_sends_and_is_reported_alike(both: Both, go_program: Path) -> None:
    message_id = f"<{uuid4()}@app.example>"

    def send(server: Server) -> Result:
        done = subprocess.run(
            [go_program, "-auth", "login", "-username", server.exit.old.username,
             "-server", f"localhost:{server.smtp}", "-ca-file", server.ca_file,
             "-from", APP_MAIL, "-to", OUTSIDE],
            input=text(message_id=message_id), capture_output=True, check=False, timeout=LONG,
            env=os.environ | {"SMTP_PASSWORD": server.exit.old.password},
        )  # fmt: skip
        return {"status": done.returncode, "error": done.stderr}

    assert both.same(send) == {"status": 0, "error": b""}
    events = both.same(lambda server: {"events": server.events_of(message_id, 1)})["events"]
    assert [each["data"]["status"] for each in events] == ["Delivered"]
