"""Groups recipients into deliveries: those of one next hop share one (RFC 5321 4.1.1.3)."""

from collections.abc import Callable
from datetime import datetime

from gatepost.model.delivery import Planned
from gatepost.model.envelope import Envelope, Recipient
from gatepost.model.fast_dataclass import dataclass
from gatepost.model.route import NextHop, Retry
from gatepost.queue.retry_schedule import Times


@dataclass(frozen=True, slots=True)
class Groups:
    """A message's deliveries, and the recipients that no route accepts."""

    planned: tuple[Planned, ...]
    unroutable: tuple[Recipient, ...] = ()


@dataclass(frozen=True, slots=True)
class DeliveryTerms:
    """What applies to all deliveries of one next hop."""

    retry: Retry
    recipients: int
    """Maximum number per transaction."""


def plan_deliveries(
    envelope: Envelope,
    now: datetime,
    next_hop: Callable[[Recipient], NextHop | None],
    terms: Callable[[NextHop], DeliveryTerms],
) -> Groups:
    """Return a delivery for each next hop and transaction, in the order of the recipients.

    Each recipient keeps its own NOTIFY and ORCPT. One that was named twice with the same parameters
    gets one copy (RFC 5321 3.9 requires no more; two transactions would deliver two). Recipients
    whose addresses need SMTPUTF8 get a delivery of their own, so that the others arrive where it is
    not supported.
    """
    by_hop: dict[tuple[NextHop, bool], list[Recipient]] = {}
    unroutable: list[Recipient] = []
    recipients = envelope.recipients
    for recipient in dict.fromkeys(recipients) if len(recipients) > 1 else recipients:
        hop = next_hop(recipient)
        if hop is None:
            unroutable.append(recipient)
        else:
            is_plain = not envelope.smtputf8 or recipient.address.is_ascii
            by_hop.setdefault((hop, is_plain), []).append(recipient)
    planned: list[Planned] = []
    for (hop, _), together in by_hop.items():
        term = terms(hop)
        times, most = Times(term.retry, now), max(1, term.recipients)
        expires_at, notice_at = times.expires_at, times.notice_at(warned=False)
        for start in range(0, len(together), most):
            some = tuple(together[start : start + most])
            planned.append(Planned(hop, some, now, expires_at, notice_at))
    return Groups(tuple(planned), tuple(unroutable))
