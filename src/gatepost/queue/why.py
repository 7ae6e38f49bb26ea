"""Explains in one sentence why a message is still in the queue."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from gatepost.errors import Phase
from gatepost.model.delivery import Attempt, Delivery, Fate, Reroute, Takeover
from gatepost.model.reply import Reply
from gatepost.queue.pause import Pause
from gatepost.queue.retry_schedule import BACK
from gatepost.queue.unsettled import has_ended_unsettled

LONGEST: Final = 500
"""Maximum number of characters of a reply in a sentence."""
AttemptStep = Phase | Literal["answer"]
"""The step that an attempt has reached: a phase, or that the content was sent and no reply has come
yet."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a delivery in memory is: its place in the queue, or the state of its attempt."""

    ahead: int | None = None
    """Number of deliveries before it in its queue; None: it is being attempted."""
    limit: str = ""
    """Why its next hop accepts no more at the moment, as the end of a sentence."""
    place: str = ""
    """Where it is being attempted."""
    seconds: float = 0.0
    """For how long."""
    step: AttemptStep = ""
    """The step that the attempt has reached; empty: unknown."""

    @property
    def is_early(self) -> bool:
        """No content has been sent yet."""
        return self.step not in ("", "content", "answer")


@dataclass(frozen=True, slots=True)
class Why:
    """The answer of ``gatepost queue why``."""

    sentence: str
    replies: tuple[str, ...] = ()
    """The replies of the last attempts, oldest first."""
    next_attempt: datetime | None = None
    finding: str = ""
    advice: str = ""
    """The doctor's advice about the cause."""


def why(
    delivery: Delivery,
    now: datetime,
    pause: Pause | None = None,
    progress: Progress | None = None,
    *,
    is_running: bool = True,
) -> Why:
    """Return why a delivery is where it is. ``pause`` is that of its next hop, None: there is none.
    ``progress`` is how far a leased delivery is, None: unknown. ``is_running``: a relay that
    delivers is running.

    While a login is refused, other deliveries get the advice of the delivery that it was refused
    for.
    """
    answer = _why(delivery, now, pause, progress)
    if delivery.takeover is not None:
        sentence = answer.sentence.removesuffix(".")
        answer = replace(answer, sentence=f"{sentence}; {_taken_over(delivery.takeover)}.")
    if delivery.reroutes:
        sentence = answer.sentence.removesuffix(".")
        answer = replace(answer, sentence=f"{sentence}; {_rerouted(delivery.reroutes[-1])}.")
    last = delivery.history[-1] if delivery.history else None
    if delivery.state == "settled":
        return answer
    if delivery.state == "waiting" and not is_running:
        answer = replace(answer, sentence=f"{answer.sentence.removesuffix('.')}; {_NOBODY}.")
    if pause is not None and pause.advice:
        return replace(answer, finding=pause.finding, advice=pause.advice)
    return answer if last is None else replace(answer, finding=last.finding, advice=last.advice)


def _why(delivery: Delivery, now: datetime, pause: Pause | None, progress: Progress | None) -> Why:
    replies = tuple([_history_line(each) for each in delivery.history])
    if delivery.state == "settled":
        return Why(_settled(delivery, now), replies)
    if not delivery.waiting:
        return Why(_DAMAGED, replies)
    left = _left(delivery)
    if delivery.state == "held":
        sentence = "It is held by an operator until it is released"
        return Why(f"{sentence}{_after(delivery, now)}{left}.", replies)
    if delivery.state == "leased" and progress is not None and progress.ahead is not None:
        return Why(f"{_in_line(delivery, progress)}{_after(delivery, now)}{left}.", replies)
    if delivery.state == "leased" and progress is None and delivery.node:
        return Why(f"The node {delivery.node} has it{_after(delivery, now)}{left}.", replies)
    if delivery.state == "leased":
        return Why(f"{_tried(delivery, progress)}{_after(delivery, now)}{left}.", replies)
    due = next_try(delivery.due or now, delivery.expires_at, now, pause)
    if pause is not None and pause.state == "silent" and due is not None and due <= now:
        return Why(f"It waits for its turn: {pause.reason}{_after(delivery, now)}{left}.", replies)
    if pause is not None and pause.is_blocking:
        story = _paused(pause)
    elif delivery.history:
        story = _story(delivery.history[-1], now)
    else:
        story = "It has not been tried yet"
    return Why(f"{story}; {_next(due, now, delivery)}{left}.", replies, due)


def next_try(
    due: datetime, expires_at: datetime, now: datetime, pause: Pause | None = None
) -> datetime | None:
    """Return when a delivery with this retry time is really attempted, given the pause of its next
    hop.

    None: it expires during the pause, and fails without another attempt.
    """
    if pause is not None and pause.is_blocking:
        end = now + timedelta(seconds=pause.seconds)
        return max(due, end) if end <= expires_at or pause.is_ours else None
    return due


def silence(seconds: float, step: AttemptStep) -> str:
    """Return what is wrong with a next hop that has one connection, on which the server has said
    nothing for the given number of seconds, as the end of a sentence."""
    now = _now(step)
    return f"has not answered for {round(seconds)} seconds{now}, and has one connection until then"


# fmt: off
_STEPS: Final[Mapping[str, tuple[str, str]]] = {
    "resolve":  ("looking up its name", "looking up its name"),
    "connect":  ("connecting", "still connecting"),
    "greeting": ("waiting for its greeting", "waiting for its greeting"),
    "ehlo":     ("EHLO", "waiting for its reply to EHLO"),
    "starttls": ("STARTTLS", "waiting for its reply to STARTTLS"),
    "tls":      ("the TLS handshake", "the TLS handshake is in progress"),
    "auth":     ("the sign-in", "waiting for its reply to AUTH"),
    "mail":     ("MAIL", "waiting for its reply to MAIL"),
    "rcpt":     ("RCPT", "waiting for its reply to RCPT"),
    "data":     ("DATA", "waiting for its reply to DATA"),
    "content":  ("the content", "the content is being sent"),
    "answer":   ("", "waiting for its reply to the content"),
    "quit":     ("QUIT", ""),
}
# fmt: on
"""By step: what it is called after an attempt, and what is happening during one."""
_WHILE: Final = frozenset({"resolve", "connect", "greeting"})
_IN_QUEUE: Final = frozenset({"connect", "greeting", "ehlo", "starttls", "tls", "auth"})
"""Phases of failures after which a message stays in the queue, whatever the code is."""


_NOBODY: Final = "but no relay is running"
_DAMAGED: Final = "It is held: its recipients are damaged in the store, so it can only be dropped."


def _story(attempt: Attempt, now: datetime) -> str:
    times = ""
    if attempt.times > 1 and attempt.since is not None:
        times = f", {attempt.times} times"
        if attempt.since <= attempt.at:  # else the clock was put back meanwhile
            times += f" since {_utc(attempt.since)}"
    at = f"{_past(attempt.at, now)}{times}"
    during, _ = _STEPS.get(attempt.phase, ("", ""))
    if attempt.is_remote:
        to = f" to {during}" if during and attempt.phase not in _WHILE else ""
        return f"{attempt.contact} answered {_line(attempt)}{to} at {at}"
    if has_ended_unsettled(attempt):
        return (
            f"{attempt.contact} accepted it, but has not confirmed its delivery: "
            f"{_cause(attempt)}, {at}"
        )
    step = f" ({'while' if attempt.phase in _WHILE else 'at'} {during})" if during else ""
    return f"{attempt.contact} did not accept it{step}: {_cause(attempt)}, {at}"


def _past(moment: datetime, now: datetime) -> str:
    """Return a time in the past as it appears in a sentence, or why it is in the future."""
    ahead = " by a clock that was put back later" if moment - now >= BACK else ""
    return f"{_utc(moment)}{ahead}"


def _history_line(attempt: Attempt) -> str:
    times = f" ({attempt.times} times)" if attempt.times > 1 else ""
    result = _line(attempt) if attempt.is_remote else _cause(attempt)
    return f"{attempt.at:%Y-%m-%dT%H:%M:%SZ} {attempt.contact}: {result}{times}"


def _line(attempt: Attempt) -> str:
    """Return a server's reply, and what we know beyond it."""
    reply, reason = attempt.reply, _flat(attempt.reply.reason)
    line = _flat(str(reply))
    texts = (line, _flat(reply.text))
    repeated = next((each for each in texts if each and reason.startswith(each)), reason)
    more = reason.removeprefix(repeated).removeprefix(": ").strip()
    return f'"{line}" {more if more.startswith("(") else f"({more})"}' if more else f'"{line}"'


def _cause(attempt: Attempt) -> str:
    return _flat(attempt.reply.reason or attempt.reply.text)


def _flat(text: str) -> str:
    """Return a server's reply, which may be long, as one line for a terminal."""
    line = " ".join("".join([each if each.isprintable() else " " for each in text]).split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}..."


def _paused(pause: Pause) -> str:
    reason = f": {_flat(pause.reason).removesuffix('.')}" if pause.reason else ""
    if pause.is_ours:
        return f"the store cannot be written to at the moment{reason}"
    if pause.needs_operator:
        is_refused = "is refused" if pause.is_of_login else "takes no mail until somebody acts"
        return f"{pause.what} {is_refused}{reason}"
    if pause.state == "half-open":
        return f"{pause.what} is being tested with one message after a failure{reason}"
    return f"{pause.what} is paused{reason}"


def _next(due: datetime | None, now: datetime, delivery: Delivery) -> str:
    if due is None and delivery.expires_at <= now:
        return "it has expired"
    if due is None:
        over = f"{_utc(delivery.expires_at)}, {time_until(delivery.expires_at - now)}"
        return f"it expires before that, at {over}"
    verb = "tried again" if delivery.attempts else "it is tried"
    when = f"{verb} at {_utc(due)}, {time_until(due - now)}" if due > now else "it is next in line"
    is_last = max(due, now) >= delivery.expires_at
    last = ", for the last time" if is_last else ""
    return f"{when}{last}"


def _after(delivery: Delivery, now: datetime) -> str:
    return f"; before that, {_story(delivery.history[-1], now)}" if delivery.history else ""


def _left(delivery: Delivery) -> str:
    """Return the recipients that still wait, if others are settled."""
    done: Counter[Fate] = Counter(each.fate for each in delivery.addressees)
    del done["waiting"]
    if not done:
        return ""
    waiting = delivery.waiting
    who = str(waiting[0].address) if len(waiting) == 1 else f"{len(waiting)} recipients"
    return f"; still to reach: {who} ({_counts(done)})"


def _tried(delivery: Delivery, progress: Progress | None) -> str:
    sentence = f"It is being delivered now, {_nth(delivery.attempts + 1)}"
    if progress is not None and progress.seconds >= 2 and progress.step == "resolve":
        seconds = round(progress.seconds)
        sentence += (
            f"; the look-up of {progress.place} in the DNS has no answer for {seconds} seconds"
        )
    elif progress is not None and progress.seconds >= 2:
        was_accepted = bool(delivery.history) and has_ended_unsettled(delivery.history[-1])
        missing = "confirmed its delivery" if was_accepted else "accepted it"
        sentence += f"; {progress.place} has not {missing} for {round(progress.seconds)} seconds"
        sentence += _now(progress.step)
    return sentence + ("; if that fails, it will be held" if delivery.to_be_held else "")


def _in_line(delivery: Delivery, progress: Progress) -> str:
    hop = delivery.next_hop.key
    limit = progress.limit or "accepts no more at the moment"
    if not progress.ahead:
        return f"It is next for {hop}, which {limit}"
    others = "another one" if progress.ahead == 1 else f"{progress.ahead} others"
    return f"It waits behind {others} for {hop}, which {limit}"


def _taken_over(takeover: Takeover) -> str:
    dead = f"{takeover.before}, which was taken for dead at {_utc(takeover.at)}"
    if takeover.after:
        return f"{takeover.after} took it over from {dead}"
    return f"before that, it was with {dead}"


def _rerouted(order: Reroute) -> str:
    who = _flat(order.by) or "an operator"
    return f"{who} rerouted it from {order.before} to {order.target} at {_utc(order.at)}"


def _settled(delivery: Delivery, now: datetime) -> str:
    fates = Counter(each.fate for each in delivery.addressees)
    last = delivery.history[-1] if delivery.history else None
    if set(fates) == {"delivered"} and last is not None:
        return f"It was delivered: {last.contact} answered {_line(last)} at {_past(last.at, now)}."
    refused = [each.reply for each in delivery.addressees if each.fate == "failed" and each.reply]
    ending = f'; the last refusal: "{_flat(str(refused[-1]))}"' if refused else ""
    if refused and _has_expired(refused[-1], last):
        ending = f"; it expired at {_utc(delivery.expires_at)}"
        ending += f"; at the last attempt, {_story(last, now)}" if last is not None else ""
    return f"Delivery has ended: {_counts(fates)}{ending}."


def _now(step: AttemptStep) -> str:
    _, happening = _STEPS.get(step, ("", ""))
    return f" ({happening})" if happening else ""


def _counts(fates: Mapping[Fate, int]) -> str:
    return ", ".join(f"{fates[fate]} {fate}" for fate in sorted(fates))


def _has_expired(reply: Reply, last: Attempt | None) -> bool:
    """Tell whether it expired: no server refused it permanently, because the last reply was
    temporary, or no server was asked."""
    return reply.is_transient or (last is not None and last.phase in _IN_QUEUE)


def _utc(moment: datetime) -> str:
    """Return a time as it appears in a sentence."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def time_until(span: timedelta) -> str:
    """Return how far away a time is: ``in 5 minutes``."""
    seconds = max(0, round(span.total_seconds()))
    for unit, size in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= 2 * size or seconds == size:
            count = round(seconds / size)
            return f"in {count} {unit}{'s' if count != 1 else ''}"
    return f"in {seconds} second{'s' if seconds != 1 else ''}"


def _nth(number: int) -> str:
    return "for the first time" if number == 1 else f"at attempt {number}"
