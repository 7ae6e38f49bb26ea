"""The HTTP application: the health check; every other path is not there (yet)."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


async def health(_request: Request) -> JSONResponse:
    """``GET /health``: 200 while the relay runs."""
    return JSONResponse({"status": "ok"})


async def not_found(request: Request, _error: Exception) -> JSONResponse:
    """Tell a program, not only a person, that there is nothing here."""
    return JSONResponse({"error": {"code": "NotFound", "message": request.url.path}}, 404)


def application() -> Starlette:
    """Return the ASGI application."""
    return Starlette(
        routes=[Route("/health", health, methods=["GET"])], exception_handlers={404: not_found}
    )
