"""Services, and logins with a password, that have ended, or will, as announced."""

from collections.abc import Iterator, Sequence
from typing import Final

from gatepost.diagnosis.announced_endings import PASSWORDS, SERVICES, Ending, endings_ahead
from gatepost.diagnosis.causes import conclude
from gatepost.diagnosis.known_refusals import find_refusal
from gatepost.diagnosis.reply_quotes import quote_envelope, quote_reply
from gatepost.diagnosis.rules.auth_attempts import mechanisms_for, refused_secret
from gatepost.model.evidence import Evidence
from gatepost.model.finding import Finding

_REFUSED: Final = 400


def provider_retired(seen: Evidence) -> Finding | None:
    """The service has ended by its date, and the server refuses or does not answer."""
    over = _find_past(SERVICES, seen)
    refusal = next(_refusals(seen), "") if over is not None else ""
    if over is None or not refusal:
        return None
    return conclude("provider_retired", "likely", f"{over.what} on {over.on} ({over.source})",
                    refusal)  # fmt: skip


def basic_auth_disabled(seen: Evidence) -> Finding | None:
    """A password is refused without a reason, after the date on which passwords end."""
    over = _find_past(PASSWORDS, seen)
    attempt = refused_secret(seen)
    if over is None or attempt is None or attempt.mechanism not in mechanisms_for("password"):
        return None
    row = find_refusal(attempt.reply, "auth")
    if row is not None and row.confidence == "certain":
        return None
    return conclude("basic_auth_disabled", "possible", quote_reply(attempt),
                    f"since {over.on}: {over.what} ({over.source})")  # fmt: skip


def note_endings(seen: Evidence) -> Iterator[str]:
    """What works today and ends on a date that is known."""
    if next(_refusals(seen), "") or not all(each.accepted for each in seen.attempts):
        return
    by_password = any(
        each.mechanism in mechanisms_for("password") and each.reply.is_success
        for each in seen.attempts
    )
    if seen.seen_at is not None:
        yield from map(str, endings_ahead(seen.host, by_password, seen.seen_at.date()))


def _find_past(endings: Sequence[Ending], seen: Evidence) -> Ending | None:
    """Return which of them was past when the evidence was collected."""
    if seen.seen_at is None:
        return None
    on = seen.seen_at.date()
    return next((each for each in endings if each.is_about(seen.host) and each.on < on), None)


def _refusals(seen: Evidence) -> Iterator[str]:
    """Yield what failed, in words."""
    resolution, connects = seen.resolution.value, seen.connects.value
    if resolution is not None and resolution.error:
        yield f"its name does not resolve: {resolution.error}"
    if connects and not any(each.outcome == "ok" for each in connects):
        yield f"it does not answer: {connects[0].address} {connects[0].outcome}"
    if seen.first_word is not None and seen.first_word.code >= _REFUSED:
        yield f"the greeting is {seen.first_word}"
    for attempt in seen.attempts:
        if attempt.secret_sent and attempt.reply.code >= _REFUSED:
            yield quote_reply(attempt)
    for command, quotation in quote_envelope(seen):
        if command.reply.code >= _REFUSED:
            yield quotation
    if seen.content.value is not None and seen.content.value.code >= _REFUSED:
        yield f"the message was answered {seen.content.value}"
    if seen.failure:
        yield seen.failure


RULES: Final = (provider_retired, basic_auth_disabled)
