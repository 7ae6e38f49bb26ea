"""The HTTP applications: the APIs on one HTTPS origin, the e-mail API also in clear."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from gatepost.rest import arm, email, entra, events, graph
from gatepost.rest.email.access import named_by_host
from gatepost.rest.errors import ApiError, answer_error
from gatepost.rest.middleware import Delays, EarlyAnswers, Guard
from gatepost.rest.site import Site


def health_of(site: Site) -> Callable[[Request], Awaitable[Response]]:
    """Return ``GET /health``: 200 while the relay runs.

    On the host of a resource that does not exist it is 404: in Azure that name does not resolve.
    """

    async def health(request: Request) -> Response:
        if named_by_host(request, site.directory) == ():
            message = "There is no Communication Services resource with the name in Host."
            return ApiError(404, "ResourceNotFound", message).response()
        return JSONResponse({"status": "ok"})

    return health


async def not_found(request: Request, _error: Exception) -> Response:
    """Return 404 in a form for programs, not only for people."""
    return ApiError(404, "NotFound", request.scope["path"]).response()


async def not_allowed(request: Request, error: Exception) -> Response:
    """Return 405 for a method that a path does not have (RFC 9110 15.5.6)."""
    allowed = getattr(error, "headers", None) or {}
    message = f"The method {request.method} is not allowed here."
    return ApiError(405, "MethodNotAllowed", message, headers=allowed).response()


def secure_application(site: Site) -> Starlette:
    """Return the application of the HTTPS listener: every API."""
    routes = [  # tried in turn; mail comes most
        *email.routes(site),
        *entra.routes(site, for_people=True),
        *graph.routes(site),
        *events.routes(site),
        *arm.routes(site),
    ]
    return _application(site, routes)


def management_application(site: Site) -> Starlette:
    """Return the application of a relay: mail, tokens, and the directory."""
    routes = [
        *email.routes(site),
        *entra.routes(site),
        *graph.routes(site, sends=False),
        *arm.routes(site),
    ]
    return _application(site, routes)


def clear_application(site: Site) -> Starlette:
    """Return the application of the HTTP listener: no tokens, no secrets."""
    return _application(site, email.routes(site))


APPLICATIONS: Final[Mapping[str, Callable[[Site], Starlette]]] = {
    "management": management_application,
    "secure": secure_application,
    "clear": clear_application,
}
"""By what they serve."""


def _application(site: Site, routes: list[BaseRoute]) -> Starlette:
    middleware = [Middleware(EarlyAnswers), Middleware(Guard, report=site.report)]
    if site.clients is not None:
        middleware.append(Middleware(Delays, clients=site.clients))
    return Starlette(
        routes=[Route("/health", health_of(site), methods=["GET"]), *routes],
        middleware=middleware,
        exception_handlers={404: not_found, 405: not_allowed, ApiError: answer_error},
    )
