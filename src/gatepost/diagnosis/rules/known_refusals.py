"""Rules for refusals that name their cause."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from gatepost.diagnosis.causes import conclude
from gatepost.diagnosis.known_refusals import REFUSALS, Refusal, find_refusal
from gatepost.model.evidence import DialoguePhase, Evidence
from gatepost.model.finding import Finding
from gatepost.model.reply import Reply


def refused(row: Refusal, seen: Evidence) -> Finding | None:
    """The reply of ``row`` is in the evidence."""
    for command, reply in _replies(seen, row.phase):
        if find_refusal(reply, row.phase) is row:
            return conclude(
                row.id,
                row.confidence,
                f"{command} was answered {reply}",
                summary=row.summary,
                fix=row.fix,
                next_probe="",
            )
    return None


def _replies(seen: Evidence, phase: DialoguePhase) -> Iterator[tuple[str, Reply]]:
    if phase == "auth":
        for attempt in seen.attempts:
            yield f"AUTH {attempt.mechanism}", attempt.reply
        return
    if phase == "greeting":
        if seen.first_word is not None:
            yield "the connection", seen.first_word
        for hello in (seen.in_clear.value, seen.over_tls.value):
            if hello is not None:
                yield "EHLO", hello.reply
        return
    if seen.mail.value is not None and seen.mail.value.argument:  # null sender: no proof
        yield "MAIL FROM", seen.mail.value.reply
    for recipient in seen.rcpt.value or ():
        yield "RCPT TO", recipient.reply
    if seen.content.value is not None:
        yield "the message", seen.content.value


RULES: Final = tuple(partial(refused, row) for row in REFUSALS)
