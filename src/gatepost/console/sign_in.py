"""Signing in to the console, by a ticket, a password or at Entra, and out."""

import math
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from gatepost.console.access.authentication import LOGIN
from gatepost.console.access.entra_sign_in import (
    CALLBACK,
    LASTS,
    LIFETIME,
    START,
    EntraSignIn,
    SignInFailed,
)
from gatepost.console.access.gate import TOKEN_USER, Gate
from gatepost.console.access.logins import ConsoleLogin
from gatepost.console.access.refusals import SIGN_IN
from gatepost.console.access.sentences import PageRefused
from gatepost.console.forms import PageForm, read_form, read_own_form
from gatepost.console.pages import Pages
from gatepost.model.console_access import ConsoleUser
from gatepost.model.operator_event import ReportEvent

_NO_TICKET: Final = "ticket"
_NO_PASSWORD: Final = "password"


class SignInPage:
    """The page, and what its forms do."""

    def __init__(self, gate: Gate, pages: Pages, command: str, report: ReportEvent) -> None:
        """``command`` prints a new ticket."""
        self._gate, self._pages, self._command, self._report = gate, pages, command, report

    def routes(self) -> Sequence[BaseRoute]:
        """Return the routes, the only ones of the pages that anybody may call."""
        return [
            Route(SIGN_IN, self.show, methods=["GET"]),
            Route(SIGN_IN, self.sign_in, methods=["POST"]),
            Route(START, self.begin_at_entra, methods=["GET"]),
            Route(CALLBACK, self.finish_at_entra, methods=["GET"]),
            Route("/sign-out", self.sign_out, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """Show the form, with the ticket of the link; using it takes a POST, so that nothing that
        only looks at links uses it up."""
        return self._page(request, request.query_params.get("ticket", ""))

    async def sign_in(self, request: Request) -> Response:
        """Begin a login, and lead to the page that was wanted, whose address has no ticket."""
        form = await read_form(request)
        peer = self._check_pause(request)
        user = await self._user_of(form)
        if user is None:
            self._gate.throttle.fail(peer)
            problem = _NO_TICKET if form.first("ticket") else _NO_PASSWORD
            self._report("console_refused", peer=peer, reason=f"the {problem} is wrong")
            return self._page(request, "", problem, 401)
        response = RedirectResponse(_own_path(form.first("next")), 303)
        self._begin_login(request, response, user)
        return response

    async def begin_at_entra(self, request: Request) -> Response:
        """Lead to Entra."""
        entra = self._entra()
        try:
            beginning = await entra.begin(
                _callback_of(request), _own_path(request.query_params.get("next", ""))
            )
        except SignInFailed as failure:
            return self._failed(request, failure)
        response = RedirectResponse(beginning.url, 303)
        response.set_cookie(
            self._entra_cookie, beginning.cookie, int(LIFETIME), path=START, httponly=True,
            samesite="lax", secure=request.url.scheme == "https",
        )  # fmt: skip
        return response

    async def finish_at_entra(self, request: Request) -> Response:
        """Begin a login for whom Entra has sent back.

        The browser came from another site, so it would not send the login's cookie (SameSite) if it
        were only redirected: a page of ours leads on.
        """
        entra, cookie = self._entra(), request.cookies.get(self._entra_cookie, "")
        self._check_pause(request)
        try:
            user, path = await entra.finish(request.query_params, cookie, _callback_of(request))
        except SignInFailed as failure:
            response = self._failed(request, failure)
        else:
            response = self._pages.render(request, "signed_in.html", {"next": path})
            self._begin_login(request, response, user, LASTS)
        response.delete_cookie(self._entra_cookie, START, httponly=True, samesite="lax")
        return response

    async def sign_out(self, request: Request) -> Response:
        """End the login."""
        await read_own_form(request)
        login: ConsoleLogin | None = request.scope[LOGIN]
        if login is not None:
            self._gate.logins.end(login)
        response = RedirectResponse(SIGN_IN, 303)
        response.delete_cookie(self._gate.cookie, httponly=True, samesite="strict")
        return response

    async def _user_of(self, form: PageForm) -> ConsoleUser | None:
        if ticket := form.first("ticket"):
            return TOKEN_USER if self._gate.tickets.try_use(ticket) else None
        password = form.first("password")
        if self._gate.is_token(password):
            return TOKEN_USER
        return await self._gate.user_of_password(form.first("name"), password)

    def _entra(self) -> EntraSignIn:
        if self._gate.entra is None:
            raise HTTPException(404)
        return self._gate.entra

    @property
    def _entra_cookie(self) -> str:
        return f"{self._gate.cookie}-entra"

    def _check_pause(self, request: Request) -> str:
        """Return the client's address. Raises HTTPException if it must wait."""
        peer = _peer(request)
        if pause := self._gate.throttle.pause(peer):
            raise PageRefused(429, "too_many", {"retry-after": str(int(pause) + 1)})
        return peer

    def _begin_login(
        self, request: Request, response: Response, user: ConsoleUser, lasts: float = math.inf
    ) -> None:
        gate, peer = self._gate, _peer(request)
        secret = gate.logins.begin(user, peer, request.headers.get("user-agent", ""), lasts)
        self._report("console_signed_in", peer=peer, user=user.name)
        response.set_cookie(
            gate.cookie, secret, httponly=True, samesite="strict",
            secure=request.url.scheme == "https",
        )  # fmt: skip

    def _failed(self, request: Request, failure: SignInFailed) -> Response:
        peer = _peer(request)
        if not failure.is_ours:
            self._gate.throttle.fail(peer)
        self._report("console_refused", peer=peer, reason=str(failure))
        status = 503 if failure.is_ours else 401
        return self._page(request, "", failure.problem, status, **failure.values)

    def _page(
        self, request: Request, ticket: str, problem: str = "", status: int = 200, **values: str
    ) -> Response:
        return self._pages.render(
            request,
            "sign_in.html",
            {
                "ticket": ticket,
                "next": _own_path(request.query_params.get("next", "")),
                "problem": problem,
                "values": values,
                "has_entra": self._gate.entra is not None,
                "has_passwords": self._gate.has_passwords,
                "command": self._command,
            },
            status,
        )


def _callback_of(request: Request) -> str:
    """Return the redirect URI, with the name by which the browser calls us, which was checked."""
    return f"{request.url.scheme}://{request.headers['host']}{CALLBACK}"


def _peer(request: Request) -> str:
    return request.client.host if request.client else ""


def _own_path(address: str) -> str:
    """Return a path of ours to lead to; an address elsewhere would be an open redirect."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc or not address.startswith("/") or address.startswith("//"):
        return "/"
    return address if address.isprintable() and "\\" not in address else "/"
