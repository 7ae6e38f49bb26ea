"""What refusals mean in a probe, by the tables that are also used for logs.

Much is hidden in a log, so its reader must guess. A probe knows the whole dialogue and was the
client itself, so only the words of the server count, and no fault of a client.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from gatepost.diagnosis.causes import CAUSES
from gatepost.diagnosis.error_document import find_status
from gatepost.diagnosis.rank import merge
from gatepost.diagnosis.rules.ehlo import is_not_the_name
from gatepost.diagnosis.rules.texts import weigh
from gatepost.diagnosis.signs import SIGNS
from gatepost.diagnosis.signs.reading import Reading, Statement
from gatepost.diagnosis.signs.sign import LIKELY, Sign
from gatepost.model.evidence import Evidence
from gatepost.model.finding import Finding

_MECHANISM_REFUSED: Final = frozenset({500, 501, 502, 503, 504, 534, 535, 538})
"""Codes of refusals that rules compare if a mechanism was only asked about."""
_REFUSED: Final = 400
_NEAR: Final = 0.7
"""The part of the first cause's weight from which on a second cause is reported."""


def add_replies(from_rules: Iterable[Finding], seen: Evidence) -> tuple[Finding, ...]:
    """Return the findings of rules together with what the server's refusals say."""
    from_rules = tuple(from_rules)
    reading = LiveReading(seen)
    if not reading.statements:
        return from_rules
    from_replies = [
        each
        for each in weigh(reading, filter(_is_valid_for_probe, SIGNS))
        if each.fit >= LIKELY and each.id not in _excluded(seen)
    ]
    if not from_replies:
        return from_rules
    by_rule = {each.id for each in from_rules}
    weighed = merge((*from_rules, *from_replies))
    best = max(each.fit for each in weighed)
    return tuple(each for each in weighed if each.id in by_rule or each.fit >= best * _NEAR)


def _is_valid_for_probe(sign: Sign) -> bool:
    """Tell whether the sign holds for a probe: words of a refusal, or the provider that refused."""
    seen_in = CAUSES[sign.id].seen_in
    by_words = bool(sign.words or sign.codes or sign.status or sign.at)
    return bool(seen_in) and (by_words or sign.points < 0 or seen_in == "provider")


def _excluded(seen: Evidence) -> Iterator[str]:
    """Yield the causes that the probe itself has excluded."""
    first = seen.first_word
    refused_at_once = first is not None and first.code >= _REFUSED
    if seen.client.signs_in or refused_at_once:
        yield "auth_not_performed"
    if seen.content.value is None:
        yield "line_too_long"
    if seen.tls.value and seen.tls.value.version and all(_under_tls(seen)):
        yield "starttls_required"
    kind = seen.login.value.secret.kind if seen.login.value is not None else ""
    if kind in ("google_app_password", "token"):
        yield "app_password_required"
    if seen.token.value is not None and seen.token.value.form == "jwt":
        yield from ("oauth_wrong_identity", "token_expired")  # the token itself was read
        if find_status(seen) != "insufficient_scope":
            yield "oauth_scope_wrong"


def _under_tls(seen: Evidence) -> Iterator[bool]:
    """Yield for each command after EHLO whether it was sent under TLS."""
    yield from (each.tls for each in seen.attempts)
    yield from (each.tls for each in seen.envelope)


class LiveReading(Reading):
    """The server's refusals of what the probe sent as a client would."""

    def __init__(self, seen: Evidence) -> None:
        super().__init__(seen)
        self.statements: tuple[Statement, ...] = tuple(
            each for each in self.statements
            if each.reply is not None and each.reply.code >= _REFUSED and _is_telling(each, seen)
        )  # fmt: skip
        self.text = "\n".join(each.text for each in self.statements)


def _is_telling(statement: Statement, seen: Evidence) -> bool:
    if statement.phase == "ehlo":  # the results with other names are better evidence than words
        return statement.reply is not None and is_not_the_name(statement.reply)
    if (
        statement.phase != "auth"
        or statement.reply is None
        or statement.reply.code not in _MECHANISM_REFUSED
    ):
        return True
    return any(each.secret_sent and each.reply == statement.reply for each in seen.attempts)
