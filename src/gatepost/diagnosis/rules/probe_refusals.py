"""What refusals mean in a probe, by the model that also ranks the causes of logs.

Much is hidden in a log, so its reader must guess. A probe knows the whole dialogue and was the
client itself, so only the words of the server count, and no fault of a client.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from gatepost.diagnosis.causes import CAUSES
from gatepost.diagnosis.order_findings import merge, outweigh_texts, weigh_text
from gatepost.diagnosis.ranking.features import SIGNS_BY_NAME, Feature, find_features
from gatepost.diagnosis.ranking.model import Model, load_model
from gatepost.diagnosis.ranking.rank_causes import judge
from gatepost.diagnosis.rules.ehlo import is_not_the_name
from gatepost.diagnosis.signs.log_statements import Reading, Statement
from gatepost.diagnosis.token_error_document import find_status
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
    model = load_model()
    candidates = _SEEN_IN_REPLIES.difference(_excluded(seen), _unfounded(reading, model))
    unspoken = set(_unspoken(seen))
    from_replies = [
        weigh_text(each)
        for each in judge(reading, (), model, candidates | unspoken)
        if each.confidence != "possible" and each.id not in unspoken
    ]
    if not from_replies:
        return from_rules
    by_rule = {each.id for each in from_rules}
    weighed = merge((*map(outweigh_texts, from_rules), *from_replies))
    best = max(each.fit for each in weighed)
    return tuple(each for each in weighed if each.id in by_rule or each.fit >= best * _NEAR)


def _unspoken(seen: Evidence) -> Iterator[str]:
    """Yield the causes that are weighed against others, but not told."""
    yield "bad_credentials"  # a refused login, if no words say more: a rule concludes it
    if seen.client.signs_in and not seen.is_signed_in and not _is_refused_at_once(seen):
        yield "auth_not_performed"  # the client would have signed in


def _is_refused_at_once(seen: Evidence) -> bool:
    first = seen.first_word
    return first is not None and first.code >= _REFUSED


_SEEN_IN_REPLIES: Final = frozenset(each.id for each in CAUSES.values() if each.seen_in)


def _unfounded(reading: Reading, model: Model) -> Iterator[str]:
    """Yield the causes of certain providers, if neither this server is of one of them nor its words
    name the cause."""
    features = find_features(reading, (), model.lexicon)
    named = {cause for feature in features.values() for cause in _proven_by(feature)}
    signs = SIGNS_BY_NAME | dict(model.lexicon.phrases)
    named.update(signs[name].id for name in features if name in signs and not signs[name].against)
    for each in reading.providers:
        weights = model.weights.find(f"provider {each}")
        named.update(cause for cause, weight in weights.items() if weight > 0)
    yield from (cause.id for cause in CAUSES.values()
                if cause.seen_in == "provider" and cause.id not in named)  # fmt: skip


def _proven_by(feature: Feature) -> Iterator[str]:
    text = feature.text
    if text is not None and text.proves:
        yield max(text.weights, key=text.weights.__getitem__)


_POLICY: Final = ("4.7.", "5.7.")
"""Statuses of a refusal that is not about the recipient (RFC 3463 3.8)."""


def _excluded(seen: Evidence) -> Iterator[str]:
    """Yield the causes that the probe itself has excluded."""
    if not seen.envelope:
        yield from ("commands_out_of_order", "auth_not_performed")  # nothing but a login was tried
    yield "login_forgotten"  # a rule compares the replies
    yield "envelope_address_malformed"  # a rule reads the address
    refusals = [each.reply for each in seen.envelope if not each.reply.is_success]
    if refusals and all(str(each.status).startswith(_POLICY) for each in refusals):
        yield "recipient_unknown"
    may_send = seen.is_signed_in and bool(seen.envelope) and seen.envelope[0].reply.is_success
    if may_send and refusals and all("relay" in each.text.lower() for each in refusals):
        yield "sender_not_authorised"  # MAIL was accepted, but the server relays to nobody
    if (seen.content.value is None or seen.content.value.is_success) and all(
        each.reply.is_success for each in seen.envelope
    ):
        yield from (each.id for each in CAUSES.values() if each.phase == "data")
    if seen.client.signs_in or seen.is_signed_in or _is_refused_at_once(seen):
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
    """The server's refusals alone: of what the probe sent as a client would, or of everything."""

    is_live = True

    def __init__(self, seen: Evidence, *, of_everything: bool = False) -> None:
        super().__init__(seen)
        self.statements: tuple[Statement, ...] = tuple(
            each for each in self.statements
            if each.reply is not None and each.reply.code >= _REFUSED
            and (of_everything or _is_telling(each, seen))
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
