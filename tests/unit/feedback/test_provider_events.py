"""What each provider's events mean, in the form in which they come."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from gatepost.config.provider_events_file import read_event_provider
from gatepost.config.provider_file import shipped_providers
from gatepost.feedback.provider_events import (
    MOST_TEXT,
    EventBatch,
    ProviderEvent,
    member,
    read_events,
)
from gatepost.feedback.recorder import bounce_in

MARK = "4-7.0.0123456789abcdef"
TO = "ann@example.net"
UNKNOWN = "550 5.1.1 User unknown"


def ses(kind: str, **more: Any) -> dict[str, Any]:
    headers = [{"name": "x-gatepost-delivery", "value": MARK}, {"name": "To", "value": TO}]
    mail = {"messageId": "ses-1", "destination": [TO], "headers": headers}
    return {"eventType": kind, "mail": mail, **more}


def ses_bounce(kind: str, sub: str = "General") -> dict[str, Any]:
    people = [{"emailAddress": TO, "diagnosticCode": f"smtp; {UNKNOWN}"}]
    bounce = {"bounceType": kind, "bounceSubType": sub, "bouncedRecipients": people}
    return ses("Bounce", bounce=bounce)


def sendgrid(event: str, **more: Any) -> list[dict[str, Any]]:
    return [{"email": TO, "event": event, "gatepost": MARK, "timestamp": 1_700_000_000, **more}]


def mailgun(event: str, **more: Any) -> dict[str, Any]:
    data = {"event": event, "recipient": TO, "user-variables": {"gatepost": MARK}, **more}
    return {"signature": {}, "event-data": data}


def mailgun_failed(severity: str, reason: str = "bounce") -> dict[str, Any]:
    status = {"code": 550, "message": UNKNOWN, "mx-host": "mx.example.net"}
    return mailgun("failed", severity=severity, reason=reason, **{"delivery-status": status})


def postmark(kind: str, **more: Any) -> dict[str, Any]:
    address = "Email" if kind in ("Bounce", "SpamComplaint") else "Recipient"
    return {"RecordType": kind, address: TO, "Metadata": {"gatepost": MARK}, **more}


def resend(kind: str, **more: Any) -> dict[str, Any]:
    headers = [{"name": "X-Gatepost-Delivery", "value": MARK}]
    return {"type": kind, "data": {"to": [f"Ann <{TO}>"], "headers": headers, **more}}


def brevo(event: str, **more: Any) -> dict[str, Any]:
    return {"event": event, "email": TO, "X-Mailin-custom": MARK, "ts_epoch": 1_700_000_000_000,
            **more}  # fmt: skip


def sparkpost(kind: str, **more: Any) -> list[dict[str, Any]]:
    event = {"type": kind, "rcpt_to": TO, "rcpt_meta": {"gatepost": MARK}, **more}
    return [{"msys": {"message_event": event}}, {"msys": {}}]


def infobip(state: str, **more: Any) -> dict[str, Any]:
    return {"results": [{"to": TO, "status": {"groupName": state}, "callbackData": MARK, **more}]}


# fmt: off
CASES = [
    ("ses", ses("Delivery", delivery={"recipients": [TO], "smtpResponse": "250 ok"}), "delivered"),
    ("ses", ses_bounce("Permanent"), "bounced"),
    ("ses", ses_bounce("Permanent", "OnAccountSuppressionList"), "suppressed"),
    ("ses", ses_bounce("Transient"), "failed"),
    ("ses", ses("Complaint", complaint={"complainedRecipients": [{"emailAddress": TO}]}),
     "complained"),
    ("ses", ses("Reject", reject={"reason": "Bad content"}), "failed"),
    ("ses", ses("Send"), "nothing"),
    ("ses", ses("DeliveryDelay"), "nothing"),
    ("sendgrid", sendgrid("delivered", response="250 ok"), "delivered"),
    ("sendgrid", sendgrid("bounce", type="bounce", reason=UNKNOWN), "bounced"),
    ("sendgrid", sendgrid("bounce", type="blocked", reason="554 no"), "failed"),
    ("sendgrid", sendgrid("dropped", reason="Bounced Address"), "suppressed"),
    ("sendgrid", sendgrid("spamreport"), "complained"),
    ("sendgrid", sendgrid("deferred"), "nothing"),
    ("mailgun", mailgun("delivered"), "delivered"),
    ("mailgun", mailgun_failed("permanent"), "bounced"),
    ("mailgun", mailgun_failed("permanent", "suppress-bounce"), "suppressed"),
    ("mailgun", mailgun_failed("temporary"), "nothing"),
    ("mailgun", mailgun("complained"), "complained"),
    ("mailgun", mailgun("rejected", reject={"reason": "no"}), "failed"),
    ("postmark", postmark("Delivery", Details="250 ok"), "delivered"),
    ("postmark", postmark("Bounce", Type="HardBounce", Details=UNKNOWN), "bounced"),
    ("postmark", postmark("Bounce", Type="SoftBounce"), "failed"),
    ("postmark", postmark("Bounce", Type="Transient"), "nothing"),
    ("postmark", postmark("Bounce", Type="SpamNotification"), "filtered"),
    ("postmark", postmark("SpamComplaint"), "complained"),
    ("postmark", postmark("Open"), "nothing"),
    ("resend", resend("email.delivered"), "delivered"),
    ("resend", resend("email.bounced", bounce={"message": "gone", "type": "Permanent"}), "bounced"),
    ("resend", resend("email.bounced", bounce={"type": "Transient"}), "failed"),
    ("resend", resend("email.suppressed"), "suppressed"),
    ("resend", resend("email.complained"), "complained"),
    ("resend", resend("email.failed"), "failed"),
    ("resend", resend("email.delivery_delayed"), "nothing"),
    ("brevo", brevo("delivered"), "delivered"),
    ("brevo", brevo("hard_bounce", reason=UNKNOWN), "bounced"),
    ("brevo", brevo("soft_bounce"), "nothing"),
    ("brevo", brevo("blocked"), "suppressed"),
    ("brevo", brevo("spam"), "complained"),
    ("brevo", brevo("error"), "failed"),
    ("sparkpost", sparkpost("delivery"), "delivered"),
    ("sparkpost", sparkpost("bounce", bounce_class="10", raw_reason=UNKNOWN), "bounced"),
    ("sparkpost", sparkpost("bounce", bounce_class="22"), "failed"),
    ("sparkpost", sparkpost("bounce", bounce_class="51"), "filtered"),
    ("sparkpost", sparkpost("policy_rejection"), "filtered"),
    ("sparkpost", sparkpost("spam_complaint"), "complained"),
    ("sparkpost", sparkpost("generation_failure"), "failed"),
    ("sparkpost", sparkpost("delay"), "nothing"),
    ("infobip", infobip("DELIVERED"), "delivered"),
    ("infobip", infobip("UNDELIVERABLE", error={"permanent": True, "description": "gone"}),
     "bounced"),
    ("infobip", infobip("UNDELIVERABLE", error={"permanent": False}), "failed"),
    ("infobip", infobip("EXPIRED"), "failed"),
    ("infobip", infobip("PENDING"), "nothing"),
]
# fmt: on


def read(provider: str, value: Any) -> tuple[ProviderEvent, ...]:
    return read_batch(provider, value).events


def read_batch(provider: str, value: Any) -> EventBatch:
    return read_events(read_event_provider(provider), json.loads(json.dumps(value)))


@pytest.mark.parametrize(("provider", "value", "then"), CASES)
def test_an_event_has_a_meaning_for_a_recipient_of_a_delivery(
    provider: str, value: Any, then: str
) -> None:
    [event] = read(provider, value)
    assert event.then == then
    assert event.delivery == MARK
    assert [address for address, _ in event.recipients] == [TO]


def test_every_provider_that_comes_with_gatepost_is_tried() -> None:
    assert {provider for provider, _, _ in CASES} == set(shipped_providers("events"))


@pytest.mark.parametrize("provider", shipped_providers("events"))
def test_an_unknown_event_has_no_meaning(provider: str) -> None:
    value: dict[str, Any] = {"results": [{}]} if provider == "infobip" else {}
    assert [each.then for each in read(provider, value)] in ([None], [])


def test_reasons_servers_and_times_are_read() -> None:
    [event] = read("mailgun", mailgun_failed("permanent"))
    assert (event.recipients, event.server) == (((TO, UNKNOWN),), "mx.example.net")
    [event] = read("brevo", brevo("delivered"))
    assert event.at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    [event] = read("sendgrid", sendgrid("delivered"))
    assert event.at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    [event] = read("resend", resend("email.delivered") | {"created_at": "2026-11-30T07:00:00Z"})
    assert event.at == datetime(2026, 11, 30, 7, tzinfo=UTC)
    [event] = read("brevo", brevo("delivered", ts_epoch="no time"))
    assert event.at is None


@pytest.mark.parametrize(
    "value", [7, "text", [7], None, {"event-data": 7}, {"event-data": ["x"]}, [[]]]
)
def test_a_body_without_any_event_is_foreign(value: Any) -> None:
    assert read_batch("mailgun", value).is_foreign


# fmt: off
JUNK: list[Any] = [
    7, 1e308, True, None, "text", "x" * 100_000, [], [[]], [{"event": "delivered"}], ["a"] * 1_000,
]
ODD: list[Any] = [
    {}, {"event": None}, {"event": 7, "email": {}}, {"email": [None, 7, {}]}, {"": {"": [{}]}},
    {"type": ["bounce"], "timestamp": "\0"}, {"status": 7, "msys": 7}, {"msys": {"a": 7}},
    {"to": "\0" * 9, "callbackData": "\0"}, {"timestamp": -1e300, "doneAt": float("inf")},
]
# fmt: on


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("odd", JUNK + ODD, ids=lambda each: repr(each)[:20])
@pytest.mark.parametrize("provider", ["sendgrid", "sparkpost", "infobip", "brevo", "postmark"])
def test_a_malformed_member_of_a_list_costs_nothing_around_it(
    provider: str, odd: Any, place: int
) -> None:
    value: Any = next(one for name, one, then in CASES if (name, then) == (provider, "delivered"))
    whole = value.get("results", [value]) if isinstance(value, dict) else value[:1]
    members = [*whole, *whole]
    members.insert(place, odd)
    batch = read_batch(provider, {"results": members} if provider == "infobip" else members)
    about = [each for each in batch.events if each.then is not None]
    assert [(each.then, each.delivery) for each in about] == [("delivered", MARK)] * 2
    assert len(batch.events) + batch.malformed >= (3 if odd in JUNK else 2)
    for each in batch.events:
        texts = [each.kind, each.id, *[text for pair in each.recipients for text in pair]]
        assert not [text for text in texts if "\0" in text or len(text) > MOST_TEXT]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a.b", 1), ("a.*", 1), ("list.1", "y"), ("list.9", None), ("list.@n", None),
        ("named.@N", 5), ("named.@x", None), ("a.b.c", None), ("two.*", None), ("list.-1", None),
        ("none.b", None),
    ],
)  # fmt: skip
def test_paths(path: str, found: Any) -> None:
    value = {"a": {"b": 1}, "list": ["x", "y"], "named": [{"name": "n", "value": 5}, 7],
             "two": {"a": 1, "b": 2}, "none": None}  # fmt: skip
    assert member(value, path) == found


@pytest.mark.parametrize(
    ("reason", "is_hard"),
    [
        ("smtp; 550 5.1.1 User unknown", True),
        ("550-5.1.1 no such user", True),
        ("552 5.2.2 mailbox full", False),
        ("550 5.7.1 blocked", False),
        ("the address does not exist", True),
        ("", True),
    ],
)
def test_codes_decide_about_the_suppression_list(reason: str, is_hard: bool) -> None:
    """Contract 2.8: only what is on the provider's list of hard bounces; without codes, the
    provider's word counts."""
    assert (bounce_in(reason) in ("hard", None)) == is_hard


def test_half_a_character_of_a_text_that_was_cut_can_be_stored() -> None:
    body = json.loads(
        r"""{"event": "hard_bounce\ud83d", "email": "ann\ud83d@x", "reason": "no \ud83d",
        "X-Mailin-custom": "m", "message-id": "\udc00"}"""
    )
    [event] = read_events(read_event_provider("brevo"), body).events
    [(recipient, reason)] = event.recipients
    for each in (event.kind, event.id, recipient, reason):
        assert each.encode()
    assert reason == "no ?"


def test_the_recipients_of_an_event_are_bounded() -> None:
    body = {"event": "spam", "email": ["a@x"] * 5_000, "X-Mailin-custom": "m"}
    [event] = read_events(read_event_provider("brevo"), body).events
    assert len(event.recipients) == 1_000
