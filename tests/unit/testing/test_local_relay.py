"""The message of a test that did not get its mail."""

from datetime import UTC, datetime
from typing import Any

import pytest

from gatepost.testing.local_relay import MOST, Captured, missed

Events = list[dict[str, Any]]

WANTED = "no message to a@x within 1 s"
REFUSED = {"event": "auth_refused", "reply": "535 5.7.3 No", "reason": "secret_wrong: no"}


def captured(subject: str) -> Captured:
    then = datetime(2026, 11, 24, tzinfo=UTC)
    return Captured("1", then, "", ("b@x", "c@x"), subject, "", "", b"")


@pytest.mark.parametrize(
    ("subjects", "events", "said"),
    [
        ([], [{"event": "ready"}], ["nothing was captured, and nothing was refused"]),
        (["Hi"], [], ["  captured: 'Hi' to b@x, c@x"]),
        ([], [{"event": "ready"}, REFUSED], ["  refused: 535 5.7.3 No (secret_wrong: no)"]),
        (
            ["Hi"] * (MOST + 2),
            [],
            [*["  captured: 'Hi' to b@x, c@x"] * MOST, "  ... and 2 older"],
        ),
    ],
)
def test_a_missed_message_lists_what_came_instead(
    subjects: list[str], events: Events, said: list[str]
) -> None:
    told = missed(WANTED, [captured(each) for each in subjects], events)
    assert told.split("\n") == [WANTED, *said]
