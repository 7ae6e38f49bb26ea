"""The queue: what waits for which next hop, why, and what an operator does about it."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from gatepost.console.access.routes import ConsoleHandler
from gatepost.console.access.sentences import PageRefused
from gatepost.console.backend import Backend, Document
from gatepost.console.charts import draw
from gatepost.console.forms import PageForm, read_own_form
from gatepost.console.page_parts import Desk, see_other, with_query
from gatepost.model.console_access import USER, ConsoleEndpoint, ConsoleRole

PAGE: Final = 50
STATES: Final = ("waiting", "leased", "held")
METRICS: Final = ("delivered", "deferred", "depth", "latency_p95")
SPANS: Final[Mapping[str, int]] = {"1h": 3_600, "6h": 21_600, "24h": 86_400}
_DONE: Final[Mapping[str, str]] = {
    "retry": "retried", "hold": "held", "release": "released", "drop": "dropped",
}  # fmt: skip
_ROLES: Final[Mapping[str, ConsoleRole]] = {
    "retry": "support", "hold": "operator", "release": "operator", "drop": "operator",
}  # fmt: skip


class QueuePages:
    """The pages of the queue."""

    def __init__(self, backend: Backend, desk: Desk) -> None:
        self._backend, self._desk = backend, desk

    def face(self) -> list[tuple[ConsoleEndpoint, ConsoleHandler]]:
        """Return the endpoints of these pages with their handlers."""
        e = ConsoleEndpoint
        return [
            (e("GET", "/queue", "viewer", "queue.list", "Show the queue."), self.show),
            (e("GET", "/queue/{id}", "support", "queue.show", "Show a message."), self.show_one),
            (e("POST", "/queue", "support", "queue.retry", "Act on deliveries."), self.act),
        ]  # fmt: skip

    async def show(self, request: Request) -> Response:
        """``GET /queue``: next hops with their numbers, and deliveries with the reason."""
        query, call = request.query_params, self._backend.call
        hop, state = query.get("next_hop", ""), query.get("state", "")
        span = query.get("span", "1h")
        span = span if span in SPANS else "1h"
        listed = await call("queue.list", limit=PAGE, **_filter(lambda name: query.get(name, "")))
        hops = (await call("next_hops.list"))["next_hops"]
        if hop and all(each["next_hop"] != hop for each in hops):
            raise PageRefused(404, "never_waited")
        is_viewer = not request.scope[USER].may_act_as("support")
        rows = listed["deliveries"]
        values = {
            "hops": hops,
            "hop": hop,
            "state": state,
            "states": STATES,
            "rows": [_masked(each) for each in rows] if is_viewer else rows,
            "why": {each["id"]: await self._reason(each["id"], hides=is_viewer) for each in rows},
            "matching": len(rows) + (listed["more"] or 0),
            "charts": await self._charts(hop, SPANS[span]) if hop else {},
            "span": span,
            "zone": f"{self._backend.now().astimezone():%Z}",
            "spans": SPANS,
            "done": query.get("done", ""),
            "number": query.get("number", ""),
            "undo": query.get("undo", ""),
            "may": {name: request.scope[USER].may_act_as(role) for name, role in _ROLES.items()},
        }
        return await self._desk.page(request, "queue", "queue.html", values)

    async def _reason(self, id_: str, *, hides: bool) -> str:
        """Return why a delivery waits; a reply in it may name an address."""
        if hides:
            return ""
        try:
            deliveries: Sequence[Document] = (await self._backend.call("queue.why", id=id_))[
                "deliveries"
            ]
        except KeyError:
            return ""  # delivered meanwhile
        return " ".join([str(each["sentence"]) for each in deliveries if each["id"] == id_])

    async def _charts(self, hop: str, seconds: int) -> dict[str, Any]:
        charts = {}
        for metric in METRICS:
            series = await self._backend.call(
                "next_hops.series", key=hop, metric=metric, **{"from": str(-seconds)}
            )
            charts[metric] = draw(
                [(moment, float(value or 0)) for moment, value in series["points"]]
            )
        return charts

    async def show_one(self, request: Request) -> Response:
        """``GET /queue/{id}``: a message's deliveries with their attempts."""
        id_ = str(request.path_params["id"])
        try:
            shown = await self._backend.call("queue.show", id=id_)
            why = (await self._backend.call("queue.why", id=id_))["deliveries"]
        except KeyError:
            values: Document = {"shown": None}
            return await self._desk.page(request, "queue", "delivery.html", values, 404)
        reasons = {each["id"]: each for each in why}
        values = {"shown": shown, "reasons": reasons}
        return await self._desk.page(request, "queue", "delivery.html", values)

    async def act(self, request: Request) -> Response:
        """``POST /queue``: retry, hold, release or drop deliveries: those that were chosen, or all
        that match the filter of the page."""
        form = await read_own_form(request)
        action = form.first("action")
        if action not in _ROLES:
            raise PageRefused(400, "no_action")
        if not request.scope[USER].may_act_as(_ROLES[action]):
            raise PageRefused(403, "needs_role", role=_ROLES[action])
        done = await self._act(action, form, request.scope[USER].name)
        number = done[_DONE[action]]
        return see_other(
            with_query(
                "/queue", next_hop=form.first("next_hop"), state=form.first("state"),
                done=action, number=number or "0", undo=done.get("undo") if number else "",
            )
        )  # fmt: skip

    async def _act(self, action: str, form: PageForm, by: str) -> Document:
        """Act on what the form chooses: a hold that is undone, the page's filter, or ids."""
        call, word = partial(self._backend.call, f"queue.{action}", by=by), _DONE[action]
        undoable = True if action == "hold" else None
        try:
            if form.first("undo"):
                return await call(undo=form.first("undo"))
            if form.first("all"):
                return await call(**_filter(form.first), undoable=undoable)
            if ids := form.all("id"):
                return await call(ids=list(ids), undoable=undoable)
        except KeyError:  # it was undone, or some were delivered meanwhile
            return await self._one_by_one(action, form.all("id"), by)
        return {word: 0}

    async def _one_by_one(self, action: str, ids: Sequence[str], by: str) -> Document:
        number = 0
        for each in ids:
            try:
                done = await self._backend.call(f"queue.{action}", ids=[each], by=by)
            except KeyError:
                continue
            number += int(done[_DONE[action]])
        return {_DONE[action]: number}


def _filter(value_of: Callable[[str], str]) -> dict[str, Any]:
    """Return what selects the deliveries of a page, of the values of its query or form."""
    state = value_of("state")
    states = [state] if state in STATES else list(STATES)
    return {"next_hop": value_of("next_hop") or None, "states": states}


def _masked(delivery: Document) -> Document:
    """Return a delivery for somebody who may not see addresses."""
    recipients = [{**each, "address": mask(each["address"])} for each in delivery["recipients"]]
    sender = mask(delivery["mail_from"])
    return {**delivery, "recipients": recipients, "mail_from": sender, "subject": ""}


def mask(address: str) -> str:
    """Return an address without its local part."""
    local, at, domain = address.rpartition("@")
    return f"{local[:1]}***@{domain}" if at else address
