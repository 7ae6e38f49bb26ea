"""Rules of scripted failures: whatever is written, it is a rule or a list of mistakes."""

import json
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.failures.event_facts import EventFacts, SessionFacts
from gatepost.failures.grammar import STAGES, Actions, Conditions, FailureRule
from gatepost.failures.read_rule import RuleMistakes, read_rule
from gatepost.failures.rule_in_one_line import format_line, read_line
from gatepost.failures.rulebook import Rulebook
from tests.examples import examples

TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["*@slow.test", "/^a(b|c)*$/", "!x", "1-2", ">5", "*/3", "+5s", "forever", "before",
         "451 4.7.1 Later", "550 No", "250 OK", "refuse", "alert:internal_error", "127.0.0.0/8",
         "rule", "recipient", "1.3", "60s", "Bounced"],
    ),
)  # fmt: skip
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXTS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["bytes", "every", "in", "out", "limit", "window", "wait", "per", "unit", "drop",
                 "add", "truncate", "certificate", "status", "code", "after_bytes", "X-A"],
            ),
            inner, max_size=3,
        ),
    ),
    max_leaves=6,
)  # fmt: skip


def objects(kind: type[msgspec.Struct]) -> st.SearchStrategy[dict[str, Any]]:
    names = [each.encode_name for each in msgspec.structs.fields(kind)]
    return st.dictionaries(st.sampled_from([*names, "odd"]), VALUES, max_size=4)


RULES = st.builds(
    lambda stage, when, do, rest: {"when": {"stage": stage, **when}, "do": do, **rest},
    st.sampled_from(STAGES), objects(Conditions), objects(Actions), objects(FailureRule),
)  # fmt: skip


def decided(rule: FailureRule) -> None:
    """Ask about an event of each stage; a rule that was accepted must be possible."""
    book = Rulebook(1, has_reserved=True)
    book.add(rule, 1e9)
    for stage in STAGES:
        session = SessionFacts("s", "smtp", rule.lane or "", "127.0.0.1")
        facts = EventFacts(stage, session, "1.3", "x", "RCPT", recipients=("a@slow.test",))
        for firing in book.decide(facts, 1e9 + 6).firings:
            assert firing.reply is None or 400 <= firing.reply.code <= 599


@settings(max_examples=examples(1_000))
@given(RULES)
def test_a_document_is_a_rule_or_has_mistakes(document: dict[str, Any]) -> None:
    try:
        rule = read_rule(json.loads(json.dumps(document)))
    except RuleMistakes as error:
        messages = [each.message for each in error.mistakes]
    else:
        messages = ["none"]
        decided(rule)
        assert read_rule(msgspec.to_builtins(rule)) == rule
    assert messages
    assert all(messages)


LINES = st.lists(
    st.one_of(
        st.sampled_from(
            ["rcpt", "mail,data", "->", ";", "recipient=*@x", 'subject="a b"', "header.X=1",
             "attempt=1-2", "per=recipient", "chance=10%", "tls=true", "reply 451 Later",
             "delay 1s", "close after", "quota 3/1m", "greylist 5s per=sender", "pace 1/0.1",
             "keep", "rate in=5", "ehlo drop=SIZE", "outcome Bounced", "stall", "go_on",
             "tls refuse"],
        ),
        st.text(max_size=6),
    ),
    max_size=8,
).map(" ".join)  # fmt: skip


@settings(max_examples=examples(1_000))
@given(LINES)
def test_a_line_is_a_rule_or_has_mistakes(line: str) -> None:
    try:
        rule = read_line(line)
    except RuleMistakes as error:
        messages = [each.message for each in error.mistakes]
    else:
        messages = ["none"]
        decided(rule)
        assert read_line(format_line(rule)).do == rule.do
    assert all(messages)
