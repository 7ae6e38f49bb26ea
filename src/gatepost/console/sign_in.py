"""Signing in to the console, by a ticket or a password, and out."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from gatepost.console.access.authentication import LOGIN, TOO_MANY
from gatepost.console.access.gate import TOKEN_USER, Gate
from gatepost.console.access.logins import ConsoleLogin
from gatepost.console.access.refusals import SIGN_IN
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
            Route("/sign-out", self.sign_out, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """Show the form, with the ticket of the link; using it takes a POST, so that nothing that
        only looks at links uses it up."""
        return self._page(request, request.query_params.get("ticket", ""))

    async def sign_in(self, request: Request) -> Response:
        """Begin a login, and lead to the page that was wanted, whose address has no ticket."""
        form, peer = await read_form(request), _peer(request)
        gate = self._gate
        if pause := gate.throttle.pause(peer):
            raise HTTPException(429, TOO_MANY, {"retry-after": str(int(pause) + 1)})
        user = await self._user_of(form)
        if user is None:
            gate.throttle.fail(peer)
            problem = _NO_TICKET if form.first("ticket") else _NO_PASSWORD
            self._report("console_refused", peer=peer, reason=f"the {problem} is wrong")
            return self._page(request, "", problem, 401)
        gate.throttle.forgive(peer)
        secret = gate.logins.begin(user, peer, request.headers.get("user-agent", ""))
        self._report("console_signed_in", peer=peer, user=user.name)
        response = RedirectResponse(_own_path(form.first("next")), 303)
        response.set_cookie(
            gate.cookie, secret, httponly=True, samesite="strict",
            secure=request.url.scheme == "https",
        )  # fmt: skip
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

    def _page(
        self, request: Request, ticket: str, problem: str = "", status: int = 200
    ) -> Response:
        return self._pages.render(
            request,
            "sign_in.html",
            {
                "ticket": ticket,
                "next": _own_path(request.query_params.get("next", "")),
                "problem": problem,
                "has_passwords": self._gate.has_passwords,
                "command": self._command,
            },
            status,
        )


def _peer(request: Request) -> str:
    return request.client.host if request.client else ""


def _own_path(address: str) -> str:
    """Return a path of ours to lead to; an address elsewhere would be an open redirect."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc or not address.startswith("/") or address.startswith("//"):
        return "/"
    return address if address.isprintable() and "\\" not in address else "/"
