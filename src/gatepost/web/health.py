"""``GET /health`` of ``gatepost serve``: whether it lives, accepts mail, and delivers it.

``/health`` is for whoever decides where connections go, so that it is 200 while mail is accepted:
a relay whose upstream is down still keeps mail safe, and another one would not deliver it either.
``/health/live``, ``/health/ready`` and ``/health/delivering`` each answer one question by status.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gatepost.net.descriptors import Use
from gatepost.net.listen import Listener, listen

if TYPE_CHECKING:  # without a health check, HTTP is not needed
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse

Document = dict[str, Any]
_OK, _UNAVAILABLE = 200, 503


async def _unjudged() -> Mapping[str, Any]:
    return {"delivering": None}


@dataclass(frozen=True, slots=True)
class HealthChecks:
    """What the answers are made of."""

    refusal: Callable[[], str]
    """Returns why no mail is accepted; empty: it is."""
    warning: Callable[[], str] = str
    """Returns what is wrong although mail is accepted; empty: nothing."""
    is_live: Callable[[], bool] = lambda: True
    """Tells whether the relay can go on; if not, only a restart helps."""
    is_draining: Callable[[], bool] = lambda: False
    """Tells whether the relay finishes what it has begun, and stops."""
    scripts_failures: bool = False
    """Rules of scripted failures are allowed, which monitoring should know."""
    delivering: Callable[[], Awaitable[Mapping[str, Any]]] = _unjudged
    """Returns ``delivering``: true, false, or null if that is not judged; and what is degraded."""

    def readiness(self) -> Document:
        """Return the status, with the reason if no mail is accepted."""
        if self.is_draining():
            what = {"status": "draining", "reason": "it finishes what it has begun, and stops"}
        elif reason := self.refusal():
            what = {"status": "refusing", "reason": reason}
        elif warned := self.warning():
            what = {"status": "ok", "warning": warned}
        else:
            what = {"status": "ok"}
        more = {"failures": "allowed"} if self.scripts_failures else {}
        is_ready = self.is_live() and what["status"] == "ok"
        return {**what, **more, "ready": is_ready}


def health_application(checks: HealthChecks) -> "Starlette":
    """Return an application that answers 200, or 503 with the reason."""
    from starlette.applications import Starlette  # noqa: PLC0415
    from starlette.responses import JSONResponse  # noqa: PLC0415
    from starlette.routing import Route  # noqa: PLC0415

    def answer(document: Mapping[str, Any], *, is_good: bool) -> "JSONResponse":
        return JSONResponse(document, _OK if is_good else _UNAVAILABLE)

    async def health(_request: "Request") -> "JSONResponse":
        delivering, ready = await checks.delivering(), checks.readiness()
        document = {**ready, "live": checks.is_live(), **delivering}
        return answer(document, is_good=ready["ready"])

    async def live(_request: "Request") -> "JSONResponse":
        return answer({"live": checks.is_live()}, is_good=checks.is_live())

    async def ready(_request: "Request") -> "JSONResponse":
        document = checks.readiness()
        return answer(document, is_good=document["ready"])

    async def delivering(_request: "Request") -> "JSONResponse":
        document = await checks.delivering()
        return answer(document, is_good=document["delivering"] is not False)

    routes = {
        "/health": health,
        "/health/live": live,
        "/health/ready": ready,
        "/health/delivering": delivering,
    }
    return Starlette(routes=[Route(path, each, methods=["GET"]) for path, each in routes.items()])


async def serve_health(
    place: tuple[str, int] | None, checks: HealthChecks, stack: AsyncExitStack
) -> Listener | None:
    """Serve until ``stack`` is closed. Raises PortBusy, NetworkError."""
    if place is None:
        return None
    from gatepost.web.server import WebLimits, WebServer  # noqa: PLC0415

    listener = listen(*place)
    stack.callback(listener.close)
    server = WebServer(listener, health_application(checks), limits=WebLimits(use=Use.OWN))
    stack.push_async_callback(server.stop)
    await server.wait_started()
    return listener


def health_url(listener: Listener) -> str:
    """Return the URL of the health check."""
    return f"http://{listener.host_port}/health"
