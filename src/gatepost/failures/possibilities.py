"""What a rule can ask and do at each stage."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from gatepost.failures.grammar import (
    STAGES,
    Actions,
    Conditions,
    FailureRule,
    Key,
    Stage,
    TlsFault,
)
from gatepost.failures.reply_text import names_in, parse_reply_text
from gatepost.wire.tls_records import ALERTS

_CLIENT: Final = frozenset({"listener", "peer"})
_GREETED: Final = _CLIENT | {"tls", "ehlo", "command", "user", "application", "mechanism"}
_MAIL: Final = _GREETED | {"sender"}
_RCPT: Final = _MAIL | {"recipient"}
ASKABLE: Final[Mapping[Stage, frozenset[str]]] = {
    "connect": _CLIENT | {"tls"},
    "tls": _CLIENT,
    "ehlo": _GREETED,
    "starttls": _GREETED,
    "auth": _GREETED,
    "mail": _MAIL | {"size"},
    "rcpt": _RCPT,
    "data": _RCPT,
    "body": _RCPT - {"command"} | {"size"},
    "message": _RCPT - {"command"} | {"size", "subject", "header"},
    "rset": _GREETED,
    "noop": _GREETED,
    "quit": _GREETED,
    "command": _GREETED,
}
"""Conditions that can be asked, by stage."""
ALWAYS: Final = frozenset({"stage", "attempt", "per", "times", "chance", "seed", "from", "until"})
KEYS: Final = {
    "user": "user", "application": "application", "sender": "sender", "recipient": "recipient",
    "triplet": "recipient", "message_id": "header",
}  # fmt: skip
"""The condition that is known wherever a key is."""

_LATER: Final = frozenset(STAGES) - {"tls", "body"}
POSSIBLE: Final[Mapping[str, frozenset[str]]] = {
    "ehlo": frozenset({"ehlo"}),
    "tls": frozenset({"starttls", "tls"}),
    "greylist": _LATER,
    "quota": _LATER,
    "reply": frozenset(STAGES) - {"tls"},
    "pace": _LATER,
    "rate": frozenset(STAGES) - {"tls"},
    "keep": frozenset({"message"}),
    "discard": frozenset({"message"}),
    "outcome": frozenset({"message"}),
}
"""Actions that are not possible at every stage, with the stages."""
_EXCLUSIVE: Final = (
    ("pass", "delay"), ("pass", "reply"), ("pass", "close"), ("pass", "reset"), ("pass", "stall"),
    ("pass", "go_on"), ("pass", "tls"), ("pass", "keep"), ("pass", "discard"), ("pass", "quota"),
    ("pass", "greylist"), ("pass", "rate"), ("pass", "ehlo"), ("pass", "pace"), ("pass", "outcome"),
    ("tls", "reply"), ("tls", "pace"), ("tls", "close"), ("tls", "reset"), ("tls", "greylist"),
    ("tls", "quota"), ("greylist", "quota"), ("keep", "discard"), ("discard", "reply"),
    ("ehlo", "reply"), ("discard", "outcome"),
)  # fmt: skip
"""Pairs that no rule has."""
_MAY_GO_ON: Final = frozenset({"delay", "rate", "ehlo", "outcome", "go_on"})
TLS_WORDS: Final = ("refuse", "garbage", "stall")

Problem = tuple[tuple[str, ...], str]
"""Where it is, and a sentence."""


def stages_of(when: Conditions) -> Sequence[Stage]:
    """Return the stages of a rule."""
    return [when.stage] if isinstance(when.stage, str) else when.stage


def present(struct: Conditions | Actions) -> dict[str, object]:
    """Return what a rule says, by the names of JSON."""
    values = zip(struct.__struct_encode_fields__, struct.__struct_fields__, strict=True)
    pairs = ((name, getattr(struct, field)) for name, field in values)
    return {name: value for name, value in pairs if value is not None and value is not False}


def problems_of(rule: FailureRule, *, captures: bool) -> Iterator[Problem]:
    """Yield what cannot be. ``captures``: all mail stays here, as with ``gatepost up``."""
    stages = stages_of(rule.when)
    if not stages:
        yield ("when", "stage"), "there is no stage"
    yield from _unknown_there(rule, stages)
    yield from _impossible_actions(rule.do, stages)
    yield from _impossible_pairs(rule.do)
    yield from _reply_problems(rule, stages)
    if not captures:
        yield from _only_captured(rule.do)


def _unknown_there(rule: FailureRule, stages: Sequence[Stage]) -> Iterator[Problem]:
    when, do = rule.when, rule.do
    for name in present(when).keys() - ALWAYS:
        for stage in stages:
            if name not in ASKABLE[stage]:
                yield ("when", name), f"{name} is not known at {stage}"
    keys: list[tuple[tuple[str, ...], Key]] = [(("when", "per"), when.per)]
    keys += [(("do", "greylist", "per"), do.greylist.per)] if do.greylist else []
    keys += [(("do", "quota", "per"), do.quota.per)] if do.quota else []
    for path, key in keys:
        for stage in stages:
            if KEYS.get(key, "listener") not in ASKABLE[stage]:
                yield path, f"{key} is not known at {stage}"
    if do.quota and do.quota.unit == "octet" and list(stages) != ["message"]:
        yield ("do", "quota", "unit"), "octets are only known at message"


def _impossible_actions(do: Actions, stages: Sequence[Stage]) -> Iterator[Problem]:
    names = present(do).keys()
    if not names:
        yield ("do",), "the rule does nothing"
    for name in names & POSSIBLE.keys():
        for stage in stages:
            if stage not in POSSIBLE[name]:
                yield ("do", name), f"{name} is not possible at {stage}"
    for stage in stages:
        if do.close not in (None, "before") and stage == "tls":
            yield ("do", "close"), "there is no reply at tls: close is before"
        if do.close not in (None, "before", "after") and stage == "body":
            yield ("do", "close"), "at body, close is before or after"
        if do.tls == "refuse" and stage == "tls":
            yield ("do", "tls"), "the reply 454 belongs to starttls: at tls it is too late"


def _impossible_pairs(do: Actions) -> Iterator[Problem]:
    names = present(do).keys()
    for one, other in _EXCLUSIVE:
        if one in names and other in names:
            yield ("do", other), f"{one} and {other} exclude each other"
    if do.stall == "forever" and (after := names & {"reply", "close", "reset", "pace", "keep"}):
        yield ("do", "stall"), f"nothing follows stall: forever, so not {min(after)}"
    if do.close == "before" and names & {"reply", "pace"}:
        yield ("do", "close"), "with close: before there is no reply"
    if do.go_on and (others := names - _MAY_GO_ON):
        yield ("do", "go_on"), f"a rule that goes on cannot have {min(others)}"
    if do.go_on and names == {"go_on"}:
        yield ("do",), "the rule does nothing"
    if do.keep and not names & {"reply", "close", "reset", "stall"}:
        yield ("do", "keep"), "keep needs a reply, close, reset or stall"
    if isinstance(do.delay, list) and (len(do.delay) != 2 or do.delay[1] < do.delay[0]):
        yield ("do", "delay"), "a list has two numbers, the smaller one first"
    yield from _tls_problems(do.tls)
    if do.outcome and not (do.outcome.status or do.outcome.code):
        yield ("do", "outcome"), "outcome has a status or a code"
    if do.ehlo and not (do.ehlo.drop or do.ehlo.add):
        yield ("do", "ehlo"), "ehlo has drop or add"
    if do.rate and do.rate.in_ is None and do.rate.out is None:
        yield ("do", "rate"), "rate has in or out"


def _tls_problems(tls: str | TlsFault | None) -> Iterator[Problem]:
    if isinstance(tls, TlsFault):
        if sum(each is not None for each in (tls.truncate, tls.certificate, tls.maximum)) != 1:
            yield ("do", "tls"), "tls has one of truncate, certificate and maximum"
    elif tls is not None and tls not in TLS_WORDS:
        name = tls.removeprefix("alert:")
        if name == tls:
            words = ", ".join(TLS_WORDS)
            yield ("do", "tls"), f"{tls[:40]!r} is not possible; there are {words} and alert:NAME"
        elif name not in ALERTS.values():
            yield ("do", "tls"), f"there is no alert {name[:40]!r}"


def _reply_problems(rule: FailureRule, stages: Sequence[Stage]) -> Iterator[Problem]:
    do = rule.do
    if do.reply is None:
        return
    try:
        reply = parse_reply_text(do.reply)
    except ValueError as error:
        yield ("do", "reply"), str(error)
        return
    for name in names_in(reply) - {"attempt"}:
        if name == "wait":
            if not (do.greylist or do.quota):
                yield ("do", "reply"), "{wait} needs greylist or quota"
            continue
        for stage in stages:
            if name not in ASKABLE[stage]:
                yield ("do", "reply"), f"{{{name}}} is not known at {stage}"


def _only_captured(do: Actions) -> Iterator[Problem]:
    if do.discard:
        yield ("do", "discard"), "only gatepost up may lose mail"
    if do.outcome:
        yield ("do", "outcome"), "only gatepost up has scripted outcomes"
    if isinstance(do.tls, TlsFault) and do.tls.certificate:
        yield ("do", "tls", "certificate"), "only gatepost up makes certificates"
