"""Recipients become deliveries, and attempts a short history."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gatepost.model.address import parse_address
from gatepost.model.delivery import Attempt, Contact
from gatepost.model.envelope import Envelope, Recipient
from gatepost.model.reply import Reply
from gatepost.model.route import NextHop, Retry
from gatepost.queue.delivery_changes import MOST_ATTEMPTS, remember_attempt
from gatepost.queue.recipient_grouping import DeliveryTerms, plan_deliveries

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TERMS = DeliveryTerms(Retry(), 3)


def recipient(text: str, **wishes: object) -> Recipient:
    return replace(Recipient(parse_address(text)), **wishes)  # type: ignore[arg-type]


def by_domain(each: Recipient) -> NextHop | None:
    return None if each.address.domain == "nowhere" else NextHop("world", each.address.domain)


def envelope(*recipients: Recipient) -> Envelope:
    return Envelope(None, recipients)


def test_recipients_of_one_next_hop_share_a_delivery() -> None:
    a1, b1 = recipient("x@a"), recipient("y@b", notify=frozenset({"NEVER"}))
    a2, lost = recipient("z@a", orcpt="rfc822;z@a"), recipient("n@nowhere")
    groups = plan_deliveries(envelope(a1, b1, lost, a2, a1), NOON, by_domain, lambda _: TERMS)
    assert [(each.next_hop.destination, each.recipients) for each in groups.planned] == [
        ("a", (a1, a2)),
        ("b", (b1,)),
    ]
    assert groups.unroutable == (lost,)
    first = groups.planned[0]
    assert first.due == NOON
    assert first.notice_at == NOON + timedelta(hours=4)
    assert first.expires_at == NOON + timedelta(days=5)


def test_recipients_that_need_smtputf8_get_their_own_delivery() -> None:
    plain, foreign = recipient("x@a"), recipient("\u00fc@a")
    given = replace(envelope(plain, foreign), smtputf8=True)
    groups = plan_deliveries(given, NOON, by_domain, lambda _: TERMS)
    assert [each.recipients for each in groups.planned] == [(plain,), (foreign,)]


@given(st.lists(st.sampled_from("abc").map(lambda each: recipient(f"{each}@{each}")) | st.builds(
    lambda n: recipient(f"u{n}@a"), st.integers(0, 20))))  # fmt: skip
def test_each_recipient_is_in_one_delivery(recipients: list[Recipient]) -> None:
    groups = plan_deliveries(envelope(*recipients), NOON, by_domain, lambda _: TERMS)
    planned = [each for group in groups.planned for each in group.recipients]
    assert sorted(map(str, planned)) == sorted(map(str, dict.fromkeys(recipients)))
    for group in groups.planned:
        assert 0 < len(group.recipients) <= 3
        assert {each.address.domain for each in group.recipients} == {group.next_hop.destination}


def attempt(minute: int, code: int = 450, **contact: str) -> Attempt:
    usual = Contact("hub", "hub.example", "192.0.2.1")
    return Attempt(
        NOON + timedelta(minutes=minute),
        replace(usual, **contact),  # type: ignore[arg-type]
        "rcpt",
        Reply(code, f"later {minute}"),
        is_remote=True,
    )


def test_equal_consecutive_results_are_counted_as_one() -> None:
    history: tuple[Attempt, ...] = ()
    for minute in range(10):
        history = remember_attempt(history, attempt(minute, address=f"192.0.2.{minute}"))
    [story] = history
    assert (story.times, story.since) == (10, NOON)
    assert story.at == NOON + timedelta(minutes=9)
    assert story.reply.text == "later 9", "the newest text is kept"
    assert remember_attempt(history, attempt(10, 451))[0] is story


def test_results_are_compared_by_target() -> None:
    history: tuple[Attempt, ...] = ()
    for minute in range(10):
        history = remember_attempt(history, attempt(minute, target="first"))
        history = remember_attempt(history, attempt(minute, 451, target="second"))
    assert [(each.contact.target, each.times) for each in history] == [
        ("first", 10),
        ("second", 10),
    ]
    history = remember_attempt(
        remember_attempt(history, attempt(10, 550, target="first")), attempt(11, target="first")
    )
    assert [each.times for each in history] == [10, 10, 1, 1], "in a row"


def test_the_history_stays_short() -> None:
    history: tuple[Attempt, ...] = ()
    for minute in range(50):
        history = remember_attempt(history, attempt(minute, 400 + minute))
    assert [each.reply.code for each in history] == list(range(450 - MOST_ATTEMPTS, 450))
