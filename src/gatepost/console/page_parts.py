"""What the handlers of pages share: rendering inside the frame of all pages, and going back."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gatepost.console.backend import Backend, menu_of
from gatepost.console.pages import Pages
from gatepost.model.console_access import USER

MOST_COUNTED: Final = 100
"""Refused sessions that the menu counts."""


class Desk:
    """Renders pages with the navigation around them."""

    def __init__(self, backend: Backend, pages: Pages) -> None:
        self.backend, self._pages = backend, pages

    async def page(
        self,
        request: Request,
        section: str,
        template: str,
        values: Mapping[str, Any],
        status: int = 200,
    ) -> Response:
        """Return a page of a section."""
        around = {
            "section": section,
            "server": self.backend.title,
            "navigation": await self._navigation(request),
            "now": self.backend.now(),
        }
        return self._pages.render(request, template, {**around, **values}, status)

    async def _navigation(self, request: Request) -> list[dict[str, Any]]:
        counts = await self._counts(request)
        return [
            {
                "key": each.key,
                "path": each.path,
                "count": counts.get(each.key, 0),
                "is_bad": each.key == "sessions",
            }
            for each in menu_of(self.backend, request.scope[USER])
        ]

    async def _counts(self, request: Request) -> dict[str, int]:
        user, backend = request.scope[USER], self.backend
        if user is None or not user.may_act_as("support"):
            return {}
        counts = {}
        if backend.mailbox is not None:
            counts["inbox"] = (await backend.mailbox.everything().count(recent=0)).unread
        if backend.has("sessions"):
            refused = await backend.call("sessions.list", refused=True, limit=MOST_COUNTED)
            counts["sessions"] = len(refused["sessions"])
        return counts


def with_query(path: str, **parameters: Any) -> str:
    """Return a path with the parameters that say something."""
    query = urlencode({name: value for name, value in parameters.items() if value})
    return f"{path}?{query}" if query else path


def see_other(path: str) -> Response:
    """Return the response to a form that has done its work (RFC 9110 15.4.4)."""
    return RedirectResponse(path, 303)


def file_response(content: bytes, name: str) -> Response:
    """Return a file that the browser saves, whatever it is."""
    headers = {
        "content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "content-security-policy": "default-src 'none'; sandbox",
    }
    return Response(content, headers=headers, media_type="application/octet-stream")
