"""Bounces without a mark of ours: whose are believed, and about whom."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from gatepost.feedback.recorder import FeedbackRecorder
from gatepost.model.delivery import Attempt, Contact, Delivery
from gatepost.model.note import FOREVER, Note
from gatepost.model.reply import Reply
from gatepost.queue.accepted_mail import AcceptedMail, message_id_key, scope_of
from gatepost.queue.delivery_marks import DeliveryMarks
from gatepost.reports.relayed_outcomes import Feedback
from gatepost.testing.memory import MemoryStore
from tests.unit.feedback.test_recorder import ANN, BOB, EVE, delivery

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def sent(each: Delivery, target: str, address: str, host: str = "mx.test") -> Delivery:
    taken = Attempt(NOW, Contact(target, host, address), "content", Reply(250, "ok"), True)
    return replace(each, history=(taken,))


CAT = "cat@example.net"
DELIVERIES = (
    sent(delivery("m.0", ANN), "out", "192.0.2.1"),
    sent(delivery("m.1", BOB), "out", "192.0.2.2"),
    sent(delivery("m.2", EVE), "other", "192.0.2.1"),
    sent(delivery("m.3", CAT), "out", "52.101.8.44:25", "contoso.mail.protection.outlook.com"),
)


class Queue:
    async def find(self, message: str) -> Sequence[Delivery]:
        return DELIVERIES if message == "m" else ()

    async def message(self, id: str) -> str:
        return id


class Outcomes:
    def __init__(self) -> None:
        self.recorded: list[Feedback] = []

    async def record_feedback(self, _message: str, some: Sequence[Feedback]) -> None:
        self.recorded += some


@pytest.mark.parametrize(
    ("peer", "message_id", "named", "about"),
    [
        ("192.0.2.1", "<1@a>", [ANN], [ANN]),
        ("192.0.2.1", "1@a", [ANN.upper()], [ANN]),
        ("192.0.2.1", "<1@a>", [ANN, BOB, EVE], [ANN]),
        ("192.0.2.2", "<1@a>", [ANN], []),
        ("192.0.2.2", "<1@a>", [ANN, BOB], [BOB]),
        ("192.0.2.9", "<1@a>", [ANN], []),
        ("40.107.22.5", "<1@a>", [CAT], []),
        ("", "<1@a>", [ANN], []),
        ("192.0.2.1", "<2@a>", [ANN], []),
        ("192.0.2.1", "", [ANN], []),
    ],
)
def test_a_server_speaks_for_what_it_took(
    peer: str, message_id: str, named: list[str], about: list[str]
) -> None:
    outcomes, store = Outcomes(), MemoryStore()
    queue: Any = Queue()
    kept: Any = outcomes

    async def steps() -> int:
        mail = AcceptedMail("m").written()
        await store.notes.put([Note(scope_of("out"), message_id_key("<1@a>"), mail, FOREVER)])
        recorder = FeedbackRecorder(
            queue, store.notes, kept, DeliveryMarks(b"k" * 32), lambda *_, **__: None, lambda: NOW
        )
        some = [Feedback(each, "Bounced", NOW, is_hard=True) for each in named]
        return await recorder.record_returned(["out"], peer, message_id, some)

    assert asyncio.run(steps()) == len(about)
    assert [each.recipient for each in outcomes.recorded] == about
    assert not any(each.is_hard for each in outcomes.recorded), "nobody is suppressed"
