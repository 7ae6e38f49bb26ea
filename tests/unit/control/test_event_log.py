"""The last operator events: newest first, filtered, in pages, and bounded."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from gatepost.control.event_log import MOST, EventLog

NOW = datetime(2026, 11, 30, tzinfo=UTC)


def listed(log: EventLog, **fields: Any) -> list[str]:
    return [each["sentence"] for each in asyncio.run(log.operate("list", fields))["log"]]


@pytest.fixture
def log() -> EventLog:
    log = EventLog(lambda: NOW)
    log.take("signed_in", {"principal": "ann", "mechanism": "PLAIN", "peer": "10.0.0.1"})
    log.take("webhook_failed", {"subscription": "w", "reason": "500", "again_at": "later"})
    log.take("api_failed", {"route": "GET /x", "reason": "broken"})
    return log


def test_the_newest_is_first(log: EventLog) -> None:
    assert listed(log) == [
        "API request failed: GET /x: broken",
        "webhook w refused a report: 500; next try later",
        "signed in ann with PLAIN from 10.0.0.1",
    ]


def test_filters(log: EventLog) -> None:
    assert len(listed(log, level="warning")) == 2
    assert len(listed(log, level="error")) == 1
    assert listed(log, event="signed_in") == ["signed in ann with PLAIN from 10.0.0.1"]
    assert listed(log, text="REFUSED") == ["webhook w refused a report: 500; next try later"]
    assert listed(log, text="refused", level="error") == []
    for wrong in ({"level": "loud"}, {"after": "x"}):
        with pytest.raises(ValueError, match=r"level|cursor"):
            listed(log, **wrong)


def test_pages_follow_each_other_while_events_arrive(log: EventLog) -> None:
    first = asyncio.run(log.operate("list", {"limit": 2}))
    log.take("signed_in", {"principal": "bob", "mechanism": "LOGIN", "peer": "10.0.0.2"})
    second = asyncio.run(log.operate("list", {"limit": 2, "after": first["cursor"]}))
    assert [each["number"] for each in (*first["log"], *second["log"])] == [3, 2, 1]
    assert second["cursor"] is None


def test_old_events_are_forgotten() -> None:
    log = EventLog(lambda: NOW)
    for number in range(MOST + 10):
        log.take("reloaded", {"config": str(number)})
    assert len(listed(log)) == MOST
