"""What the responses of each provider mean for each recipient."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from gatepost.client.provider_sign_in import HiddenSecrets
from gatepost.config.http_provider_file import read_provider
from gatepost.config.provider_file import shipped_providers
from gatepost.errors import RemoteProtocolError
from gatepost.model.delivery import Verdict
from gatepost.model.http_provider import HttpProvider, ResetHeader
from gatepost.net.http_client import HttpResponse
from gatepost.queue.reply_lessons import Lesson, lesson_of
from gatepost.relay.transport.http_api import ApiRefused
from gatepost.relay.transport.provider_response import judge, value_at

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
SES = "x-amzn-errortype"


def response(
    status: int, document: Any = None, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    body = document if isinstance(document, bytes) else json.dumps(document or {}).encode()
    return HttpResponse(status, headers or {}, body)


def judged(
    provider: str | HttpProvider, given: HttpResponse, people: Sequence[str] = ("b@example.net",)
) -> tuple[Verdict, ...]:
    read = read_provider(provider) if isinstance(provider, str) else provider
    return judge(read, given, people, NOON, HiddenSecrets().redact)


def refusal(provider: str | HttpProvider, given: HttpResponse) -> ApiRefused:
    with pytest.raises(ApiRefused) as caught:
        judged(provider, given)
    return caught.value


def infobip(*states: tuple[str, str, str]) -> HttpResponse:
    messages = [
        {
            "to": to,
            "messageId": f"id-{to}",
            "status": {"groupName": group, "name": name, "description": f"the text of {name}"},
        }
        for to, group, name in states
    ]
    return response(200, {"bulkId": "1", "messages": messages})


def sparkpost(accepted: int, rejected: int) -> HttpResponse:
    counts = {"total_accepted_recipients": accepted, "total_rejected_recipients": rejected}
    return response(200, {"results": {"id": "66", **counts}})


# Successes.


@pytest.mark.parametrize(
    ("provider", "given", "id_"),
    [
        ("ses", response(200, {"MessageId": "0100-a"}), "0100-a"),
        ("mailgun", response(200, {"id": "<1@mg>", "message": "Queued. Thank you."}), "<1@mg>"),
        ("sparkpost", sparkpost(1, 0), "66"),
        ("infobip", infobip(("b@example.net", "PENDING", "PENDING_ACCEPTED")), "id-b@example.net"),
    ],
)
def test_a_success_names_the_id(provider: str, given: HttpResponse, id_: str) -> None:
    [verdict] = judged(provider, given)
    assert (verdict.kind, str(verdict.reply)) == (
        "delivered",
        f"250 2.0.0 HTTP 200 accepted as {id_}",
    )


OTHER_BODIES = [b"Mailgun Magnificent API", b"<html>Welcome</html>", b"", b"{}", b"[]", b'{"a":1}']


@pytest.mark.parametrize("provider", shipped_providers("apis"))
@pytest.mark.parametrize("body", OTHER_BODIES)
def test_a_200_without_an_id_is_no_success(provider: str, body: bytes) -> None:
    error = refusal(provider, response(200, body))
    assert (error.kind, error.phase, error.reply.code) == ("deferred", "auth", 554)
    assert "not a reply of the API" in error.reply.reason


@pytest.mark.parametrize("provider", ["ses", "mailgun"])
def test_of_a_success_that_broke_off_the_status_counts(provider: str) -> None:
    broken = replace(response(200, b'{"Mess'), is_whole=False)
    assert [each.kind for each in judged(provider, broken)] == ["delivered"]


@pytest.mark.parametrize("provider", ["sparkpost", "infobip"])
def test_of_one_that_may_name_rejected_recipients_it_does_not(provider: str) -> None:
    with pytest.raises(RemoteProtocolError, match="perhaps the message was accepted"):
        judged(provider, replace(response(200, b'{"mess'), is_whole=False))


# Recipients that a success rejects.


def test_infobip_says_what_became_of_each_recipient() -> None:
    people = ["a@x.example", "B@x.example", "c@x.example", "d@x.example"]
    verdicts = judged("infobip", infobip(
        ("c@x.example", "REJECTED", "REJECTED_SYSTEM_ERROR"),
        ("b@x.example", "REJECTED", "REJECTED_DESTINATION_BLOCKLISTED"),
        ("a@x.example", "PENDING", "PENDING_ACCEPTED"),
    ), people)  # fmt: skip
    assert [(each.kind, each.reply.code) for each in verdicts] == [
        ("delivered", 250), ("failed", 550), ("deferred", 451), ("deferred", 451),
    ]  # fmt: skip
    assert "the text of REJECTED_DESTINATION_BLOCKLISTED" in verdicts[1].reply.text
    assert "did not say" in verdicts[3].reply.text
    assert all(each.is_remote for each in verdicts[:3])


def test_an_account_without_credits_is_not_about_the_recipient() -> None:
    error = refusal("infobip", infobip(
        ("b@example.net", "REJECTED", "REJECTED_NOT_ENOUGH_CREDITS")
    ))  # fmt: skip
    assert (error.kind, error.phase) == ("deferred", "auth")
    assert "the account may not send this" in error.reply.reason


def test_sparkpost_counts_the_rejected_one() -> None:
    error = refusal("sparkpost", sparkpost(0, 1))
    assert (error.kind, error.reply.code) == ("failed", 550)
    assert "rejected its recipient" in error.reply.text


# Failures.

AGAIN, OPERATOR, PAUSED, BOUNCED = (
    ("deferred", "content"), ("deferred", "auth"), ("deferred", "content"), ("failed", "content"),
)  # fmt: skip


def aws(status: int, code: str, text: str = "") -> HttpResponse:
    return response(status, {"message": text}, {SES: code})


def mailgun(status: int, text: str = "") -> HttpResponse:
    return response(status, {"message": text} if text else b"Forbidden")


def spark(status: int, code: str = "", text: str = "") -> HttpResponse:
    return response(status, {"errors": [{"message": "m", "code": code, "description": text}]})


def bip(status: int, code: str = "E400", text: str = "[to] is wrong") -> HttpResponse:
    return response(
        status, {"errorCode": code, "description": text, "action": "", "violations": []}
    )


FAILURES = [
    ("ses", aws(429, "TooManyRequestsException"), AGAIN, 454, 0),
    ("ses", aws(400, "ThrottlingException", "Maximum sending rate exceeded."), AGAIN, 454, 0),
    ("ses", aws(400, "Throttling", "Maximum sending rate exceeded."), AGAIN, 454, 0),
    ("ses", aws(400, "ThrottlingException", "Daily message quota exceeded."), PAUSED, 451, 3600),
    ("ses", aws(429, "TooManyRequestsException", "Daily message quota exceeded"),
     PAUSED, 451, 3600),
    ("ses", aws(400, "LimitExceededException", "Daily message quota exceeded"), PAUSED, 451, 3600),
    ("ses", aws(400, "LimitExceededException", "x"), OPERATOR, 554, 900),
    ("ses", aws(400, "SendingPausedException", "paused"), OPERATOR, 554, 900),
    ("ses", aws(400, "AccountSuspendedException", "suspended"), OPERATOR, 554, 900),
    ("ses", aws(400, "MessageRejected:http://internal.amazon.com/", "Email address is not "
                "verified."), BOUNCED, 554, 0),
    ("ses", response(400, {"__type": "com.amazonaws.sesv2#MessageRejected", "message": "m"}),
     BOUNCED, 554, 0),
    ("ses", aws(400, "MailFromDomainNotVerifiedException"), BOUNCED, 554, 0),
    ("ses", aws(400, "BadRequestException", "Illegal address"), BOUNCED, 554, 0),
    ("ses", aws(404, "NotFoundException", "Configuration set <x> does not exist."),
     BOUNCED, 554, 0),
    ("ses", aws(403, "SignatureDoesNotMatch"), OPERATOR, 535, 900),
    ("ses", aws(500, "InternalFailure"), AGAIN, 451, 0),
    ("ses", response(503, b"busy"), AGAIN, 451, 0),
    ("mailgun", mailgun(401), OPERATOR, 535, 900),
    ("mailgun", mailgun(404, "Domain not found: mg.example.com"), OPERATOR, 554, 900),
    ("mailgun", mailgun(400, "to parameter is not a valid address"), BOUNCED, 554, 0),
    ("mailgun", mailgun(400), OPERATOR, 554, 900),
    ("mailgun", mailgun(413), BOUNCED, 552, 0),
    ("mailgun", mailgun(429, "slow down"), AGAIN, 454, 0),
    ("mailgun", mailgun(502), AGAIN, 451, 0),
    ("sparkpost", spark(401, "", "Unauthorized."), OPERATOR, 535, 900),
    ("sparkpost", spark(401, "1303"), OPERATOR, 535, 900),
    ("sparkpost", spark(420, "", "Exceed Sending Limit"), PAUSED, 451, 3600),
    ("sparkpost", spark(422, "1300", "invalid data format/type"), BOUNCED, 554, 0),
    ("sparkpost", spark(400, "7001", "Unconfigured Sending Domain"), BOUNCED, 554, 0),
    ("sparkpost", spark(429, "", "Too many requests"), AGAIN, 454, 0),
    ("infobip", bip(400), BOUNCED, 554, 0),
    ("infobip", bip(401, "E401", "Invalid login"), OPERATOR, 535, 900),
    ("infobip", bip(403, "E403", "Forbidden"), OPERATOR, 535, 900),
    ("infobip", bip(429, "E429", "Too many"), AGAIN, 454, 0),
    ("infobip", bip(500, "E500", "General error"), AGAIN, 451, 0),
    ("infobip", response(400, {"requestError": {"serviceException": {
        "messageId": "BAD_REQUEST", "text": "Bad Request"}}}), BOUNCED, 554, 0),
]  # fmt: skip


@pytest.mark.parametrize(("provider", "given", "outcome", "code", "wait"), FAILURES)
def test_a_failure(
    provider: str, given: HttpResponse, outcome: tuple[str, str], code: int, wait: float
) -> None:
    error = refusal(provider, given)
    assert (error.kind, error.phase) == outcome
    assert (error.reply.code, error.retry_after) == (code, wait)
    assert f"HTTP {given.status}" in error.reply.reason


@pytest.mark.parametrize("provider", shipped_providers("apis"))
@pytest.mark.parametrize("status", [301, 302, 404, 405, 415])
def test_another_server_loses_no_mail(provider: str, status: int) -> None:
    error = refusal(provider, response(status, b"<html>nginx</html>"))
    assert (error.kind, error.phase) == ("deferred", "auth")


@pytest.mark.parametrize("provider", shipped_providers("apis"))
def test_retry_after_is_honoured_where_it_is_sent(provider: str) -> None:
    later = response(429, {"message": "m"}, {"retry-after": "7"})
    assert refusal(provider, later).retry_after == 7


@pytest.mark.parametrize(
    ("unit", "value", "wait"),
    [
        ("seconds", "90", 90.0),
        ("epoch", str(int(NOON.timestamp()) + 90), 90.0),
        ("epoch", "0", 0.0),
        ("seconds", "-5", 0.0),
        ("seconds", "soon", 0.0),
        ("seconds", "9" * 15, 86_400.0),
        ("seconds", "9" * 30, 0.0),
    ],
)
def test_the_end_of_a_window_by_a_header(unit: Any, value: str, wait: float) -> None:
    provider = replace(read_provider("mailgun"), reset=ResetHeader("x-reset", unit))
    error = refusal(provider, response(429, {"message": "m"}, {"x-reset": value}))
    assert error.retry_after == wait


def test_throttling_makes_the_target_slower() -> None:
    for provider, given in (
        ("ses", aws(400, "ThrottlingException", "Maximum sending rate exceeded.")),
        ("sparkpost", spark(429)),
    ):
        error = refusal(provider, given)
        assert lesson_of(error.reply, "content") == Lesson("hop", "slower")
    assert lesson_of(refusal("mailgun", mailgun(502)).reply, "content") == Lesson()


def test_the_reason_has_our_words_and_the_providers() -> None:
    quota = refusal("ses", aws(400, "ThrottlingException", "Daily message quota exceeded."))
    assert quota.reply.reason == (
        "HTTP 400 ThrottlingException: the quota of 24 hours is used up, and becomes free again "
        "little by little: Daily message quota exceeded."
    )
    where = refusal("mailgun", mailgun(404, "Domain not found: mg.example.com"))
    assert where.reply.reason == (
        "HTTP 404: there is no such domain in this region; "
        "the API says: Domain not found: mg.example.com"
    )


def test_a_wrong_clock_is_named() -> None:
    date = {"date": "Tue, 24 Nov 2026 12:20:00 GMT", SES: "SignatureDoesNotMatch"}
    error = refusal("ses", response(403, {"message": "Signature expired"}, date))
    assert "our clock is 20 minutes behind the API's" in error.reply.reason


def test_secrets_are_removed_from_what_a_provider_repeats() -> None:
    hidden = HiddenSecrets()
    hidden.add("key-0123456789abcdef")
    provider = read_provider("mailgun")
    for given in (
        mailgun(400, "bad key key-0123456789abcdef"),
        mailgun(400, "x" * 290 + " key-0123456789abcdef"),
        response(200, {"id": "key-0123456789abcdef"}),
        spark(422, "key-0123456789abcdef", "x"),
    ):
        try:
            shown = str(judge(provider, given, ["b@x.example"], NOON, hidden.redact))
        except ApiRefused as error:
            shown = f"{error} {error.reply!r} {error.code}"
        assert "012345" not in shown


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a.b", 1), ("l.0.c", "x"), ("l.1.c", ""), ("l.x", ""), ("a.b.c", ""), ("n", ""),
        ("missing", ""),
    ],
)  # fmt: skip
def test_a_path_that_leads_nowhere_is_empty(path: str, value: Any) -> None:
    assert value_at({"a": {"b": 1}, "l": [{"c": "x"}], "n": None}, path) == value
