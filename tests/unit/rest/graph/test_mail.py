"""Microsoft Graph's sendMail: MIME or JSON, with Mail.Send, from mailboxes of the tenant."""

import asyncio
import base64
from dataclasses import replace
from typing import Any, cast

import pytest
from starlette.applications import Starlette

from gatepost.directory.azure.entries import RoleAssignment, ServicePrincipal
from gatepost.directory.azure.roles import permissions_of
from gatepost.errors import QueueError
from gatepost.model.message import Submission
from gatepost.rest import graph
from tests.unit.directory.azure.world import APPLICATION, DOMAIN_NAME, PRINCIPAL, entries
from tests.unit.rest.arm.asking import Management
from tests.unit.rest.in_process import Answered

MAILBOX = f"DoNotReply@{DOMAIN_NAME}"
MIME = f"From: Us <{MAILBOX.lower()}>\r\nTo: ann@example.net\r\nBcc: bob@example.net\r\n\r\nhi\r\n"
MESSAGE = {
    "subject": "Hi",
    "body": {"contentType": "HTML", "content": "<b>hello</b>"},
    "toRecipients": [{"emailAddress": {"address": "ann@example.net", "name": "Ann"}}],
    "bccRecipients": [{"emailAddress": {"address": "bob@example.net"}}],
    "attachments": [
        {
            "@odata.type": "#microsoft.graph.fileAttachment",
            "name": "a.txt",
            "contentBytes": base64.b64encode(b"content").decode(),
        }
    ],
    "internetMessageHeaders": [{"name": "x-mark", "value": "1"}],
}


class Kept:
    """A store that keeps what it is given, or refuses."""

    def __init__(self) -> None:
        self.put_: list[Submission] = []
        self.failure: Exception | None = None

    async def put(self, submission: Submission) -> None:
        if self.failure is not None:
            raise self.failure
        self.put_.append(submission)


class Mail(Management):
    def __init__(self) -> None:
        super().__init__()
        self.store = Kept()
        site = replace(self.site, store=cast("Any", self.store))
        self.application = Starlette(routes=graph.routes(site))

    def send(
        self,
        body: object,
        kind: str = "application/json",
        *,
        mailbox: str = MAILBOX,
        roles: tuple[str, ...] = ("Mail.Send",),
    ) -> Answered:
        principal = self.directory.get(ServicePrincipal, PRINCIPAL)
        assert principal is not None
        token = self.tokens.issue(
            principal, "https://graph.microsoft.com", "https://i", roles=roles
        ).token.reveal()
        headers = {"content-type": f"{kind}; charset=utf-8"}
        path = f"/v1.0/users/{mailbox}/sendMail"
        return self.ask("POST", path, body, version="", token=token, headers=headers)


@pytest.fixture
def api() -> Mail:
    return Mail()


def test_mime(api: Mail) -> None:
    answered = api.send(base64.encodebytes(MIME.encode()), "text/plain")
    assert (answered.status, answered.body) == (202, b"")
    assert answered.headers["request-id"]
    [sent] = api.store.put_
    assert str(sent.envelope.sender) == MAILBOX
    assert [str(each.address) for each in sent.envelope.recipients] == [
        "ann@example.net", "bob@example.net",
    ]  # fmt: skip
    content = b"".join(sent.body.chunks())
    assert b"To: ann@example.net\r\n" in content
    assert b"bob" not in content
    assert sent.principal.startswith(f".{APPLICATION}.")


def test_json(api: Mail) -> None:
    for body in ({"message": MESSAGE}, {"Message": MESSAGE, "SaveToSentItems": "false"}):
        assert api.send(body).status == 202
    sent = api.store.put_[1]
    assert [str(each.address) for each in sent.envelope.recipients] == [
        "ann@example.net", "bob@example.net",
    ]  # fmt: skip
    content = b"".join(sent.body.chunks())
    for each in (b"To: Ann <ann@example.net>", b"Subject: Hi", b"<b>hello</b>", b"x-mark: 1"):
        assert each in content
    assert base64.b64encode(b"content") in content
    assert b"bob" not in content


def changed(**fields: object) -> dict[str, object]:
    return {"message": {**MESSAGE, **fields}}


OTHER = {"emailAddress": {"address": "ceo@example.com"}}
FOREIGN = base64.b64encode(MIME.replace(MAILBOX.lower(), "ceo@example.com").encode())
HIDDEN = [
    f"From: ceo@example.com <{MAILBOX}>\r\n",
    f'From: "ceo@example.com" <{MAILBOX}>\r\n',
    f"From: <ceo@example.com> <{MAILBOX}>\r\n",
    f" From: ceo@example.com\r\nFrom: {MAILBOX}\r\n",
    f"\ufeffFrom: ceo@example.com\nFrom: {MAILBOX}\n",
    "Sender: ceo@example.com\r\n",
]


def hidden(author: str) -> bytes:
    return base64.b64encode(f"{author}To: ann@example.net\r\n\r\nhi\r\n".encode())


NOBODY = [{"emailAddress": {"address": "nobody"}}]
RECEIVED = [{"name": "Received", "value": "x"}]
# fmt: off
REFUSED = [
    (b"{",                                            400, "UnableToDeserializePostBody"),
    ({},                                              400, "UnableToDeserializePostBody"),
    (changed(toRecipients=[], bccRecipients=[]),      400, "ErrorInvalidRecipients"),
    (changed(toRecipients=NOBODY),                    400, "ErrorInvalidRecipients"),
    (changed(**{"from": OTHER}),                      403, "ErrorSendAsDenied"),
    (changed(attachments=[{"name": "a", "contentBytes": "*"}]), 400, "RequestBodyRead"),
    (changed(internetMessageHeaders=RECEIVED),        400, "InvalidInternetMessageHeader"),
]
REFUSED_MIME = [
    (MIME.encode(),                                   400, "ErrorMimeContentInvalidBase64String"),
    (base64.b64encode(b"Subject: x\r\n\r\n"),         400, "ErrorInvalidRecipients"),
    (FOREIGN,                                         403, "ErrorSendAsDenied"),
    *((hidden(each),                                  403, "ErrorSendAsDenied") for each in HIDDEN),
    (b"A" * (4 * 1024 * 1024 + 1),                    413, "RequestEntityTooLarge"),
]
# fmt: on


@pytest.mark.parametrize(
    ("kind", "body", "status", "code"),
    [
        *(("application/json", *each) for each in REFUSED),
        *(("text/plain", *each) for each in REFUSED_MIME),
    ],
)
def test_invalid_requests_are_refused(
    api: Mail, kind: str, body: object, status: int, code: str
) -> None:
    answered = api.send(body, kind)
    assert (answered.status, answered.code) == (status, code)
    assert not api.store.put_


@pytest.mark.parametrize(
    "mailbox", ["nobody@example.com", f"other@{DOMAIN_NAME}", "not-an-address"]
)
def test_a_mailbox_that_is_not_there(api: Mail, mailbox: str) -> None:
    answered = api.send({"message": MESSAGE}, mailbox=mailbox)
    assert (answered.status, answered.code) == (404, "ErrorInvalidUser")


def test_without_the_permission(api: Mail) -> None:
    answered = api.send({"message": MESSAGE}, roles=("User.Read.All",))
    assert (answered.status, answered.code) == (403, "ErrorAccessDenied")


def test_the_permission_follows_from_the_role(api: Mail) -> None:
    actions = api.directory.rules.actions
    assert permissions_of(api.directory.snapshot, PRINCIPAL, actions) == ("Mail.Send",)
    roles = [each for each in entries().values() if isinstance(each, RoleAssignment)]
    asyncio.run(api.directory.save([], roles))
    assert permissions_of(api.directory.snapshot, PRINCIPAL, actions) == ()
    assert api.send({"message": MESSAGE}).code == "ErrorInvalidUser"


def test_a_store_that_does_not_work(api: Mail) -> None:
    api.store.failure = QueueError("the disk is full")
    answered = api.send({"message": MESSAGE})
    assert (answered.status, answered.code) == (503, "ServiceUnavailable")
    assert "disk" not in answered.message
