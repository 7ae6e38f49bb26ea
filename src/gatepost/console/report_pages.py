"""Delivery reports of captured mail: reports, webhooks, suppressed recipients and outcomes."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gatepost.console.access.routes import ConsoleHandler
from gatepost.console.backend import Backend, Document
from gatepost.console.forms import PageForm, read_own_form
from gatepost.console.page_parts import Desk, see_other, with_query
from gatepost.errors import GatepostError
from gatepost.model.console_access import USER, ConsoleEndpoint

STATUSES: Final = ("Delivered", "Bounced", "Suppressed", "Quarantined", "FilteredSpam", "Failed")
SCHEMAS: Final = ("eventgrid", "cloudevents")
TYPES: Final = ("view", "click")
_LIMIT: Final = 50
_MOST_DEAD: Final = 100
"""Dead letters on a webhook's page."""


class ReportPages:
    """The pages of delivery reports, and their forms."""

    def __init__(self, backend: Backend, desk: Desk) -> None:
        self._backend, self._desk = backend, desk

    def face(self) -> list[tuple[ConsoleEndpoint, ConsoleHandler]]:
        """Return the endpoints of these pages with their handlers."""
        e = ConsoleEndpoint
        return [
            (e("GET", "/events", "support", "events.events_list", "Show reports."), self.show),
            (e("GET", "/events/webhooks/{name}", "support", "events.webhook_show", "Show one."),
             self.show_webhook),
            (e("POST", "/events/webhooks", "admin", "events.webhook_create", "Create, delete."),
             self.change_webhook),
            (e("POST", "/events/outcome", "admin", "events.outcome_set", "Script an outcome."),
             self.set_outcome),
            (e("POST", "/events/suppressed", "admin", "events.suppression_delete", "Delete."),
             self.forgive),
            (e("POST", "/events/simulate", "admin", "events.events_simulate", "Simulate."),
             self.simulate),
            (e("POST", "/events/resend", "admin", "events.events_resend", "Send again."),
             self.resend),
        ]  # fmt: skip

    async def show(self, request: Request) -> Response:
        """``GET /events``: reports, of all messages or of ``message``."""
        query = request.query_params
        done = {"done": query.get("done", ""), "number": query.get("number", "")[:300]}
        return await self._page(request, {"message": query.get("message", "")[:100], **done})

    async def _page(
        self, request: Request, values: Mapping[str, Any], status: int = 200
    ) -> Response:
        call, message = self._backend.call, values.get("message", "")
        try:
            events = await call("events.events_list", message=message or None, limit=_LIMIT)
        except KeyError:
            events = {"events": []}  # the message was deleted
        everything = {
            "events": events["events"],
            "webhooks": (await call("events.webhook_list"))["webhooks"],
            "suppressed": (await call("events.suppression_list"))["suppressed"],
            "outcomes": (await call("events.outcome_list"))["outcomes"],
            "statuses": STATUSES,
            "schemas": SCHEMAS,
            "types": TYPES,
            "problem": "",
            "message": "",
            "done": "",
            "number": "",
            "form": {},
            "may_change": request.scope[USER].may_act_as("admin"),
            **values,
        }
        return await self._desk.page(request, "events", "events.html", everything, status)

    async def _run(
        self, request: Request, operation: str, form: PageForm, fields: Mapping[str, Any]
    ) -> Document | Response:
        """Run an operation; return its document, or the page with the reason."""
        try:
            return await self._backend.call(f"events.{operation}", **fields)
        except KeyError as error:
            problem, status = f"There is no {error.args[0]}.", 404
        except (ValueError, GatepostError) as error:
            problem, status = str(error), 400
        values = {"problem": problem, "message": form.first("message"), "form": form}
        return await self._page(request, values, status)

    async def show_webhook(self, request: Request) -> Response:
        """``GET /events/webhooks/{name}``: a webhook with what it did not get."""
        name = str(request.path_params["name"])
        resource = request.query_params.get("resource") or None
        try:
            webhook = await self._backend.call("events.webhook_show", name=name, resource=resource)
        except (KeyError, ValueError) as error:
            raise HTTPException(404, str(error.args[0])) from None
        dead = webhook["dead_letters"]
        values = {
            "webhook": webhook,
            "dead": dead[:_MOST_DEAD],
            "more": max(0, len(dead) - _MOST_DEAD),
            "may_change": request.scope[USER].may_act_as("admin"),
        }
        return await self._desk.page(request, "events", "webhook.html", values)

    async def change_webhook(self, request: Request) -> Response:
        """``POST /events/webhooks``: create a webhook, or delete one."""
        form = await read_own_form(request)
        resource = form.first("resource") or None
        if form.first("delete"):
            operation = "webhook_delete"
            fields: dict[str, Any] = {"name": form.first("delete"), "resource": resource}
        else:
            operation = "webhook_create"
            fields = {name: form.first(name).strip() for name in ("url", "name", "schema")}
        done = await self._run(request, operation, form, fields)
        if isinstance(done, Response):
            return done
        if operation == "webhook_delete":
            return see_other("/events")
        return see_other(f"/events/webhooks/{quote(done['name'], safe='')}")

    async def set_outcome(self, request: Request) -> Response:
        """``POST /events/outcome``: decide, or no longer, what becomes of mail to an address."""
        form = await read_own_form(request)
        if form.first("delete"):
            operation, fields = "outcome_delete", {"name": form.first("delete")}
        else:
            operation = "outcome_set"
            fields = {name: form.first(name).strip() for name in ("target", "status", "code")}
        done = await self._run(request, operation, form, fields)
        return done if isinstance(done, Response) else see_other("/events")

    async def forgive(self, request: Request) -> Response:
        """``POST /events/suppressed``: take one recipient off the managed list, or all."""
        form = await read_own_form(request)
        fields: dict[str, Any] = {"addresses": list(form.all("address"))}
        if form.first("all"):
            fields = {"everything": True}
        done = await self._run(request, "suppression_delete", form, fields)
        if isinstance(done, Response):
            return done
        return see_other(with_query("/events", done="forgiven", number=str(done["deleted"])))

    async def simulate(self, request: Request) -> Response:
        """``POST /events/simulate``: somebody opens a message, or follows a link in it."""
        form = await read_own_form(request)
        names = ("message", "type", "recipient", "link", "user_agent")
        fields = {name: form.first(name).strip() for name in names}
        done = await self._run(request, "events_simulate", form, fields)
        if isinstance(done, Response):
            return done
        return see_other(with_query("/events", message=done["message"], done="simulated"))

    async def resend(self, request: Request) -> Response:
        """``POST /events/resend``: send a report again to the webhooks that want it."""
        form = await read_own_form(request)
        fields = {"id": form.first("id"), "message": form.first("message")}
        done = await self._run(request, "events_resend", form, fields)
        if isinstance(done, Response):
            return done
        back = form.first("webhook")
        path = f"/events/webhooks/{quote(back, safe='')}" if back else "/events"
        names = ", ".join(done["webhooks"]) or "–"
        return see_other(with_query(path, done="resent", number=names))
