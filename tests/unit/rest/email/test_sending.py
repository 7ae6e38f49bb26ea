"""Sent messages: accepted once, stored whole, and with a true status."""

import asyncio
import base64
import json
from datetime import timedelta
from typing import Any

import pytest

from gatepost.model.profile import ApiRules, Profile
from tests.unit.directory.azure.world import DOMAIN_NAME, USERNAME
from tests.unit.rest.email.calling import (
    OTHER_KEY,
    PRIMARY,
    SECONDARY,
    SENDER,
    VERSION,
    DataPlane,
    document,
)

OPERATION = "8540c0de-899f-5cce-acb5-3ec493af3800"
PNG = base64.b64encode(bytes(range(256))).decode()


def test_an_operation_runs_and_succeeds() -> None:
    plane = DataPlane(Profile("acs", api=ApiRules(running=1.5)))
    sent = plane.send()
    id_ = sent.json["id"]
    location = f"https://localhost:2443/emails/operations/{id_}?api-version={VERSION}"
    assert sent.status == 202
    assert sent.json == {"id": id_, "status": "Running", "error": None}
    assert (sent.headers["operation-location"], sent.headers["retry-after"]) == (location, "1")
    asked = plane.status(id_)
    assert (asked.status, asked.json["status"], asked.headers["retry-after"]) == (
        200,
        "Running",
        "1",
    )
    plane.now += timedelta(seconds=1.5)
    asked = plane.status(id_.upper())
    assert (asked.status, asked.json) == (200, {"id": id_, "status": "Succeeded", "error": None})
    assert "retry-after" not in asked.headers


def test_the_answer_to_a_request_says_running_even_if_nothing_runs() -> None:
    plane = DataPlane(Profile("acs", api=ApiRules(running=0.0)))
    sent = plane.send()
    assert sent.json["status"] == "Running"
    assert plane.status(sent.json["id"]).json["status"] == "Succeeded"


def test_the_location_has_the_host_that_was_called() -> None:
    """The SDKs sign the next request for the host that they were configured with."""
    host = "acs-demo.communication.localhost:1234"
    sent = DataPlane().send(headers={"host": host})
    assert sent.headers["operation-location"].startswith(f"https://{host}/emails/operations/")


def test_in_clear_as_well() -> None:
    sent = DataPlane(clear=True).send()
    assert sent.headers["operation-location"].startswith("http://localhost:2443/")


@pytest.mark.parametrize("key", [PRIMARY, SECONDARY])
def test_both_keys_sign(key: str) -> None:
    plane = DataPlane()
    id_ = plane.send(key=key).json["id"]
    assert plane.status(id_, key=key).status == 200
    assert plane.reports[-1][1]["principal"] == "acs-demo"


@pytest.mark.parametrize(
    "audience",
    [
        "https://communication.azure.com",
        "https://communication.azure.com/",
        "https://localhost:2443",
    ],
)
def test_a_token_sends(audience: str) -> None:
    plane = DataPlane()
    token = plane.token(audience)
    id_ = plane.send(token=token).json["id"]
    assert plane.status(id_, token=token).status == 200
    assert plane.reports[-1][1]["principal"] == USERNAME


def test_the_message_is_in_the_mailbox_under_the_operations_id() -> None:
    import asyncio

    plane = DataPlane()
    people = {
        "to": [{"address": "ann@example.net"}, {"address": "Ann@Example.NET"}],
        "cc": [{"address": "cc@example.net"}, {"address": "ann@EXAMPLE.net"}],
        "bcc": [{"address": "hidden@example.net"}],
    }
    id_ = plane.send(document(recipients=people)).json["id"]
    stored = asyncio.run(plane.store.get(id_))
    assert stored.mail_from == SENDER
    assert stored.rcpt_to == (
        "ann@example.net", "Ann@Example.NET", "cc@example.net", "hidden@example.net",
    )  # fmt: skip
    assert (stored.subject, stored.message_id) == ("hello", f"<{id_}@{DOMAIN_NAME}>")
    assert (stored.principal, stored.received_at) == ("acs-demo", plane.now)
    trace = asyncio.run(plane.store.trace(id_)).decode()
    assert trace.startswith("Received: from unknown ([127.0.0.1])\r\n\tby localhost with HTTPS id ")
    assert b"hidden" not in plane.content()


def test_an_operation_id_is_used_once() -> None:
    plane = DataPlane()
    headers = {"operation-id": OPERATION.upper()}
    first = plane.send(headers=headers)
    assert first.json["id"] == OPERATION
    plane.now += timedelta(seconds=10)
    again = plane.send(headers=headers)
    assert (again.status, again.json["id"], again.json["status"]) == (202, OPERATION, "Succeeded")
    assert again.headers["operation-location"] == first.headers["operation-location"]
    other = document(content={"subject": "other", "plainText": "x"})
    assert plane.send(other, headers=headers).error[:2] == (409, "Conflict")
    body = document(senderAddress="sales@contoso.com")
    assert plane.send(body, key=OTHER_KEY, headers=headers).error[:2] == (409, "Conflict")
    assert plane.count() == 1


def test_a_repeated_request_needs_its_credentials() -> None:
    plane = DataPlane()
    headers = {"operation-id": OPERATION}
    plane.send(headers=headers)
    assert plane.send(headers=headers, key="").status == 401


def test_an_operation_is_its_resources_own() -> None:
    plane = DataPlane()
    id_ = plane.send().json["id"]
    assert plane.status(id_, key=OTHER_KEY).error[:2] == (404, "OperationNotFound")
    assert plane.status(OPERATION).error[:2] == (404, "OperationNotFound")
    assert plane.status("x").error[:2] == (404, "OperationNotFound")


def test_unknown_properties_are_ignored() -> None:
    body = document(senderDisplayName="x", importance={"a": [1]})
    body["content"]["language"] = "en"
    assert DataPlane().send(body).status == 202


def test_null_equals_an_omitted_property() -> None:
    """The command line of Azure sends it."""
    body = document(
        content={"subject": "s", "plainText": None, "html": "<b>x</b>"},
        recipients={"to": [{"address": "a@example.net"}], "cc": None, "bcc": None},
        attachments=None, replyTo=None, headers=None, userEngagementTrackingDisabled=None,
    )  # fmt: skip
    assert DataPlane().send(body).status == 202


@pytest.mark.parametrize("wished", [True, False, None])
def test_the_wish_not_to_be_tracked_is_kept(wished: bool | None) -> None:
    import asyncio

    plane = DataPlane()
    id_ = plane.send(document(userEngagementTrackingDisabled=wished)).json["id"]
    assert asyncio.run(plane.store.operations.get(id_)).tracking_disabled is bool(wished)


@pytest.mark.parametrize(
    ("asked", "echoed"), [("true", True), ("True", True), ("false", False), ("", False)]
)
def test_the_request_id_comes_back_where_it_is_wanted(asked: str, echoed: bool) -> None:
    plane = DataPlane()
    headers = {"x-ms-client-request-id": "me-1", "x-ms-return-client-request-id": asked}
    for answer in (plane.send(headers=headers), plane.send(headers=headers, key="")):
        assert ("x-ms-client-request-id" in answer.headers) is echoed


@pytest.mark.parametrize("pieces", [1, 2, 50])
def test_a_body_comes_in_pieces(pieces: int) -> None:
    body = json.dumps(document()).encode()
    answer = DataPlane().call(
        "POST", "/emails:send", body, key=PRIMARY, pieces=pieces,
        headers={"content-type": "application/json; charset=utf-8"},
    )  # fmt: skip
    assert answer.status == 202


def attachment(**changes: Any) -> dict[str, Any]:
    return {"name": "a.png", "contentType": "image/png", "contentInBase64": PNG} | changes


def test_texts_and_files_have_their_places() -> None:
    plane = DataPlane()
    files = [
        attachment(contentId="logo"),
        attachment(name="Übersicht, neu.pdf", contentType="application/pdf"),
    ]
    content = {"subject": "Grüße", "plainText": "größer", "html": '<img src="cid:logo">'}
    reply_to = [{"address": "a@contoso.com", "displayName": "Service, Kunden"}]
    answer = plane.send(
        document(content=content, attachments=files, replyTo=reply_to, headers={"X-A": "ü b"})
    )
    assert answer.status == 202
    message = plane.message()
    assert message.get_content_type() == "multipart/mixed"
    body, pdf = message.iter_parts()
    text, related = body.iter_parts()
    html, logo = related.iter_parts()
    kinds = [each.get_content_type() for each in (body, text, related, html, logo, pdf)]
    assert kinds == [
        "multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png",
        "application/pdf",
    ]  # fmt: skip
    assert (text.get_content(), html.get_content()) == ("größer", '<img src="cid:logo">')
    assert (logo["content-id"], logo.get_content_disposition()) == ("<logo>", "inline")
    assert (pdf.get_filename(), pdf.get_content_disposition()) == (
        "Übersicht, neu.pdf",
        "attachment",
    )
    assert logo.get_content() == pdf.get_content() == bytes(range(256))
    assert (message["subject"], message["x-a"]) == ("Grüße", "ü b")
    assert str(message["reply-to"]) == '"Service, Kunden" <a@contoso.com>'
    assert message.defects == []


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ({"plainText": "x"}, "text/plain"),
        ({"html": "x"}, "text/html"),
        ({"plainText": "", "html": "x"}, "text/html"),
        ({"plainText": "x", "html": "y"}, "multipart/alternative"),
    ],
)
def test_no_structure_without_need(content: dict[str, str], kind: str) -> None:
    plane = DataPlane()
    plane.send(document(content={"subject": "s"} | content))
    assert plane.message().get_content_type() == kind


def test_an_image_without_html_is_an_attachment_still() -> None:
    plane = DataPlane()
    plane.send(document(attachments=[attachment(contentId="i")]))
    assert plane.message().get_content_type() == "multipart/mixed"


def test_the_sender_has_the_name_that_the_directory_gives() -> None:
    plane = DataPlane()
    for address in ("sales@contoso.com", "<sales@contoso.com>", "SALES@Contoso.com"):
        assert plane.send(document(senderAddress=address), key=OTHER_KEY).status == 202
        sender = plane.message()["from"].addresses[0]
        assert sender.display_name == "Contoso, Sales"
        assert sender.addr_spec.lower() == "sales@contoso.com"


MESSAGE_ID = "<guid@domain.com>"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (MESSAGE_ID, True),
        ("<202501131823.34067409c4494c2c8b2de03ceb26f173-NVZOA======@microsoft.com>", True),
        ("guid@domain.com", False),
        ("<guid>", False),
        ("<guid.domain>", False),
        ("<guid@domain>", False),
    ],
)
def test_a_message_id_is_kept_when_it_is_one(given: str, kept: bool) -> None:
    """Microsoft Learn, "Adding Reserved Custom headers"; else the service makes one."""
    plane = DataPlane()
    id_ = plane.send(document(headers={"Message-ID": given})).json["id"]
    made = f"<{id_}@{DOMAIN_NAME}>"
    assert plane.message().get_all("message-id") == [given if kept else made]
    validated = {"Message-Id": given, "x-ms-acsemail-validate-message-id": "True"}
    asked = DataPlane().send(document(headers=validated))
    assert asked.status == (202 if kept else 400)


def test_a_message_id_is_used_once() -> None:
    plane = DataPlane()
    assert plane.send(document(headers={"Message-ID": MESSAGE_ID})).status == 202
    id_ = plane.send(document(headers={"Message-ID": MESSAGE_ID})).json["id"]
    assert plane.message()["message-id"] == f"<{id_}@{DOMAIN_NAME}>"
    validated = {"Message-ID": MESSAGE_ID, "x-ms-acsemail-validate-message-id": "true"}
    assert plane.send(document(headers=validated)).status == 400


def test_the_headers_that_steer_are_not_sent() -> None:
    plane = DataPlane()
    bad = attachment(contentType="application/x-msdownload")
    headers = {
        "x-ms-acsemail-suppress-invalid-attachment": "true",
        "X-MS-AcsEmail-Ignore-Duplicate-Content-Id": "TRUE",
        "Importance": "high",
    }
    twice = [attachment(contentId="i"), attachment(contentId="i"), bad]
    assert plane.send(document(attachments=twice, headers=headers)).status == 202
    message = plane.message()
    assert len(list(message.iter_attachments())) == 2
    assert message["importance"] == "high"
    assert [name for name in message if name.lower().startswith("x-ms-acsemail")] == []


def test_fifty_recipients_may_be() -> None:
    fifty = {"to": [{"address": f"a{n}@example.net"} for n in range(50)]}
    assert DataPlane().send(document(recipients=fifty)).status == 202
    more = {"to": [*fifty["to"], {"address": "b@example.net"}]}
    raised = DataPlane(Profile("acs", api=ApiRules(recipients=1000)))
    assert raised.send(document(recipients=more)).status == 202


@pytest.mark.parametrize(
    ("rules", "changes"),
    [
        (ApiRules(attachment_types="any"), {"attachments": [{
            "name": "a.exe", "contentType": "application/x-msdownload", "contentInBase64": "aGk=",
        }]}),
        (ApiRules(reserved_headers="ignore"), {"headers": {"From": "x@example.org", "X-A": "b"}}),
    ],
)  # fmt: skip
def test_a_profile_may_allow_more(rules: ApiRules, changes: dict[str, Any]) -> None:
    """Nobody saw what the service does then, so each is a setting."""
    assert DataPlane().send(document(**changes)).status == 400
    plane = DataPlane(Profile("acs", api=rules))
    assert plane.send(document(**changes)).status == 202
    message = plane.message()
    assert [each.addr_spec for each in message["from"].addresses] == [SENDER]
    assert message["x-a"] == changes.get("headers", {}).get("X-A")
    assert len(list(message.iter_attachments())) == len(changes.get("attachments", []))


def test_an_operation_id_may_stand_for_what_it_was_first_used_for() -> None:
    plane = DataPlane(Profile("acs", api=ApiRules(operation_id_reused="stored")))
    headers = {"operation-id": OPERATION}
    other = document(content={"subject": "other", "plainText": "x"})
    assert [plane.send(each, headers=headers).status for each in (None, other)] == [202, 202]
    assert (plane.count(), plane.message()["subject"]) == (1, "hello")
    theirs = document(senderAddress="sales@contoso.com")
    assert plane.send(theirs, key=OTHER_KEY, headers=headers).error[:2] == (409, "Conflict")


@pytest.mark.parametrize("empty", [{}, {"to": []}, {"to": None}])
@pytest.mark.parametrize("kind", ["cc", "bcc"])
def test_a_message_needs_no_to_recipients(empty: dict[str, Any], kind: str) -> None:
    """As in the session EmailClientTests.sendEmailWithoutToRecipient of azure-sdk-for-java."""
    plane = DataPlane()
    recipients = {**empty, kind: [{"address": "ann@example.net"}]}
    assert plane.send(document(recipients=recipients)).status == 202
    message = plane.message()
    assert (message["to"], message["cc"]) == (None, "ann@example.net" if kind == "cc" else None)


def test_a_large_message_is_stored_whole() -> None:
    plane = DataPlane()
    content = base64.b64encode(bytes(range(256)) * 20_000).decode()
    big = attachment(contentType="application/zip", name="b.zip", contentInBase64=content)
    assert plane.send(document(attachments=[big])).status == 202
    [found] = plane.message().iter_attachments()
    assert found.get_content() == bytes(range(256)) * 20_000
    assert max(map(len, plane.content().split(b"\r\n"))) <= 998


@pytest.mark.parametrize("path", ["/openapi.json"])
def test_the_description_needs_no_credentials(path: str) -> None:
    answer = DataPlane().call("GET", path, query="")
    assert answer.status == 200
    assert set(answer.json["paths"]) == {
        "/emails:send", "/emails/operations/{id}", "/emails/{id}/status",
    }  # fmt: skip


def test_a_request_that_comes_twice_at_once_is_sent_once() -> None:
    plane = DataPlane()
    body = json.dumps(document()).encode()
    answers = plane.call_at_once(4, body, {"operation-id": OPERATION})
    assert [each.status for each in answers] == [202] * 4
    assert {each.json["id"] for each in answers} == {OPERATION}
    assert plane.count() == 1


@pytest.mark.parametrize(
    ("validate", "headers", "statuses", "kept", "sent"),
    [
        # asked to validate, the same operation, what comes of four, kept Message-IDs, messages
        ("true", {}, [202, 400, 400, 400], 1, 1),
        ("false", {}, [202, 202, 202, 202], 1, 4),
        ("true", {"operation-id": OPERATION}, [202, 202, 202, 202], 1, 1),
    ],
)
def test_a_message_id_that_comes_often_at_once_is_used_once(
    validate: str,
    headers: dict[str, str],
    statuses: list[int],
    kept: int,
    sent: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plane = DataPlane()
    operations = type(plane.store.operations)
    ask = operations.has_message_id

    async def slowly(self: Any, message_id: str) -> bool:
        found = await ask(self, message_id)
        await asyncio.sleep(0.01)
        return found

    monkeypatch.setattr(operations, "has_message_id", slowly)
    named = {"Message-ID": MESSAGE_ID, "x-ms-acsemail-validate-message-id": validate}
    body = json.dumps(document(headers=named)).encode()
    answers = plane.call_at_once(4, body, headers)
    assert sorted(each.status for each in answers) == statuses
    assert plane.count() == sent
    ids = [plane.message(each.id)["message-id"] for each in asyncio.run(plane.store.list())]
    assert ids.count(MESSAGE_ID) == kept


def test_mail_that_bounced_a_moment_ago_suppresses_the_next() -> None:
    plane = DataPlane()
    plane.suppression.pending = {"ann@example.net"}
    id_ = plane.send(document(recipients={"to": [{"address": "ann@example.net"}]})).json["id"]
    plane.now += timedelta(seconds=5)
    assert plane.status(id_).json["error"]["code"] == "EmailDroppedAllRecipientsSuppressed"


@pytest.mark.parametrize(
    "address",
    ["a@b", "ann@localhost", f"{'a' * 64}@example.net", f"a@{'b' * 63}.example", "a@[192.0.2.1]"],
)
def test_every_rfc_5321_address_is_accepted(address: str) -> None:
    plane = DataPlane()
    assert plane.send(document(recipients={"to": [{"address": address}]})).status == 202
