"""SMTP sessions: all connections, and first of all the logins that were refused."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gatepost.console.access.routes import ConsoleHandler
from gatepost.console.backend import Backend, Document
from gatepost.console.page_parts import Desk
from gatepost.model.console_access import USER, ConsoleEndpoint

PAGE: Final = 50
_FILTERS: Final = ("app", "peer", "message")


_FACTS: Final = ("peer", "ehlo", "tls", "mechanism", "username", "application", "result", "reason")
"""What a session has in Markdown."""


class SessionPages:
    """The list of sessions, and each with its transcript."""

    def __init__(self, backend: Backend, desk: Desk) -> None:
        self._backend, self._desk = backend, desk

    def face(self) -> list[tuple[ConsoleEndpoint, ConsoleHandler]]:
        """Return the endpoints of these pages with their handlers."""
        e = ConsoleEndpoint
        return [
            (e("GET", "/sessions", "support", "sessions.list", "List sessions."), self.show_list),
            (e("GET", "/sessions/{id}", "support", "sessions.show", "Show one."), self.show),
        ]

    async def show_list(self, request: Request) -> Response:
        """``GET /sessions``: refused logins by user name and reason, and all sessions."""
        query = request.query_params
        wanted: dict[str, Any] = {name: query.get(name) or None for name in _FILTERS}
        wanted["refused"] = True if query.get("refused") == "1" else None
        try:
            listed = await self._backend.call(
                "sessions.list", **wanted, limit=PAGE, after=query.get("after") or None
            )
        except ValueError as error:
            raise HTTPException(400, str(error)) from None
        refusals = await self._backend.call("sessions.refusals", limit=5)
        values = {
            "sessions": listed["sessions"],
            "dropped": listed.get("dropped", 0),
            "cursor": listed["cursor"],
            "refusals": refusals["refusals"],
            "only_refused": query.get("refused") == "1",
            "filters": {name: query.get(name, "") for name in _FILTERS},
            "is_filtered": any(query.get(name) for name in (*_FILTERS, "refused", "after")),
            "ready": self._backend.ready(),
        }
        return await self._desk.page(request, "sessions", "sessions.html", values)

    async def show(self, request: Request) -> Response:
        """``GET /sessions/{id}``: a session's transcript, why it was refused, and what to do."""
        try:
            session = await self._backend.call("sessions.show", id=request.path_params["id"])
        except KeyError:
            values: Document = {"session": None}
            return await self._desk.page(request, "sessions", "session.html", values, 404)
        values = {
            "session": session,
            "markdown": session_markdown(session),
            "may_script": self._backend.has("failures") and request.scope[USER].may_act_as("admin"),
        }
        return await self._desk.page(request, "sessions", "session.html", values)


def session_markdown(session: Mapping[str, Any]) -> str:
    """Return the facts, the cause and the transcript of a session (``docs/reference/json.md``)."""
    facts = [f"- {name}: {session[name]}" for name in _FACTS if session.get(name)]
    lines = [f"## SMTP session {session['id']}, {session['at']}", "", *facts, ""]
    if session.get("sentence"):
        lines += [f"**{session['sentence']}**", ""]
    if session.get("fix"):
        lines += [str(session["fix"]), ""]
    return "\n".join([*lines, "```", *map(_line, session.get("lines", ())), "```", ""])


def _line(line: Mapping[str, Any]) -> str:
    if line["from"] == "*":
        return f"* {line['event']}"
    return f"{line['from']}: {line['text']}"
