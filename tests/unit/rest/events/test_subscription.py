"""Subscriptions: their limits, their filters, and their public properties."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from gatepost.model.report import DELIVERY, ENGAGEMENT, Report
from gatepost.model.secret import Secret
from gatepost.net.listen import is_loopback
from gatepost.rest.events.subscription import (
    EventFilter,
    EventSubscription,
    RetryPolicy,
    SubscriptionError,
    check_name,
    check_types,
    check_url,
)
from gatepost.rest.events.subscription_documents import SubscriptionBody, apply, document
from gatepost.rest.events.webhook_retry import Backoff

AT = datetime(2025, 1, 1, tzinfo=UTC)
ACS = "/subscriptions/S/providers/Microsoft.Communication/communicationServices/Acs"
EMPTY = EventSubscription("hook", ACS, Secret(""), AT)


def report(type: str = DELIVERY, resource: str = ACS) -> Report:
    return Report("i", type, "m", resource, "sender/News@x.example/message/M", AT, {})


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://example.net/hook?code=s3cret", "https://example.net/hook"),
        ("https://user:s3cret@example.net:8443/a#s3cret", "https://example.net:8443/a"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]:8080/x", "http://[::1]:8080/x"),
        ("http://localhost/x", "http://localhost/x"),
    ],
)
def test_a_url_is_taken_and_shown_without_what_may_be_secret(url: str, shown: str) -> None:
    assert check_url(url, is_loopback) == url
    made = EventSubscription("hook", "", Secret(url), AT)
    assert made.endpoint == shown
    assert "s3cret" not in repr(made)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.net/hook",
        "http://10.0.0.1/",
        "ftp://example.net/",
        "https://",
        "https:///x",
        "example.net",
        "",
        "https://example.net:99999/",
        "https://exa mple.net/",
        "https://example.net/\n",
        "https://[::1/",
        "https://example.net/" + "x" * 5000,
    ],
)
def test_a_url_is_refused(url: str) -> None:
    with pytest.raises(SubscriptionError):
        check_url(url, is_loopback)


@pytest.mark.parametrize("name", ["ab", "a" * 65, "a b c", "a/b", "ümlaut", ""])
def test_a_name_is_refused(name: str) -> None:
    with pytest.raises(SubscriptionError):
        check_name(name)


def test_event_types_may_be_written_short() -> None:
    assert check_types(("emaildeliveryreportreceived", DELIVERY)) == (DELIVERY,)
    with pytest.raises(SubscriptionError, match="unknown event type"):
        check_types(("Microsoft.Storage.BlobCreated",))


WANTS = [
    (EventFilter(), report(), True),
    (EventFilter((DELIVERY,)), report(), True),
    (EventFilter((DELIVERY,)), report(ENGAGEMENT), False),
    (EventFilter(subject_begins="sender/news@"), report(), True),
    (EventFilter(subject_begins="sender/news@", case_sensitive=True), report(), False),
    (EventFilter(subject_ends="/m"), report(), True),
    (EventFilter(subject_ends="/n"), report(), False),
    (EventFilter(), report(resource=ACS.upper()), True),
    (EventFilter(), report(resource=ACS + "2"), False),
]


@pytest.mark.parametrize(("filter_", "given", "wanted"), WANTS)
def test_it_wants(filter_: EventFilter, given: Report, wanted: bool) -> None:
    made = EventSubscription("hook", ACS, Secret("https://x/"), AT, filter=filter_)
    assert made.wants(given) is wanted


def test_an_unvalidated_subscription_gets_no_events_and_fails_after_ten_minutes() -> None:
    made = EventSubscription("hook", "", Secret("https://x/"), AT, state="AwaitingManualAction")
    assert not made.wants(report())
    assert made.state_at(AT + timedelta(minutes=9)) == "AwaitingManualAction"
    assert made.state_at(AT + timedelta(minutes=10)) == "Failed"


def test_its_limits_narrow_the_relay_s() -> None:
    assert RetryPolicy(3, 5).within(Backoff()) == Backoff(
        attempts=3, time_to_live=timedelta(minutes=5)
    )
    narrow = Backoff(attempts=2, time_to_live=timedelta(seconds=1))
    assert RetryPolicy().within(narrow) == narrow


def parse(properties: dict[str, Any]) -> EventSubscription:
    body = msgspec.convert({"properties": properties}, SubscriptionBody)
    return apply(body.properties, EMPTY)


WEBHOOK = {"endpointType": "WebHook", "properties": {"endpointUrl": "https://x/?code=s3cret"}}


def test_a_body_of_resource_manager_makes_it() -> None:
    made = parse(
        {
            "destination": {
                "endpointType": "webhook",
                "properties": {
                    "endpointUrl": "https://x/a?code=s3cret",
                    "maxEventsPerBatch": 10,
                    "preferredBatchSizeInKilobytes": 128,
                },
            },
            "filter": {
                "includedEventTypes": [DELIVERY],
                "subjectBeginsWith": "sender/",
                "isSubjectCaseSensitive": True,
            },
            "retryPolicy": {"maxDeliveryAttempts": 5, "eventTimeToLiveInMinutes": 60},
            "eventDeliverySchema": "cloudeventschemav1_0",
            "labels": ["a"],
        }
    )
    shown = document(made, "Succeeded")
    assert shown == {
        "id": f"{ACS}/providers/Microsoft.EventGrid/eventSubscriptions/hook",
        "name": "hook",
        "type": "Microsoft.EventGrid/eventSubscriptions",
        "properties": {
            "topic": ACS.lower(),
            "provisioningState": "Succeeded",
            "labels": ["a"],
            "destination": {
                "endpointType": "WebHook",
                "properties": {
                    "endpointUrl": None,
                    "endpointBaseUrl": "https://x/a",
                    "maxEventsPerBatch": 10,
                    "preferredBatchSizeInKilobytes": 128,
                },
            },
            "filter": {
                "includedEventTypes": [DELIVERY],
                "subjectBeginsWith": "sender/",
                "subjectEndsWith": "",
                "isSubjectCaseSensitive": True,
            },
            "eventDeliverySchema": "CloudEventSchemaV1_0",
            "retryPolicy": {"maxDeliveryAttempts": 5, "eventTimeToLiveInMinutes": 60},
        },
    }


@pytest.mark.parametrize(
    "properties",
    [
        {},
        {"destination": {"endpointType": "EventHub", "properties": {}}},
        {"destination": {"endpointType": "WebHook", "properties": {}}},
        {"destination": WEBHOOK, "filter": {"advancedFilters": [{"key": "data.status"}]}},
        {"destination": WEBHOOK, "filter": {"includedEventTypes": ["Nothing"]}},
        {"destination": WEBHOOK, "retryPolicy": {"maxDeliveryAttempts": 31}},
        {"destination": WEBHOOK, "retryPolicy": {"eventTimeToLiveInMinutes": 0}},
        {"destination": WEBHOOK, "eventDeliverySchema": "CustomInputSchema"},
        {"destination": WEBHOOK, "deliveryWithResourceIdentity": {}},
        {
            "destination": {
                "endpointType": "WebHook",
                "properties": {"endpointUrl": "https://x/", "maxEventsPerBatch": 5001},
            }
        },
    ],
)
def test_a_body_is_refused(properties: dict[str, Any]) -> None:
    with pytest.raises(SubscriptionError) as caught:
        parse(properties)
    assert "s3cret" not in str(caught.value)
