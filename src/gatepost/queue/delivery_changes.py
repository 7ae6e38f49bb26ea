"""How a settlement, or an operator who drops it, changes a delivery: the same in every store."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from gatepost.errors import LeaseLost
from gatepost.model.delivery import (
    Addressee,
    Attempt,
    Delivery,
    Fate,
    Reroute,
    Settlement,
    VerdictKind,
)
from gatepost.model.route import NextHop

_FATES: Final[dict[VerdictKind, Fate]] = {
    "delivered": "delivered",
    "deferred": "waiting",
    "failed": "failed",
}

MOST_ATTEMPTS: Final = 5
"""Attempts of a delivery that are kept: enough to explain it, however many there were."""
MOST_REROUTES: Final = 5
"""The same of its reroutes."""


def settled(delivery: Delivery, settlement: Settlement, *, held: bool) -> Delivery:
    """Return a leased delivery as it is afterwards; ``held`` if an operator wants to keep it.

    Raises ValueError unless there is one verdict for each waiting recipient, or if a recipient is
    deferred without a time.
    """
    addressees = _judged(delivery, settlement)
    waits = "waiting" in [each.fate for each in addressees]
    if waits and settlement.next_at is None:
        raise ValueError("a deferred delivery needs a time for its next attempt")
    attempt = settlement.attempt
    return Delivery(
        delivery.id,
        delivery.message,
        delivery.next_hop,
        addressees,
        ("held" if held else "waiting") if waits else "settled",
        settlement.next_at if waits and not held else None,
        delivery.expires_at,
        settlement.notice_at or delivery.notice_at,
        delivery.attempts + (attempt is not None and not settlement.goes_on),
        _history(delivery.history, settlement),
        warned=delivery.warned or settlement.warned,
        reroutes=_reroutes(delivery, settlement.rerouted if waits else None),
    )


def _history(history: tuple[Attempt, ...], settlement: Settlement) -> tuple[Attempt, ...]:
    for each in (*settlement.before, settlement.attempt):
        history = history if each is None else remember_attempt(history, each)
    return history


def parted(delivery: Delivery, moved: Sequence[NextHop]) -> tuple[Delivery, ...]:
    """Return the deliveries that replace one whose recipients get other next hops: itself with the
    first next hop, and one without an id for each further one."""
    if delivery.state == "settled" or not moved:
        return (delivery,)
    together: dict[NextHop, list[Addressee]] = {moved[0]: []}
    ways = iter(moved)
    for each in delivery.addressees:
        way = next(ways) if each.fate == "waiting" else moved[0]
        together.setdefault(way, []).append(each)
    return tuple(
        [replace(delivery, next_hop=way, addressees=tuple(some)) for way, some in together.items()]
    )


def is_reroutable(delivery: Delivery, to: NextHop) -> bool:
    """Tell whether a delivery can be sent to a target at once: nobody attempts it, and it is not
    sent there already."""
    is_free = delivery.state in ("waiting", "held") and bool(delivery.waiting)
    return is_free and delivery.next_hop.route != to.route


def rerouted(delivery: Delivery, to: NextHop, by: str, now: datetime) -> Delivery:
    """Return a delivery that an operator has sent to a target: it is tried there ``now``, unless it
    is held."""
    order = Reroute(now, by, delivery.next_hop.key, to.target)
    return replace(
        delivery,
        next_hop=to,
        due=now if delivery.state == "waiting" else None,
        reroutes=_reroutes(delivery, order),
    )


def _reroutes(delivery: Delivery, order: Reroute | None) -> tuple[Reroute, ...]:
    if order is None:
        return delivery.reroutes
    return (*delivery.reroutes, order)[-MOST_REROUTES:]


def dropped(delivery: Delivery) -> Delivery:
    """Return a delivery that an operator has dropped."""
    addressees = [
        replace(each, fate="dropped") if each.fate == "waiting" else each
        for each in delivery.addressees
    ]
    return replace(
        delivery, addressees=tuple(addressees), state="settled", due=None, to_be_held=False
    )


def lease_lost(delivery: str, *, is_leased: bool) -> LeaseLost:
    """Return the error for a settlement whose lease is lost."""
    if is_leased:
        return LeaseLost(f"the lease of delivery {delivery} is held by another owner now")
    return LeaseLost(f"delivery {delivery} was dropped, or taken back, meanwhile")


def _judged(delivery: Delivery, settlement: Settlement) -> tuple[Addressee, ...]:
    verdicts, addressees = settlement.verdicts, list(delivery.addressees)
    places = [place for place, each in enumerate(addressees) if each.fate == "waiting"]
    if len(verdicts) != len(places):
        raise ValueError(f"{len(verdicts)} verdicts for {len(places)} recipients")
    for place, verdict in zip(places, verdicts, strict=True):
        recipient = addressees[place].recipient
        addressees[place] = Addressee(recipient, _FATES[verdict.kind], verdict.reply)
    return tuple(addressees)


def remember_attempt(history: Sequence[Attempt], new: Attempt) -> tuple[Attempt, ...]:
    """Return the history with one more attempt. If the last one at the same target ended in the
    same way, the two are counted as one, even if other targets were asked in between."""
    for place in reversed(range(len(history))):
        last = history[place]
        if _is_alike(last, new):
            merged = replace(new, times=last.times + new.times, since=last.since or last.at)
            return (*history[:place], *history[place + 1 :], merged)
        if last.contact.target == new.contact.target:
            break
    return (*history, new)[-MOST_ATTEMPTS:]


def _is_alike(one: Attempt, other: Attempt) -> bool:
    """Tell whether two attempts count as one, even at different addresses of the same host."""
    return (one.contact.target, one.contact.host, one.phase, one.is_remote) == (
        other.contact.target,
        other.contact.host,
        other.phase,
        other.is_remote,
    ) and (one.reply.code, one.reply.status) == (other.reply.code, other.reply.status)
