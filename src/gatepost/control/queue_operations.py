"""``gatepost queue``: list, show, why, and actions, on a running relay or its store."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from gatepost.control.look_through import look_through
from gatepost.control.queue_documents import (
    Document,
    attempt_document,
    count_document,
    delivery_document,
    message_document,
    why_document,
)
from gatepost.control.queue_selectors import has_selector, read_selection
from gatepost.control.undoable_holds import UndoableHolds
from gatepost.model.delivery import Delivery
from gatepost.model.route import NextHop, Route, parse_next_hop
from gatepost.queue.cluster_contract import Cluster, NodeStatus
from gatepost.queue.deliveries_contract import Action, Deliveries, QueueSelection
from gatepost.queue.delivery_matcher import is_changed_by
from gatepost.queue.pause import Pause
from gatepost.queue.retry_schedule import BACK
from gatepost.queue.why import next_try, why

if TYPE_CHECKING:
    from gatepost.model.operator_event import ReportEvent

    # a relay that only captures, and a stopped one, deliver nothing
    from gatepost.relay.deliverer import Deliverer

SLICE: Final = 200
"""Dropped deliveries that are reported without a turn for others."""
MOST: Final = 10_000
"""Maximum number of deliveries in a listing."""
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


@dataclass(frozen=True, slots=True)
class QueueControl:
    """What the operations work on."""

    deliveries: Deliveries
    now: Callable[[], datetime]
    delivering: "Callable[[], Deliverer] | None" = None
    """Returns the current deliverer, which a reload changes; None: no relay runs."""
    report: "ReportEvent | None" = None
    """None: no relay runs, so that nobody reads its events."""
    routes: Callable[[], Sequence[Route]] = tuple
    """The configured routes, if no relay runs."""
    holds: UndoableHolds = field(default_factory=UndoableHolds)
    cluster: Cluster | None = None
    """The nodes that share the queue; None: it is ours alone."""

    def is_elsewhere(self, delivery: Delivery) -> bool:
        """Tell whether another node has leased a delivery."""
        own = "" if self.cluster is None else self.cluster.name
        return delivery.state == "leased" and delivery.node not in ("", own)

    @property
    def deliverer(self) -> "Deliverer | None":
        """The current deliverer; None: no relay runs."""
        return None if self.delivering is None else self.delivering()

    def wake(self) -> None:
        """Let the relay look at its queue, if one runs."""
        if self.deliverer is not None:
            self.deliverer.wake()

    def targets(self, next_hop: NextHop) -> Sequence[str]:
        """Return the names of the targets of a next hop, in the order in which they are tried."""
        deliverer = self.deliverer
        if deliverer is not None:
            return deliverer.targets(next_hop)
        route = next((each for each in self.routes() if each.name == next_hop.route), None)
        return () if route is None else [each.name for each in route.chain]


async def operate_queue(control: QueueControl, operation: str, fields: dict[str, Any]) -> Document:
    """Run an operation. Raises KeyError for an unknown id, ValueError and QueueError."""
    if operation == "list":
        return await _list(control, fields)
    if operation == "show":
        return await _show(control, str(fields["id"]))
    if operation == "why":
        return await _why(control, str(fields["id"]))
    if operation in _DONE:
        return await _act(control, operation, fields)
    raise ValueError(f"unknown operation {operation!r}")


async def _list(control: QueueControl, fields: dict[str, Any]) -> Document:
    selection, after = await _selection(control, fields), str(fields.get("after") or "")
    limit = min(int(fields.get("limit", MOST)), MOST)
    most = limit + 1 if not after else None
    deliveries = await control.deliveries.list(replace(selection, limit=most))
    counts = await control.deliveries.count()
    start = _place_behind(deliveries, after) if after else 0
    is_cut, deliveries = len(deliveries) > start + limit, deliveries[start : start + limit]
    documents = []
    for delivery in await _as_due(control, deliveries):
        message = await control.deliveries.message(delivery.message)
        envelope = message_document(message)
        del envelope["id"]
        age = (control.now() - message.received_at).total_seconds()
        documents.append(_document(control, delivery) | envelope | {"age": max(0, round(age))})
    return {
        "deliveries": documents,
        "more": await _more(control, selection, start + len(deliveries)) if is_cut else 0,
        "next_hops": count_document(counts),
        "cursor": f"{start + limit}/{deliveries[-1].id}" if is_cut else None,
    }


async def _selection(control: QueueControl, fields: Mapping[str, Any]) -> QueueSelection:
    """Return the selection that fields describe. Raises ValueError."""
    target, first_of = fields.get("target"), set()
    if target:
        hops = [parse_next_hop(key) for key in await control.deliveries.count()]
        first_of = {each.route for each in hops if [*control.targets(each)][:1] == [target]}
    return read_selection(fields, control.now(), first_of)


def _place_behind(deliveries: Sequence[Delivery], cursor: str) -> int:
    """Return where a page begins: behind the delivery in the cursor or, if it has been settled
    meanwhile, where it was. Raises ValueError."""
    place, _, id_ = cursor.partition("/")
    if not (id_ and place.isascii() and place.isdecimal() and len(place) < 10):
        raise ValueError("after is not a cursor of this list")
    return next((at + 1 for at, each in enumerate(deliveries) if each.id == id_), int(place))


async def _more(control: QueueControl, selection: QueueSelection, listed: int) -> int | None:
    """Return how many selected deliveries were not listed; None: unknown, because settled ones are
    not counted."""
    if "settled" in selection.states:
        return None
    if selection == QueueSelection(selection.next_hop, selection.states):
        states = selection.states or ("waiting", "leased", "held")
        counts = await control.deliveries.count()
        hops = [each for key, each in counts.items() if selection.next_hop in ("", key)]
        total: int = sum(getattr(each, state) for each in hops for state in states)
    else:
        total = 0
        async for some in look_through(control.deliveries, selection):
            total += len(some)
    return max(1, total - listed)


async def _show(control: QueueControl, id_: str) -> Document:
    deliveries = await _as_due(control, await _find(control, id_))
    message = message_document(await control.deliveries.message(deliveries[0].message))
    documents = [
        _document(control, each) | {"history": [attempt_document(one) for one in each.history]}
        for each in deliveries
    ]
    return message | {"deliveries": documents}


async def _why(control: QueueControl, id_: str) -> Document:
    deliveries = await _as_due(control, await _find(control, id_))
    silent: set[str] = set()
    return {
        "id": deliveries[0].message,
        "deliveries": [await _explain(control, each, silent) for each in deliveries],
    }


async def explain_own(control: QueueControl, id_: str) -> Document:
    """Return why a delivery that this node has leased waits; empty if it has not. Raises KeyError
    and QueueError."""
    [delivery] = await _as_due(control, await _find(control, id_))
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


async def _as_due(control: QueueControl, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
    """Return deliveries with their true times: if the clock was put back, the relay soon tries what
    waits for a time by the old clock."""
    now, deliverer = control.now(), control.deliverer
    if deliverer is not None:
        are_old = deliverer.has_old_times()
    else:
        last_look = await control.deliveries.looked_at()
        are_old = last_look is not None and last_look - now >= BACK
    if not are_old:
        return deliveries
    return [
        each if each.due is None else replace(each, due=min(each.due, now)) for each in deliveries
    ]


def _document(control: QueueControl, delivery: Delivery) -> Document:
    due = delivery.due
    if due is not None:
        pause = _pause(control, delivery)
        due = next_try(due, delivery.expires_at, control.now(), pause)
    return delivery_document(delivery, due, control.targets(delivery.next_hop))


def _pause(control: QueueControl, delivery: Delivery) -> Pause | None:
    deliverer = control.deliverer
    return None if deliverer is None else deliverer.pause_of(delivery.next_hop)


def _why_document(
    control: QueueControl, delivery: Delivery, *, is_running: bool = False
) -> Document:
    deliverer, pause, progress = control.deliverer, _pause(control, delivery), None
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
    if undo:
        return await _act_on_ids(control, action, control.holds.take(str(undo)), ())
    is_all = action == "drop" and ids is None  # each is reported
    if fields.get("dry_run") or is_selected or fields.get("undoable") or is_all:
        return await _act_on_selected(control, action, fields)
    deliveries = [each for id_ in ids or () for each in await _find(control, id_)]
    return await _act_on_ids(control, action, ids, deliveries)


async def _act_on_ids(
    control: QueueControl,
    action: Action,
    ids: Sequence[str] | None,
    deliveries: Sequence[Delivery],
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
        sample += [_document(control, each) for each in some[: SAMPLE - len(sample)]]
        selected += len(some)
        if is_dry:
            continue
        batch = [each.id for each in some]
        done += await control.deliveries.act(action, batch, control.now(), control.wake)
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
        selection = replace(await _selection(control, fields), changed_by=action)
        async for some in look_through(control.deliveries, selection):
            yield some
        return
    found = {each.id: each for id_ in fields["ids"] for each in await _find(control, id_)}
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


async def _find(control: QueueControl, id_: str) -> Sequence[Delivery]:
    deliveries = await control.deliveries.find(id_)
    if not deliveries:
        raise KeyError(f"message {id_} in the queue (`gatepost messages list`: what was captured)")
    return deliveries
