"""Routes that need a role."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from gatepost.console.access.origins import SAFE
from gatepost.console.access.refusals import refuse
from gatepost.console.access.sentences import Sentence
from gatepost.model.console_access import USER, ConsoleEndpoint, ConsoleUser
from gatepost.model.operator_event import ReportEvent

ConsoleHandler = Callable[[Request], Awaitable[Response]]
Face = Iterable[tuple[ConsoleEndpoint, ConsoleHandler]]
"""The endpoints of an API or of the pages, each with its handler."""


class RoleRoute(Route):
    """A route that only users with the role of its endpoint may call."""

    def __init__(
        self,
        prefix: str,
        endpoint: ConsoleEndpoint,
        handler: ConsoleHandler,
        report: ReportEvent | None,
    ) -> None:
        """``report`` gets an event for each change; None: changes are not reported."""
        super().__init__(f"{prefix}{endpoint.path}", handler, methods=[endpoint.method])
        self.role, self._report = endpoint.role, report

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the handler if the user may."""
        user: ConsoleUser | None = scope.get(USER)
        response: Response | None = None
        if user is None:
            response = refuse(scope, 401, Sentence("sign_in"))
        elif not user.may_act_as(self.role) and scope["method"] in (self.methods or ()):
            needed = Sentence("needs_other_role", role=self.role, own=user.role)
            response = refuse(scope, 403, needed)
        if response is not None:
            await response(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] < 400:
                self._tell(scope, user)
            await send(message)

        await super().handle(scope, receive, sending)

    def _tell(self, scope: Scope, user: ConsoleUser | None) -> None:
        if self._report is None or scope["method"] in SAFE or user is None:
            return
        facts: dict[str, Any] = {"user": user.name, "route": f"{scope['method']} {self.path}"}
        address, _ = scope.get("client") or ("", 0)
        self._report("console_changed", peer=address, **facts)


def role_routes(prefix: str, face: Face, report: ReportEvent | None = None) -> list[Route]:
    """Return the routes of a face below ``prefix``; each needs the role that its endpoint says."""
    return [RoleRoute(prefix, endpoint, handler, report) for endpoint, handler in face]
