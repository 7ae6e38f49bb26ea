"""Turns the result of an attempt into its settlement and the sender's notification. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from gatepost.mime.dsn import on_success
from gatepost.model.delivery import Addressee, Attempt, Delivery, Lease, Settlement, Verdict
from gatepost.model.dsn import Reported
from gatepost.model.fast_dataclass import dataclass
from gatepost.model.reply import Esc, Reply
from gatepost.model.route import Retry
from gatepost.queue.attempt_result import AttemptResult
from gatepost.queue.reply_lessons import lesson_of
from gatepost.queue.retry_schedule import Random, Times, due_notice, next_attempt

EXPIRED: Final = Esc(4, 4, 7)
"""RFC 3463 3.5: delivery time expired."""
WAITS: Final = Reply(451, "Not tried yet", Esc(4, 4, 0))
"""The reply recorded for recipients about which no server has replied."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A settlement, still without the notifications that belong to it."""

    settlement: Settlement
    reported: tuple[Reported, ...] = ()
    """What a notification to the sender may report."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What determines the time of the next attempt."""

    retry: Retry
    random: Random
    at_least: timedelta = timedelta(0)
    """The delay that the peer asked for."""


def judge(lease: Lease, result: AttemptResult, pace: Pace, now: datetime) -> Judged:
    """Return the settlement of an attempt that ended ``now``."""
    delivery, verdicts = lease.delivery, result.verdicts
    next_at: datetime | None = None
    goes_on = False
    if "deferred" in [each.kind for each in verdicts]:
        attempts = delivery.attempts + 1
        next_at = next_attempt(_times(lease, pace.retry), now, attempts, pace.random, pace.at_least)
        if result.soon and next_at is not None:
            next_at = min(next_at, now + timedelta(seconds=result.soon))
        has_more = result.others_may or _has_surplus_recipients(verdicts)
        goes_on = has_more and pace.at_least <= timedelta(0)
        # In the last attempt, too: each transaction leaves fewer, and no recipient fails untried.
        next_at = now if goes_on else next_at
    is_notice_due = next_at is not None and _is_overdue(delivery, now)
    settlement = Settlement(
        [_final(each) if next_at is None else each for each in verdicts],
        next_at,
        delivery.expires_at if is_notice_due else None,
        result.attempt,
        before=result.before,
        warned=is_notice_due and not delivery.warned,
        goes_on=goes_on,
    )
    return Judged(settlement, tuple(_reports_of(delivery, result, settlement)))


def give_back(lease: Lease, now: datetime, next_at: datetime) -> Judged:
    """Return the settlement of a delivery that could not be tried: it fails if it has expired."""
    delivery = lease.delivery
    is_over = now >= delivery.expires_at
    is_notice_due = not is_over and _is_overdue(delivery, now)
    last = delivery.history[-1] if delivery.history else None
    waiting = [each for each in delivery.addressees if each.fate == "waiting"]
    settlement = Settlement(
        [Verdict("failed" if is_over else "deferred", _last_word(each, last)) for each in waiting],
        None if is_over else next_at,
        delivery.expires_at if is_notice_due else None,
        warned=is_notice_due and not delivery.warned,
    )
    if not (is_over or settlement.warned):
        return Judged(settlement)
    reported = [
        _reported(delivery, each, verdict, last, is_over=is_over)
        for each, verdict in zip(waiting, settlement.verdicts, strict=True)
    ]
    return Judged(settlement, tuple(reported))


def _reports_of(
    delivery: Delivery, result: AttemptResult, settlement: Settlement
) -> Iterator[Reported]:
    attempt = result.attempt
    waiting = [each for each in delivery.addressees if each.fate == "waiting"]
    judged = zip(waiting, result.verdicts, settlement.verdicts, strict=True)
    for addressee, verdict, final in judged:
        recipient, reply = addressee.recipient, verdict.reply
        is_remote = attempt.is_remote or verdict.is_remote
        if verdict.kind == "delivered":
            action = on_success(recipient, passed_on=result.passed_on, is_final=result.is_final)
            if action is not None:
                yield Reported(
                    recipient, action, reply, is_remote, attempt.contact.host, attempt.at
                )
        elif verdict.kind == "failed":
            yield Reported(recipient, "failed", reply, is_remote, attempt.contact.host, attempt.at)
        elif final.kind == "failed" or settlement.warned:
            is_over = final.kind == "failed"
            yield _reported(delivery, addressee, verdict, attempt, is_over=is_over)


def _reported(
    delivery: Delivery,
    addressee: Addressee,
    verdict: Verdict,
    last: Attempt | None,
    *,
    is_over: bool,
) -> Reported:
    """Report a recipient as delayed, or as failed if its time is over; ``last`` is the last
    attempt."""
    reported = Reported(
        addressee.recipient,
        "failed" if is_over else "delayed",
        verdict.reply,
        verdict.is_remote or (last is not None and last.is_remote),
        "" if last is None else last.contact.host,
        None if last is None else last.at,
        retry_until=None if is_over else delivery.expires_at,
    )
    if not is_over:
        return reported
    return replace(reported, status=EXPIRED, why="It could not be delivered in time.")


def _has_surplus_recipients(verdicts: Sequence[Verdict]) -> bool:
    """Tell whether another transaction follows at once, because the server accepted some recipients
    and refused others as too many for one (RFC 5321 4.5.3.1.10). It includes all other deferred
    recipients."""
    waiting = [each.reply for each in verdicts if each.kind == "deferred"]
    return any(each.kind == "delivered" for each in verdicts) and any(
        lesson_of(each, "rcpt").change == "fewer_recipients" for each in waiting
    )


def _final(verdict: Verdict) -> Verdict:
    return replace(verdict, kind="failed") if verdict.kind == "deferred" else verdict


def _last_word(addressee: Addressee, last: Attempt | None) -> Reply:
    if addressee.reply is not None:
        return addressee.reply
    return WAITS if last is None else last.reply


def _is_overdue(delivery: Delivery, now: datetime) -> bool:
    """Tell whether the sender is to be told about the delay now; it is told once only."""
    return due_notice(delivery.expires_at, delivery.notice_at, now) == "warn"


def _times(lease: Lease, retry: Retry) -> Times:
    """Return the schedule; the expiry is the one that was set when the message was accepted."""
    accepted = lease.message.received_at
    return Times(replace(retry, expire=lease.delivery.expires_at - accepted), accepted)
