"""2021-10-01-preview: its documents, its repeatable requests, its statuses."""

# ruff: noqa: E501  # a table

import base64
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from gatepost.model.profile import ApiRules, Profile
from gatepost.rest.email.preview_2021_10 import ATTACHMENT_TYPES
from tests.unit.rest.email.calling import OTHER_KEY, SENDER, VERSION, DataPlane, document
from tests.unit.rest.in_process import Answered

FIRST = "api-version=2021-10-01-preview"
ID = "8540c0de-899f-5cce-acb5-3ec493af3800"
ID_HEADER, DATE_HEADER = "repeatability-request-id", "repeatability-first-sent"
LOGO = {"name": "logo.png", "attachmentType": "png", "contentBytesBase64": "aGk="}


def first(**changes: Any) -> dict[str, Any]:
    usual = {
        "sender": SENDER,
        "content": {"subject": "hello", "plainText": "a text"},
        "recipients": {"to": [{"email": "ann@example.net"}]},
    }
    return usual | changes


def send(plane: DataPlane, body: object = None, **headers: str | None) -> Answered:
    """Send as the SDKs do; None leaves a header out."""
    usual: dict[str, str | None] = {
        ID_HEADER: ID, DATE_HEADER: format_datetime(plane.now, usegmt=True),
    }  # fmt: skip
    given = usual | {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {name: value for name, value in given.items() if value is not None}
    return plane.send(body or first(), query=FIRST, headers=sent)


def status(plane: DataPlane, id_: str = ID, **more: Any) -> Answered:
    return plane.call("GET", f"/emails/{id_}/status", query=FIRST, **{"key": KEY} | more)


KEY = base64.b64encode(bytes((1,)) * 64).decode()


def test_a_message_is_queued_and_goes_out() -> None:
    plane = DataPlane(Profile("acs", api=ApiRules(running=1.0)))
    sent = send(plane)
    assert (sent.status, sent.body) == (202, b"")
    assert sent.headers["repeatability-result"] == "accepted"
    assert sent.headers["x-ms-request-id"] == ID
    assert sent.headers["retry-after"] == "1"
    assert (
        sent.headers["operation-location"] == f"https://localhost:2443/emails/{ID}/status?{FIRST}"
    )
    asked = status(plane, ID.upper())
    assert (asked.json, asked.headers["retry-after"]) == (
        {"messageId": ID, "status": "Queued"},
        "1",
    )
    plane.now += timedelta(seconds=1)
    asked = status(plane)
    assert asked.json == {"messageId": ID, "status": "OutForDelivery"}
    assert "retry-after" not in asked.headers
    later = plane.status(ID)
    assert later.json["status"] == "Succeeded", "one message, whatever the version that asks"


def test_a_message_to_suppressed_recipients_is_dropped() -> None:
    plane = DataPlane()
    plane.suppression.addresses = {"ann@example.net"}
    send(plane)
    plane.now += timedelta(seconds=5)
    assert status(plane).json == {"messageId": ID, "status": "Dropped"}


@pytest.mark.parametrize("cc", ["CC", "cC"])
def test_the_whole_document_arrives(cc: str) -> None:
    """``CC`` is what Python and .NET send, ``cC`` JavaScript."""
    plane = DataPlane()
    body = first(
        content={"subject": "Grüße", "plainText": "größer", "html": "<b>größer</b>"},
        recipients={
            "to": [{"email": "ann@example.net", "displayName": "Ann Ö"}],
            cc: [{"email": "cc@example.net"}],
            "bCC": [{"email": "hidden@example.net"}],
        },
        importance="high",
        replyTo=[{"email": "answers@example.net", "displayName": "Answers"}],
        headers=[{"name": "ClientCorrelationId", "value": "123"}],
        attachments=[LOGO],
        disableUserEngagementTracking=True,
    )
    assert send(plane, body).status == 202
    message = plane.message()
    assert message["subject"] == "Grüße"
    assert message["to"].addresses[0].display_name == "Ann Ö"
    assert (message["cc"], message["reply-to"]) == (
        "cc@example.net",
        "Answers <answers@example.net>",
    )
    assert (message["clientcorrelationid"], message["importance"]) == ("123", "high")
    assert b"hidden" not in plane.content()
    [logo] = message.iter_attachments()
    assert (logo.get_filename(), logo.get_content_type()) == ("logo.png", "image/png")
    [accepted] = [facts for event, facts in plane.reports if event == "accepted"]
    assert accepted["rcpt_to"] == ["ann@example.net", "cc@example.net", "hidden@example.net"]


@pytest.mark.parametrize("kind", sorted(ATTACHMENT_TYPES))
def test_every_type_of_attachment_is_sent(kind: str) -> None:
    assert send(DataPlane(), first(attachments=[LOGO | {"attachmentType": kind}])).status == 202


def see(path: str) -> tuple[int, str, str]:
    return 400, "BadRequest", f"Request body validation error. See property '{path}'"


# fmt: off
DOCUMENTS: list[tuple[dict[str, Any], tuple[int, str, str]]] = [
    ({"sender": "a@elsewhere.example"}, (404, "DomainNotLinked", "The specified sender domain has not been linked.")),
    ({"sender": ""}, see("sender")),
    ({"recipients": {"to": []}}, see("recipients.to")),
    ({"recipients": {"to": [{"address": "ann@example.net"}]}}, see("recipients.to[0].email")),
    ({"recipients": {"to": [{"email": "nope"}]}}, (400, "BadRequest", "Invalid format for email address")),
    ({"recipients": {"to": [{"email": "a@b"}], "CC": [{"email": "a@b", "displayName": "a\nb"}]}}, see("recipients.CC[0].displayName")),
    ({"recipients": {"to": [{"email": "a@b"}], "bCC": [{"email": "a@b", "displayName": "a\nb"}]}}, see("recipients.bCC[0].displayName")),
    ({"content": {"subject": "x"}}, see("content")),
    ({"importance": "urgent"}, see("importance")),
    ({"headers": {"X-A": "b"}}, see("headers")),
    ({"headers": [{"name": "X-A"}]}, see("headers[0].value")),
    ({"headers": [{"name": "X-A", "value": "b"}] * 2}, see("headers")),
    ({"importance": "low", "headers": [{"name": "importance", "value": "high"}]}, see("headers")),
    ({"attachments": [LOGO, LOGO | {"attachmentType": "exe"}]}, see("attachments[1].attachmentType")),
    ({"attachments": [LOGO | {"attachmentType": "zip"}]}, see("attachments[0].attachmentType")),
    ({"attachments": [LOGO | {"contentBytesBase64": "?"}]}, see("attachments[0].contentBytesBase64")),
    ({"disableUserEngagementTracking": "no"}, see("disableUserEngagementTracking")),
]
# fmt: on


@pytest.mark.parametrize(("changes", "refusal"), DOCUMENTS)
def test_a_document_that_may_not_be_sent(
    changes: dict[str, Any], refusal: tuple[int, str, str]
) -> None:
    """The properties have the names that they have in this version."""
    plane = DataPlane()
    assert send(plane, first(**changes)).error == refusal
    assert plane.count() == 0


def test_an_attachment_that_may_not_be_sent_is_left_out_where_that_is_asked_for() -> None:
    plane = DataPlane()
    asked = [{"name": "x-ms-acsemail-suppress-invalid-attachment", "value": "true"}]
    body = first(headers=asked, attachments=[LOGO, LOGO | {"attachmentType": "exe"}])
    assert send(plane, body).status == 202
    assert [each.get_filename() for each in plane.message().iter_attachments()] == ["logo.png"]


NO_ID = "The Repeatability-Request-Id header is missing or not a GUID."
NO_DATE = "The Repeatability-First-Sent header is missing or not an IMF-fixdate."
TOO_OLD = "The Repeatability-First-Sent header is not within the 5 minute window."
# fmt: off
HEADERS = [
    # Microsoft Learn, "Repeatable requests"; it is 12:00 on Monday, 4 May 2026
    (ID,       None,                               400, "BadRequest",         NO_DATE),
    (ID,       "2026-05-04T12:00:00Z",             400, "BadRequest",         NO_DATE),
    (ID,       "Mon, 04 Mai 2026 12:00:00 GMT",    400, "BadRequest",         NO_DATE),
    (ID,       "Mon, 31 Feb 2026 12:00:00 GMT",    400, "BadRequest",         NO_DATE),
    (None,     "Mon, 04 May 2026 12:00:00 GMT",    400, "BadRequest",         NO_ID),
    ("my-1",   "Mon, 04 May 2026 12:00:00 GMT",    400, "BadRequest",         NO_ID),
    ("my-1",   "today",                            400, "BadRequest",         NO_ID),
    (ID,       "Mon, 04 May 2026 11:54:59 GMT",    412, "PreconditionFailed", TOO_OLD),
    (ID,       "Mon, 04 May 2026 12:05:01 GMT",    412, "PreconditionFailed", TOO_OLD),
]
# fmt: on


@pytest.mark.parametrize(("id_", "date", "status_", "code", "message"), HEADERS)
def test_a_request_that_is_not_repeatable(
    id_: str | None, date: str | None, status_: int, code: str, message: str
) -> None:
    plane = DataPlane()
    answer = send(plane, **{ID_HEADER: id_, DATE_HEADER: date})
    assert answer.error == (status_, code, message)
    assert answer.headers["repeatability-result"] == "rejected"
    assert plane.count() == 0


@pytest.mark.parametrize("date", ["11:55:00", "12:05:00"])
def test_a_request_of_the_last_minutes_is_taken(date: str) -> None:
    answer = send(DataPlane(), **{DATE_HEADER: f"Mon, 04 May 2026 {date} GMT"})
    assert answer.status == 202


def test_a_request_that_is_repeated_is_sent_once() -> None:
    plane = DataPlane()
    for id_ in (ID, ID.upper(), ID):
        answer = send(plane, **{ID_HEADER: id_})
        assert (answer.status, answer.headers["x-ms-request-id"]) == (202, ID)
        assert answer.headers["repeatability-result"] == "accepted"
    other = send(plane, first(content={"subject": "other", "plainText": "x"}))
    assert other.error[:2] == (400, "BadRequest")
    assert other.headers["repeatability-result"] == "rejected"
    assert plane.count() == 1


def test_credentials_come_first() -> None:
    plane = DataPlane()
    answer = plane.send(first(), key="", query=FIRST)
    assert answer.error[:2] == (401, "Unauthorized")
    send(plane)
    assert status(plane, key=OTHER_KEY).error[:2] == (404, "OperationNotFound")
    assert status(plane, key="").status == 401


@pytest.mark.parametrize("version", [VERSION, "2023-03-31", "2031-01-01", ""])
def test_a_path_is_one_versions_own(version: str) -> None:
    plane = DataPlane()
    send(plane)
    answer = plane.call("GET", f"/emails/{ID}/status", query=f"api-version={version}", key=KEY)
    assert answer.status == 400
    answer = plane.status(ID, query=FIRST)
    assert answer.error[:2] == (400, "UnsupportedApiVersionValue")
    assert "2021" not in answer.error[2].partition(". The supported")[2]


def test_a_document_is_one_versions_own() -> None:
    plane = DataPlane()
    assert send(plane, document(recipients={"to": []})).error == see("sender")
    assert plane.send(first(recipients={"to": []})).error == see("senderAddress")
