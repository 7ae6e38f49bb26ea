"""A rule that can be asked: its conditions as tests, its reply as one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from ipaddress import ip_network
from typing import Final

from gatepost.failures.condition_values import TextTest, compile_text, parse_moment, parse_range
from gatepost.failures.event_facts import EventFacts
from gatepost.failures.grammar import Conditions, FailureRule, Key, Stage, Text
from gatepost.failures.possibilities import stages_of
from gatepost.failures.reply_text import parse_reply_text
from gatepost.model.reply import Esc, Reply
from gatepost.policy.networks import UNIX, Networks

FactTest = Callable[[EventFacts], bool]
NameTest = Callable[[str], str]
"""Returns the name of an application by its id; empty if there is none."""

_TEXTS: Final[Mapping[str, Callable[[EventFacts], str]]] = {
    "listener": lambda facts: facts.session.listener,
    "ehlo": lambda facts: facts.ehlo,
    "command": lambda facts: facts.command,
    "user": lambda facts: facts.user,
    "mechanism": lambda facts: facts.mechanism,
    "sender": lambda facts: facts.sender,
    "subject": lambda facts: facts.subject,
}
_KEYS: Final[Mapping[Key, Callable[[EventFacts], str]]] = {
    "rule": lambda _: "",
    "connection": lambda facts: facts.session.session,
    "peer": lambda facts: facts.session.peer,
    "user": lambda facts: facts.user.casefold(),
    "application": lambda facts: facts.application,
    "sender": lambda facts: facts.sender.casefold(),
    "recipient": lambda facts: " ".join(facts.recipients).casefold(),
    "triplet": lambda facts: " ".join(
        (facts.session.peer, facts.sender or "<>", *facts.recipients)
    ).casefold(),
    "message_id": lambda facts: facts.message_id,
}
_GREYLISTED: Final = Reply(450, "Greylisted, try again in {wait} s", Esc(4, 2, 0))
_OVER_QUOTA: Final = Reply(450, "Too much, try again in {wait} s", Esc(4, 7, 1))


class CompiledRule:
    """A rule that was checked; ``begin`` is the time to which its ``+5s`` refers, in seconds since
    1970."""

    __slots__ = ("attempt", "begin", "reply", "rule", "stages", "starts_at", "tests", "until")

    def __init__(self, rule: FailureRule, begin: float, name_of: NameTest) -> None:
        self.rule = rule
        self.begin = begin
        self.stages: Sequence[Stage] = stages_of(rule.when)
        self.tests = tuple(_tests(rule.when, name_of))
        """The name of each condition, and its test."""
        when, do = rule.when, rule.do
        self.attempt = None if when.attempt is None else parse_range(when.attempt)
        self.starts_at = None if when.from_ is None else parse_moment(when.from_, begin)
        self.until = None if when.until is None else parse_moment(when.until, begin)
        self.reply: Reply | None = None
        if do.reply is not None:
            self.reply = parse_reply_text(do.reply)
        elif do.close is None and not do.reset:
            self.reply = _GREYLISTED if do.greylist else _OVER_QUOTA if do.quota else None

    def failing(self, facts: EventFacts, now: float) -> str:
        """Return the name of the first condition that does not hold; empty if all do."""
        if self.starts_at is not None and now < self.starts_at:
            return "from"
        if self.until is not None and now >= self.until:
            return "until"
        return next((name for name, test in self.tests if not test(facts)), "")

    def recipients_in(self, facts: EventFacts) -> tuple[str, ...]:
        """Return the recipients to which the rule applies."""
        pattern = self.rule.when.recipient
        if pattern is None:
            return facts.recipients
        return tuple(filter(compile_text(pattern), facts.recipients))

    def nearness(self, facts: EventFacts) -> int:
        """Return the number of conditions that hold."""
        return sum(test(facts) for _, test in self.tests)


def key_of(key: Key, facts: EventFacts) -> str:
    """Return what is counted separately."""
    return _KEYS[key](facts)


def _tests(when: Conditions, name_of: NameTest) -> Iterator[tuple[str, FactTest]]:
    for name, value in _TEXTS.items():
        if (pattern := getattr(when, name)) is not None:
            yield name, _of_text(value, compile_text(pattern))
    if when.peer is not None:
        yield "peer", _of_peer(when.peer)
    if when.tls is not None:
        yield "tls", _of_tls(when.tls)
    if when.application is not None:
        yield "application", _of_application(compile_text(when.application), name_of)
    if when.recipient is not None:
        yield "recipient", _of_recipient(compile_text(when.recipient))
    for field, pattern in (when.header or {}).items():
        yield "header", _of_header(field.lower(), pattern)
    if when.size is not None:
        sizes = parse_range(when.size)
        yield "size", lambda facts: facts.size in sizes


def _of_text(value: Callable[[EventFacts], str], test: TextTest) -> FactTest:
    return lambda facts: test(value(facts))


def _of_tls(wanted: bool | str) -> FactTest:
    if isinstance(wanted, bool):
        return lambda facts: bool(facts.tls) is wanted
    return lambda facts: facts.tls == wanted


def _of_application(test: TextTest, name_of: NameTest) -> FactTest:
    return lambda facts: test(facts.application) or test(name_of(facts.application))


def _of_recipient(test: TextTest) -> FactTest:
    return lambda facts: any(test(each) for each in facts.recipients)


def _of_header(name: str, pattern: Text) -> FactTest:
    test = compile_text(pattern)
    return lambda facts: any(test(value) for field, value in facts.header if field == name)


def _of_peer(peers: str | list[str]) -> FactTest:
    listed = [peers] if isinstance(peers, str) else peers
    excluded = _networks([each[1:] for each in listed if each.startswith("!")])
    included = _networks([each for each in listed if not each.startswith("!")])
    return lambda facts: (
        facts.session.peer not in excluded if excluded else facts.session.peer in included
    )


def _networks(texts: Sequence[str]) -> Networks:
    ranges = tuple([ip_network(each, strict=False) for each in texts if each != UNIX])
    return Networks(ranges, UNIX in texts)
