"""Every error of the service, and the order of the checks."""

# ruff: noqa: E501  # a table

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from gatepost.model.profile import ApiRules, Profile, StrictLimits
from gatepost.policy.client_limits import ClientCounts, ClientLimits, LocalClientCounter
from gatepost.rest.site import MessageLimits
from tests.unit.directory.azure.world import (
    DOMAIN,
    DOMAIN_NAME,
    NOW,
    PASSWORD,
    SERVICE,
    entries,
)
from tests.unit.rest.arm.asking import DAMAGED
from tests.unit.rest.email.calling import (
    OTHER_KEY,
    PRIMARY,
    SECONDARY,
    SENDER,
    VERSION,
    DataPlane,
    document,
    signed,
)
from tests.unit.rest.in_process import Answered

DENIED = (401, "Denied", "Denied by the resource provider.")
UNAUTHORIZED = (
    401,
    "Unauthorized",
    "The request has no credentials: an Authorization header is required.",
)
NOT_LINKED = (404, "DomainNotLinked", "The specified sender domain has not been linked.")
BAD_ADDRESS = (400, "BadRequest", "Invalid format for email address")
INVALID_SENDER = (
    "Invalid email sender username: 'x'. Please use a username from the list of valid usernames "
    "configured by your admin."
)
OPERATION = "8540c0de-899f-5cce-acb5-3ec493af3800"


def see(path: str) -> tuple[int, str, str]:
    return 400, "BadRequest", f"Request body validation error. See property '{path}'"


def attachment(**changes: Any) -> dict[str, Any]:
    return {"name": "a.txt", "contentType": "text/plain", "contentInBase64": "aGk="} | changes


def to(*addresses: Any) -> dict[str, Any]:
    return {"to": [{"address": each} for each in addresses]}


# fmt: off
DOCUMENTS: dict[str, tuple[dict[str, Any], tuple[int, str, str]]] = {
    "another domain": ({"senderAddress": "a@elsewhere.example"}, NOT_LINKED),
    "another resource's domain": ({"senderAddress": "sales@contoso.com"}, NOT_LINKED),
    "sender not registered": ({"senderAddress": f"x@{DOMAIN_NAME}"}, (400, "InvalidSenderUserName", INVALID_SENDER)),
    "no sender": ({"senderAddress": ""}, see("senderAddress")),
    "a domain for a sender": ({"senderAddress": DOMAIN_NAME}, see("senderAddress")),
    "a sender with a name": ({"senderAddress": f"Me <{SENDER}>"}, see("senderAddress")),
    "an address without @": ({"recipients": to("nope")}, BAD_ADDRESS),
    "an address with a name": ({"recipients": to("A <a@example.net>")}, BAD_ADDRESS),
    "an address with a line end": ({"recipients": to("a@example.net\r\nBcc: b@example.net")}, BAD_ADDRESS),
    "an address that is not ASCII": ({"recipients": to("ü@example.net")}, BAD_ADDRESS),
    "a local part of 65 octets": ({"recipients": to(f"{'a' * 65}@example.net")}, BAD_ADDRESS),
    "a label of 64 octets": ({"recipients": to(f"a@{'b' * 64}.example")}, BAD_ADDRESS),
    "an address of 255 octets": ({"recipients": to("a@" + "b." * 122 + "example.n")}, BAD_ADDRESS),
    "a bad copy": ({"recipients": to("a@example.net") | {"cc": [{"address": "b@"}]}}, BAD_ADDRESS),
    "a bad blind copy": ({"recipients": to("a@example.net") | {"bcc": [{"address": "b@"}]}}, BAD_ADDRESS),
    "a bad reply address": ({"replyTo": [{"address": "x y"}]}, BAD_ADDRESS),
    "no recipients": ({"recipients": {}}, see("recipients.to")),
    "an empty list of recipients": ({"recipients": {"to": []}}, see("recipients.to")),
    "three empty lists": ({"recipients": {"to": [], "cc": [], "bcc": None}}, see("recipients.to")),
    "a name that is null": ({"recipients": {"to": [{"address": "a@example.net", "displayName": None}]}},
                            see("recipients.to[0].displayName")),
    "a line end in a name": ({"recipients": {"to": [{"address": "a@example.net", "displayName": "a\r\nb"}]}},
                             see("recipients.to[0].displayName")),
    "51 recipients": ({"recipients": to(*[f"a{n}@example.net" for n in range(51)])},
                      (400, "BadRequest", "The message has 51 recipients, 50 are allowed.")),
    "no content": ({"content": None}, see("content")),
    "no subject": ({"content": {"plainText": "x"}}, see("content.subject")),
    "a subject that is a number": ({"content": {"subject": 1, "html": "x"}}, see("content.subject")),
    "a line end in the subject": ({"content": {"subject": "a\r\nBcc: b@c.d", "html": "x"}}, see("content.subject")),
    "neither text nor HTML": ({"content": {"subject": "x"}}, see("content")),
    "empty text": ({"content": {"subject": "x", "plainText": "", "html": None}}, see("content")),
    "an attachment without a name": ({"attachments": [attachment(name="")]}, see("attachments[0].name")),
    "a line end in a file name": ({"attachments": [attachment(name="a\nb")]}, see("attachments[0].name")),
    "a type that is not allowed": ({"attachments": [attachment(), attachment(contentType="application/x-msdownload")]},
                                   see("attachments[1].contentType")),
    "a type that is an extension": ({"attachments": [attachment(contentType="txt")]}, see("attachments[0].contentType")),
    "a line end in a type": ({"attachments": [attachment(contentType="text/plain\r\nX: y")]},
                             see("attachments[0].contentType")),
    "content that is not Base64": ({"attachments": [attachment(contentInBase64="?")]},
                                  see("attachments[0].contentInBase64")),
    "no content of an attachment": ({"attachments": [{"name": "a", "contentType": "text/plain"}]},
                                    see("attachments[0].contentInBase64")),
    "a content id with a line end": ({"attachments": [attachment(contentId="a\r\nb")]}, see("attachments[0].contentId")),
    "a content id twice": ({"attachments": [attachment(contentId="i"), attachment(contentId="<i>")]},
                           (400, "BadRequest", "Duplicate content id 'i' in the attachments.")),
    "a Message-ID that is none": ({"headers": {"Message-ID": "x", "x-ms-acsemail-validate-message-id": "true"}},
                                  (400, "BadRequest", "The Message-ID header is invalid or a duplicate.")),
    "a reserved header": ({"headers": {"From": "x@example.org"}}, see("headers")),
    "a header with a line end": ({"headers": {"X-A": "b\r\nBcc: c@d.e"}}, see("headers")),
    "a header that is not a string": ({"headers": {"X-A": 1}}, see("headers")),
    "a header whose name is none": ({"headers": {"X A": "b"}}, see("headers")),
    "a header twice": ({"headers": {"X-A": "b", "x-a": "c"}}, see("headers")),
    "a flag that is none": ({"userEngagementTrackingDisabled": "yes"}, see("userEngagementTrackingDisabled")),
}
# fmt: on


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_that_may_not_be_sent(name: str) -> None:
    changes, refusal = DOCUMENTS[name]
    plane = DataPlane()
    assert plane.send(document(**changes)).error == refusal
    assert plane.count() == 0
    assert plane.reports[-1][0] == "refused"


BODIES = [
    (b"", "The request body is not valid JSON."),
    (b"{", "The request body is not valid JSON."),
    (b"\xff\xfe", "The request body is not valid JSON."),
    (b'{"senderAddress": "\\ud800"', "The request body is not valid JSON."),
    (b"[]", "Request body validation error."),
    (b"null", "Request body validation error."),
    (b"[" * 200_000, "Request body validation error."),
    (b'{"x":' * 100_000, "The request body is not valid JSON."),
]


@pytest.mark.parametrize(("body", "message"), BODIES, ids=range(len(BODIES)))
def test_a_body_that_is_no_document(body: bytes, message: str) -> None:
    answer = DataPlane().send(body, headers={})
    if not body:  # the harness's default is a document
        answer = DataPlane().call(
            "POST", "/emails:send", b"", key=KEY, headers={"content-type": "application/json"}
        )
    assert answer.error == (400, "BadRequest", message)


KEY = base64.b64encode(bytes((1,)) * 64).decode()
WRONG = base64.b64encode(b"wrong" * 13).decode()


def without_credentials(plane: DataPlane) -> Answered:
    return plane.send(key="")


def wrong_key(plane: DataPlane) -> Answered:
    return plane.send(key=WRONG)


def key_of_a_resource_that_takes_none(plane: DataPlane) -> Answered:
    plane.change(SERVICE, local_auth=False)
    return plane.send()


def key_that_was_replaced(plane: DataPlane) -> Answered:
    plane.send()
    plane.change(SERVICE, primary_key=WRONG.encode())
    return plane.send()


def key_of_another_host(plane: DataPlane) -> Answered:
    return plane.send(key=OTHER_KEY, headers={"host": "acs-demo.communication.localhost:2443"})


def host_of_nobody(plane: DataPlane) -> Answered:
    return plane.send(headers={"host": "nobody.communication.localhost"})


def token_on_the_host_of_nobody(plane: DataPlane) -> Answered:
    return plane.send(token=plane.token(), headers={"host": "nobody.communication.localhost"})


def another_host_than_signed(plane: DataPlane) -> Answered:
    headers = signed(KEY, "POST", f"/emails:send?api-version={VERSION}", b"{}", NOW,
                     {"host": "other.example", "content-type": "application/json"})  # fmt: skip
    return plane.send(b"{}", key="", headers=headers | {"host": "localhost:2443"})


def another_body_than_signed(plane: DataPlane) -> Answered:
    headers = signed(KEY, "POST", f"/emails:send?api-version={VERSION}", b"{}", NOW,
                     {"host": "localhost:2443"})  # fmt: skip
    return plane.send(b"{ }", key="", headers=headers)


def no_hash_signed(plane: DataPlane) -> Answered:
    headers = signed(KEY, "POST", f"/emails:send?api-version={VERSION}", b"{}", NOW,
                     {"host": "localhost:2443", "x-ms-content-sha256": ""})  # fmt: skip
    return plane.send(b"{}", key="", headers=headers)


def another_target_than_signed(plane: DataPlane) -> Answered:
    headers = signed(KEY, "POST", "/emails:send", b"{}", NOW, {"host": "localhost:2443"})
    return plane.send(b"{}", key="", headers=headers)


def signed_too_early(plane: DataPlane) -> Answered:
    return plane.send(headers={"x-ms-date": "Mon, 04 May 2026 11:54:59 GMT"})


def signed_too_late(plane: DataPlane) -> Answered:
    return plane.send(headers={"x-ms-date": "Mon, 04 May 2026 12:05:01 GMT"})


def date_that_is_none(plane: DataPlane) -> Answered:
    return plane.send(headers={"x-ms-date": "yesterday"})


def signature_that_is_none(plane: DataPlane) -> Answered:
    return plane.send(headers={"authorization": "HMAC-SHA256 Signature=x"})


def another_scheme(plane: DataPlane) -> Answered:
    return plane.send(headers={"authorization": "Basic YTpi"})


def token_that_is_none(plane: DataPlane) -> Answered:
    return plane.send(token="x.y.z")


def token_for_another_resource(plane: DataPlane) -> Answered:
    return plane.send(token=plane.token("https://graph.microsoft.com"))


def token_without_the_role(plane: DataPlane) -> Answered:
    import asyncio

    asyncio.run(plane.directory.save([], [entries()["assignment"]]))
    return plane.send(token=plane.token())


def token_on_another_host(plane: DataPlane) -> Answered:
    host = {"host": "acs-other.communication.localhost"}
    return plane.send(token=plane.token(), headers=host)


ACCESS: list[tuple[Callable[[DataPlane], Answered], tuple[int, str, str], str]] = [
    (without_credentials, UNAUTHORIZED, "credentials_missing"),
    (wrong_key, DENIED, "signature_wrong"),
    (key_of_a_resource_that_takes_none, DENIED, "local_auth_disabled"),
    (key_that_was_replaced, DENIED, "signature_wrong"),
    (key_of_another_host, DENIED, "signature_wrong"),
    (host_of_nobody, DENIED, "resource_unknown"),
    (token_on_the_host_of_nobody, DENIED, "resource_unknown"),
    (another_host_than_signed, DENIED, "signature_wrong"),
    (another_body_than_signed, DENIED, "content_changed"),
    (no_hash_signed, DENIED, "content_changed"),
    (another_target_than_signed, DENIED, "signature_wrong"),
    (signed_too_early, DENIED, "clock_skew"),
    (signed_too_late, DENIED, "clock_skew"),
    (date_that_is_none, DENIED, "signature_malformed"),
    (signature_that_is_none, DENIED, "signature_malformed"),
    (another_scheme, DENIED, "scheme_unknown"),
    (token_that_is_none, DENIED, "token_malformed"),
    (token_for_another_resource, DENIED, "token_audience_wrong"),
    (token_without_the_role, DENIED, "role_missing"),
    (token_on_another_host, DENIED, "role_missing"),
]


@pytest.mark.parametrize(
    ("call", "refusal", "reason"), ACCESS, ids=lambda each: str(getattr(each, "__name__", ""))
)
def test_unauthorized_requests(
    call: Callable[[DataPlane], Answered], refusal: tuple[int, str, str], reason: str
) -> None:
    """The client hears one thing, the operator the reason."""
    plane = DataPlane()
    answer = call(plane)
    assert answer.error == refusal
    assert answer.headers["www-authenticate"] == "HMAC-SHA256, Bearer"
    event, facts = plane.reports[-1]
    assert event == "auth_refused"
    assert facts["reason"].startswith(f"{reason}: ")


def test_a_damaged_access_key_affects_no_other_service() -> None:
    plane = DataPlane()
    plane.change(SERVICE, primary_key=DAMAGED)
    assert plane.send(key=SECONDARY).status == 202
    assert plane.send().error == DENIED
    assert plane.reports[-1][1]["reason"].endswith("; a key of acs-demo is damaged")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:2443", 200),
        ("acs-demo.communication.localhost:2443", 200),
        ("ACS-Demo.Communication.localhost", 200),
        ("nobody.communication.localhost:2443", 404),
    ],
)
def test_only_the_host_of_a_resource_is_there(host: str, status: int) -> None:
    """What DNS would say in Azure."""
    answer = DataPlane().call("GET", "/health", query="", headers={"host": host})
    assert answer.status == status


def test_a_role_takes_effect_after_a_while() -> None:
    plane = DataPlane(Profile("acs", strict=StrictLimits(propagation_delay=75.0)))
    token = plane.token()
    assert plane.send(token=token).error == DENIED
    assert plane.reports[-1][1]["reason"].startswith("propagating: ")


VERSIONS = [
    ("", "MissingApiVersionParameter"),
    ("api-version=", "MissingApiVersionParameter"),
    ("api-version=2021-10-01", "UnsupportedApiVersionValue"),
    ("api-version=2021-10-02-preview", "UnsupportedApiVersionValue"),
    ("api-version=2023-03-30", "UnsupportedApiVersionValue"),
    ("api-version=latest", "UnsupportedApiVersionValue"),
    ("api-version=2025-13-01", "UnsupportedApiVersionValue"),
    ("api-version=2099-02-31", "UnsupportedApiVersionValue"),
    ("api-version=2099-02-29-preview", "UnsupportedApiVersionValue"),
    ("api-version=2025-09-01&api-version=2023-03-31", "UnsupportedApiVersionValue"),
]


@pytest.mark.parametrize(("query", "code"), VERSIONS)
def test_a_version_that_is_not_answered(query: str, code: str) -> None:
    plane = DataPlane()
    assert plane.send(query=query).error[:2] == (400, code)
    assert plane.status(OPERATION, query=query).error[:2] == (400, code)


def test_a_secret_in_a_wrong_place_is_in_no_event() -> None:
    plane = DataPlane()
    assert plane.send(query=f"api-version={PASSWORD}").status == 400
    assert plane.status(PASSWORD).status == 404
    assert [facts["reply"].partition(":")[0] for _, facts in plane.reports] == [
        "400 UnsupportedApiVersionValue", "404 OperationNotFound",
    ]  # fmt: skip
    assert PASSWORD not in str(plane.reports)


@pytest.mark.parametrize(
    "version",
    ["2023-01-15-preview", "2023-03-31", "2024-07-01-preview", "2025-01-01-preview",
     "2025-01-15-preview", "2025-09-01", "2025-09-02-preview", "2031-01-01"],
)  # fmt: skip
def test_a_version_that_is_answered(version: str) -> None:
    answer = DataPlane().send(query=f"api-version={version}")
    assert answer.status == 202
    assert answer.headers["operation-location"].endswith(f"?api-version={version}")


@pytest.mark.parametrize("path", ["/Emails:Send", "/EMAILS:SEND"])
def test_the_case_of_a_path_does_not_matter(path: str) -> None:
    plane = DataPlane()
    body = json.dumps(document()).encode()
    headers = {"content-type": "application/json"}
    answered = plane.call("POST", path, body, key=PRIMARY, headers=headers)
    assert answered.status == 202
    id_ = answered.json["id"]
    assert plane.call("GET", f"/Emails/Operations/{id_.upper()}", key=PRIMARY).status == 200
    assert plane.call("POST", "/emails:sent").status == 404


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("pieces", [1, 7])
def test_a_request_that_is_too_large(announced: bool, pieces: int) -> None:
    plane = DataPlane(Profile("acs", api=ApiRules(request_size=1000)))
    body = b"{" + b" " * 1000 + b"}"
    headers = {"content-type": "application/json", "transfer-encoding": "chunked"}
    if announced:
        headers = {"content-type": "application/json", "content-length": str(len(body))}
    query = f"api-version={VERSION}"
    answer = plane.call(
        "POST", "/emails:send", body, key=KEY, query=query, headers=headers, pieces=pieces
    )
    assert answer.error[:2] == (413, "RequestEntityTooLarge")
    assert plane.send(b" " * 1000).error[:2] == (400, "BadRequest"), "that many may be"


def test_a_relays_own_limits_bound_what_the_profile_allows() -> None:
    bounds = MessageLimits(message_size=1000, recipients=2)
    plane = DataPlane(bounds=lambda: bounds)
    people = [{"address": f"a{n}@example.net"} for n in range(3)]
    assert plane.send(document(recipients={"to": people[:2]})).status == 202
    refused = plane.send(document(recipients={"to": people}))
    told = "The message has 3 recipients, 2 are allowed."
    assert refused.error == (400, "BadRequest", told)
    large = document(content={"subject": "x", "plainText": "x" * 1000})
    told = "The message is larger than 1000 bytes, attachments included."
    assert plane.send(large).error == (413, "RequestEntityTooLarge", told)
    assert plane.count() == 1
    bounds = MessageLimits(message_size=10_000, recipients=1000)
    assert plane.send(large).status == 202, "after a reload"
    fifty_one = [{"address": f"a{n}@example.net"} for n in range(51)]
    assert plane.send(document(recipients={"to": fifty_one})).status == 400, "the profile's bound"


def test_refused_credentials_are_answered_later_each_time() -> None:
    limits = ClientLimits(failures=1, first_delay=0.01)
    counts = ClientCounts(limits, lambda: 0.0)
    plane = DataPlane(clients=LocalClientCounter(counts))
    assert plane.send(key="").status == 401
    assert plane.send().status == 202, "who is let in does not wait"
    assert counts.delay("127.0.0.1") == 0.02


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"content-type": "text/plain"}, 415, "UnsupportedMediaType"),
        ({"operation-id": "1"}, 400, "BadRequest"),
        ({"operation-id": ""}, 400, "BadRequest"),
        ({"operation-id": "{8540c0de-899f-5cce-acb5-3ec493af3800}"}, 400, "BadRequest"),
        ({"host": "a b"}, 400, "BadRequest"),
        ({"host": "localhost:abc"}, 400, "BadRequest"),
    ],
)
def test_headers_that_are_refused(headers: dict[str, str], status: int, code: str) -> None:
    assert DataPlane().send(headers=headers).error[:2] == (status, code)


def test_the_rate_window_says_when_to_come_again() -> None:
    strict = StrictLimits(managed_per_minute=2, managed_per_hour=10, custom_per_minute=1)
    plane = DataPlane(Profile("acs", strict=strict))
    assert [plane.send().status for _ in range(2)] == [202, 202]
    plane.seconds = 18.5
    answer = plane.send()
    assert answer.error[:2] == (429, "TooManyRequests")
    assert answer.headers["retry-after"] == "42"
    assert plane.send(document(senderAddress="sales@contoso.com"), key=OTHER_KEY).status == 202
    assert plane.count() == 3


def test_a_request_that_is_repeated_is_not_counted() -> None:
    plane = DataPlane(Profile("acs", strict=StrictLimits(managed_per_minute=1)))
    headers = {"operation-id": OPERATION}
    assert [plane.send(headers=headers).status for _ in range(3)] == [202] * 3


def test_questions_are_counted_where_the_profile_says_so() -> None:
    strict = StrictLimits(managed_status_per_minute=2, managed_status_per_hour=20)
    plane = DataPlane(Profile("acs", strict=strict))
    id_ = plane.send().json["id"]
    assert [plane.status(id_).status for _ in range(2)] == [200, 200]
    answer = plane.status(id_)
    assert answer.error[:2] == (429, "TooManyRequests")
    assert 1 <= int(answer.headers["retry-after"]) <= 60


def test_all_recipients_are_suppressed() -> None:
    """The message is stored in any case: who reads it there reports each recipient."""
    plane = DataPlane()
    plane.suppression.addresses = {"ann@example.net", "bob@example.net"}
    both = {"to": [{"address": "ann@example.net"}], "bcc": [{"address": "bob@example.net"}]}
    id_ = plane.send(document(recipients=both)).json["id"]
    assert plane.status(id_).json["status"] == "Running"
    plane.now = plane.now.replace(second=5)
    assert plane.status(id_).json == {
        "id": id_,
        "status": "Failed",
        "error": {
            "code": "EmailDroppedAllRecipientsSuppressed",
            "message": "Message dropped because all recipients were suppressed",
        },
    }
    assert plane.count() == 1


def test_one_recipient_is_not_suppressed() -> None:
    plane = DataPlane()
    plane.suppression.addresses = {"ann@example.net"}
    id_ = plane.send(document(recipients=to("ann@example.net", "bob@example.net"))).json["id"]
    plane.now = plane.now.replace(second=5)
    assert plane.status(id_).json["status"] == "Succeeded"


def test_the_document_is_looked_at_only_after_the_credentials() -> None:
    """So that an empty document tells a missing role from what else is wrong."""
    plane = DataPlane()
    assert plane.send({"x": 1}, key="").status == 401
    assert plane.send({"x": 1}, key=WRONG).error == DENIED
    assert plane.send({"x": 1}, token=plane.token()).error == see("senderAddress")


@pytest.mark.parametrize("refusal", ["the disk is full"])
def test_a_store_that_takes_nothing(refusal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    from gatepost.errors import QueueFull

    plane = DataPlane()

    def put(*_: object) -> "asyncio.Future[None]":
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.set_exception(QueueFull(refusal))
        return future

    monkeypatch.setattr(plane.store.operations, "put", put)
    answer = plane.send()
    assert answer.error[:2] == (503, "ServiceUnavailable")
    assert answer.headers["retry-after"] == "5"
    assert plane.reports[-1] == (
        "not_stored",
        {"peer": "127.0.0.1", "reply": "503", "reason": refusal},
    )


def test_the_domain_is_asked_for_in_the_directory() -> None:
    plane = DataPlane()
    plane.change(SERVICE, linked_domains=())
    assert plane.send().error == NOT_LINKED
    plane.change(SERVICE, linked_domains=(DOMAIN,))
    assert plane.send().status == 202


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/emails:send", {"POST"}),
        ("DELETE", f"/emails/operations/{OPERATION}", {"GET", "HEAD"}),
        ("PUT", f"/emails/{OPERATION}/status", {"GET", "HEAD"}),
    ],
)
def test_a_method_that_there_is_not(method: str, path: str, allowed: set[str]) -> None:
    answer = DataPlane().call(method, path, key=KEY)
    assert answer.error[:2] == (405, "MethodNotAllowed")
    assert {*answer.headers["allow"].split(", ")} == allowed


@pytest.mark.parametrize("host", ["[", "a b", "localhost:abc", "[::1", "\xff"])
def test_a_host_that_is_none_breaks_nothing(host: str) -> None:
    plane = DataPlane()
    assert plane.call("GET", "/nothing", headers={"host": host}).status == 404
    assert plane.send(token=plane.token(), headers={"host": host}).status == 400
