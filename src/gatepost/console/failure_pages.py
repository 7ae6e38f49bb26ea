"""Scripted failures: the rules with what they did, presets, chaos, and a form for a new rule."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from gatepost.console.access.routes import ConsoleHandler
from gatepost.console.access.sentences import PageRefused
from gatepost.console.backend import Backend, Document
from gatepost.console.forms import PageForm, read_own_form
from gatepost.console.page_parts import Desk, see_other
from gatepost.model.console_access import API_PREFIX, USER, ConsoleEndpoint

PRESETS: Final[Mapping[str, str]] = {
    "greylist": "rcpt -> greylist 60s ; reply 451 4.7.1 Greylisted, try again later",
    "quota": "mail -> quota 30/60s per=application ; reply 421 4.7.0 Too many messages, wait ; "
    "close after",
    "lost": "message times=1 -> keep ; close before",
    "alert": "tls times=1 -> tls alert:protocol_version",
    "slow": "data -> delay 5s",
}
"""Rules that a click adds, as lines of ``gatepost failure add``."""
ACTIONS: Final = ("pause", "resume", "move", "reset", "delete")
CHAOS: Final = ("sender", "recipient", "authentication")
_FIRED: Final = 50
_CHECK: Final = f"{API_PREFIX}/rules/check"


class FailurePages:
    """The page of scripted failures, and its forms."""

    def __init__(self, backend: Backend, desk: Desk) -> None:
        self._backend, self._desk = backend, desk

    def face(self) -> list[tuple[ConsoleEndpoint, ConsoleHandler]]:
        """Return the endpoints of these pages with their handlers."""
        e = ConsoleEndpoint
        return [
            (e("GET", "/failures", "support", "failures.list", "List rules."), self.show),
            (e("POST", "/failures", "admin", "failures.add", "Add or replace a rule."), self.add),
            (e("POST", "/failures/change", "admin", "failures.delete", "Change rules."),
             self.change),
            (e("POST", "/failures/chaos", "admin", "failures.chaos", "Set chaos."),
             self.set_chaos),
        ]  # fmt: skip

    async def show(self, request: Request) -> Response:
        """``GET /failures``: ``line`` proposes a rule, ``edit`` is the id of one to be changed."""
        query = request.query_params
        fields = {"line": query.get("line", "")[:2_000]}
        if query.get("edit"):
            fields = await self._fields_of(query["edit"], query.get("lane", ""))
        return await self._page(request, fields)

    async def _fields_of(self, id_: str, lane: str) -> dict[str, str]:
        """Return the fields of the form that changes a rule."""
        try:
            rule = await self._backend.call("failures.show", id=id_, lane=lane)
        except KeyError as error:
            raise PageRefused(404, "missing", what=error.args[0]) from None
        names = ("id", "lane", "line", "order", "note")
        return {name: str(rule[name] or "") for name in names}

    async def _page(
        self,
        request: Request,
        fields: Mapping[str, str],
        mistakes: Sequence[str] = (),
        problem: str = "",
    ) -> Response:
        listed = await self._backend.call("failures.list")
        fired = await self._backend.call("failures.fired", limit=_FIRED)
        values: dict[str, Any] = {
            "rules": _with_neighbours(listed["rules"]),
            "common": [each for each in listed["rules"] if not each["lane"]],
            "seed": listed["seed"],
            "fired": list(reversed(fired["fired"])),
            "chaos": await self._backend.call("failures.chaos"),
            "presets": PRESETS,
            "fields": {"line": "", "id": "", "lane": "", "order": "", "note": "", **fields},
            "mistakes": mistakes,
            "problem": problem,
            "check": _CHECK,
            "may_change": request.scope[USER].may_act_as("admin"),
        }
        status = 400 if mistakes or problem else 200
        return await self._desk.page(request, "failures", "failures.html", values, status)

    async def add(self, request: Request) -> Response:
        """``POST /failures``: add a rule, or replace the one with this ``id``; mistakes are shown
        beside the line."""
        form = await read_own_form(request)
        line = PRESETS.get(form.first("preset"), form.first("line").strip())
        fields: dict[str, str] = {"line": line}
        if form.first("id"):
            fields |= {name: form.first(name) for name in ("id", "lane", "order", "note")}
        operation = "failures.replace" if form.first("id") else "failures.add"
        order = fields.get("order", "")
        numbers = {"order": int(order) if order.lstrip("-").isdecimal() else None}
        try:
            await self._backend.call(operation, **{**fields, **numbers})
        except KeyError as error:  # it was deleted meanwhile
            return await self._page(request, fields, [f"There is no {error.args[0]}."])
        except ValueError as error:
            return await self._page(request, fields, str(error).splitlines())
        return see_other("/failures")

    async def change(self, request: Request) -> Response:
        """``POST /failures/change``: pause, resume, move, delete or reset a rule, or all without a
        lane."""
        form = await read_own_form(request)
        action = form.first("action") or ("move" if "before" in form else "")
        if action not in ACTIONS:
            raise PageRefused(400, "no_action")
        fields = {name: form.first(name) or None for name in ("id", "lane", "before")}
        if action != "move":
            del fields["before"]
        try:
            await self._backend.call(f"failures.{action}", **fields)
        except KeyError:
            pass  # somebody else was quicker
        return see_other("/failures")

    async def set_chaos(self, request: Request) -> Response:
        """``POST /failures/chaos``: refuse a share of senders, recipients or logins."""
        form = await read_own_form(request)
        try:
            wanted = {kind: _trigger(form, kind) for kind in CHAOS}
            await self._backend.call("failures.chaos", set=wanted)
        except ValueError as error:
            return await self._page(request, {}, problem=str(error))
        return see_other("/failures")


def _trigger(form: PageForm, kind: str) -> dict[str, int]:
    """Return the switch of a kind. Raises ValueError."""
    return {name: int(form.first(f"{kind}_{name}") or 0) for name in ("percent", "code")}


def _with_neighbours(rules: Sequence[Document]) -> list[Document]:
    """Return the rules, each with the rules before which it can move: ``up`` and ``down``, None at
    the end of its lane; empty: behind all others."""
    listed = []
    for rule in rules:
        lane = [each["id"] for each in rules if each["lane"] == rule["lane"]]
        at = lane.index(rule["id"])
        up = lane[at - 1] if at else None
        down = None if at + 1 == len(lane) else lane[at + 2] if at + 2 < len(lane) else ""
        listed.append({**rule, "up": up, "down": down})
    return listed
