"""Upstreams: the targets of mail, whether they can be used, and what a check of them found."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from gatepost.console.access.routes import ConsoleHandler
from gatepost.console.access.sentences import PageRefused
from gatepost.console.backend import Backend, Document
from gatepost.console.forms import read_own_form
from gatepost.console.page_parts import Desk, see_other, with_query
from gatepost.model.console_access import USER, ConsoleEndpoint
from gatepost.model.operation_errors import TooManyRequests

SOON: Final = 30
"""Days before the end of a certificate from which on it is marked."""
_EXAMPLE: Final = """\
[target.hub]
kind = "smarthost"
servers = ["smtp.example.com:587"]
credential = "hub"

[[route]]
name = "out"
to = "hub"
"""


class UpstreamPages:
    """The page of the targets, and its forms."""

    def __init__(self, backend: Backend, desk: Desk) -> None:
        self._backend, self._desk = backend, desk

    def face(self) -> list[tuple[ConsoleEndpoint, ConsoleHandler]]:
        """Return the endpoints of these pages with their handlers."""
        e = ConsoleEndpoint
        return [
            (e("GET", "/upstreams", "viewer", "upstreams.list", "Show targets."), self.show),
            (e("POST", "/upstreams/probe", "operator", "upstreams.probe", "Check a server."),
             self.probe),
            (e("POST", "/upstreams/retry", "support", "upstreams.retry", "Try mail now."),
             self.retry),
        ]  # fmt: skip

    async def show(self, request: Request) -> Response:
        """``GET /upstreams``."""
        return await self._page(request)

    async def _page(self, request: Request, problem: str = "", status: int = 200) -> Response:
        user, query = request.scope[USER], request.query_params
        upstreams: list[Document] = (await self._backend.call("upstreams.list"))["upstreams"]
        states = [each["last_probe"]["state"] for each in upstreams if each["last_probe"]]
        values = {
            "upstreams": upstreams,
            "is_checking": "running" in states,
            "soon": SOON,
            "example": _EXAMPLE,
            "problem": problem,
            "retried": query.get("retried", ""),
            "number": query.get("number", ""),
            "sees_reasons": user.may_act_as("support"),
            "may_probe": user.may_act_as("operator"),
        }
        return await self._desk.page(request, "upstreams", "upstreams.html", values, status)

    async def probe(self, request: Request) -> Response:
        """``POST /upstreams/probe``: let the doctor look at a server of a target; it gets no
        password."""
        form = await read_own_form(request)
        try:
            await self._backend.call(
                "upstreams.probe", name=form.first("name"), server=form.first("server") or None
            )
        except KeyError as error:
            raise PageRefused(404, "missing", what=error.args[0]) from None
        except (ValueError, TooManyRequests) as error:
            return await self._page(request, str(error), 400)
        return see_other("/upstreams")

    async def retry(self, request: Request) -> Response:
        """``POST /upstreams/retry``: end the pauses of a target, and try its mail now."""
        form = await read_own_form(request)
        name = form.first("name")
        try:
            done = await self._backend.call("upstreams.retry", name=name)
        except KeyError as error:
            raise PageRefused(404, "missing", what=error.args[0]) from None
        number = str(done["retried"])
        return see_other(with_query("/upstreams", retried=name, number=number))
