"""Rules are checked as a whole: every mistake is found, and named by its key."""

from typing import Any

import pytest

from gatepost.failures.grammar import STAGES
from gatepost.failures.read_rule import RuleMistakes, read_rule
from gatepost.failures.rule_in_one_line import format_line, parse_line, read_line

REPLY = {"reply": "451 4.7.1 Try later"}


def mistakes(document: Any, *, captures: bool = True) -> list[str]:
    with pytest.raises(RuleMistakes) as raised:
        read_rule(document, captures=captures)
    return [str(each) for each in raised.value.mistakes]


def rule(when: Any = None, do: Any = None, **others: Any) -> dict[str, Any]:
    return {"when": when or {"stage": "rcpt"}, "do": do or REPLY, **others}


def test_all_mistakes_are_found_at_once() -> None:
    document = rule(
        {"stage": "rcptt", "recipent": "*@slow.test", "attempt": "one", "chance": 3},
        {"replay": "451 x", "delay": "soon"},
        ordr=3,
    )
    assert mistakes(document) == [
        f"when.stage: 'rcptt' is not possible; there are {', '.join(STAGES)}; did you mean rcpt?",
        "when.recipent: unknown key; did you mean recipient?",
        "when.chance: expected `float` <= 1.0",
        "do.replay: unknown key; did you mean reply?",
        "do.delay: 'soon' is not a duration such as 5s, 200ms or 2m",
        "ordr: unknown key; did you mean order?",
        "when.attempt: 'one' is not a range such as 3, 1-2, 3-, */10 or >1000",
    ]


@pytest.mark.parametrize("code", ["235", "250", "354", "199", "600", "099"])
@pytest.mark.parametrize("stage", ["auth", "mail", "rcpt", "message"])
def test_a_rule_never_grants(stage: str, code: str) -> None:
    (mistake,) = mistakes(rule({"stage": stage}, {"reply": f"{code} 2.7.0 Welcome"}))
    assert mistake.startswith("do.reply: the code is ")


@pytest.mark.parametrize(
    ("document", "mistake"),
    [
        (rule({"stage": "ehlo", "recipient": "x"}),
         "when.recipient: recipient is not known at ehlo"),
        (rule({"stage": ["mail", "connect"], "user": "x"}),
         "when.user: user is not known at connect"),
        (rule({"stage": "mail", "per": "recipient"}), "when.per: recipient is not known at mail"),
        (rule({"stage": []}), "when.stage: there is no stage"),
        ({"when": {}, "do": REPLY}, "when.stage: missing"),
        ({"when": {"stage": "rcpt"}}, "do: missing"),
        (rule(do={"stall": "forever", **REPLY}),
         "do.stall: nothing follows stall: forever, so not reply"),
        (rule(do={"close": "before", **REPLY}), "do.close: with close: before there is no reply"),
        (rule(do={"pass": True, **REPLY}), "do.reply: pass and reply exclude each other"),
        (rule(do={"go_on": True, **REPLY}), "do.go_on: a rule that goes on cannot have reply"),
        (rule(do={"go_on": True}), "do: the rule does nothing"),
        (rule(do={"keep": True, "close": "before"}), "do.keep: keep is not possible at rcpt"),
        (rule({"stage": "message"}, {"keep": True}),
         "do.keep: keep needs a reply, close, reset or stall"),
        (rule(do={"delay": 4000}), "do.delay: expected `float` <= 3600.0"),
        (rule(do={"delay": [3, 1]}), "do.delay: a list has two numbers, the smaller one first"),
        (rule(do={"tls": "refuse"}), "do.tls: tls is not possible at rcpt"),
        (rule({"stage": "tls"}, {"tls": "refuse"}),
         "do.tls: the reply 454 belongs to starttls: at tls it is too late"),
        (rule({"stage": "tls"}, {"tls": "alert:sunset"}), "do.tls: there is no alert 'sunset'"),
        (rule({"stage": "tls"}, {"tls": "burn"}),
         "do.tls: 'burn' is not possible; there are refuse, garbage, stall and alert:NAME"),
        (rule({"stage": "tls"}, {"tls": {"certificate": "expired", "truncate": 3}}),
         "do.tls: tls has one of truncate, certificate and maximum"),
        (rule(do={"reply": "451 5.7.1 Later"}),
         "do.reply: the status 5.7.1 does not fit the code 451"),
        (rule(do={"reply": "451 {to}"}),
         "do.reply: {to} is unknown; there are {recipient}, {sender}, {user}, {attempt}, {wait}"),
        (rule({"stage": "ehlo"}, {"reply": "451 {sender}"}),
         "do.reply: {sender} is not known at ehlo"),
        (rule(do={"reply": "451 in {wait} s"}), "do.reply: {wait} needs greylist or quota"),
        (rule(do={"reply": "451 a\r\n250 b"}),
         "do.reply: a line has at most 450 printable characters"),
        (rule({"stage": "rcpt", "recipient": "x" * 501}),
         "when.recipient: a pattern has at most 500 characters"),
        (rule({"stage": "rcpt", "recipient": "/(/"}), "when.recipient: a ( has no )"),
        (rule({"stage": "rcpt", "attempt": "3-2"}), "when.attempt: the range 3-2 is empty"),
        (rule({"stage": "rcpt", "peer": "10.0.0.0/40"}),
         "when.peer: '10.0.0.0/40' does not appear to be an IPv4 or IPv6 network"),
        (rule({"stage": "rcpt", "from": "tomorrow"}),
         "when.from: 'tomorrow' is not a time such as 2026-12-01T08:00:00Z or +5s"),
        (rule(do={"quota": {"limit": 1, "window": 60, "unit": "octet"}}),
         "do.quota.unit: octets are only known at message"),
        (rule(id="Not An Id"), "id: expected `str` matching regex '^[a-z0-9._-]{1,64}\\\\Z'"),
        ([], "this must be an object with keys"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_named(document: Any, mistake: str) -> None:
    assert mistakes(document) == [mistake]


@pytest.mark.parametrize(
    "do",
    [
        {"discard": True},
        {"outcome": {"status": "Bounced"}},
        {"tls": {"certificate": "expired"}},
    ],
)
def test_a_relay_for_real_mail_loses_none(do: Any) -> None:
    stage = "tls" if "tls" in do else "message"
    document = rule({"stage": stage}, do)
    read_rule(document)
    assert "only gatepost up" in mistakes(document, captures=False)[0]


LINES = [
    "rcpt recipient=*@slow.test attempt=1-2 per=recipient -> reply 451 4.7.1 Try later",
    "mail -> quota 30/60s per=application ; reply 421 4.7.0 Too fast, wait ; close after",
    "tls listener=smtps times=1 -> tls alert:protocol_version",
    'message subject="Your code: *" header.X-Test=/^a|b$/ -> keep ; close before',
    "connect peer=127.0.0.0/8,::1 -> delay 1s-3s ; pace 1/0.2 ; close after_bytes=5 ; reset",
    "ehlo ehlo=!good* tls=false -> ehlo drop=SIZE,AUTH add=X-NEW",
    "auth user=ann chance=0.3 seed=7 -> reply 535 5.7.8 No\\nReally ; close after",
    "starttls -> tls refuse",
    "tls -> tls certificate=expired",
    "tls tls -> stall forever",
    "data -> rate in=1000 out=50",
    "rcpt from=+5s until=2026-12-01T08:00:00Z -> greylist 60s per=sender",
    'message -> outcome Bounced code="550 5.1.1 User unknown"',
    "mail,rcpt application=billing -> pass",
    "command command=VRFY tls=1.3 -> stall 5s",
    "body size=>1000 -> go_on ; delay 0.5s",
]


@pytest.mark.parametrize("line", [each for each in LINES if not each.startswith("tls tls")])
def test_a_line_says_what_its_rule_says(line: str) -> None:
    rule = read_rule(parse_line(line))
    assert read_rule(parse_line(format_line(rule))) == rule


@pytest.mark.parametrize(
    ("line", "mistake"),
    [
        ("rcpt reply 451", "line: a rule is STAGE [KEY=VALUE ...] -> ACTION [; ACTION ...]"),
        ("rcpt x -> reply 451", "line: 'x' is not KEY=VALUE"),
        ("a=b -> reply 451", "when.stage: the line begins with a stage"),
        ("rcpt -> replay 451", "do: unknown action 'replay'; did you mean reply?"),
        ("rcpt -> reply 451 ; reply 452", "do.reply: this action is there twice"),
        ("rcpt -> quota 30", "do.quota: quota is LIMIT/WINDOW, such as 30/60s"),
        ("rcpt -> delay", "do.delay: '' is not a duration such as 5s, 200ms or 2m"),
        ("rcpt -> ", "do: an action is missing"),
        ("rcpt recipient=x ->", "do: an action is missing"),
        ("rcpt -> keep now", "do.keep: nothing may follow, but 'now' does"),
    ],
)
def test_a_mistake_in_a_line_is_named(line: str, mistake: str) -> None:
    with pytest.raises(RuleMistakes) as raised:
        parse_line(line)
    assert [str(each) for each in raised.value.mistakes] == [mistake]


def test_all_mistakes_of_a_line_are_found() -> None:
    with pytest.raises(RuleMistakes) as raised:
        read_line("rcptt recipent=x attempt=one -> replay 451 ; delay soon ; close now")
    assert [str(each)[:25] for each in raised.value.mistakes] == [
        "do: unknown action 'repla",
        "do.delay: 'soon' is not a",
        "when.stage: 'rcptt' is no",
        "when.recipent: unknown ke",
        "do.close: 'now' is not po",
        "when.attempt: 'one' is no",
    ]


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_can_be_delayed(stage: str) -> None:
    assert read_rule(parse_line(f"{stage} -> delay 1s")).when.stage == stage
