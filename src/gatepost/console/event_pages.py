"""Delivery reports of captured mail: reports, webhooks, suppressed recipients and outcomes."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from gatepost.console.access.routes import ConsoleHandler
from gatepost.console.backend import Backend
from gatepost.console.forms import read_own_form
from gatepost.console.page_parts import Desk, see_other
from gatepost.model.console_access import USER, ConsoleEndpoint

STATUSES: Final = ("Delivered", "Bounced", "Suppressed", "Quarantined", "FilteredSpam", "Failed")
_LIMIT: Final = 50


class EventPages:
    """The page of delivery reports, and its forms."""

    def __init__(self, backend: Backend, desk: Desk) -> None:
        self._backend, self._desk = backend, desk

    def face(self) -> list[tuple[ConsoleEndpoint, ConsoleHandler]]:
        """Return the endpoints of these pages with their handlers."""
        e = ConsoleEndpoint
        return [
            (e("GET", "/events", "support", "events.events_list", "Show reports."), self.show),
            (e("POST", "/events/outcome", "admin", "events.outcome_set", "Script an outcome."),
             self.set_outcome),
        ]  # fmt: skip

    async def show(self, request: Request) -> Response:
        """``GET /events``."""
        return await self._page(request, "", 200)

    async def _page(self, request: Request, problem: str, status: int) -> Response:
        call = self._backend.call
        values = {
            "events": (await call("events.events_list", limit=_LIMIT))["events"],
            "webhooks": (await call("events.webhook_list"))["webhooks"],
            "suppressed": (await call("events.suppression_list"))["suppressed"],
            "outcomes": (await call("events.outcome_list"))["outcomes"],
            "statuses": STATUSES,
            "problem": problem,
            "may_change": request.scope[USER].may_act_as("admin"),
        }
        return await self._desk.page(request, "events", "events.html", values, status)

    async def set_outcome(self, request: Request) -> Response:
        """``POST /events/outcome``: decide, or no longer, what becomes of mail to an address."""
        form = await read_own_form(request)
        target = form.first("target").strip()
        try:
            if form.first("delete"):
                await self._backend.call("events.outcome_delete", name=form.first("delete"))
            else:
                await self._backend.call(
                    "events.outcome_set", target=target, status=form.first("status")
                )
        except KeyError:
            pass  # somebody else has deleted it
        except ValueError as error:
            return await self._page(request, str(error), 400)
        return see_other("/events")
