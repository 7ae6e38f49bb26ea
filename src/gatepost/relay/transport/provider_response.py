"""What a response of a provider's HTTP API means for each recipient, by the provider's file. Pure.

Statuses and codes decide; texts only where the file says so, because the provider has no code.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, NamedTuple

from gatepost.errors import RemoteProtocolError
from gatepost.model.delivery import Verdict
from gatepost.model.http_provider import HttpProvider, RecipientStates, ResponseRule
from gatepost.model.reply import Esc, Reply
from gatepost.net.http_client import LONGEST_WAIT, HttpResponse
from gatepost.relay.transport.http_api import (
    NOT_THIS_API,
    ApiRefused,
    Meaning,
    as_refused,
    code_of,
    printable,
    wrong_clock,
)

Redact = Callable[[str], str]
OPERATOR_WAIT: Final = 900.0
"""Seconds until the next attempt after a refusal that somebody must solve; a repaired secret is
tried at once."""
_REFUSED_LOGIN: Final = frozenset({401, 403})
_OF_ACCOUNT: Final = frozenset({402, *_REFUSED_LOGIN})
_OF_MESSAGE: Final = frozenset({400, 413, 422})
_TOO_LARGE: Final = 413
_TOO_MANY: Final = 429
_RETRY: Final = frozenset({408, 409, 425, _TOO_MANY})
_UNNAMED: Final = Reply(451, "The API did not say what became of this recipient", Esc(4, 3, 0))
_LONGEST_ID: Final = 200
_LONGEST_TEXT: Final = 4_096
_REJECTED: Final = 550, Esc(5, 1, 0)


class StatedError(NamedTuple):
    """What a response says about a failure, without secrets."""

    status: int
    code: str
    message: str


def judge(
    provider: HttpProvider,
    response: HttpResponse,
    addresses: Sequence[str],
    now: datetime,
    redact: Redact,
) -> tuple[Verdict, ...]:
    """Return the verdict on each of ``addresses``.

    Raises ApiRefused if none was accepted, and RemoteProtocolError if an accepted message's
    response broke off that would say who was rejected. ``redact`` removes secrets from a text.
    """
    success = provider.success
    if response.status not in success.statuses:
        raise _refusal(provider, response, now, redact)
    document = response.document()
    id_ = _id_in(document, success.id, redact)
    if not response.is_whole and not document:
        if success.recipients is not None or success.rejected:
            raise RemoteProtocolError("the response broke off: perhaps the message was accepted")
        return (_accepted(response.status, ""),) * len(addresses)
    if not id_:
        what = f"HTTP {response.status} without {success.id}"
        raise as_refused(NOT_THIS_API, what, "", {}, OPERATOR_WAIT)
    if success.rejected and _count(value_at(document, success.rejected)):
        raise _rejection(provider, response, redact)
    accepted = _accepted(response.status, id_)
    if success.recipients is None:
        return (accepted,) * len(addresses)
    return _each(provider, success.recipients, response, addresses, redact)


def value_at(document: Any, path: str) -> Any:
    """Return the value at a path such as ``errors.0.message``; empty if there is none."""
    value = document
    for step in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(step, "")
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return ""
    return "" if value is None else value


def _id_in(document: Any, path: str, redact: Redact) -> str:
    return _safe_text(value_at(document, path), redact)[:_LONGEST_ID] if path else ""


def _safe_text(text: Any, redact: Redact) -> str:
    """Return a provider's text as it may be shown. Secrets go first: shortened, they would not be
    found."""
    return printable(redact(str(text)[:_LONGEST_TEXT]))


def _accepted(status: int, id_: str) -> Verdict:
    text = f"HTTP {status} accepted as {id_}" if id_ else f"HTTP {status} accepted"
    return Verdict("delivered", Reply(250, text, Esc(2, 0, 0)), is_remote=True)


def _each(
    provider: HttpProvider,
    states: RecipientStates,
    response: HttpResponse,
    addresses: Sequence[str],
    redact: Redact,
) -> tuple[Verdict, ...]:
    """Return the verdicts that a success gives to each recipient by name."""
    entries = value_at(response.document(), states.path)
    entries = entries if isinstance(entries, list) else []
    named = {str(value_at(each, states.address)).lower(): each for each in entries}
    if len(entries) == len(addresses) == 1:
        named[addresses[0].lower()] = entries[0]
    verdicts: list[Verdict] = []
    refusals: list[ApiRefused] = []
    for address in addresses:
        entry = named.get(address.lower())
        if entry is None:
            verdicts.append(Verdict("deferred", _UNNAMED))
        elif str(value_at(entry, states.state)) in states.refused:
            refusal = _refused_recipient(provider, states, response, entry, redact)
            refusals.append(refusal)
            verdicts.append(refusal.verdict)
        else:
            id_ = _id_in(entry, states.id, redact)
            verdicts.append(_accepted(response.status, id_))
    if len(refusals) == len(addresses):
        about_account = [each for each in refusals if each.kind == "deferred"]
        if len(about_account) == len(refusals):
            raise about_account[0]
    return tuple(verdicts)


def _refused_recipient(
    provider: HttpProvider,
    states: RecipientStates,
    response: HttpResponse,
    entry: Any,
    redact: Redact,
) -> ApiRefused:
    code = redact(code_of({"code": value_at(entry, states.code)})) if states.code else ""
    message = _safe_text(value_at(entry, states.message), redact) if states.message else ""
    error = StatedError(response.status, code, message)
    rule = _rule_for(provider, error) or ResponseRule("bounce", reply=_REJECTED)
    return _by_rule(rule, error, 0.0, "")


def _rejection(provider: HttpProvider, response: HttpResponse, redact: Redact) -> ApiRefused:
    """Return the refusal of the only recipient, which a success counts as rejected."""
    error = _error_in(provider, response, redact)
    if not error.message:
        error = error._replace(message="the API accepted the request and rejected its recipient")
    rule = _rule_for(provider, error) or ResponseRule("bounce", reply=_REJECTED)
    return _by_rule(rule, error, 0.0, "")


def _count(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _error_in(provider: HttpProvider, response: HttpResponse, redact: Redact) -> StatedError:
    document, paths = response.document(), provider.error
    candidates = [response.headers.get(paths.code_header, "")] if paths.code_header else []
    candidates += [value_at(document, each) for each in paths.code]
    # AWS: "aws.service#Name", or "Name:http://..."
    names = [str(each).rpartition("#")[2].partition(":")[0] for each in candidates]
    code = next((found for each in names if (found := code_of({"code": each}))), "")
    texts = [value_at(document, each) for each in paths.message]
    message = next((each for each in texts if isinstance(each, str) and each), "")
    return StatedError(response.status, redact(code), _safe_text(message, redact))


def _refusal(
    provider: HttpProvider, response: HttpResponse, now: datetime, redact: Redact
) -> ApiRefused:
    error = _error_in(provider, response, redact)
    wait = _window(provider, response, now) or response.retry_after(now)
    hint = ""
    if error.status in _REFUSED_LOGIN and provider.sign_in.kind == "sigv4":
        hint = wrong_clock(response, now)
    rule = _rule_for(provider, error)
    if rule is not None:
        return _by_rule(rule, error, wait, hint)
    is_of_api = bool(error.code or error.message)
    if error.status in _OF_ACCOUNT:
        return _by_rule(ResponseRule("operator"), error, wait, hint)
    if error.status in _RETRY or error.status >= 500:
        return _by_rule(ResponseRule("retry"), error, wait, "")
    if error.status == _TOO_LARGE or (error.status in _OF_MESSAGE and is_of_api):
        return _by_rule(ResponseRule("bounce"), error, wait, "")
    facts = {"message": error.message}
    return as_refused(NOT_THIS_API, f"HTTP {error.status}", error.code, facts, OPERATOR_WAIT)


def _window(provider: HttpProvider, response: HttpResponse, now: datetime) -> float:
    """Return the seconds until the window of a rate or quota ends, if a header says it; else 0."""
    if provider.reset is None:
        return 0.0
    value = response.headers.get(provider.reset.name, "").strip()
    try:
        seconds = float(value) if len(value) <= 20 else 0.0
    except ValueError:
        return 0.0
    if provider.reset.unit == "epoch":
        seconds -= now.timestamp()
    return min(seconds, LONGEST_WAIT) if seconds > 0 else 0.0


def _rule_for(provider: HttpProvider, error: StatedError) -> ResponseRule | None:
    """Return the first rule that matches an error."""
    text = error.message.lower()
    for rule in provider.rules:
        if (
            (not rule.statuses or error.status in rule.statuses)
            and (not rule.codes or error.code in rule.codes)
            and rule.text in text
        ):
            return rule
    return None


def _by_rule(rule: ResponseRule, error: StatedError, wait: float, hint: str) -> ApiRefused:
    """Return the error that a rule makes of a response; ``wait`` is in seconds, by a header."""
    meaning = _meaning(rule, error.status)
    message = ": ".join(filter(None, (rule.why, error.message)))
    if rule.then == "operator":
        hint = hint or rule.why or meaning.hint
        meaning, message = replace(meaning, hint=hint), error.message
        wait = wait or rule.wait or OPERATOR_WAIT
    elif rule.then == "bounce":
        wait = 0.0
    else:
        wait = wait or rule.wait
    what = f"HTTP {error.status}"
    return as_refused(meaning, what, error.code, {"message": message}, wait)


def _meaning(rule: ResponseRule, status: int) -> Meaning:
    match rule.then:
        case "bounce":
            usual = (552, Esc(5, 3, 4)) if status == _TOO_LARGE else (554, Esc(5, 6, 0))
            return Meaning("failed", *(rule.reply or usual))
        case "operator" if status in _REFUSED_LOGIN:
            why = "the provider does not accept the key, or does not permit this"
            return Meaning("deferred", 535, Esc(5, 7, 8), "auth", hint=why)
        case "operator":
            why = "the provider needs somebody to act"
            return Meaning("deferred", 554, Esc(5, 7, 0), "auth", hint=why)
        case "pause":
            return Meaning("deferred", 451, Esc(4, 7, 0))
        case "retry" if rule.is_throttling or status == _TOO_MANY:
            return Meaning("deferred", 454, Esc(4, 7, 0))  # which makes the target slower
        case "retry":
            return Meaning("deferred", 451, Esc(4, 3, 0))
