"""Which target and which server is tried after which result."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gatepost.errors import GatepostError, Phase
from gatepost.model.address import parse_address
from gatepost.model.delivery import Addressee, Attempt, Contact, Delivery, Verdict, VerdictKind
from gatepost.model.envelope import Recipient
from gatepost.model.reply import Esc, Reply
from gatepost.model.route import (
    MxTarget,
    NextHop,
    ServerAddress,
    Smarthost,
    SmarthostTarget,
    Target,
)
from gatepost.queue.attempt_result import AttemptResult
from gatepost.queue.fail_over import (
    has_too_many_connections,
    holder_of,
    may_try_next_server,
    may_try_next_target,
    next_server,
    next_target,
    result_of_targets,
    servers_in_turn,
)
from gatepost.queue.unsettled import UNSETTLED

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
HUB = SmarthostTarget("hub", (Smarthost("one.example"), Smarthost("two.example")))
WORLD, LAST = MxTarget("world"), MxTarget("last")
CHAIN = (HUB, WORLD, LAST)
ONE, TWO, THREE = (
    ServerAddress(f"{name}.example", 25, f"192.0.2.{number}")
    for number, name in enumerate(("one", "two", "three"), start=1)
)
SERVERS = (ONE, TWO, THREE)
OK = Reply(250, "queued")
GREYLISTED = Reply(450, "come back", Esc(4, 2, 0))
UNKNOWN = Reply(550, "no such user", Esc(5, 1, 1))


def result(phase: Phase, *replies: Reply, is_remote: bool = True) -> AttemptResult:
    """Return the result of an attempt with a reply for each recipient; the worst one ended it."""
    outcomes: list[VerdictKind] = [
        "delivered" if each.is_success else "failed" if each.is_permanent else "deferred"
        for each in replies
    ]
    verdicts = [Verdict(outcome, reply) for outcome, reply in zip(outcomes, replies, strict=True)]
    attempt = Attempt(
        NOW, Contact("hub"), phase, max(replies, key=lambda each: each.code), is_remote
    )
    return AttemptResult(attempt, tuple(verdicts))


def lost(phase: Phase = "connect", reason: str = "refused") -> AttemptResult:
    """Return the result of an attempt without a reply."""
    error = GatepostError(reason)
    reply = Reply(451, "No connection", Esc(4, 4, 1)).because(reason)
    return replace(result(phase, reply, is_remote=False), error=error)


DELIVERED = result("content", OK)
DEFERRED = result("rcpt", GREYLISTED)
REFUSED_RCPT = result("rcpt", UNKNOWN)
PARTLY = result("rcpt", OK, GREYLISTED)
UNFIT = result("mail", Reply(554, "no SMTPUTF8"), is_remote=False)
CLOSING = result("greeting", Reply(421, "too busy"))


NO_SERVICE = Reply(554, "no SMTP service here")
SHUTTING_DOWN = Reply(421, "closing")
NO_LOGIN = Reply(535, "no")
FAIL_OVER: list[tuple[Phase, Reply | None, bool, bool]] = [
    # phase        reply                  next host  next target
    ("connect",    None,                  True,      True),
    ("tls",        None,                  True,      True),
    ("greeting",   NO_SERVICE,            True,      True),
    ("greeting",   SHUTTING_DOWN,         True,      True),
    ("ehlo",       Reply(550, "no"),      True,      True),
    ("auth",       NO_LOGIN,              False,     True),
    ("auth",       Reply(454, "later"),   True,      True),
    ("mail",       Reply(550, "no"),      False,     False),
    ("mail",       SHUTTING_DOWN,         True,      True),
    ("mail",       Reply(530, "sign in"), False,     True),
    ("mail",       Reply(535, "who?"),    False,     True),
    ("mail",       Reply(503, "AUTH?"),   False,     True),
    ("rcpt",       Reply(503, "MAIL?"),   False,     False),
    ("rcpt",       Reply(450, "later"),   False,     True),
    ("data",       None,                  False,     False),
    ("content",    SHUTTING_DOWN,         False,     True),
    ("content",    Reply(554, "spam"),    False,     False),
    ("content",    None,                  False,     False),
]  # fmt: skip


@pytest.mark.parametrize(("phase", "reply", "host", "target"), FAIL_OVER)
def test_fail_over(phase: Phase, reply: Reply | None, host: bool, target: bool) -> None:
    assert may_try_next_server(phase, reply) == host
    assert may_try_next_target(phase, reply) == target


def nobody(_: object) -> bool:
    return False


TARGETS: list[tuple[Sequence[AttemptResult | None], set[str], Target | None]] = [
    # results of the targets   paused              next
    ([lost()],                 set(),              WORLD),
    ([lost()],                 {"world"},          LAST),
    ([lost()],                 {"world", "last"},  None),
    ([None],                   set(),              WORLD),
    ([None, lost()],           set(),              LAST),
    ([None, None, None],       set(),              None),
    ([DEFERRED],               set(),              WORLD),
    ([DELIVERED],              set(),              None),
    ([REFUSED_RCPT],           set(),              None),
    ([PARTLY],                 set(),              None),
    ([lost(), REFUSED_RCPT],   set(),              None),
    ([lost("content")],        set(),              None),
]  # fmt: skip


@pytest.mark.parametrize(("results", "paused", "expected"), TARGETS)
def test_the_next_target(
    results: Sequence[AttemptResult | None], paused: set[str], expected: Target | None
) -> None:
    tried = dict(zip((each.name for each in CHAIN), results, strict=False))
    assert next_target(CHAIN, tried, lambda each: each.name in paused) == expected


def test_a_target_without_a_next_one_keeps_its_result() -> None:
    told = replace(DEFERRED, retry_after=60.0)
    assert result_of_targets((HUB,), {"hub": told}, nobody) == told
    assert result_of_targets((HUB,), {"hub": None}, nobody) is None
    assert result_of_targets(CHAIN, dict.fromkeys(("hub", "world")), nobody) is None


def test_the_last_result_counts_and_has_those_before() -> None:
    first, last = lost(), replace(DEFERRED, retry_after=60.0)
    found = result_of_targets(CHAIN, {"hub": first, "world": None, "last": last}, nobody)
    assert found == replace(last, retry_after=0.0, before=(first.attempt,))
    assert result_of_targets(CHAIN, {"hub": first, "world": None}, nobody) == first


@pytest.mark.parametrize(
    ("only", "paused", "others_may"),
    [(PARTLY, [], True), (PARTLY, [WORLD, LAST], False), (DEFERRED, [], False)],
)
def test_another_target_may_get_recipients_that_were_deferred_beside_others(
    only: AttemptResult, paused: list[Target], others_may: bool
) -> None:
    found = result_of_targets(CHAIN, {"hub": only}, lambda each: each in paused)
    assert found is not None
    assert found.others_may == others_may


def test_a_target_that_accepted_a_message_is_asked_for_its_result() -> None:
    addressee = Addressee(Recipient(parse_address("b@example.net")))
    unsettled = Attempt(NOW, Contact("world"), "content", UNSETTLED, is_remote=False)
    delivery = Delivery(
        "m1.0", "m1", NextHop("out"), (addressee,), "leased", None, NOW, NOW, history=(unsettled,)
    )
    assert holder_of(delivery, CHAIN) == WORLD
    assert holder_of(delivery, (WORLD,)) is None, "no other target could get it"
    settled = replace(unsettled, reply=GREYLISTED)
    assert holder_of(replace(delivery, history=(unsettled, settled)), CHAIN) is None


def test_one_connection_too_many() -> None:
    assert has_too_many_connections(CLOSING)
    assert not has_too_many_connections(result("mail", Reply(421, "closing")))
    assert not has_too_many_connections(lost("greeting"))


def choose(
    target: Target, *results: AttemptResult, paused: Sequence[ServerAddress] = (), **how: bool
) -> ServerAddress | AttemptResult | None:
    tried = dict(zip([each for each in SERVERS if each not in paused], results, strict=False))
    return next_server(target, SERVERS, tried, lambda each: each in paused, **how)


def test_the_first_server_is_the_first_that_is_not_paused() -> None:
    assert choose(HUB) == ONE
    assert choose(HUB, paused=[ONE]) == TWO
    assert choose(HUB, paused=SERVERS) is None


SERVER_CASES: list[tuple[Target, Sequence[AttemptResult], ServerAddress | AttemptResult]] = [
    (HUB,   [lost()],                 TWO),
    (HUB,   [lost(), CLOSING],        THREE),
    (HUB,   [DELIVERED],              DELIVERED),
    (HUB,   [lost(), DELIVERED],      DELIVERED),
    (HUB,   [DEFERRED],               DEFERRED),
    (WORLD, [DEFERRED],               TWO),
    (WORLD, [DEFERRED, lost()],       THREE),
    (WORLD, [DEFERRED, DELIVERED],    DELIVERED),
    (WORLD, [DEFERRED, REFUSED_RCPT], DEFERRED),
    (WORLD, [REFUSED_RCPT],           REFUSED_RCPT),
    (WORLD, [UNFIT],                  TWO),
    (WORLD, [UNFIT, UNFIT],           THREE),
    (WORLD, [UNFIT] * 3,              UNFIT),
    (HUB,   [UNFIT],                  UNFIT),
    (WORLD, [UNFIT, DELIVERED],       DELIVERED),
]  # fmt: skip


@pytest.mark.parametrize(("target", "results", "expected"), SERVER_CASES)
def test_the_next_server(
    target: Target,
    results: Sequence[AttemptResult],
    expected: ServerAddress | AttemptResult,
) -> None:
    assert choose(target, *results) == expected


def test_a_paused_credential_is_not_tried_at_the_next_server() -> None:
    refused = result("auth", Reply(454, "later"))
    assert choose(HUB, refused) == TWO
    assert choose(HUB, refused, may_sign_in=False) == refused


def test_a_server_that_deferred_is_not_asked_again_by_another_name_or_address() -> None:
    other_name = ServerAddress("alias.example", 25, ONE.address)
    other_address = ServerAddress(ONE.host, 25, "192.0.2.9")
    servers = (ONE, other_name, other_address, TWO)
    assert next_server(WORLD, servers, {ONE: DEFERRED}, nobody) == TWO


def test_without_a_server_left_a_reply_about_the_message_tells_more() -> None:
    assert choose(HUB, lost(), CLOSING, lost()) == CLOSING
    assert choose(WORLD, DEFERRED, lost(), CLOSING) == DEFERRED
    assert choose(WORLD, UNFIT, gone := lost(), gone) == gone


def test_without_a_reply_the_reasons_of_all_servers_are_told() -> None:
    found = choose(HUB, lost(), lost("tls", "no TLS"), lost())
    assert isinstance(found, AttemptResult)
    assert found.attempt.reply.reason == "refused; no TLS"


def test_mail_that_only_unfit_servers_could_take_waits_for_the_others() -> None:
    found = choose(WORLD, UNFIT, paused=[TWO, THREE])
    assert isinstance(found, AttemptResult)
    assert [each.kind for each in found.verdicts] == ["deferred"]


def test_a_backup_does_not_refuse_what_the_preferred_exchanger_deferred() -> None:
    first, second = result("rcpt", GREYLISTED, GREYLISTED), result("rcpt", OK, UNKNOWN)
    found = choose(WORLD, first, second)
    assert isinstance(found, AttemptResult)
    assert [each.kind for each in found.verdicts] == ["delivered", "deferred"]
    assert found.attempt.reply == UNKNOWN


@pytest.mark.parametrize(
    ("target", "paused", "others_may"),
    [(WORLD, (), True), (WORLD, (TWO, THREE), False), (HUB, (), False)],
)
def test_another_exchanger_may_get_recipients_that_were_deferred_beside_others(
    target: Target, paused: Sequence[ServerAddress], others_may: bool
) -> None:
    found = choose(target, PARTLY, paused=paused)
    assert found == replace(PARTLY, others_may=others_may)


def test_servers_in_turn() -> None:
    one, two, three = Smarthost("a"), Smarthost("b"), Smarthost("c", priority=1)
    servers = (one, two, three)
    rolls = iter([0.9, 0.1, 0.5, 0.9, 0.1, 0.5])
    assert servers_in_turn(servers, lambda: next(rolls), nobody) == (two, one, three)
    turn = servers_in_turn(servers, lambda: next(rolls), lambda each: each is two)
    assert turn == (one, three, two)
