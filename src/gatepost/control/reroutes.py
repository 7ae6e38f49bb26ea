"""``gatepost queue reroute``: sends waiting mail to another target, whatever its route."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from gatepost.control.look_through import look_through
from gatepost.control.queue_control import (
    QueueControl,
    document_of,
    find_deliveries,
    operator_of,
    selection_of,
)
from gatepost.control.queue_documents import Document
from gatepost.control.queue_selectors import has_selector
from gatepost.model.delivery import Delivery
from gatepost.model.route import NextHop, next_hop_by
from gatepost.queue.delivery_changes import is_reroutable
from gatepost.relay.reroute_order import RerouteOrder

MOST_TOLD: Final = 1_000
"""Maximum number of ids in a message to other nodes."""
SAMPLE: Final = 10
"""Deliveries that are shown of those that are selected."""
SLICE: Final = 200
"""Deliveries that are reported without a turn for others."""


async def reroute_queue(control: QueueControl, fields: Mapping[str, Any]) -> Document:
    """Send ``ids``, what selectors select, or ``all``, to the target ``to``; with ``dry_run``,
    nothing. What is leased moves when its lease ends, if it is not delivered by then. Raises
    KeyError for an id that does not exist, and ValueError."""
    order = RerouteOrder(_target_of(control, fields), operator_of(fields))
    choices = (fields.get("ids") is not None, has_selector(fields), bool(fields.get("all")))
    if sum(choices) != 1:
        raise ValueError("reroute needs either ids, selectors or all")
    is_dry = bool(fields.get("dry_run"))
    selected, done, left = 0, 0, dict[str, Delivery]()
    if not is_dry and control.deliverer is not None:
        control.deliverer.note_release()
    sample: list[Document] = []
    async for some in _chosen(control, fields):
        batch = [each for each in some if _is_concerned(each, order.to)]
        sample += [document_of(control, each) for each in batch[: SAMPLE - len(sample)]]
        selected += len(batch)
        if not is_dry:
            await _order_leased(control, [each for each in batch if each.state == "leased"], order)
            moved = await _move(control, batch, order)
            done += len(moved)
            left |= {each.id: each for each in batch if each.id not in moved}
    given_back = await _move(control, [*left.values()], order) if left else ()
    return {
        "rerouted": done + len(given_back),
        "under_way": len(left) - len(given_back),
        "to": order.to.target,
        "selected": selected,
        "sample": sample,
        "dry_run": is_dry,
    }


def _target_of(control: QueueControl, fields: Mapping[str, Any]) -> NextHop:
    target, known = str(fields.get("to") or ""), control.all_targets()
    if target not in known:
        raise ValueError(f"to is a target of a route: {', '.join(known) or 'there is none'}")
    return next_hop_by(target)


async def _chosen(
    control: QueueControl, fields: Mapping[str, Any]
) -> AsyncIterator[Sequence[Delivery]]:
    """Yield in batches the deliveries with these ids, those that are selected, or all."""
    if fields.get("ids") is not None:
        found = [one for id_ in fields["ids"] for one in await find_deliveries(control, id_)]
        yield list({each.id: each for each in found}.values())
        return
    selection = replace(await selection_of(control, fields), changed_by="drop")  # all but settled
    async for some in look_through(control.deliveries, selection):
        yield some


def _is_concerned(delivery: Delivery, to: NextHop) -> bool:
    is_leased = delivery.state == "leased" and delivery.next_hop.route != to.route
    return is_leased or is_reroutable(delivery, to)


async def _order_leased(
    control: QueueControl, leased: Sequence[Delivery], order: RerouteOrder
) -> None:
    """Let those who have leased these send them to a target when they give them back."""
    order_leased(control, [each.id for each in leased], order)
    if control.cluster is None:
        return
    elsewhere = [each.id for each in leased if control.is_elsewhere(each)]
    for start in range(0, len(elsewhere), MOST_TOLD):
        some = elsewhere[start : start + MOST_TOLD]
        told = {"ids": some, "to": order.to.target, "by": order.by}
        await control.cluster.tell("rerouted", told)


async def _move(
    control: QueueControl, batch: Sequence[Delivery], order: RerouteOrder
) -> Collection[str]:
    """Send what nobody has leased of a batch to a target; return the ids of these."""
    ids = [each.id for each in batch]
    moved = frozenset(await control.deliveries.reroute(ids, *order, control.now()))
    control.wake()
    if control.report is not None:
        for number, each in enumerate([each for each in batch if each.id in moved], 1):
            if number % SLICE == 0:
                await asyncio.sleep(0)  # others take their turns
            control.report(
                "message_rerouted", id=each.message, delivery=each.id, next_hop=each.next_hop.key,
                rcpt_to=[str(one.address) for one in each.waiting], target=order.to.target,
                by=order.by or None,
            )  # fmt: skip
    return moved


def order_leased(control: QueueControl, ids: Collection[str], order: RerouteOrder) -> None:
    """Let our deliverer send what it has leased of these to a target, on any node."""
    if ids and control.deliverer is not None:
        control.deliverer.reroute(frozenset(ids), order)
