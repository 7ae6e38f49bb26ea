"""The application of the console's listener: probes for anybody, all else behind the checks."""

from collections.abc import Callable, Iterable, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from gatepost.console.access.authentication import EndingStreams, UserCheck
from gatepost.console.access.entra_sign_in import CALLBACK
from gatepost.console.access.error_responses import FailureReports, answer_http_error
from gatepost.console.access.gate import Gate
from gatepost.console.access.headers import SafeHeaders
from gatepost.console.access.hosts import HostCheck, ServedHosts
from gatepost.console.access.origins import OriginCheck
from gatepost.console.access.plain_paths import PlainPaths
from gatepost.console.access.proxies import Forwarded
from gatepost.model.operator_event import ReportEvent

PROBES = ("/livez", "/readyz")


class GuardedApplication:
    """Everything that the listener serves; ``end_streams`` before it stops."""

    def __init__(self, gate: Gate, refusal: Callable[[], str], report: ReportEvent) -> None:
        """``refusal`` returns why no mail is accepted."""
        self._gate, self._refusal, self._report = gate, refusal, report
        self._streams: EndingStreams | None = None
        self._app: ASGIApp

    def serve(self, routes: Sequence[BaseRoute], names: Iterable[str] = ()) -> None:
        """Serve these routes, the first that matches, by the gate's current settings.

        ``names`` are further names of the host. Open streams of what was served before end.
        """
        self.end_streams()
        router = Starlette(
            routes=routes,
            middleware=[Middleware(FailureReports, report=self._report)],
            exception_handlers={HTTPException: answer_http_error},
        )
        router.router.redirect_slashes = False  # clients of the mailbox API refuse redirects
        self._streams = EndingStreams(router)
        stack = (
            Middleware(SafeHeaders),
            Middleware(PlainPaths),
            Middleware(_Probes, refusal=self._refusal),
            Middleware(Forwarded, proxies=self._gate.settings.proxies),
            Middleware(HostCheck, hosts=ServedHosts(self._gate.settings.port, names)),
            Middleware(OriginCheck, entrances=(CALLBACK,)),
            Middleware(UserCheck, gate=self._gate),
        )
        application: ASGIApp = self._streams
        for cls, args, options in reversed(stack):
            application = cls(application, *args, **options)
        self._app = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        await self._app(scope, receive, send)

    def end_streams(self) -> None:
        """End open streams."""
        if self._streams is not None:
            self._streams.end_all()


class _Probes:
    """Middleware: ``/livez`` and ``/readyz``, for probes that know neither host nor token."""

    def __init__(self, app: ASGIApp, refusal: Callable[[], str]) -> None:
        self._app, self._refusal = app, refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path not in PROBES or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        reason = self._refusal() if path == "/readyz" else ""
        response = PlainTextResponse(reason or "ok", 503 if reason else 200)
        await response(scope, receive, send)
