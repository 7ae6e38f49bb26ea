"""What an operation says while its message is in the queue, and afterwards."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gatepost.model.address import parse_address
from gatepost.model.delivery import Addressee, Delivery, Fate, State
from gatepost.model.envelope import Recipient
from gatepost.model.reply import Esc, Reply
from gatepost.model.route import NextHop
from gatepost.rest.email.operation_status import queued_state

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
UNKNOWN = Reply(550, "User unknown", Esc(5, 1, 1))


def delivery(*fates: Fate, state: State = "settled", due: float | None = None) -> Delivery:
    recipient = Recipient(parse_address("ann@example.net"))
    addressees = tuple([Addressee(recipient, each, UNKNOWN) for each in fates])
    at = None if due is None else NOW + timedelta(seconds=due)
    return Delivery("m.0", "m", NextHop("out"), addressees, state, at, NOW, NOW)


@pytest.mark.parametrize(
    ("fates", "status", "code"),
    [
        (("delivered",), "Succeeded", ""),
        (("delivered", "failed"), "Succeeded", ""),
        (("delivered", "dropped"), "Succeeded", ""),
        (("failed", "failed"), "Failed", "EmailDeliveryFailed"),
        (("failed", "dropped"), "Failed", "EmailDeliveryFailed"),
        (("dropped",), "Canceled", "EmailDeliveryCanceled"),
        (("delivered", "waiting"), "Running", ""),
        (("failed", "waiting"), "Running", ""),
    ],
)
def test_what_became_of_the_recipients_decides(
    fates: tuple[Fate, ...], status: str, code: str
) -> None:
    together = queued_state([delivery(*fates)], NOW)
    apart = queued_state([delivery(each) for each in fates], NOW)
    for state in (together, apart):
        assert (state.status, (state.error or ("",))[0]) == (status, code)
    if status == "Failed":
        assert together.error is not None
        assert together.error[1].endswith("550 5.1.1 User unknown")


@pytest.mark.parametrize(
    ("state", "due", "seconds"),
    [
        ("leased", None, 1),
        ("waiting", 0, 1),
        ("waiting", -5, 1),
        ("waiting", 12.2, 13),
        ("waiting", 3600, 30),
        ("held", None, 30),
    ],
)
def test_a_client_asks_again_when_something_may_have_changed(
    state: State, due: float | None, seconds: int
) -> None:
    waiting = delivery("waiting", state=state, due=due)
    assert queued_state([waiting], NOW).retry_after == seconds
    settled = replace(delivery("delivered"), id="m.1")
    assert queued_state([settled, waiting], NOW).retry_after == seconds
