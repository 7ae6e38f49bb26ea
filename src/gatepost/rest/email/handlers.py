"""The endpoints of the e-mail API."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from gatepost.queue.send_operations_contract import OperationStore
from gatepost.rest.email.access import Access, check_content
from gatepost.rest.email.api_versions import (
    FIRST,
    SINCE,
    SUPPORTED,
    Current,
    VersionForm,
    check_version,
)
from gatepost.rest.email.operation_status import RUNNING, Status
from gatepost.rest.email.preview_2021_10 import First
from gatepost.rest.email.refusals import bad_request
from gatepost.rest.email.sending import SendRequest, Submitter
from gatepost.rest.errors import ApiError
from gatepost.rest.site import Site
from gatepost.rest.url_forms import any_case

_HOST: Final = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")
_REQUEST_ID: Final = "x-ms-client-request-id"

Endpoint = Callable[[Request], Awaitable[Response]]


class Answering:
    """An endpoint as an ASGI application, which spares what Starlette does around functions.

    It adds the header fields of every response, and reports each refusal.
    """

    def __init__(self, endpoint: Endpoint, report: Callable[[Request, ApiError], None]) -> None:
        self._endpoint, self._report = endpoint, report

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive, send)
        try:
            response = await self._endpoint(request)
        except ApiError as error:
            self._report(request, error)
            response = error.response()
        except ClientDisconnect:
            response = Response(status_code=400)  # the client has disconnected
        for name, value in _echo(request.headers).items():
            response.headers[name] = value
        await response(scope, receive, send)


class Endpoints:
    """The endpoints of one relay."""

    def __init__(self, site: Site, operations: OperationStore) -> None:
        self._site = site
        rules = site.profile.api
        self._limit = rules.request_size
        self._current = Current(rules.operation_id_reused == "stored")
        self._first = First(rules.repeatable)
        self._access = Access(site)
        self._submitter = Submitter(site, operations, self._access)
        self._status = Status(site, operations)

    @property
    def routes(self) -> list[BaseRoute]:
        """The routes."""
        return [
            any_case("/emails:send", Answering(self.send, self.report), ["POST"]),
            any_case("/emails/operations/{id}", Answering(self.status, self.report), ["GET"]),
            any_case("/emails/{id}/status", Answering(self.first_status, self.report), ["GET"]),
            Route("/openapi.json", openapi, methods=["GET"]),
        ]

    async def send(self, request: Request) -> Response:
        """``POST /emails:send``: 202 with the URL of the operation."""
        version, begun = _check(request, SUPPORTED), self._site.now()
        form: VersionForm = self._first if version == FIRST else self._current
        caller, signed = await self._access.authenticate(request)
        _check_content_type(request.headers.get("content-type", ""))
        operation_id = form.operation_id(request.headers, self._site.clients_time())
        async with self._site.intake.turn(request, self._limit) as body:
            check_content(body, signed)
            send_request = SendRequest(
                caller,
                body,
                form,
                operation_id,
                request.client.host if request.client else "",
                str(request.scope["scheme"]).upper(),
            )
            operation = await self._submitter.send(send_request)
        # A new one is running, if only for this moment; one that was repeated may have ended.
        is_new = operation.started_at >= begun
        state = RUNNING if is_new else await self._status.state_of(operation)
        return form.acceptance(operation, state, _origin(request), version)

    async def status(self, request: Request) -> Response:
        """``GET /emails/operations/{id}``: Running, Succeeded, Failed or Canceled."""
        return await self._tell(request, SINCE, self._current)

    async def first_status(self, request: Request) -> Response:
        """``GET /emails/{id}/status`` of the first api-version."""
        return await self._tell(request, (FIRST,), self._first)

    async def _tell(self, request: Request, versions: Sequence[str], form: VersionForm) -> Response:
        _check(request, versions)
        caller, signed = await self._access.authenticate(request)
        async with self._site.intake.turn(request, self._limit) as body:
            check_content(body, signed)
        operation = await self._status.find(caller, request.path_params["id"])
        return form.status_response(operation, await self._status.state_of(operation))

    def report(self, request: Request, error: ApiError) -> None:
        """Tell the operator of a refusal."""
        peer = request.client.host if request.client else ""
        reply = f"{error.status} {error.code}: {error.redacted}"
        if error.status == 401:
            scheme = request.headers.get("authorization", "").partition(" ")[0]
            self._site.report(
                "auth_refused",
                peer=peer,
                mechanism=scheme[:20],
                username="",
                reply=reply,
                reason=error.reason,
            )
        elif error.status != 503:  # reported where it happened
            self._site.report("refused", peer=peer, reply=reply, reason=error.reason)


def _check(request: Request, versions: Sequence[str]) -> str:
    """Return the api-version. Raises ApiError 400, also for an invalid Host."""
    if not _HOST.fullmatch(request.headers.get("host", "")):
        raise bad_request("The Host header is missing or invalid.")
    return check_version(request.query_params.getlist("api-version"), versions)


def _check_content_type(value: str) -> None:
    if value.partition(";")[0].strip().lower() not in ("application/json", "text/json"):
        raise ApiError(
            415, "UnsupportedMediaType", "The request's Content-Type must be application/json."
        )


def _origin(request: Request) -> str:
    """Return the origin of the request: the SDKs sign their next request for it."""
    return f"{request.scope['scheme']}://{request.headers['host']}"


def _echo(headers: Mapping[str, str]) -> Mapping[str, str]:
    if headers.get("x-ms-return-client-request-id", "").lower() != "true":
        return {}
    return {_REQUEST_ID: headers[_REQUEST_ID][:256]} if _REQUEST_ID in headers else {}


@cache
def description() -> dict[str, Any]:
    """Return the document."""
    import yaml  # noqa: PLC0415 - hardly anybody requests it

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = Path(__file__).with_name("openapi.yaml").read_text("utf-8")
    document: dict[str, Any] = yaml.load(text, loader)  # noqa: S506 - it is a safe one
    return document


async def openapi(_request: Request) -> JSONResponse:
    """Serve the document."""
    return JSONResponse(description())
