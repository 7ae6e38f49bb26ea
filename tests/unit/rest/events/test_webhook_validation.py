"""The handshake: validated, pending and refused webhooks."""

import json
from datetime import UTC, datetime

import pytest

from gatepost.model.secret import Secret
from gatepost.rest.events.subscription import EventSubscription
from gatepost.rest.events.webhook_validation import (
    EndpointResponse,
    judge_preflight,
    judge_validation,
    preflight_headers,
    validation_event,
    validation_headers,
)

AT = datetime(2025, 1, 1, tzinfo=UTC)
HOOK = EventSubscription("hook", "/Sub/Acs", Secret("https://x/?code=s"), AT)

VALIDATIONS = [
    # status  body                                      verdict
    (200, b'{"validationResponse": "c0de"}', True),
    (200, b'{"ValidationResponse": "c0de"}', True),
    (200, b'{"validationResponse": "other"}', "is not the validationCode"),
    (200, b"", False),
    (200, b"thanks", False),
    (200, b"[]", False),
    (200, b'{"validationResponse": 7}', False),
    (200, b'{"a":' * 13_000, False),
    (200, b'{"validationResponse": "\\ud800"}', "is not the validationCode"),
    (202, b'{"validationResponse": "c0de"}', "HTTP 202"),
    (204, b"", "HTTP 204"),
    (500, b"", "HTTP 500"),
    (301, b"", "HTTP 301"),
]


@pytest.mark.parametrize(("status", "body", "verdict"), VALIDATIONS)
def test_the_answer_to_a_validation_event(status: int, body: bytes, verdict: bool | str) -> None:
    judged = judge_validation(EndpointResponse(status, {}, body), "c0de")
    assert judged is verdict or (isinstance(verdict, str) and verdict in str(judged))


PREFLIGHTS = [
    # status  allowed                   verdict
    (200, "eventgrid.azure.net", True),
    (204, "EventGrid.Azure.Net", True),
    (200, "*", True),
    (200, "", False),
    (200, "elsewhere.example", "not eventgrid.azure.net"),
    (405, "*", "HTTP 405"),
    (500, "", "HTTP 500"),
]


@pytest.mark.parametrize(("status", "allowed", "verdict"), PREFLIGHTS)
def test_the_answer_to_a_preflight(status: int, allowed: str, verdict: bool | str) -> None:
    found = {"webhook-allowed-origin": allowed} if allowed else {}
    judged = judge_preflight(EndpointResponse(status, found))
    assert judged is verdict or (isinstance(verdict, str) and verdict in str(judged))


def test_a_validation_event_has_exactly_these_fields() -> None:
    sent = validation_event(HOOK, id="i", code="c0de", url="https://v/", time="t")
    assert json.loads(sent) == [
        {
            "id": "i",
            "topic": "/sub/acs",
            "subject": "",
            "data": {"validationCode": "c0de", "validationUrl": "https://v/"},
            "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
            "eventTime": "t",
            "metadataVersion": "1",
            "dataVersion": "2",
        }
    ]
    told = validation_headers(HOOK)
    assert told["aeg-event-type"] == "SubscriptionValidation"
    assert told["aeg-subscription-name"] == "HOOK"


def test_without_a_validation_url_none_is_sent() -> None:
    sent = validation_event(HOOK, id="i", code="c0de", url="", time="t")
    assert json.loads(sent)[0]["data"] == {"validationCode": "c0de"}
    assert preflight_headers("") == {"WebHook-Request-Origin": "eventgrid.azure.net"}
    assert preflight_headers("https://v/")["WebHook-Request-Callback"] == "https://v/"
