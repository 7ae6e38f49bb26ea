"""The outcome of a transaction for each recipient, whatever the texts are."""

import pytest

from gatepost.client.transaction import Course
from gatepost.errors import (
    ConnectError,
    Disconnected,
    GatepostError,
    LocalProtocolError,
    MissingExtension,
    NoSharedMechanism,
    Phase,
    Refused,
    RemoteProtocolError,
    ResolveError,
    TimedOut,
    TlsError,
    TlsUnavailable,
    TokenError,
)
from gatepost.model.delivery import Verdict
from gatepost.model.mechanism_plan import Plan
from gatepost.model.reply import Esc, Reply
from gatepost.queue.attempt_result import ErrorReply
from gatepost.queue.reply_lessons import lesson_of
from gatepost.relay.transport.reply_verdicts import (
    LONGEST,
    error_replies,
    judge,
    reply_of,
    shorten_replies,
    taken_at_once,
)

OK = Reply(250, "ok")
GONE = Reply(421, "bye", Esc(4, 3, 2))
LATER = Reply(450, "later", Esc(4, 2, 0))
NO = Reply(550, "no such user", Esc(5, 1, 1))
MANY = Reply(452, "too many", Esc(4, 5, 3))
OLD_MANY = Reply(552, "too many")
FULL = Reply(552, "mailbox full", Esc(5, 2, 2))
FULL_NOW = Reply(452, "mailbox full", Esc(4, 2, 2))
AUTH = Reply(530, "authentication required", Esc(5, 7, 0))
NEEDS_MAIL = Reply(503, "need MAIL")
CUT = Disconnected("connection lost").at("content")


def outcomes(
    replies: list[Reply], last: Reply | None = None, error: GatepostError | None = None
) -> str:
    """One letter for each of three recipients: Delivered, Failed, deferred as Waits."""
    verdicts = judge(Course(replies, last), 3, error)
    return "".join({"delivered": "D", "failed": "F", "deferred": "W"}[v.kind] for v in verdicts)


def test_after_a_lost_connection_only_refusals_are_the_server_s() -> None:
    verdicts = judge(Course([OK, OK, NO, LATER]), 3, CUT)
    assert [each.is_remote for each in verdicts] == [False, True, True]


@pytest.mark.parametrize(
    ("replies", "last", "expected"),
    [
        ([OK, OK, OK, OK], OK, "DDD"),
        ([OK, OK, NO, LATER], OK, "DFW"),
        ([OK, OK, NO, OK], LATER, "WFW"),
        ([OK, OK, NO, OK], NO, "FFF"),
        ([OK, NO, NO, LATER], None, "FFW"),
        ([NO], None, "FFF"),
        ([LATER], None, "WWW"),
        ([GONE], None, "WWW"),
        ([AUTH], None, "WWW"),  # the route lacks a credential; nobody's message is at fault
        ([Reply(538, "encryption required")], None, "WWW"),
        ([Reply(503, "need EHLO and AUTH first")], None, "WWW"),
        ([OK, Reply(503, "what?"), OK, OK], OK, "FDD"),
        ([NO, NEEDS_MAIL, NEEDS_MAIL], None, "FFF"),
        ([OK, OK, MANY, MANY], OK, "DWW"),
        ([OK, OK, OLD_MANY, OLD_MANY], OK, "DWW"),
        ([OK, OLD_MANY, OK, OK], OK, "FDD"),  # the first one cannot be too many
        ([OK, OK, FULL, OK], OK, "DFD"),
        ([OK, OK, GONE], GONE, "WWW"),
        ([OK, OK, NO], GONE, "WFW"),
        ([OK, OK, OK, OK], Reply(354, "go on"), "WWW"),
        ([OK, OK, OK, OK], Reply(552, "too big", Esc(5, 3, 4)), "FFF"),
    ],
)
def test_replies(replies: list[Reply], last: Reply | None, expected: str) -> None:
    assert outcomes(replies, last) == expected


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        ([], "WWW"),
        ([OK], "WWW"),
        ([OK, NO], "FWW"),
        ([OK, OK, NO, OK], "WFW"),
        ([NO], "FFF"),
        ([NO, NEEDS_MAIL], "FFF"),
        ([LATER, NEEDS_MAIL, NEEDS_MAIL], "WWW"),  # which only follows from what MAIL came to
    ],
)
def test_refused_recipients_stay_refused_after_a_lost_connection(
    replies: list[Reply], expected: str
) -> None:
    assert outcomes(replies, None, CUT) == expected


@pytest.mark.parametrize("replies", [[OK, NO], [OK, OK, NO, OK], [NO]])
def test_replies_out_of_step_refuse_no_recipient(replies: list[Reply]) -> None:
    assert outcomes(replies, None, RemoteProtocolError("more than was asked").at("data")) == "WWW"


PLAN = Plan()


@pytest.mark.parametrize(
    ("error", "phase", "outcome", "code", "change"),
    [
        (ResolveError("x"), "resolve", "deferred", 451, None),
        (ConnectError("x"), "connect", "deferred", 451, None),
        (TimedOut("x"), "mail", "deferred", 451, None),
        (Disconnected("x"), "content", "deferred", 451, None),
        (TlsError("x"), "tls", "deferred", 454, None),
        (TlsUnavailable("x"), "starttls", "deferred", 454, None),
        (RemoteProtocolError("x"), "ehlo", "deferred", 451, None),
        (NoSharedMechanism(("LOGIN",), (), PLAN), "auth", "deferred", 504, "pause_long"),
        (TokenError("x", is_transient=False), "auth", "deferred", 535, "pause_long"),
        (TokenError("x", is_transient=True), "auth", "deferred", 454, "pause"),
        (Refused(Reply(535, "no", Esc(5, 7, 8))), "auth", "deferred", 535, "pause_long"),
        (Refused(Reply(554, "no", Esc(5, 7, 1))), "greeting", "deferred", 554, "pause"),
        (LocalProtocolError("x"), "auth", "deferred", 554, "pause_long"),
        (LocalProtocolError("x"), "mail", "failed", 554, None),
        (MissingExtension("x"), "mail", "failed", 554, None),
    ],
)
def test_errors(
    error: GatepostError, phase: Phase, outcome: str, code: int, change: str | None
) -> None:
    error.phase = phase
    [verdict] = judge(Course(), 1, error)
    assert (verdict.kind, verdict.reply.code) == (outcome, code)
    assert verdict.reply.reason or isinstance(error, Refused)
    if change is not None:
        assert lesson_of(verdict.reply, phase).change == change


def test_the_texts_do_not_count() -> None:
    assert reply_of(Refused(Reply(421, "permanent failure, delivered"))).code == 421
    verdict = judge(Course([OK, OK], Reply(450, "550 delivered permanently")), 1, None)
    assert verdict == (Verdict("deferred", Reply(450, "550 delivered permanently")),)


def test_error_replies_have_phases_and_no_duplicates() -> None:
    course = Course([OK, OK, NO, NO, LATER], GONE)
    assert error_replies(course, None, "content") == (
        ErrorReply(NO, "rcpt"), ErrorReply(LATER, "rcpt"), ErrorReply(GONE, "content"),
    )  # fmt: skip
    error = Refused(Reply(535, "no")).at("auth")
    assert error_replies(Course(), error, "auth") == (ErrorReply(Reply(535, "no"), "auth"),)
    assert error_replies(Course([OK, OK], OK), None, "content") == ()
    assert error_replies(Course([LATER]), None, "mail") == (ErrorReply(LATER, "mail"),)


@pytest.mark.parametrize(
    ("replies", "count"),
    [
        ([OK, OK, OK, MANY, MANY], 2),
        ([OK, OK, NO, OK], 2),
        ([OK, OK, FULL, FULL_NOW, OK, OLD_MANY, OLD_MANY], 2),  # a mailbox is full, not the message
        ([OK, MANY], 0),
        ([], 0),
    ],
)
def test_the_number_of_recipients_accepted_at_once(replies: list[Reply], count: int) -> None:
    assert taken_at_once(Course(replies)) == count


def test_of_a_long_reply_the_beginning_is_kept() -> None:
    """A server may say as much about each of a thousand recipients."""
    long = Reply(550, "x" * 60_000, Esc(5, 1, 1))
    course = Course([OK, long, NO], long)
    shorten_replies(course)
    short = Reply(550, "x" * LONGEST + "...", Esc(5, 1, 1))
    assert (course.replies, course.last) == ([OK, short, NO], short)
    assert reply_of(Refused(long)) == short
