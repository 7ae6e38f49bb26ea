"""Where webhooks of providers come in: ``POST /events/NAME``."""

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gatepost.errors import ConfigError, GatepostError, QueueError
from gatepost.feedback.amazon_sns import SnsMessages
from gatepost.feedback.provider_events import read_body, read_events
from gatepost.feedback.recorder import FeedbackRecorder
from gatepost.feedback.webhook_proofs import (
    NotProven,
    ProvenRequest,
    WebhookRequest,
    check_basic,
    check_ecdsa,
    check_mailgun,
    check_svix,
)
from gatepost.model.note import Note
from gatepost.model.operator_event import ReportEvent
from gatepost.model.provider_events import EventProvider
from gatepost.model.secret import Secret
from gatepost.policy.client_limits import LocalClientCounter
from gatepost.queue.notes_contract import NoteStore
from gatepost.rest.errors import ApiError, answer_error
from gatepost.rest.middleware import Delays, EarlyAnswers, Guard
from gatepost.rest.request_bodies import Intake

LARGEST: Final = 4 * 1024 * 1024
"""Octets of a body."""
LARGEST_UNPROVEN: Final = 524_288
"""Octets of a body that must be read before its signature is found: such have one event."""
QUICK: Final = 32_768
"""Octets of a body that is read at once; larger ones are read in a thread."""


@dataclass(frozen=True, slots=True)
class WebhookSource:
    """One provider whose webhooks come in, and how they prove that they are its."""

    name: str
    """The last part of the path."""
    provider: EventProvider
    targets: tuple[str, ...]
    """Those whose mail its events are about."""
    secret: Callable[[], Secret]
    """Reads the key or the password. Raises ConfigError."""
    username: str = ""
    sns: SnsMessages | None = None
    """Of Amazon SNS."""


class WebhookEndpoint:
    """Takes webhooks: 200 only once everything in them is recorded."""

    def __init__(
        self,
        sources: Mapping[str, WebhookSource],
        recorder: FeedbackRecorder,
        intake: Intake,
        report: ReportEvent,
        notes: NoteStore,
    ) -> None:
        """``notes`` has the ids of requests that were recorded, so that repeated ones do nothing,
        also after a restart, and at another node."""
        self._sources, self._recorder, self._intake = sources, recorder, intake
        self._report, self._notes = report, notes

    async def take(self, request: Request) -> Response:
        """``POST /events/{name}``."""
        source = self._sources.get(request.path_params["name"])
        if source is None:
            raise ApiError(404, "NotFound", "There is no provider of this name.")
        is_late = source.provider.proof.kind in ("sns", "mailgun")
        try:
            limit = LARGEST_UNPROVEN if is_late else LARGEST
            async with self._intake.turn(request, limit) as body:
                return await self._answer(source, request, body)
        except NotProven as error:
            self._report(
                "auth_refused", peer=request.client.host if request.client else "",
                mechanism=source.provider.proof.kind, username=source.name,
                reply="401 Unauthorized", reason=str(error),
            )  # fmt: skip
            message = "The request is not signed as configured, or too old."
            raise ApiError(401, "Unauthorized", message, headers=_challenge(source)) from None
        except ClientDisconnect:
            return Response(status_code=400)
        except (QueueError, ConfigError) as error:
            self._report("feedback_delayed", source=source.name, reason=str(error))
            message = "The events could not be recorded. Please try again later."
            raise ApiError(503, "ServiceUnavailable", message,
                           headers={"retry-after": "30"}) from None  # fmt: skip

    async def _answer(self, source: WebhookSource, request: Request, body: bytes) -> Response:
        received = WebhookRequest(dict(request.headers), body)
        now = self._recorder.now()
        if source.sns is not None:
            return await self._take_sns(source, source.sns, await _read(body), now)
        if source.provider.proof.kind == "mailgun":
            value = await _read(body)
            proven = check_mailgun(value, source.secret(), source.provider.proof, now)
        else:
            proven = _prove(source, received, now)
            value = await _read(body)
        return await self._record(source, proven, value)

    async def _take_sns(
        self, source: WebhookSource, sns: SnsMessages, value: Any, now: datetime
    ) -> Response:
        message = await sns.verify(value, source.provider.proof, now)
        if message.type == "Notification":
            try:
                events = json.loads(message.message)
            except (ValueError, RecursionError):  # a test: "Successfully validated SNS topic ..."
                return _recorded(0)
            return await self._record(source, message.proven, events)
        if message.type == "SubscriptionConfirmation":
            try:
                await sns.confirm(message)
            except GatepostError as error:
                raise NotProven(f"not_confirmed: {error}") from error
            self._report("feedback_subscribed", source=source.name, topic=message.topic)
        return _recorded(0)

    async def _record(self, source: WebhookSource, proven: ProvenRequest, value: Any) -> Response:
        scope, key = f"webhook {source.name}", _digest(proven.id)
        if proven.id and await self._notes.find(scope, [key]) is not None:
            self._report("feedback_repeated", source=source.name)
            return _recorded(0)
        try:
            batch = await asyncio.to_thread(read_events, source.provider, value)
        except ValueError as error:
            raise _malformed(error) from None
        if batch.is_foreign:
            raise _malformed(ValueError("an event is no object"))
        count = await self._recorder.record(source.name, source.targets, batch)
        if proven.id:
            until = self._recorder.now() + timedelta(seconds=2 * source.provider.proof.window)
            await self._notes.put([Note(scope, key, "", until)])
        return _recorded(count)


def webhook_application(
    endpoint: WebhookEndpoint, report: ReportEvent, clients: LocalClientCounter | None
) -> Starlette:
    """Return the application of the listener; ``clients`` counts refused requests by address."""
    middleware = [Middleware(EarlyAnswers), Middleware(Guard, report=report)]
    if clients is not None:
        middleware.append(Middleware(Delays, clients=clients))
    return Starlette(
        routes=[Route("/events/{name}", endpoint.take, methods=["POST"])],
        middleware=middleware,
        exception_handlers={404: _not_found, 405: _not_allowed, ApiError: answer_error},
    )


def _prove(source: WebhookSource, request: WebhookRequest, now: datetime) -> ProvenRequest:
    proof = source.provider.proof
    if proof.kind == "ecdsa":
        return check_ecdsa(request, source.secret(), proof, now)
    if proof.kind == "svix":
        return check_svix(request, source.secret(), proof, now)
    return check_basic(request, source.username, source.secret())


def _digest(id: str) -> str:
    return hashlib.sha256(id.encode("utf-8", "surrogatepass")).hexdigest()


def _challenge(source: WebhookSource) -> dict[str, str]:
    if source.provider.proof.kind != "basic":
        return {}
    return {"www-authenticate": 'Basic realm="events"'}


async def _read(body: bytes) -> Any:
    try:
        return read_body(body) if len(body) <= QUICK else await asyncio.to_thread(read_body, body)
    except ValueError as error:
        raise _malformed(error) from None


def _malformed(error: Exception) -> ApiError:
    return ApiError(400, "BadRequest", "The body is not what the provider sends.",
                    reason=f"events_malformed: {error}")  # fmt: skip


def _recorded(count: int) -> Response:
    return JSONResponse({"recorded": count})


async def _not_found(request: Request, _error: Exception) -> Response:
    return ApiError(404, "NotFound", request.scope["path"]).response()


async def _not_allowed(request: Request, _error: Exception) -> Response:
    message = f"The method {request.method} is not allowed here."
    return ApiError(405, "MethodNotAllowed", message, headers={"allow": "POST"}).response()
