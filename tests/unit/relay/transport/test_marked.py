"""How mail is marked, so that what comes back is found."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from gatepost.model.body import Body, BytesBody
from gatepost.model.delivery import Lease
from gatepost.model.provider_events import CarriedMark
from gatepost.model.route import ServerAddress
from gatepost.queue.delivery_marks import DeliveryMarks, MarkedDelivery, for_bounces, for_events
from gatepost.relay.transport.contract import Unconnected
from gatepost.relay.transport.marked import MarkedTransport, TargetMarks
from tests.leases import lease

MARKS = DeliveryMarks(b"k" * 32)
EVENTS, BOUNCES = for_events("out"), for_bounces("out")
CONTENT = b"Subject: hi\r\n\r\nhello\r\n"


class Inner(Unconnected):
    """Keeps what it is given."""

    async def deliver(
        self, lease: Lease, body: Body, server: ServerAddress, deadline: float
    ) -> Any:
        self.sender = str(lease.envelope.sender)
        self.content = b"".join(body.chunks())
        del server, deadline


def sent(marks: TargetMarks, lease: Lease) -> Inner:
    inner = Inner()
    asyncio.run(
        MarkedTransport(inner, marks).deliver(lease, BytesBody(CONTENT), ServerAddress(), 0)
    )
    return inner


@pytest.mark.parametrize("delivery", ["4-7.0", "7b6f2a4e-52a5-4a0e-8f0d-0a1b2c3d4e5f.12"])
@pytest.mark.parametrize("place", [None, 0, 999])
def test_a_mark_is_read_in_any_case(delivery: str, place: int | None) -> None:
    mark = MARKS.make(EVENTS, delivery, place)
    assert len(mark) <= 64, "RFC 5321 4.5.3.1.1"
    expected = MarkedDelivery(delivery.rpartition(".")[0], delivery, place)
    purposes = [for_events("other"), EVENTS]
    assert MARKS.read(mark, purposes) == MARKS.read(mark.upper(), purposes) == expected


def test_marks_of_others_are_refused() -> None:
    mark = MARKS.make(EVENTS, "4-7.0", 1)
    forged = DeliveryMarks(b"x" * 32).make(EVENTS, "4-7.0", 1)
    moved = mark.replace("4-7", "4-8")
    for each in (forged, moved, mark[:-1], f"{mark}0", "", "postmaster", "x" * 10_000):
        with pytest.raises(ValueError, match="not a mark"):
            MARKS.read(each, [EVENTS])


@pytest.mark.parametrize("purposes", [[BOUNCES], [for_events("other")], []])
def test_a_mark_is_for_one_purpose(purposes: list[str]) -> None:
    """Recipients see the mark in the header field, and other targets are of other providers."""
    with pytest.raises(ValueError, match="not a mark of this relay"):
        MARKS.read(MARKS.make(EVENTS, "4-7.0"), purposes)


def test_a_header_field_carries_the_mark() -> None:
    leased = lease("ann@example.net")
    carried = CarriedMark("X-MSYS-API", '{"metadata": {"gatepost": "{delivery}"}}')
    inner = sent(TargetMarks("out", MARKS, carried), leased)
    mark = MARKS.make(EVENTS, leased.delivery.id, 0)
    head = f'X-MSYS-API: {{"metadata": {{"gatepost": "{mark}"}}}}\r\n'.encode()
    assert inner.content == head + CONTENT
    assert inner.sender == str(leased.envelope.sender)


def test_bounces_come_back_to_the_mark() -> None:
    leased = lease("ann@example.net", "bob@example.net")
    inner = sent(TargetMarks("out", MARKS, None, "bounces.example.com"), leased)
    assert inner.sender == f"{MARKS.make(BOUNCES, leased.delivery.id)}@bounces.example.com"
    assert inner.content == CONTENT


def test_notifications_are_not_marked() -> None:
    leased = lease("ann@example.net")
    envelope = replace(leased.message.envelope, sender=None)
    leased = replace(leased, message=replace(leased.message, envelope=envelope))
    marks = TargetMarks("out", MARKS, CarriedMark("X-Mark", "{delivery}"), "bounces.example.com")
    inner = sent(marks, leased)
    assert (inner.sender, inner.content) == ("None", CONTENT)
