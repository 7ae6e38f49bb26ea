"""Scripted failures: the rules with what they did, presets, and a form for a new rule."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from gatepost.console.access.routes import ConsoleHandler
from gatepost.console.backend import Backend
from gatepost.console.forms import read_own_form
from gatepost.console.page_parts import Desk, see_other
from gatepost.model.console_access import USER, ConsoleEndpoint

PRESETS: Final[Mapping[str, str]] = {
    "greylist": "rcpt -> greylist 60s ; reply 451 4.7.1 Greylisted, try again later",
    "quota": "mail -> quota 30/60s per=application ; reply 421 4.7.0 Too many messages, wait ; "
    "close after",
    "lost": "message times=1 -> keep ; close before",
    "alert": "tls times=1 -> tls alert:protocol_version",
    "slow": "data -> delay 5s",
}
"""Rules that a click adds, as lines of ``gatepost failure add``."""
_FIRED: Final = 50


class FailurePages:
    """The page of scripted failures, and its forms."""

    def __init__(self, backend: Backend, desk: Desk) -> None:
        self._backend, self._desk = backend, desk

    def face(self) -> list[tuple[ConsoleEndpoint, ConsoleHandler]]:
        """Return the endpoints of these pages with their handlers."""
        e = ConsoleEndpoint
        return [
            (e("GET", "/failures", "support", "failures.list", "List rules."), self.show),
            (e("POST", "/failures", "admin", "failures.add", "Add a rule."), self.add),
            (e("POST", "/failures/change", "admin", "failures.delete", "Delete or reset rules."),
             self.change),
        ]  # fmt: skip

    async def show(self, request: Request) -> Response:
        """``GET /failures``; ``session`` proposes a rule for what that session did."""
        line = request.query_params.get("line", "")[:2_000]
        return await self._page(request, line, "", 200)

    async def _page(self, request: Request, line: str, mistakes: str, status: int) -> Response:
        listed = await self._backend.call("failures.list")
        fired = await self._backend.call("failures.fired", limit=_FIRED)
        values: dict[str, Any] = {
            "rules": listed["rules"],
            "seed": listed["seed"],
            "fired": list(reversed(fired["fired"])),
            "presets": PRESETS,
            "line": line,
            "mistakes": mistakes.splitlines(),
            "may_change": request.scope[USER].may_act_as("admin"),
        }
        return await self._desk.page(request, "failures", "failures.html", values, status)

    async def add(self, request: Request) -> Response:
        """``POST /failures``: add a rule; mistakes are shown beside the line."""
        form = await read_own_form(request)
        line = PRESETS.get(form.first("preset"), form.first("line").strip())
        try:
            await self._backend.call("failures.add", line=line)
        except (ValueError, KeyError) as error:
            return await self._page(request, line, str(error), 400)
        return see_other("/failures")

    async def change(self, request: Request) -> Response:
        """``POST /failures/change``: delete or reset a rule, or all without a lane."""
        form = await read_own_form(request)
        operation = "failures.delete" if form.first("action") == "delete" else "failures.reset"
        fields = {"id": form.first("id") or None, "lane": form.first("lane") or None}
        try:
            await self._backend.call(operation, **fields)
        except KeyError:
            pass  # somebody else was quicker
        return see_other("/failures")
