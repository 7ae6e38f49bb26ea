"""Sends messages with a mark, so that what becomes of them there can be brought home."""

from dataclasses import dataclass, replace

from gatepost.model.address import Address
from gatepost.model.body import Body
from gatepost.model.delivery import Lease
from gatepost.model.provider_events import CarriedMark
from gatepost.model.route import ServerAddress
from gatepost.queue.attempt_result import AttemptResult
from gatepost.queue.delivery_marks import DeliveryMarks, for_bounces, for_events
from gatepost.relay.transport.contract import Around, Transport
from gatepost.relay.transport.message_fitting import Traced


@dataclass(frozen=True, slots=True)
class TargetMarks:
    """How mail to one target is marked."""

    target: str
    """Its name."""
    marks: DeliveryMarks
    carried: CarriedMark | None = None
    """The header field with the mark; None: none."""
    bounce_domain: str = ""
    """The domain of the address that replaces the sender; empty: it stays."""

    def event_mark(self, lease: Lease, *places: int) -> str:
        """Return the mark of a delivery for the provider's events; ``places`` are those of the
        recipients who wait that a message goes to, all by default."""
        return self._mark(for_events(self.target), lease, *places)

    def bounce_mark(self, lease: Lease) -> str:
        """Return the mark of a delivery for bounces."""
        return self._mark(for_bounces(self.target), lease)

    def _mark(self, purpose: str, lease: Lease, *places: int) -> str:
        waiting = lease.delivery.waiting
        to = [waiting[each] for each in places] if places else waiting
        if len(to) != 1:
            return self.marks.make(purpose, lease.delivery.id)
        everybody = [each.recipient for each in lease.delivery.addressees]
        return self.marks.make(purpose, lease.delivery.id, everybody.index(to[0]))


class MarkedTransport(Around):
    """Implements Transport: another one, whose messages are marked."""

    def __init__(self, inner: Transport, target: TargetMarks) -> None:
        super().__init__(inner)
        self._target = target

    async def deliver(
        self, lease: Lease, body: Body, server: ServerAddress, deadline: float
    ) -> AttemptResult:
        """See ``Transport.deliver``. Notifications are not marked."""
        envelope, target = lease.message.envelope, self._target
        if envelope.sender is None:
            return await self._inner.deliver(lease, body, server, deadline)
        if target.carried is not None:
            value = target.carried.value.replace("{delivery}", target.event_mark(lease))
            body = Traced(f"{target.carried.header}: {value}\r\n".encode(), body)
        if target.bounce_domain:
            envelope = replace(
                envelope, sender=Address(target.bounce_mark(lease), target.bounce_domain)
            )
            lease = replace(lease, message=replace(lease.message, envelope=envelope))
        return await self._inner.deliver(lease, body, server, deadline)
