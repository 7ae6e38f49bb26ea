"""``GET /health`` of ``gatepost serve``: whether it accepts mail now."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from gatepost.net.descriptors import Use
from gatepost.net.listen import Listener, listen

if TYPE_CHECKING:  # without a health check, HTTP is not needed
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse


def health_application(
    refusal: Callable[[], str],
    *,
    scripts_failures: bool = False,
    is_draining: Callable[[], bool] = lambda: False,
    warning: Callable[[], str] = str,
) -> "Starlette":
    """Return an application that answers 200, or 503 with the reason why no mail is accepted.

    ``warning`` returns what is wrong although mail is accepted; empty: nothing.

    ``scripts_failures``: rules of scripted failures are allowed, which monitoring should know.
    ``is_draining`` tells whether the relay finishes what it has begun, and stops.
    """
    more = {"failures": "allowed"} if scripts_failures else {}
    from starlette.applications import Starlette  # noqa: PLC0415
    from starlette.responses import JSONResponse  # noqa: PLC0415
    from starlette.routing import Route  # noqa: PLC0415

    async def health(_request: "Request") -> "JSONResponse":
        if is_draining():
            what = {"status": "draining", "reason": "it finishes what it has begun, and stops"}
            return JSONResponse({**what, **more}, 503)
        reason = refusal()
        if reason:
            return JSONResponse({"status": "refusing", "reason": reason, **more}, 503)
        if warned := warning():
            return JSONResponse({"status": "ok", "warning": warned, **more})
        return JSONResponse({"status": "ok", **more})

    return Starlette(routes=[Route("/health", health, methods=["GET"])])


async def serve_health(
    place: tuple[str, int] | None,
    refusal: Callable[[], str],
    stack: AsyncExitStack,
    *,
    scripts_failures: bool = False,
    is_draining: Callable[[], bool] = lambda: False,
    warning: Callable[[], str] = str,
) -> Listener | None:
    """Serve until ``stack`` is closed. Raises PortBusy, NetworkError."""
    if place is None:
        return None
    from gatepost.web.server import WebLimits, WebServer  # noqa: PLC0415

    listener = listen(*place)
    stack.callback(listener.close)
    application = health_application(
        refusal, scripts_failures=scripts_failures, is_draining=is_draining, warning=warning
    )
    server = WebServer(listener, application, limits=WebLimits(use=Use.OWN))
    stack.push_async_callback(server.stop)
    await server.wait_started()
    return listener


def health_url(listener: Listener) -> str:
    """Return the URL of the health check."""
    return f"http://{listener.host_port}/health"
