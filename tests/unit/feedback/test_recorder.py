"""Who may say something about whom: a mark speaks for its own delivery only."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gatepost.feedback.recorder import feedback_about
from gatepost.model.address import parse_address
from gatepost.model.delivery import Addressee, Delivery, Fate, State
from gatepost.model.envelope import Recipient
from gatepost.model.route import NextHop
from gatepost.queue.accepted_mail import AcceptedMail
from gatepost.reports.relayed_outcomes import Feedback

NOW = datetime(2026, 11, 1, tzinfo=UTC)
ANN, BOB, EVE = "ann@example.net", "bob@example.net", "eve@example.org"


def delivery(id_: str, *to: str, fate: Fate = "delivered") -> Delivery:
    addressees = tuple([Addressee(Recipient(parse_address(each)), fate) for each in to])
    return Delivery(id_, "m", NextHop("out"), addressees, "settled", None, NOW, NOW)


DELIVERIES = (delivery("m.0", ANN, BOB), delivery("m.1", EVE))


@pytest.mark.parametrize(
    ("part", "place", "named", "recipients"),
    [
        (0, None, ANN, [ANN]),
        (0, None, "ANN@Example.NET", [ANN]),
        (0, None, EVE, []),
        (0, None, "else@example.net", []),
        (0, 1, ANN, [BOB]),
        (0, 7, ANN, [ANN]),
        (1, None, "forwarded@example.com", [EVE]),
        (1, None, ANN, [EVE]),
        (9, None, ANN, []),
    ],
)
def test_a_mark_is_about_recipients_of_its_delivery(
    part: int, place: int | None, named: str, recipients: Sequence[str]
) -> None:
    mark = AcceptedMail("m", f"m.{part}", place)
    found = feedback_about(mark, DELIVERIES, [Feedback(named, "Bounced", NOW)])
    assert [each.recipient for each in found] == recipients


@pytest.mark.parametrize(
    ("part", "place", "is_proven", "is_suppressed"),
    [(0, None, True, True), (0, None, False, False), (0, 0, False, True), (1, None, False, True)],
)
def test_who_shares_a_mark_suppresses_nobody_by_mail(
    part: int, place: int | None, is_proven: bool, is_suppressed: bool
) -> None:
    mark = AcceptedMail("m", f"m.{part}", place)
    said = Feedback(EVE if part else ANN, "Bounced", NOW, is_hard=True)
    [found] = feedback_about(mark, DELIVERIES, [said], is_proven=is_proven)
    assert found.is_hard == is_suppressed


@pytest.mark.parametrize(
    ("fate", "attempts", "state", "is_heard"),
    [
        ("delivered", 1, "settled", True),
        ("dropped", 1, "settled", True),
        ("failed", 1, "settled", False),
        ("waiting", 0, "waiting", False),
        ("waiting", 0, "leased", True),
        ("waiting", 3, "waiting", True),
    ],
)
def test_nothing_comes_back_from_whom_nothing_was_sent_to(
    fate: Fate, attempts: int, state: State, is_heard: bool
) -> None:
    one = replace(delivery("m.0", ANN, fate=fate), attempts=attempts, state=state)
    found = feedback_about(AcceptedMail("m", "m.0", 0), [one], [Feedback(ANN, "Bounced", NOW)])
    assert bool(list(found)) == is_heard
