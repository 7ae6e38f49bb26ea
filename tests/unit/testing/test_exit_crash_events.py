"""The verdict on the events of a crash run with providers behind the relay."""

import pytest

from bench.exit_crash.events import judge_events
from gatepost.testing.crash.verdict import SETTLED_WITHIN, CrashRecords, Kill, SentMessage
from gatepost.testing.upstream import Taken

MX, SES, MAILGUN = "ann@mx.test", "ann@ses.test", "ann@mailgun.test"
HEARD = 10.0
"""When a message was taken; no kill is near."""
KILLED = 100.0
KILL = Kill("relay", KILLED, KILLED + 1, 9)

CASES = [
    # recipient  taken at            silent  returned  events                              right
    (MX,         HEARD,              False,  False,    ("Delivered",),                     True),
    (MX,         None,               False,  False,    ("Bounced",),                       True),
    (MX,         HEARD,              False,  False,    (),                                 False),
    (MX,         HEARD,              False,  False,    ("Delivered", "Bounced"),           False),
    (MX,         None,               False,  False,    ("Delivered",),                     False),
    (MX,         HEARD,              False,  True,     ("Delivered", "Bounced"),           True),
    (MX,         HEARD,              False,  True,     ("Bounced",),                       False),
    (MX,         HEARD,              False,  True,     ("Delivered",),                     False),
    # refused when it was sent again, before and after the first copy came back
    (MX,         KILLED,             False,  True,     ("Bounced",),                       True),
    (MX,         KILLED,             False,  True,     ("Failed", "Bounced"),              True),
    (MX,         HEARD,              True,   True,     ("Failed",),                        True),
    (MX,         KILLED,             False,  True,     ("Delivered",),                     False),
    (MX,         KILLED,             False,  True,     (),                                 False),
    (MX,         KILLED - SETTLED_WITHIN - 1, False, True, ("Bounced",),                   False),
    # what a webhook said about the first copy, and the refusal of the second
    (MAILGUN,    KILLED,             False,  False,    ("Delivered", "Failed"),            True),
    (MAILGUN,    HEARD,              False,  False,    ("Delivered", "Failed"),            False),
    (SES,        KILLED,             False,  False,    ("Delivered", "Failed"),            False),
]  # fmt: skip


@pytest.mark.parametrize(("recipient", "at", "silent", "returned", "events", "right"), CASES)
def test_events(
    recipient: str,
    at: float | None,
    silent: bool,
    returned: bool,
    events: tuple[str, ...],
    right: bool,
) -> None:
    taken = [] if at is None else [Taken("<1@s>", "app@s", (recipient,), b"", at, silent=silent)]
    records = CrashRecords([SentMessage("<1@s>", (recipient,), b"")], taken, [KILL])
    bounced = {recipient} if returned else set()
    assert (judge_events(records, {recipient: events}, bounced) == []) is right


def test_a_recipient_who_waits_has_no_event() -> None:
    records = CrashRecords([SentMessage("<1@s>", (SES,), b"")], [], [], frozenset({("<1@s>", SES)}))
    assert judge_events(records, {}, ()) == []
    assert judge_events(records, {SES: ["Delivered"]}, ()) != []


def test_a_front_process_that_is_killed_knows_no_deliveries() -> None:
    taken = [Taken("<1@s>", "app@s", (MX,), b"", KILLED)]
    kills = [Kill("worker", KILLED, KILLED)]
    records = CrashRecords([SentMessage("<1@s>", (MX,), b"")], taken, kills)
    assert judge_events(records, {MX: ["Bounced"]}, {MX}) != []
