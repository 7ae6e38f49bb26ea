"""The verdict on each recipient after a transaction or an error. Pure; by codes, never by texts.

RFC 5321 4.2.1 (4yz and 5yz), 4.5.3.1.10 (552 to RCPT), RFC 4954 6 (530), RFC 3463 (statuses of
the replies that we make for errors without one).
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from gatepost.client.transaction import Course
from gatepost.errors import (
    ConnectError,
    Disconnected,
    GatepostError,
    LocalProtocolError,
    MissingExtension,
    NoDescriptor,
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
from gatepost.model.delivery import Verdict, VerdictKind
from gatepost.model.reply import Esc, Reply
from gatepost.queue.attempt_result import ErrorReply
from gatepost.queue.provider_quotas import quota_of
from gatepost.queue.reply_lessons import is_about_us, is_for_number, lesson_of
from gatepost.queue.unsettled import UNSETTLED, Unsettled

BEFORE_MAIL: Final[frozenset[Phase]] = frozenset(
    {"", "resolve", "connect", "greeting", "ehlo", "starttls", "tls", "auth"}
)

# fmt: off
_OURS: Final[tuple[tuple[type[GatepostError], Reply], ...]] = (
    (ResolveError,        Reply(451, "The server's name does not resolve", Esc(4, 4, 3))),
    (TlsError,            Reply(454, "TLS failed", Esc(4, 7, 5))),
    (NoDescriptor,        Reply(451, "No file descriptor for a connection", Esc(4, 3, 0))),
    (TimedOut,            Reply(451, "No answer in time", Esc(4, 4, 2))),
    (ConnectError,        Reply(451, "No connection", Esc(4, 4, 1))),
    (Disconnected,        Reply(451, "Connection lost", Esc(4, 4, 2))),
    (RemoteProtocolError, Reply(451, "The server violated the protocol", Esc(4, 5, 0))),
    (TlsUnavailable,      Reply(454, "TLS is required and not offered", Esc(4, 7, 4))),
    (NoSharedMechanism,   Reply(504, "None of the offered mechanisms can be used", Esc(5, 7, 4))),
    (MissingExtension,    Reply(554, "The server lacks a required extension", Esc(5, 6, 3))),
    (LocalProtocolError,  Reply(554, "The message cannot be sent as it is", Esc(5, 6, 0))),
    (Unsettled,           UNSETTLED),
)
# fmt: on
_UNKNOWN: Final = Reply(451, "The attempt failed", Esc(4, 3, 0))
LONGEST: Final = 1_024
"""Characters of a server's text: RFC 5321 4.5.3.1.5 permits 512 octets in a line."""
NO_TOKEN: Final = Reply(454, "No access token is available", Esc(4, 7, 0))
NOTHING_TO_SHOW: Final = Reply(535, "There is no credential to sign in with", Esc(5, 7, 8))
"""The identity provider refuses to issue a token, or the secret cannot be read."""


def reply_of(error: GatepostError) -> Reply:
    """Return the server's reply if the error has one, and otherwise a reply that describes it."""
    if isinstance(error, Refused):
        return shorten(error.reply)
    if isinstance(error, TokenError):
        return (NO_TOKEN if error.is_transient else NOTHING_TO_SHOW).because(str(error))
    ours = next((reply for kind, reply in _OURS if isinstance(error, kind)), _UNKNOWN)
    return ours.because(str(error))


def shorten(reply: Reply) -> Reply:
    """Return the reply with as much of its text as is kept and told: a server may say a lot, about
    each recipient."""
    if len(reply.text) <= LONGEST:
        return reply
    return replace(reply, text=f"{reply.text[:LONGEST]}...")


def shorten_replies(course: Course) -> None:
    """Shorten the replies of a transaction."""
    for place, reply in enumerate(course.replies):
        if len(reply.text) > LONGEST:
            course.replies[place] = shorten(reply)
    course.last = course.last and shorten(course.last)


def lasting(error: GatepostError | None) -> float:
    """Return the seconds to wait that a server or identity provider asked for; 0 if none did."""
    return float(getattr(error, "retry_after", 0.0))


def verdict_kind(reply: Reply, phase: Phase = "content") -> VerdictKind:
    """Return the kind of verdict that a reply to MAIL or a later command means for a recipient."""
    if reply.is_success:
        return "delivered"
    may_pass = not reply.is_permanent or is_about_us(phase, reply) or quota_of(reply) is not None
    return "deferred" if may_pass else "failed"


def judge(course: Course, count: int, error: GatepostError | None) -> tuple[Verdict, ...]:
    """Return the verdicts on ``count`` recipients, in the envelope's order.

    ``error`` is the error that ended the transaction early; None if it was completed.
    """
    mail = course.mail
    if mail is None or isinstance(error, RemoteProtocolError):  # replies may belong elsewhere
        return (verdict_on(reply_of(error or Disconnected("nothing was said")), error),) * count
    if not mail.is_success:  # the replies to its recipients follow from that
        return (verdict_on(mail, None),) * count
    end = course.last if error is None else reply_of(error)
    if end is not None and error is None and course.accepted == count:
        return (Verdict(verdict_kind(end), end),) * count
    return tuple(_each(course, count, end or course.replies[-1]))


def verdict_on(reply: Reply, error: GatepostError | None) -> Verdict:
    """Return the same verdict for all recipients.

    Failures before MAIL are not about the message, so it is deferred. It fails if it cannot be sent
    as it is, or needs an extension that the server lacks.
    """
    if error is None:
        return Verdict(verdict_kind(reply, "mail"), reply)
    is_final = isinstance(error, MissingExtension | LocalProtocolError)
    is_ours = error.phase in BEFORE_MAIL or not is_final
    return Verdict("deferred" if is_ours else "failed", reply)


def _each(course: Course, count: int, end: Reply) -> Iterator[Verdict]:
    accepted_before = 0
    for place in range(count):
        reply = course.recipients[place] if place < len(course.recipients) else None
        if reply is None or reply.is_success:
            accepted_before += reply is not None
            unanswered = reply is None and end.is_success
            yield Verdict("deferred" if unanswered else verdict_kind(end), end)
        else:
            is_later = accepted_before and is_for_number(reply)
            kind = "deferred" if is_later else verdict_kind(reply)
            yield Verdict(kind, reply, is_remote=True)


def error_replies(
    course: Course, error: GatepostError | None, phase: Phase
) -> tuple[ErrorReply, ...]:
    """Return the server's error replies with their phases, without duplicates."""
    replies = [
        ErrorReply(each, "rcpt" if place else "mail")
        for place, each in enumerate(course.replies)
        if not each.is_success
    ]
    if course.last is not None and not course.last.is_success:
        replies.append(ErrorReply(course.last, phase))
    if isinstance(error, Refused):
        replies.append(ErrorReply(error.reply, error.phase or phase))
    return tuple(dict.fromkeys(replies)) if len(replies) > 1 else tuple(replies)


def taken_at_once(course: Course) -> int:
    """Return how many recipients were accepted before one was refused as one too many."""
    taken = 0
    for reply in course.recipients:
        if reply.is_success:
            taken += 1
        elif lesson_of(reply, "rcpt").change == "fewer_recipients":
            break
    return taken
