"""Rules for refusals that name their cause."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from gatepost.diagnosis.refusals import REFUSALS, Refusal, fits
from gatepost.model.evidence import Evidence, Position
from gatepost.model.finding import Finding
from gatepost.model.reply import Reply


def refused(row: Refusal, seen: Evidence) -> Finding | None:
    """Return the finding of ``row`` if a reply in the evidence fits it."""
    for command, reply in _replies(seen, row.position):
        if not fits(row, reply):
            continue
        earlier = REFUSALS[: REFUSALS.index(row)]
        if any(fits(other, reply) for other in earlier if other.position == row.position):
            return None  # a more specific row fits
        return Finding(
            row.id,
            row.confidence,
            row.summary,
            (f"{command} was answered {reply}",),
            row.position,
            row.fix,
            explains=("mail",) if row.position == "auth" else ("rcpt",),
        )
    return None


def names_its_cause(reply: Reply) -> bool:
    """Return whether a refusal of AUTH names its cause."""
    return any(
        row.position == "auth" and row.confidence == "certain" and fits(row, reply)
        for row in REFUSALS
    )


def _replies(seen: Evidence, position: Position) -> Iterator[tuple[str, Reply]]:
    if position == "auth":
        for attempt in seen.attempts:
            yield f"AUTH {attempt.mechanism}", attempt.reply
        return
    if seen.mail.value is not None and seen.mail.value.argument:  # null sender: no proof
        yield "MAIL FROM", seen.mail.value.reply
    for recipient in seen.rcpt.value or ():
        yield "RCPT TO", recipient.reply
    if seen.content.value is not None:
        yield "the message", seen.content.value


RULES: Final[tuple[Callable[[Evidence], Finding | None], ...]] = tuple(
    partial(refused, row) for row in REFUSALS
)
