"""Renders pages: a template, and what every page shows."""

from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse

from gatepost.console.access.authentication import LOGIN
from gatepost.console.access.logins import ConsoleLogin
from gatepost.console.templating import render
from gatepost.model.console_access import USER


class Pages:
    """Renders the templates."""

    def __init__(self, banner: Callable[[], str] = lambda: "") -> None:
        """``banner`` names what every page must say: the end of a text's key, or nothing."""
        self._banner = banner

    def render(
        self,
        request: Request,
        template: str,
        values: Mapping[str, Any],
        status: int = 200,
    ) -> HTMLResponse:
        """Return the page."""
        scope = request.scope
        login: ConsoleLogin | None = scope[LOGIN]
        everything = {
            "path": scope["path"],
            "user": scope[USER],
            "form_token": login.form_token if login else "",
            "banner": self._banner(),
            **values,
        }
        return HTMLResponse(render(scope, template, everything), status)
