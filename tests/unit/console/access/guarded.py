"""The console's listener in this process, with a handler that says who calls, and no sockets."""

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote, urlencode

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from gatepost.console.access.application import GuardedApplication
from gatepost.console.access.entra_sign_in import EntraSignIn
from gatepost.console.access.gate import Gate, GateSettings
from gatepost.console.access.routes import role_routes
from gatepost.console.pages import Pages
from gatepost.console.sign_in import SignInPage
from gatepost.console.static_files import static_route
from gatepost.model.console_access import API_PREFIX, ROLES, USER, ConsoleEndpoint, PasswordUser
from gatepost.model.secret import Secret
from tests.unit.rest.in_process import Answered, Question, ask

TOKEN = "the-token"
PORT = 8025
HOST = f"localhost:{PORT}"
ORIGIN = f"http://{HOST}"
NOW = datetime(2026, 11, 30, tzinfo=UTC)


def settings(**changes: Any) -> GateSettings:
    """Return the settings of a server with one user for each role."""
    users = [PasswordUser(f"a-{role}", role, Secret(f"password of {role}")) for role in ROLES]
    return GateSettings(**{"token": TOKEN, "port": PORT, "users": users, **changes})


class PlainHasher:
    """Verifiers that are the passwords, because hashing is slow on purpose."""

    def hash(self, password: bytes) -> str:
        return password.decode()

    def decoy(self) -> str:
        return ""

    def matches(self, encoded: str, password: bytes) -> bool:
        return encoded.encode() == password


@dataclass
class Guarded:
    """The application; ``seconds`` is its time."""

    settings: GateSettings = field(default_factory=settings)
    names: tuple[str, ...] = ()
    refusal: str = ""
    seconds: float = 1000.0
    entra: EntraSignIn | None = None
    reported: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        def clock() -> float:
            return self.seconds

        def report(event: str, **facts: Any) -> None:
            self.reported.append((event, facts))

        def now() -> datetime:
            return NOW + timedelta(seconds=self.seconds)

        self.gate = Gate(self.settings, now, clock, clock, PlainHasher(), self.entra)
        self.application = GuardedApplication(self.gate, lambda: self.refusal, report)
        endpoints = [
            (ConsoleEndpoint(method, f"/{role}", role, f"test.{role}", "Say who calls."), who)
            for role in ROLES
            for method in ("GET", "POST")
        ]
        mailbox = ConsoleEndpoint("GET", "/api/v1/messages", "viewer", "test.mail", "Say who.")
        removal = ConsoleEndpoint("DELETE", "/api/v1/messages", "operator", "test.mail", "Say who.")
        page = ConsoleEndpoint("GET", "/", "viewer", "test.page", "Say who calls.")
        failing = ConsoleEndpoint("GET", "/fails", "viewer", "test.fails", "Fail.")
        self.application.serve(
            [
                static_route(),
                *SignInPage(self.gate, Pages(), "gatepost console", report).routes(),
                *role_routes(API_PREFIX, endpoints, report),
                *role_routes("", [(mailbox, who), (removal, who), (page, who), (failing, fail)]),
            ],
            self.names,
        )

    def ask(
        self,
        path: str,
        method: str = "GET",
        *,
        query: str = "",
        host: str = HOST,
        body: bytes = b"",
        client: str = "127.0.0.1",
        scheme: str = "http",
        **headers: Any,
    ) -> Answered:
        """Send a request, its path decoded as by the HTTP server; an underscore in the name of a
        header is a hyphen."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        everything = {"host": host, **named} if host else named
        return asyncio.run(
            ask(
                _From(self.application, client),  # type: ignore[arg-type]
                Question(method, unquote(path), query, everything, [body], scheme),
            )
        )

    def post(self, path: str, fields: Mapping[str, str], **options: Any) -> Answered:
        """Send a form, as a browser does from one of our pages."""
        given = {"content_type": "application/x-www-form-urlencoded", "origin": ORIGIN, **options}
        return self.ask(path, "POST", body=urlencode(fields).encode(), **given)

    def sign_in(self, **fields: str) -> str:
        """Return the cookie of a new login, as a browser sends it."""
        answer = self.post("/sign-in", fields or {"ticket": self.gate.tickets.issue()})
        assert answer.status == 303, answer.body
        return answer.headers["set-cookie"].partition(";")[0]


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


async def who(request: Request) -> Response:
    user = request.scope[USER]
    assert request.client is not None
    return PlainTextResponse(f"{user.name} {user.role} {request.client.host}")


async def fail(_request: Request) -> Response:
    raise RuntimeError("this handler fails")


class _From:
    """The application, called by a client of this address."""

    def __init__(self, application: GuardedApplication, address: str) -> None:
        self._application, self._address = application, address

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._application({**scope, "client": (self._address, 50_000)}, receive, send)
