"""Deliveries to queue, and their settlements."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from gatepost.model.delivery import (
    Attempt,
    Contact,
    Lease,
    NewMail,
    Planned,
    Settlement,
    Verdict,
    VerdictKind,
)
from gatepost.model.envelope import Envelope, Recipient
from gatepost.model.message import Submission
from gatepost.model.reply import Esc, Reply
from gatepost.model.route import NextHop
from tests.contract.messages import NOON, envelope, message

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
HUB = NextHop("hub")
OK = Reply(250, "2.0.0 taken")
LATER = Reply(450, "come back", Esc(4, 2, 0))
NO = Reply(550, "no such user", Esc(5, 1, 1))
REPLIES: dict[VerdictKind, Reply] = {"delivered": OK, "deferred": LATER, "failed": NO}
AT_HUB = Contact("hub", "hub.example", "192.0.2.1", "TLSv1.3", True, "LOGIN", "relay")


def planned(
    recipients: Sequence[Recipient] = (), hop: NextHop = HUB, due: datetime = NOON
) -> Planned:
    some = tuple(recipients) or envelope("", "bob@example.net").recipients
    return Planned(hop, some, due, NOON + 5 * DAY, NOON + 4 * HOUR)


def mail(id: str = "m1", given: Envelope | None = None, **other: Any) -> Submission:
    usual = given or envelope("alice@example.org", "bob@example.net")
    return message(id, envelope=usual, **other)


def attempt(reply: Reply = LATER, at: datetime = NOON) -> Attempt:
    return Attempt(at, AT_HUB, "rcpt", reply, is_remote=True, seconds=0.5)


def settlement(
    *outcomes: VerdictKind, again: datetime | None = NOON + MINUTE, **other: Any
) -> Settlement:
    """Return the settlement of an attempt; ``other`` fields of Settlement replace the defaults."""
    verdicts = tuple([Verdict(each, REPLIES[each]) for each in outcomes])
    usual = Settlement(
        verdicts,
        again if "deferred" in outcomes else None,
        attempt=attempt(verdicts[0].reply if verdicts else OK),
    )
    return replace(usual, **other)


def dsn(id: str, due: datetime = NOON) -> NewMail:
    recipients = envelope("", "alice@example.org").recipients
    return NewMail(
        mail(id, envelope("", "alice@example.org"), body=b"a bounce\r\n"),
        (planned(recipients, due=due),),
    )


def ids(leases: Sequence[Lease]) -> list[str]:
    return [each.delivery.id for each in leases]
