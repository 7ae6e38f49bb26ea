"""Which rule fires: conditions, order, counters, chance, time."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from gatepost.failures.chaos import ChaosTrigger, ChaosTriggers, chaos_of_rules, rules_of_chaos
from gatepost.failures.counters import MAX_KEYS
from gatepost.failures.event_facts import EventFacts, SessionFacts
from gatepost.failures.read_rule import read_rule
from gatepost.failures.reserved_addresses import read_reserved
from gatepost.failures.rule_in_one_line import parse_line
from gatepost.failures.rulebook import MAX_FIRED, Rulebook, StaleRevision

NOW = 1_800_000_000.0
SESSION = SessionFacts("s1", "smtp", "", "127.0.0.1")


def book(*lines: str, seed: int = 1) -> Rulebook:
    rules = Rulebook(seed, lambda id_: "billing" if id_ == "id-1" else "")
    for number, line in enumerate(lines):
        rules.add(read_rule({"id": f"r{number}", **parse_line(line)}), NOW)
    return rules


def facts(stage: Any = "rcpt", **others: Any) -> EventFacts:
    return EventFacts(stage, others.pop("session", SESSION), **others)


def fired(rules: Rulebook, event: EventFacts, now: float = NOW) -> list[str]:
    return [each.rule for each in rules.decide(event, now).firings]


CONDITIONS: list[tuple[str, str, dict[str, Any], bool]] = [
    ("rcpt", "recipient=*@slow.test", {"recipients": ("ann@Slow.Test",)}, True),
    ("rcpt", "recipient=*@slow.test", {"recipients": ("ann@fast.test",)}, False),
    ("rcpt", "recipient=!*@slow.test", {"recipients": ("ann@fast.test",)}, True),
    ("rcpt", "recipient=a@x,b@x", {"recipients": ("b@x",)}, True),
    ("data", "recipient=b@x", {"recipients": ("a@x", "b@x")}, True),
    ("mail", "sender=<>", {"sender": ""}, True),
    ("mail", "sender=<>", {"sender": "a@x"}, False),
    ("mail", "sender=/^a.*x$/", {"sender": "ann@x"}, True),
    ("mail", "size=>1000", {"size": 1001}, True),
    ("mail", "size=>1000", {"size": 1000}, False),
    ("ehlo", "tls=false", {"tls": ""}, True),
    ("ehlo", "tls=true", {"tls": "1.3"}, True),
    ("ehlo", "tls=1.2", {"tls": "1.3"}, False),
    ("ehlo", "peer=127.0.0.0/8", {}, True),
    ("ehlo", "peer=!127.0.0.1", {}, False),
    ("ehlo", "peer=::1,unix", {}, False),
    ("ehlo", "listener=smtps", {}, False),
    ("ehlo", "ehlo=app-*", {"ehlo": "APP-1"}, True),
    ("auth", "application=billing", {"application": "id-1"}, True),
    ("auth", "application=id-*", {"application": "id-1"}, True),
    ("auth", "application=other", {"application": "id-1"}, False),
    ("auth", "user=ann mechanism=PLAIN", {"user": "ANN", "mechanism": "PLAIN"}, True),
    ("command", "command=vrfy", {"command": "VRFY"}, True),
    ("message", "subject=*code*", {"subject": "Your Code 1"}, True),
    ("message", "header.X-A=b", {"header": (("x-a", "a"), ("x-a", "B"))}, True),
    ("message", "header.X-A=b", {"header": ()}, False),
    ("mail", "from=+5s", {}, False),
    ("mail", "until=+5s", {}, True),
]


@pytest.mark.parametrize(("stage", "conditions", "known", "fires"), CONDITIONS)
def test_conditions(stage: str, conditions: str, known: dict[str, Any], fires: bool) -> None:
    rules = book(f"{stage} {conditions} -> delay 1s")
    assert fired(rules, facts(stage, **known)) == (["r0"] if fires else [])


def test_times_are_those_of_the_clock() -> None:
    rules = book("mail from=+5s until=+9s -> delay 1s")
    times = [NOW + 4.9, NOW + 5, NOW + 8.9, NOW + 9]
    assert [bool(fired(rules, facts("mail"), each)) for each in times] == [False, True, True, False]
    rules.reset(NOW + 20)
    assert fired(rules, facts("mail"), NOW + 26) == ["r0"]


@pytest.mark.parametrize(
    ("attempt", "which"),
    [("3", [3]), ("1-2", [1, 2]), ("3-", [3, 4, 5, 6]), ("*/3", [3, 6]), ("<2", [1])],
)
def test_attempts_are_counted(attempt: str, which: list[int]) -> None:
    rules = book(f"rcpt attempt={attempt} -> delay 1s")
    assert [each for each in range(1, 7) if fired(rules, facts())] == which


def test_each_recipient_has_its_own_attempts() -> None:
    rules = book("rcpt attempt=1-2 per=recipient -> reply 451 Try {attempt} of {recipient}")
    replies = [
        [str(each.reply) for each in rules.decide(facts(recipients=(name,)), NOW).firings]
        for name in ("a@x", "b@x", "a@x", "A@x", "b@x")
    ]
    assert replies == [
        ["451 Try 1 of a@x"], ["451 Try 1 of b@x"], ["451 Try 2 of a@x"], [], ["451 Try 2 of b@x"],
    ]  # fmt: skip


def test_the_first_rule_that_fires_wins() -> None:
    rules = book(
        "rcpt times=1 -> reply 451 A", "rcpt -> reply 452 B", "rcpt order=1 times=1 -> pass"
    )
    assert [fired(rules, facts()) for _ in range(3)] == [[], ["r0"], ["r1"]]


def test_a_rule_may_go_on() -> None:
    rules = book("rcpt -> delay 1s ; go_on", "rcpt -> reply 451 Later", "rcpt -> reply 452 Never")
    assert fired(rules, facts()) == ["r0", "r1"]


def test_chance_is_a_function_of_seed_key_and_number() -> None:
    def run() -> list[int]:
        rules = book("rcpt chance=0.3 seed=7 -> reply 451 Later")
        return [number for number in range(1000) if fired(rules, facts())]

    once = run()
    assert 240 < len(once) < 360
    assert [run(), run()] == [once, once]


def test_chance_does_not_depend_on_what_runs_in_parallel() -> None:
    def of_key(rules: Rulebook, key: str) -> list[bool]:
        return [bool(fired(rules, facts(recipients=(key,)))) for _ in range(200)]

    line = "rcpt chance=0.3 seed=7 per=recipient -> reply 451 Later"
    keys = [f"{number}@x" for number in range(8)]
    alone = [of_key(book(line), key) for key in keys]
    shared = book(line)
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda key: of_key(shared, key), keys))
    assert together == alone
    assert len({tuple(each) for each in alone}) == 8


def test_rules_without_a_seed_have_different_ones() -> None:
    rules = book("rcpt chance=0.5 -> delay 1s ; go_on", "rcpt chance=0.5 -> delay 2s ; go_on")
    events = [fired(rules, facts()) for _ in range(100)]
    assert {tuple(each) for each in events} == {(), ("r0",), ("r1",), ("r0", "r1")}


def test_a_delay_between_two_times_is_drawn() -> None:
    rules = book("rcpt seed=3 -> delay 1s-3s")
    delays = [rules.decide(facts(), NOW).firings[0].delay for _ in range(100)]
    assert all(1 <= each <= 3 for each in delays)
    assert max(delays) - min(delays) > 1.5


def test_a_greylist_refuses_new_keys_until_the_time_has_passed() -> None:
    rules = book("rcpt -> greylist 60s ; reply 450 4.2.0 In {wait} s")
    event = facts(recipients=("a@x",), sender="b@x")
    assert str(rules.decide(event, NOW).firings[0].reply) == "450 4.2.0 In 60 s"
    assert str(rules.decide(event, NOW + 59.5).firings[0].reply) == "450 4.2.0 In 1 s"
    assert fired(rules, event, NOW + 60) == []
    assert fired(rules, replace(event, recipients=("c@x",)), NOW + 60) == ["r0"]
    assert fired(rules, event, NOW + 61) == []


def test_a_quota_has_a_sliding_window() -> None:
    rules = book("mail -> quota 30/60s", "mail -> delay 1s")
    sent = [fired(rules, facts("mail"), NOW + number) for number in range(32)]
    assert sent == [["r1"]] * 30 + [["r0"]] * 2
    assert fired(rules, facts("mail"), NOW + 59) == ["r0"]
    assert fired(rules, facts("mail"), NOW + 60) == ["r1"]
    assert fired(rules, facts("mail"), NOW + 60) == ["r0"]


def test_a_quota_may_count_octets_for_each_sender() -> None:
    rules = book("message -> quota 1000/60s per=sender unit=octet ; reply 452 Full")
    sizes = [("a@x", 600), ("a@x", 500), ("b@x", 500), ("a@x", 400), ("a@x", 1)]
    events = [fired(rules, facts("message", sender=who, size=size)) for who, size in sizes]
    assert events == [[], ["r0"], [], [], ["r0"]]


def test_counters_are_bounded() -> None:
    rules = book("rcpt attempt=1 per=recipient -> quota 5/1h per=recipient ; reply 451 Later")
    for number in range(MAX_KEYS + 500):
        rules.decide(facts(recipients=(f"{number}@x",)), NOW)
    entry = rules.entry("r0")
    assert len(entry.counters.keys) == MAX_KEYS
    rules = book("rcpt -> reply 451 Later")
    for _ in range(MAX_FIRED + 5):
        rules.decide(facts(), NOW)
    assert len(rules.fired) == MAX_FIRED
    assert rules.entry("r0").counters.fired == MAX_FIRED + 5


def test_a_lane_sees_its_own_rules_first_and_others_do_not() -> None:
    rules = book("rcpt lane=one -> reply 451 One", "rcpt lane=two -> reply 452 Two")
    rules.add(read_rule({"id": "all", **parse_line("rcpt order=1 -> delay 1s")}), NOW)
    one, two = (replace(SESSION, lane=name) for name in ("one", "two"))
    assert fired(rules, facts(session=one)) == ["r0"]
    assert fired(rules, facts(session=two)) == ["r1"]
    assert fired(rules, facts()) == ["all"]
    rules.delete_all("one")
    assert fired(rules, facts(session=one)) == ["all"]
    assert rules.entry("r1", "two").counters.fired == 1
    rules.reset(NOW)
    assert rules.entry("r1", "two").counters.fired == 1
    assert rules.entry("all").counters.fired == 0


def test_replacing_needs_the_current_revision() -> None:
    rules = book("rcpt -> reply 451 Later")
    entry = rules.entry("r0")
    changed = read_rule({"id": "r0", **parse_line("rcpt -> reply 452 Never")})
    with pytest.raises(StaleRevision):
        rules.replace(changed, NOW, revision=entry.revision + 1)
    later = rules.replace(changed, NOW, revision=entry.revision)
    assert str(rules.decide(facts(), NOW).firings[0].reply) == "452 Never"
    with pytest.raises(StaleRevision):
        rules.delete("r0", revision=entry.revision)
    rules.delete("r0", revision=later.revision)
    assert len(rules) == 0
    assert not rules.stages


def test_a_paused_rule_is_not_asked_and_keeps_its_counters() -> None:
    rules = book("rcpt -> reply 451 Later", "rcpt -> reply 452 Never")
    assert fired(rules, facts()) == ["r0"]
    rules.pause("r0")
    assert fired(rules, facts()) == ["r1"]
    assert rules.entry("r0").counters.fired == 1
    rules.pause()
    assert not rules.stages, "connections ask nothing"
    assert fired(rules, facts()) == []
    rules.pause(is_paused=False)
    assert fired(rules, facts()) == ["r0"]
    changed = read_rule({"id": "r0", **parse_line("rcpt -> reply 450 Later")})
    rules.pause("r0")
    assert rules.replace(changed, NOW).is_paused
    with pytest.raises(KeyError):
        rules.pause("nothing")


def orders(rules: Rulebook) -> list[tuple[str, int]]:
    return [(each.rule.id, each.rule.order) for each in rules.entries()]


def test_a_rule_moves_before_another_one() -> None:
    rules = book(
        "rcpt order=5 -> reply 451 a", "rcpt -> reply 451 b", "rcpt -> reply 451 c",
        "rcpt order=900 -> reply 451 d",
    )  # fmt: skip
    assert fired(rules, facts()) == ["r0"]
    rules.move("r2", "r0")
    assert orders(rules) == [("r2", 5), ("r0", 5), ("r1", 100), ("r3", 900)]
    assert fired(rules, facts()) == ["r2"]
    assert rules.entry("r0").counters.fired == 1
    rules.move("r2", "r3")
    assert orders(rules) == [("r0", 5), ("r1", 100), ("r2", 900), ("r3", 900)]
    rules.move("r0")
    assert orders(rules) == [("r1", 100), ("r2", 900), ("r3", 900), ("r0", 900)]
    for same in ("r0", ""):
        rules.move("r0", same)
        assert orders(rules)[-1] == ("r0", 900)
    with pytest.raises(KeyError):
        rules.move("r0", "nothing")


def test_any_order_is_reached_by_moves() -> None:
    for wanted in permutations(["r0", "r1", "r2", "r3"]):
        rules = book(*[f"rcpt order={order} -> reply 451 Later" for order in (7, 7, 50, 100)])
        for id_ in wanted:
            rules.move(id_)
        assert [id_ for id_, _ in orders(rules)] == list(wanted)


def test_a_lane_has_an_order_of_its_own() -> None:
    rules = book("rcpt -> reply 451 a", "rcpt -> reply 451 b")
    rules.add(read_rule({"id": "x", "lane": "one", **parse_line("rcpt -> reply 451 x")}), NOW)
    with pytest.raises(KeyError):
        rules.move("r0", "x")
    rules.move("x", lane="one")
    assert [each.rule.id for each in rules.entries("")] == ["r0", "r1"]


def test_rules_of_a_file_keep_their_counters_if_they_stay_the_same() -> None:
    rules = book("rcpt order=200 -> delay 1s")
    one = read_rule({"id": "one", **parse_line("rcpt -> reply 451 Later")})
    two = read_rule({"id": "two", **parse_line("mail -> reply 451 Later")})
    rules.put_all("file", [one, two], NOW)
    assert fired(rules, facts()) == ["one"]
    rules.put_all("file", [one], NOW)
    assert rules.entry("one").counters.fired == 1
    assert [each.rule.id for each in rules.entries()] == ["one", "r0"]
    with pytest.raises(ValueError, match="another rule r0"):
        rules.put_all("file", [read_rule({"id": "r0", **parse_line("mail -> delay 1s")})], NOW)
    assert [each.rule.id for each in rules.entries()] == ["one", "r0"]


def test_a_rule_that_never_applied_has_its_nearest_event() -> None:
    rules = book("rcpt recipient=a@x sender=b@x -> reply 451 Later")
    rules.decide(facts(session=replace(SESSION, session="s2"), recipients=("a@x",)), NOW)
    rules.decide(facts(session=replace(SESSION, session="s3"), recipients=("c@x",)), NOW)
    nearest = rules.entry("r0").nearest
    assert nearest is not None
    assert (nearest.session, nearest.failing) == ("s2", "sender")


def test_a_rule_counts_a_content_once() -> None:
    rules = book("body size=>10 attempt=1 -> close before")
    assert rules.decide(facts("body", size=5), NOW).counted == ()
    decision = rules.decide(facts("body", size=11), NOW)
    assert [each.rule for each in decision.firings] == ["r0"]
    again = rules.decide(facts("body", size=20, counted=decision.counted), NOW)
    assert again.counted == ()
    assert rules.entry("r0").counters.seen == 1


@pytest.mark.parametrize(
    ("local", "when", "reply", "delay"),
    [
        ("451", "now", "451 4.0.0 Scripted by fail.gatepost.test", 0),
        ("550-5.1.1+x", "now", "550 5.1.1 Scripted by fail.gatepost.test", 0),
        ("first-451", "first", "451 4.0.0 Scripted by fail.gatepost.test", 0),
        ("message-552", "message", "552 5.0.0 Scripted by fail.gatepost.test", 0),
        ("slow-5", "now", None, 5),
        ("drop", "now", None, 0),
    ],
)
def test_reserved_addresses(local: str, when: str, reply: str | None, delay: float) -> None:
    reserved = read_reserved(local)
    assert reserved is not None
    firing = reserved.firing
    assert (reserved.when, firing.delay) == (when, delay)
    assert (str(firing.reply) if firing.reply else None) == reply
    assert firing.do.close == ("before" if local == "drop" else None)


@pytest.mark.parametrize("local", ["ann", "250", "235", "450-5.1.1", "451x", "slow-", "drop-5", ""])
def test_other_addresses_there_are_ordinary(local: str) -> None:
    assert read_reserved(local) is None


def test_chaos_becomes_rules_and_back() -> None:
    triggers = ChaosTriggers(ChaosTrigger(0, 50), authentication=ChaosTrigger(454, 100))
    rules = rules_of_chaos(triggers, "one")
    assert [(each.id, each.lane, each.when.stage, each.do.reply) for each in rules] == [
        ("mailpit.sender", "one", "mail", "451 Chaos sender error"),
        ("mailpit.authentication", "one", "auth", "454 Chaos authentication error"),
    ]
    expected = ChaosTriggers(ChaosTrigger(451, 50), ChaosTrigger(451, 0), ChaosTrigger(454, 100))
    assert chaos_of_rules(rules) == expected
    for code in (200, 399):
        with pytest.raises(ValueError, match="not between 400 and 599"):
            rules_of_chaos(ChaosTriggers(sender=ChaosTrigger(code, 1)))


def test_a_secret_as_a_user_name_is_not_shown() -> None:
    rules = book("auth per=user attempt=1 -> reply 535 5.7.8 No, {user}")
    event = facts("auth", user="a-long-secret-by-mistake", shown_user="a-lo... (24 characters)")
    (firing,) = rules.decide(event, NOW).firings
    assert str(firing.reply) == "535 5.7.8 No, a-lo... (24 characters)"
    assert rules.fired[-1].key == "a-lo... (24 characters)"
    assert fired(rules, event) == []
    assert fired(rules, replace(event, user="another-long-secret")) == ["r0"]
