"""Services, and logins with a password, that end on a date which their provider has announced."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from gatepost.diagnosis.causes import conclude
from gatepost.diagnosis.known_refusals import find_refusal
from gatepost.diagnosis.reply_quotes import quote_envelope, quote_reply
from gatepost.diagnosis.rules.auth_attempts import mechanisms_for, refused_secret
from gatepost.model.evidence import Evidence
from gatepost.model.finding import Finding

_REFUSED: Final = 400


@dataclass(frozen=True, slots=True)
class Ending:
    """What ends for the servers whose name ends with one of ``hosts``."""

    hosts: tuple[str, ...]
    on: date
    what: str
    source: str

    def is_about(self, seen: Evidence) -> bool:
        """Tell whether the server is one of these."""
        host = f".{seen.host.rstrip('.').lower()}"
        return any(host.endswith(f".{each}") for each in self.hosts)

    def is_over(self, seen: Evidence) -> bool:
        """Tell whether the date was past when the evidence was collected."""
        return seen.seen_at is not None and seen.seen_at.date() > self.on


SERVICES: Final = (
    Ending(("azurecomm.net", "communication.azure.com"), date(2028, 9, 30),
           "Microsoft ends Azure Communication Services Email",
           "its retirement guide of 2026-08-18"),
)  # fmt: skip
PASSWORDS: Final = (
    Ending(("smtp.office365.com", "smtp-legacy.office365.com"), date(2026, 12, 31),
           "Exchange Online switches SMTP with a password off by default; administrators can "
           "switch it on again until a last date that Microsoft will name in the second half of "
           "2027", "the Exchange team's announcement of 2026-01-27"),
    Ending(("smtp.hve.mx.microsoft", "smtp-hve.office365.com"), date(2028, 9, 30),
           "High Volume Email takes no passwords any more", "reports of 2026"),
)  # fmt: skip


def provider_retired(seen: Evidence) -> Finding | None:
    """The service has ended by its date, and the server refuses or does not answer."""
    over = next((each for each in SERVICES if each.is_about(seen) and each.is_over(seen)), None)
    refusal = next(_refusals(seen), "") if over is not None else ""
    if over is None or not refusal:
        return None
    return conclude("provider_retired", "likely", f"{over.what} on {over.on} ({over.source})",
                    refusal)  # fmt: skip


def basic_auth_disabled(seen: Evidence) -> Finding | None:
    """A password is refused without a reason, after the date on which passwords end."""
    over = next((each for each in PASSWORDS if each.is_about(seen) and each.is_over(seen)), None)
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
    for each in (*SERVICES, *(PASSWORDS if by_password else ())):
        if each.is_about(seen) and seen.seen_at is not None and not each.is_over(seen):
            yield f"on {each.on}: {each.what} ({each.source})"


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
