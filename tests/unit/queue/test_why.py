"""The reason why a message is still queued, in one sentence."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gatepost.model.address import parse_address
from gatepost.model.delivery import Addressee, Attempt, Contact, Delivery
from gatepost.model.envelope import Recipient
from gatepost.model.reply import Esc, Reply
from gatepost.model.route import NextHop
from gatepost.queue.pause import Pause
from gatepost.queue.unsettled import UNSETTLED
from gatepost.queue.why import AttemptStep, Progress, time_until, why

NOW = datetime(2026, 11, 24, 10, 0, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HUB = Contact("hub", "hub.example", "192.0.2.1")
BOB = Addressee(Recipient(parse_address("bob@example.net")))
DONE = Addressee(BOB.recipient, "delivered")
GREYLISTED = Attempt(
    NOW - MINUTE, HUB, "rcpt", Reply(450, "come\nback", Esc(4, 7, 1)), is_remote=True
)
REFUSED = Attempt(
    NOW - MINUTE,
    Contact("hub", "hub.example"),
    "connect",
    Reply(451, "unreachable", Esc(4, 4, 1), reason="connection refused"),
    is_remote=False,
)
SIGN_IN = replace(GREYLISTED, phase="auth")
EXPLAINED = replace(
    SIGN_IN,
    reply=Reply(535, "no", Esc(5, 7, 8), "535 5.7.8 no (its error document: status 400)"),
)
OF_AN_API = replace(
    SIGN_IN, reply=Reply(535, "HTTP 403", Esc(5, 7, 8), "HTTP 403: a role is missing")
)

OPEN = Attempt(NOW - MINUTE, HUB, "content", UNSETTLED.because("still Running"), is_remote=False)


def delivery(**changes: Any) -> Delivery:
    usual = Delivery(
        id="m1.0",
        message="m1",
        next_hop=NextHop("hub"),
        addressees=(BOB,),
        state="waiting",
        due=NOW + 5 * MINUTE,
        expires_at=NOW + timedelta(days=5),
        notice_at=NOW + timedelta(hours=4),
    )
    return replace(usual, **changes)


SENTENCES = [
    (
        delivery(due=NOW),
        None,
        "It has not been tried yet; it is next in line.",
    ),
    (
        delivery(history=(GREYLISTED,), attempts=1),
        None,
        ('hub.example (192.0.2.1) answered "450 4.7.1 come back" to RCPT at 2026-11-24 09:59:00'
        " UTC; tried again at 2026-11-24 10:05:00 UTC, in 5 minutes."),
    ),
    (
        delivery(history=(replace(GREYLISTED, phase="greeting"),), attempts=1),
        None,
        ('hub.example (192.0.2.1) answered "450 4.7.1 come back" at 2026-11-24 09:59:00'
        " UTC; tried again at 2026-11-24 10:05:00 UTC, in 5 minutes."),
    ),
    (
        delivery(addressees=(BOB, DONE, replace(DONE, fate="failed")), history=(GREYLISTED,),
                 attempts=1),
        None,
        ('hub.example (192.0.2.1) answered "450 4.7.1 come back" to RCPT at 2026-11-24 09:59:00'
        " UTC; tried again at 2026-11-24 10:05:00 UTC, in 5 minutes;"
        " still to reach: bob@example.net (1 delivered, 1 failed)."),
    ),
    (
        delivery(addressees=(BOB, BOB, DONE), state="held"),
        None,
        ("It is held by an operator until it is released;"
        " still to reach: 2 recipients (1 delivered)."),
    ),
    (
        delivery(history=(replace(GREYLISTED, times=7, since=NOW - 60 * MINUTE),), attempts=7),
        None,
        ('hub.example (192.0.2.1) answered "450 4.7.1 come back" to RCPT at 2026-11-24 09:59:00'
        " UTC, 7 times since 2026-11-24 09:00:00 UTC; tried again at 2026-11-24 10:05:00 UTC,"
        " in 5 minutes."),
    ),
    (
        delivery(history=(EXPLAINED,), attempts=1),
        None,
        ('hub.example (192.0.2.1) answered "535 5.7.8 no" (its error document: status 400)'
        " to the sign-in at 2026-11-24 09:59:00 UTC; tried again at 2026-11-24 10:05:00 UTC,"
        " in 5 minutes."),
    ),
    (
        delivery(history=(OF_AN_API,), attempts=1),
        None,
        ('hub.example (192.0.2.1) answered "535 5.7.8 HTTP 403" (a role is missing)'
        " to the sign-in at 2026-11-24 09:59:00 UTC; tried again at 2026-11-24 10:05:00 UTC,"
        " in 5 minutes."),
    ),
    (
        delivery(history=(REFUSED,), attempts=1),
        None,
        ("hub.example did not accept it (while connecting): connection refused, 2026-11-24"
        " 09:59:00 UTC; tried again at 2026-11-24 10:05:00 UTC, in 5 minutes."),
    ),
    (
        delivery(history=(OPEN,), attempts=1),
        None,
        ("hub.example (192.0.2.1) accepted it, but has not confirmed its delivery: still Running,"
        " 2026-11-24 09:59:00 UTC; tried again at 2026-11-24 10:05:00 UTC, in 5 minutes."),
    ),
    (
        delivery(history=(REFUSED,), attempts=3),
        Pause("hub.example:587", "open", 1800, "connection refused"),
        ("hub.example:587 is paused: connection refused; tried again at 2026-11-24"
        " 10:30:00 UTC, in 30 minutes."),
    ),
    (
        delivery(),
        Pause("the account app", "open", 900, "535 5.7.3 no.", needs_operator=True),
        ("the account app is refused: 535 5.7.3 no; it is tried at 2026-11-24 10:15:00 UTC,"
        " in 15 minutes."),
    ),
    (
        delivery(due=NOW),
        Pause("hub.example:587", "half-open", 0, ""),
        "hub.example:587 is being tested with one message after a failure; it is next in line.",
    ),
    (
        delivery(history=(GREYLISTED,), attempts=9, expires_at=NOW + 5 * MINUTE),
        None,
        ('hub.example (192.0.2.1) answered "450 4.7.1 come back" to RCPT at 2026-11-24 09:59:00'
        " UTC; tried again at 2026-11-24 10:05:00 UTC, in 5 minutes, for the last time."),
    ),
    (
        delivery(history=(REFUSED,), attempts=3, expires_at=NOW + 9 * MINUTE),
        Pause("hub.example:587", "open", 600, "connection refused"),
        ("hub.example:587 is paused: connection refused; it expires before"
         " that, at 2026-11-24 10:09:00 UTC, in 9 minutes."),
    ),
    (
        delivery(history=(REFUSED,), attempts=3, due=NOW, expires_at=NOW - MINUTE),
        Pause("hub.example:587", "open", 600, "connection refused"),
        ("hub.example:587 is paused: connection refused; it has"
         " expired."),
    ),
    (
        delivery(due=NOW - MINUTE, expires_at=NOW - MINUTE),
        None,
        "It has not been tried yet; it is next in line, for the last time.",
    ),
    (
        delivery(state="held", due=None),
        None,
        "It is held by an operator until it is released.",
    ),
    (
        delivery(state="leased", due=None, attempts=2),
        None,
        "It is being delivered now, at attempt 3.",
    ),
    (
        delivery(due=NOW, history=(GREYLISTED,), attempts=1),
        Pause("", "open", 1, "the disk is full", is_ours=True),
        ("the store cannot be written to at the moment: the disk is full; tried again at 2026-11-24"
         " 10:00:01 UTC, in 1 second."),
    ),
    (
        delivery(
            state="settled",
            due=None,
            addressees=(replace(BOB, fate="delivered"),),
            history=(replace(GREYLISTED, reply=Reply(250, "ok"), phase="content"),),
        ),
        None,
        'It was delivered: hub.example (192.0.2.1) answered "250 ok" at 2026-11-24 09:59:00 UTC.',
    ),
    (
        delivery(
            state="settled",
            due=None,
            addressees=(
                replace(BOB, fate="delivered"),
                replace(BOB, fate="failed", reply=Reply(550, "no", Esc(5, 1, 1))),
            ),
        ),
        None,
        'Delivery has ended: 1 delivered, 1 failed; the last refusal: "550 5.1.1 no".',
    ),
    (
        delivery(
            state="settled",
            due=None,
            addressees=(replace(BOB, fate="failed", reply=GREYLISTED.reply),),
            history=(GREYLISTED,),
            expires_at=NOW - MINUTE,
        ),
        None,
        ("Delivery has ended: 1 failed; it expired at 2026-11-24 09:59:00 UTC; at the last attempt,"
         ' hub.example (192.0.2.1) answered "450 4.7.1 come back" to RCPT at 2026-11-24 09:59:00'
         " UTC."),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("given", "pause", "sentence"), SENTENCES)
def test_the_sentence(given: Delivery, pause: Pause | None, sentence: str) -> None:
    assert why(given, NOW, pause).sentence == sentence


def test_a_server_that_does_not_answer_is_named() -> None:
    tried = delivery(state="leased", due=None, attempts=1, history=(GREYLISTED,))
    said = why(tried, NOW, None, Progress(place="hub.example:587", seconds=11.7)).sentence
    assert said == (
        "It is being delivered now, at attempt 2; hub.example:587 has not accepted it for 12"
        ' seconds; before that, hub.example (192.0.2.1) answered "450 4.7.1 come back" to RCPT at'
        " 2026-11-24 09:59:00 UTC."
    )


def test_a_server_that_accepted_it_before_has_only_to_confirm_its_delivery() -> None:
    asked = delivery(state="leased", due=None, attempts=1, history=(OPEN,))
    said = why(asked, NOW, None, Progress(place="api", seconds=11.7)).sentence
    assert "; api has not confirmed its delivery for 12 seconds; before that," in said


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("connect", " (still connecting)"),
        ("greeting", " (waiting for its greeting)"),
        ("tls", " (the TLS handshake is in progress)"),
        ("auth", " (waiting for its reply to AUTH)"),
        ("content", " (the content is being sent)"),
        ("answer", " (waiting for its reply to the content)"),
        ("", ""),
    ],
)
def test_a_server_that_does_not_answer_is_named_with_the_step(step: AttemptStep, said: str) -> None:
    progress = Progress(place="hub.example:587", seconds=11.7, step=step)
    assert why(delivery(state="leased", due=None), NOW, None, progress).sentence == (
        "It is being delivered now, for the first time; hub.example:587 has not accepted it for 12"
        f" seconds{said}."
    )


def test_the_last_replies_and_the_next_attempt() -> None:
    answer = why(delivery(history=(REFUSED, GREYLISTED), attempts=2), NOW)
    assert answer.replies == (
        "2026-11-24T09:59:00Z hub.example: connection refused",
        '2026-11-24T09:59:00Z hub.example (192.0.2.1): "450 4.7.1 come back"',
    )
    assert answer.next_attempt == NOW + 5 * MINUTE
    assert why(delivery(state="held", due=None), NOW).next_attempt is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "in 0 seconds"), (1, "in 1 second"), (60, "in 1 minute"), (90, "in 90 seconds"),
     (300, "in 5 minutes"), (3600, "in 1 hour"), (86_400, "in 1 day"), (200_000, "in 2 days")],
)  # fmt: skip
def test_how_far_away(seconds: int, text: str) -> None:
    assert time_until(timedelta(seconds=seconds)) == text


def test_the_doctor_s_advice_applies_to_all_mail_that_waits_for_it() -> None:
    stop = Pause(
        "acs", "open", 9, "535 no", needs_operator=True, finding="expired_secret", advice="Mend"
    )
    tried = replace(REFUSED, finding="port_blocked", advice="Open it")
    for history, pause, told in (
        ((), stop, ("expired_secret", "Mend")),
        ((tried,), stop, ("expired_secret", "Mend")),
        ((tried,), None, ("port_blocked", "Open it")),
        ((), None, ("", "")),
    ):
        said = why(delivery(history=history), NOW, pause)
        assert (said.finding, said.advice) == told
    said = why(delivery(state="settled", addressees=(DONE,), history=(tried,)), NOW)
    assert said.finding == ""
