"""The pages of a provider's list of events."""

from datetime import UTC, datetime
from typing import Any

import pytest

from gatepost.config.provider_events_file import read_event_provider
from gatepost.config.provider_file import shipped_providers
from gatepost.feedback.event_lists import NoList, event_key, first_url, polled_provider, read_page
from gatepost.feedback.provider_events import read_events

NOW = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
THEN = datetime(2026, 11, 24, 12, 15, tzinfo=UTC)
TO, UNKNOWN = "ann@example.net", "550 5.1.1 User unknown"
# fmt: off
FIRST = {
    "mailgun": "?begin=1795522500&ascending=yes&limit=100",
    "sparkpost": "?cursor=initial&per_page=200&from=2026-11-24T12%3A15&events=",
    "brevo": "?startDate=2026-11-24&endDate=2026-11-24&sort=asc&limit=500&offset=0",
    "postmark": "?count=200&fromdate=2026-11-24&offset=0",
    "infobip": "?limit=50",
    "sendgrid": "?start_time=1795522500&limit=500&offset=0",
}
NEXT = "https://api.test/page/2"
PAGES: dict[str, tuple[Any, str]] = {
    "mailgun": ({"items": [{"event": "failed", "severity": "permanent", "recipient": TO,
                            "delivery-status": {"message": UNKNOWN}}],
                 "paging": {"next": NEXT}}, NEXT),
    "sparkpost": ({"results": [{"type": "bounce", "bounce_class": "10", "rcpt_to": TO,
                                "raw_reason": UNKNOWN}], "links": {"next": "/page/2"}}, NEXT),
    "brevo": ({"events": [{"event": "hardBounces", "email": TO, "reason": UNKNOWN,
                           "messageId": "<1@a>"}]}, "https://api.test/x?offset=1"),
    "postmark": ({"TotalCount": 1, "Bounces": [{"Type": "HardBounce", "Email": TO,
                                                "Details": UNKNOWN}]}, "https://api.test/x?offset=1"),
    "infobip": ({"results": [{"to": TO, "status": {"groupName": "UNDELIVERABLE"},
                              "error": {"permanent": True, "description": UNKNOWN}}]},
                "https://api.test/x"),
    "sendgrid": ([{"email": TO, "reason": UNKNOWN, "created": 1}], "https://api.test/x?offset=1"),
}
# fmt: on
POLLED = [name for name in shipped_providers("events") if read_event_provider(name).polls]


def test_every_provider_with_a_list_is_tested() -> None:
    assert sorted(POLLED) == sorted(PAGES)


@pytest.mark.parametrize("name", POLLED)
def test_a_list_is_read_as_webhooks_are(name: str) -> None:
    provider = read_event_provider(name)
    poll = provider.polls[0]
    assert first_url(poll, "https://api.test/x", THEN, NOW).startswith(
        f"https://api.test/x{FIRST[name]}"
    )
    value, following = PAGES[name]
    page = read_page(poll, "https://api.test/x", value)
    assert page.next == following
    [event] = read_events(polled_provider(provider, poll), list(page.events)).events
    assert (event.then, event.recipients) == ("bounced", ((TO, UNKNOWN),))


@pytest.mark.parametrize("name", POLLED)
def test_an_empty_page_is_the_last(name: str) -> None:
    poll = read_event_provider(name).polls[0]
    value: Any = {poll.events: [], "paging": {"next": NEXT}, "links": {"next": "/2"}}
    assert read_page(poll, "https://api.test/x", value if poll.events else []).next == ""


@pytest.mark.parametrize(
    "link",
    ["https://evil.test/2", "http://api.test/2", "//evil.test/2", "https://api.test@evil.test/2",
     "https://api.test:8443/2", "https://api.test/" + "x" * 5_000],
)  # fmt: skip
def test_the_key_goes_to_no_other_server(link: str) -> None:
    poll = read_event_provider("mailgun").polls[0]
    with pytest.raises(NoList, match="another server"):
        read_page(poll, "https://api.test/x", {"items": [{}], "paging": {"next": link}})


@pytest.mark.parametrize("value", [None, [], {}, {"items": {}}, {"items": "x"}, 7])
def test_what_is_no_list_is_an_error(value: Any) -> None:
    with pytest.raises(NoList):
        read_page(read_event_provider("mailgun").polls[0], "https://api.test/x", value)


def test_an_event_is_recognised_whatever_the_order_of_its_members() -> None:
    assert event_key({"a": 1, "b": [2]}) == event_key({"b": [2], "a": 1}) != event_key({"a": 1})
    assert event_key("\ud800")
