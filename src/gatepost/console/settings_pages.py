"""Settings: what this server is, how the pages look, and who is signed in."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gatepost.console.access.authentication import LOGIN
from gatepost.console.access.refusals import SIGN_IN
from gatepost.console.access.routes import ConsoleHandler
from gatepost.console.access.sentences import PageRefused
from gatepost.console.appearance import LANGUAGE_COOKIE, THEME_COOKIE, THEMES
from gatepost.console.backend import Backend
from gatepost.console.catalogue import LANGUAGES
from gatepost.console.forms import read_own_form
from gatepost.console.page_parts import Desk, see_other
from gatepost.model.console_access import USER, ConsoleEndpoint

_YEAR: Final = 365 * 86_400
_LISTENERS: Final = ("smtp", "smtps", "https", "http")
_STEPS: Final[Mapping[str, int]] = {"minute": 61, "hour": 3601, "day": 86_401, "month": 2_678_400}
"""How far a button moves the clock, in seconds."""


class SettingsPages:
    """The page of settings, and its forms."""

    def __init__(self, backend: Backend, desk: Desk) -> None:
        self._backend, self._desk = backend, desk

    def face(self) -> list[tuple[ConsoleEndpoint, ConsoleHandler]]:
        """Return the endpoints of these pages with their handlers."""
        e = ConsoleEndpoint
        return [
            (e("GET", "/settings", "viewer", "settings.show", "Show settings."), self.show),
            (e("POST", "/settings/look", "viewer", "settings.look", "Choose theme and language."),
             self.choose_look),
            (e("POST", "/settings/clock", "admin", "clock.advance", "Move the clock forward."),
             self.advance_clock),
            (e("POST", "/settings/logins", "admin", "settings.logins", "Sign browsers out."),
             self.sign_out),
        ]  # fmt: skip

    async def show(self, request: Request) -> Response:
        """``GET /settings``."""
        backend, user = self._backend, request.scope[USER]
        is_admin = user.may_act_as("admin")
        values = {
            "about": await backend.call("server.show"),
            "ready": backend.ready(),
            "listeners": _listeners(backend.ready()),
            "clock": await backend.call("clock.show") if backend.has("clock") else None,
            "steps": list(_STEPS),
            "languages": LANGUAGES,
            "chosen": request.cookies.get(LANGUAGE_COOKIE, ""),
            "themes": THEMES,
            "logins": _logins(backend, request) if is_admin else [],
            "is_admin": is_admin,
        }
        return await self._desk.page(request, "settings", "settings.html", values)

    async def choose_look(self, request: Request) -> Response:
        """``POST /settings/look``: theme and language, in cookies that last a year."""
        form = await read_own_form(request)
        response = see_other("/settings")
        for field, cookie, values in (
            ("theme", THEME_COOKIE, THEMES),
            ("language", LANGUAGE_COOKIE, ("", *LANGUAGES)),
        ):
            if (value := form.first(field)) in values:
                response.set_cookie(
                    cookie, value, max_age=_YEAR, httponly=True, samesite="strict",
                    secure=request.url.scheme == "https",
                )  # fmt: skip
        return response

    async def advance_clock(self, request: Request) -> Response:
        """``POST /settings/clock``: move the server's clock forward."""
        form = await read_own_form(request)
        seconds = _STEPS.get(form.first("step"))
        if seconds is None or not self._backend.has("clock"):
            raise PageRefused(400, "no_action")
        try:
            await self._backend.call("clock.advance", seconds=seconds)
        except ValueError as error:
            raise HTTPException(409, str(error)) from None
        return see_other("/settings")

    async def sign_out(self, request: Request) -> Response:
        """``POST /settings/logins``: sign out one browser, or all of them."""
        form = await read_own_form(request)
        logins = self._backend.gate.logins
        if form.first("all"):
            logins.end_all()
            return see_other(SIGN_IN)
        for each in logins:
            if each.id == form.first("login"):
                logins.end(each)
        return see_other("/settings")


def _logins(backend: Backend, request: Request) -> list[dict[str, Any]]:
    own = request.scope[LOGIN]
    return [
        {
            "id": each.id,
            "user": each.user.name,
            "role": each.user.role,
            "peer": each.peer,
            "agent": each.agent,
            "at": each.at,
            "is_own": each is own,
        }
        for each in backend.gate.logins
    ]


def _listeners(ready: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the names of listeners, and where each is."""
    if "listeners" in ready:
        return [
            (each["name"], each.get("unix") or f"{each['host']}:{each['port']} ({each['tls']})")
            for each in ready["listeners"]
        ]
    shown = []
    for name in _LISTENERS:
        place = ready.get(name)
        if place:
            where = place.get("url") or f"{place['host']}:{place['port']} ({place['tls']})"
            shown.append((name, where))
    return shown
