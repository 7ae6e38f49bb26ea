"""The operator's log: what happened in this server, newest first, with a filter."""

from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gatepost.console.access.routes import ConsoleHandler
from gatepost.console.backend import Backend
from gatepost.console.page_parts import Desk
from gatepost.model.console_access import ConsoleEndpoint

LEVELS: Final = ("info", "warning", "error")
_PAGE: Final = 100
_FILTERS: Final = ("level", "event", "text")


class LogPages:
    """The page of the log."""

    def __init__(self, backend: Backend, desk: Desk) -> None:
        self._backend, self._desk = backend, desk

    def face(self) -> list[tuple[ConsoleEndpoint, ConsoleHandler]]:
        """Return the endpoint of this page with its handler."""
        return [(ConsoleEndpoint("GET", "/log", "support", "log.list", "Show the log."), self.show)]

    async def show(self, request: Request) -> Response:
        """``GET /log``: the events of a ``level`` and above, an ``event``, or with a ``text``."""
        query = request.query_params
        filters: dict[str, Any] = {name: query.get(name, "")[:200] for name in _FILTERS}
        after = query.get("after", "")
        try:
            listed = await self._backend.call("log.list", **filters, after=after, limit=_PAGE)
        except ValueError as error:
            raise HTTPException(400, str(error)) from None
        values = {
            "log": listed["log"],
            "cursor": listed["cursor"],
            "filters": filters,
            "levels": LEVELS,
            "is_filtered": any(filters.values()) or bool(after),
        }
        return await self._desk.page(request, "log", "log.html", values)
