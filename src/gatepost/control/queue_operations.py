"""``gatepost queue``: list, show, why, and actions, on a running relay or its store."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from gatepost.control.look_through import look_through
from gatepost.control.queue_ages import count_ages
from gatepost.control.queue_control import (
    QueueControl,
    as_due,
    document_of,
    find_deliveries,
    operator_of,
    pause_of,
    selection_of,
)
from gatepost.control.queue_documents import (
    Document,
    attempt_document,
    message_document,
    why_document,
)
from gatepost.control.queue_list import list_queue
from gatepost.control.queue_selectors import has_selector
from gatepost.control.reroutes import reroute_queue
from gatepost.model.delivery import Delivery
from gatepost.model.route import parse_next_hop
from gatepost.queue.cluster_contract import Cluster, NodeStatus
from gatepost.queue.deliveries_contract import Action
from gatepost.queue.delivery_matcher import is_changed_by
from gatepost.queue.why import why

SLICE: Final = 200
"""Dropped deliveries that are reported without a turn for others."""
MOST_TOLD: Final = 1_000
"""Maximum number of ids, and of next hops, in a message to other nodes."""
SAMPLE: Final = 10
"""Deliveries that are shown of those that are selected."""
_DONE: Final[dict[Action, str]] = {
    "retry": "retried",
    "hold": "held",
    "release": "released",
    "drop": "dropped",
}


async def operate_queue(control: QueueControl, operation: str, fields: dict[str, Any]) -> Document:
    """Run an operation. Raises KeyError for an unknown id, ValueError and QueueError."""
    if operation == "list":
        return await list_queue(control, fields)
    if operation == "ages":
        return await count_ages(control, fields)
    if operation == "reroute":
        return await reroute_queue(control, fields)
    if operation == "show":
        return await _show(control, str(fields["id"]))
    if operation == "why":
        return await _why(control, str(fields["id"]))
    if operation in _DONE:
        return await _act(control, operation, fields)
    raise ValueError(f"unknown operation {operation!r}")


async def _show(control: QueueControl, id_: str) -> Document:
    deliveries = await as_due(control, await find_deliveries(control, id_))
    message = message_document(await control.deliveries.message(deliveries[0].message))
    documents = [
        document_of(control, each) | {"history": [attempt_document(one) for one in each.history]}
        for each in deliveries
    ]
    return message | {"deliveries": documents}


async def _why(control: QueueControl, id_: str) -> Document:
    deliveries = await as_due(control, await find_deliveries(control, id_))
    silent: set[str] = set()
    return {
        "id": deliveries[0].message,
        "deliveries": [await _explain(control, each, silent) for each in deliveries],
    }


async def explain_own(control: QueueControl, id_: str) -> Document:
    """Return why a delivery that this node has leased waits; empty if it has not. Raises KeyError
    and QueueError."""
    [delivery] = await as_due(control, await find_deliveries(control, id_))
    return {} if control.is_elsewhere(delivery) else _why_document(control, delivery)


async def _explain(control: QueueControl, delivery: Delivery, silent: set[str]) -> Document:
    """Ask the node that has leased a delivery, because only its memory has the reason; once, if it
    is ``silent``."""
    if control.cluster is not None and control.is_elsewhere(delivery):
        answer = None
        if delivery.node not in silent:
            answer = await control.cluster.ask(delivery.node, "why", {"id": delivery.id})
        if answer is None:
            silent.add(delivery.node)
        if answer and "sentence" in answer:
            return {**answer, "sentence": f"{answer['sentence']} (on {delivery.node})"}
        return _unanswered(_why_document(control, delivery), await control.cluster.nodes())
    if control.deliverer is None and control.cluster is not None:
        is_running = any(not each.is_own for each in await control.cluster.nodes())
        return _why_document(control, delivery, is_running=is_running)
    return _why_document(control, delivery)


def _unanswered(document: Document, nodes: Sequence[NodeStatus]) -> Document:
    """Say when the node that has leased a delivery, and did not answer, was seen last."""
    seen = [round(each.seen) for each in nodes if each.name == document["node"]]
    if not seen:
        return document
    sentence = document["sentence"].removesuffix(".")
    return {**document, "sentence": f"{sentence}; its last beat was {seen[0]} seconds ago."}


def _why_document(
    control: QueueControl, delivery: Delivery, *, is_running: bool = False
) -> Document:
    deliverer, pause, progress = control.deliverer, pause_of(control, delivery), None
    if deliverer is not None and not control.is_elsewhere(delivery):
        progress = deliverer.progress_of(delivery.id, delivery.next_hop)
    is_running = is_running or deliverer is not None
    reason = why(delivery, control.now(), pause, progress, is_running=is_running)
    return why_document(delivery, reason)


async def _act(control: QueueControl, action: Action, fields: dict[str, Any]) -> Document:
    """Act on ``ids``, on what selectors select, or on ``all``; with ``dry_run``, on nothing.
    ``hold`` with ``undoable`` is undone by ``release`` with ``undo``, which releases what that hold
    has changed. Raises KeyError for an id that does not exist, and ValueError."""
    undo, ids, is_selected = fields.get("undo"), fields.get("ids"), has_selector(fields)
    if sum((bool(undo), ids is not None, is_selected, bool(fields.get("all")))) != 1:
        raise ValueError(f"{action} needs either ids, selectors or all")
    by = operator_of(fields)
    if undo:
        return await _act_on_ids(control, action, control.holds.take(str(undo)), (), by)
    is_all = action == "drop" and ids is None  # each is reported
    if fields.get("dry_run") or is_selected or fields.get("undoable") or is_all:
        return await _act_on_selected(control, action, fields)
    deliveries = [each for id_ in ids or () for each in await find_deliveries(control, id_)]
    return await _act_on_ids(control, action, ids, deliveries, by)


async def _act_on_ids(
    control: QueueControl,
    action: Action,
    ids: Sequence[str] | None,
    deliveries: Sequence[Delivery],
    by: str,
) -> Document:
    """Act on ids, or on the whole queue."""
    leased, hops = 0, [each.next_hop for each in deliveries]
    if ids is None:
        counts = await control.deliveries.count()
        hops = [parse_next_hop(key) for key in counts]
        leased = sum(each.leased for each in counts.values())
        if control.deliverer is not None and action in ("retry", "release"):
            control.deliverer.note_release()
    done: Document = {
        _DONE[action]: await control.deliveries.act(action, ids, control.now(), control.wake)
    }
    _report_changed(control, action, ids, by)
    if action == "retry" and ids is None:
        done["under_way"] = leased
    if action == "drop":
        await _report_dropped(control, deliveries)
    next_hops = list(dict.fromkeys(each.key for each in hops))
    follow_action(control, action, ids, next_hops)
    if control.cluster is not None:
        await _tell_nodes(control.cluster, action, ids, next_hops)
    return done


async def _act_on_selected(
    control: QueueControl, action: Action, fields: Mapping[str, Any]
) -> Document:
    """Act on what is selected, batch by batch, and say how much it is, with the first ones."""
    is_dry = bool(fields.get("dry_run"))
    if not is_dry and control.deliverer is not None and action in ("retry", "release"):
        control.deliverer.note_release()
    done, selected, ids = 0, 0, list[str]()
    sample: list[Document] = []
    next_hops: dict[str, None] = {}
    async for some in _chosen(control, action, fields):
        sample += [document_of(control, each) for each in some[: SAMPLE - len(sample)]]
        selected += len(some)
        if is_dry:
            continue
        batch = [each.id for each in some]
        done += await control.deliveries.act(action, batch, control.now(), control.wake)
        _report_changed(control, action, batch, operator_of(fields))
        if action in ("hold", "drop") and control.deliverer is not None:
            control.deliverer.cancel(frozenset(batch))
        if action == "drop":
            await _report_dropped(control, some)
        next_hops.update(dict.fromkeys([each.next_hop.key for each in some]))
        if fields.get("undoable") or len(ids) <= MOST_TOLD:
            ids += batch
    if not is_dry and next_hops:
        follow_action(control, action, ids, list(next_hops))
        if control.cluster is not None:
            await _tell_nodes(control.cluster, action, ids, list(next_hops))
    document = {_DONE[action]: done, "selected": selected, "sample": sample, "dry_run": is_dry}
    is_undoable = fields.get("undoable") and not is_dry
    return document | ({"undo": control.holds.remember(ids)} if is_undoable else {})


async def _chosen(
    control: QueueControl, action: Action, fields: Mapping[str, Any]
) -> AsyncIterator[Sequence[Delivery]]:
    """Yield in batches what an action would change: of ids, of what is selected, or of all."""
    if fields.get("ids") is None:
        selection = replace(await selection_of(control, fields), changed_by=action)
        async for some in look_through(control.deliveries, selection):
            yield some
        return
    found = {each.id: each for id_ in fields["ids"] for each in await find_deliveries(control, id_)}
    yield [each for each in found.values() if is_changed_by(action, each)]


async def _tell_nodes(
    cluster: Cluster, action: Action, ids: Sequence[str] | None, next_hops: Sequence[str]
) -> None:
    """Let the other nodes follow an action. Of many deliveries they get no ids, but look at all
    that they have leased; of many next hops, some at a time."""
    if ids is not None and len(ids) > MOST_TOLD:
        ids = None
    for start in range(0, max(1, len(next_hops)), MOST_TOLD):
        some = next_hops[start : start + MOST_TOLD]
        await cluster.tell("acted", {"action": action, "ids": ids, "next_hops": some})


def follow_action(
    control: QueueControl, action: Action, ids: Sequence[str] | None, next_hops: Sequence[str]
) -> None:
    """Let the deliverer follow an action that is in the store; on any node."""
    deliverer = control.deliverer
    if deliverer is None:
        return
    if action == "retry":  # not before, or some would be attempted and not counted
        deliverer.forgive([parse_next_hop(each) for each in next_hops])
    if action in ("hold", "drop"):
        deliverer.cancel(None if ids is None else frozenset(ids))
    deliverer.wake()


def _report_changed(
    control: QueueControl, action: Action, ids: Sequence[str] | None, by: str
) -> None:
    """Report who has held, released or retried what. ``ids`` None: the whole queue."""
    if control.report is None or action == "drop":
        return
    for start in range(0, len(ids or ()) or 1, MOST_TOLD):
        some = None if ids is None else list(ids[start : start + MOST_TOLD])
        number = len(some) if some else "all"
        control.report("deliveries_changed", action=action, count=number, ids=some, by=by or None)


async def _report_dropped(control: QueueControl, deliveries: Sequence[Delivery]) -> None:
    """Report what somebody dropped: it was accepted, and its sender will hear nothing."""
    if control.report is None:
        return
    dropped = {each.id: each for each in deliveries if each.state != "settled"}
    for number, each in enumerate(dropped.values(), 1):
        if number % SLICE == 0:
            await asyncio.sleep(0)  # others take their turns
        waiting = [str(one.address) for one in each.waiting]
        control.report(
            "message_dropped", id=each.message, delivery=each.id, next_hop=each.next_hop.key,
            rcpt_to=waiting,
        )  # fmt: skip
