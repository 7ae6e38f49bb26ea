"""``{scope}/providers/Microsoft.EventGrid/eventSubscriptions`` over HTTP, and validation URLs."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec
from starlette.datastructures import URLPath
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.types import Receive, Scope, Send

from gatepost.directory.azure.entries import CommunicationService
from gatepost.directory.azure.tokens import MANAGEMENT
from gatepost.model.secret import Secret
from gatepost.rest.bearer import authenticate_bearer, own_audiences
from gatepost.rest.errors import ApiError, missing_api_version
from gatepost.rest.events.subscription import (
    PROVIDER,
    EventSubscription,
    EventSubscriptions,
    SubscriptionError,
    check_name,
)
from gatepost.rest.events.subscription_documents import (
    Properties,
    SubscriptionBody,
    apply,
    document,
)
from gatepost.rest.middleware import OPERATION
from gatepost.rest.request_bodies import Intake
from gatepost.rest.site import Site

T = TypeVar("T")

BODY_LIMIT: Final = 262_144
_PATH: Final = re.compile(
    r"(?P<scope>/.+?)/providers/Microsoft\.EventGrid/eventSubscriptions"
    r"(?:/(?P<name>[^/]+)(?:/(?P<action>getFullUrl))?)?/?",
    re.IGNORECASE,
)
_ACTIONS: Final[Mapping[str, str]] = {
    "GET": "Microsoft.EventGrid/eventSubscriptions/read",
    "PUT": "Microsoft.EventGrid/eventSubscriptions/write",
    "PATCH": "Microsoft.EventGrid/eventSubscriptions/write",
    "DELETE": "Microsoft.EventGrid/eventSubscriptions/delete",
    "POST": "Microsoft.EventGrid/eventSubscriptions/getFullUrl/action",
}


class EventGridFace(BaseRoute):
    """Event subscriptions of Communication Services resources, in any spelling of the path."""

    def __init__(self, site: Site, events: EventSubscriptions) -> None:
        self._site, self._events = site, events

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Tell Starlette whether the path belongs to this API."""
        ours = scope["type"] == "http" and _PATH.fullmatch(scope["path"])
        return (Match.FULL if ours else Match.NONE), {}

    def url_path_for(self, name: str, /, **path_params: object) -> URLPath:
        """There are no named routes."""
        raise NoMatchFound(name, path_params)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except ApiError as error:
            response = error.response()
        except SubscriptionError as error:
            response = ApiError(400, "InvalidRequest", str(error)).response()
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        match = _PATH.fullmatch(request.scope["path"])
        assert match is not None  # noqa: S101 - else it would not be ours
        request.scope[OPERATION] = f"{{scope}}{PROVIDER}"
        caller = authenticate_bearer(
            request, self._site, MANAGEMENT | own_audiences(request, self._site)
        )
        if not request.query_params.get("api-version"):
            raise missing_api_version()
        service = self._site.directory.get(CommunicationService, match["scope"])
        action = _ACTIONS.get(request.method)
        handler = _HANDLERS.get((request.method, _shape(match)))
        if handler is None or action is None:
            raise ApiError(405, "MethodNotAllowed", f"{request.method} is not allowed here.")
        where = service.id if service else match["scope"]
        if self._site.directory.grant(caller.principal_id, where, (action,)).missing:
            raise ApiError(
                403,
                "AuthorizationFailed",
                f"The client '{caller.application_id}' with object id '{caller.principal_id}' does "
                f"not have authorization to perform action '{action}' over scope '{where}'.",
            )
        if service is None:
            raise ApiError(
                404,
                "ResourceNotFound",
                f"'{where}' is not a Communication Services resource; only these have events here.",
            )
        call = SubscriptionCall(request, self._site.intake, service.id, match["name"] or "")
        return await handler(self._events, call)


def _shape(match: "re.Match[str]") -> str:
    return "list" if match["name"] is None else "action" if match["action"] else "one"


@dataclass(frozen=True, slots=True)
class SubscriptionCall:
    """One request on one scope."""

    request: Request
    intake: Intake
    scope: str
    name: str

    async def read(self, kind: type[T]) -> T:
        """Return the body. Raises ApiError."""
        body = await self.intake.read(self.request, BODY_LIMIT)
        try:
            return msgspec.json.decode(body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ApiError(400, "InvalidRequestContent", f"Not a body for this: {error}") from None

    def find(self, events: EventSubscriptions) -> EventSubscription:
        """Return the subscription of that name. Raises ApiError."""
        subscription = events.get(f"{self.scope}{PROVIDER}{self.name}")
        if subscription is None:
            raise ApiError(
                404, "ResourceNotFound", f"Event subscription '{self.name}' does not exist."
            )
        return subscription


Handler = Callable[[EventSubscriptions, SubscriptionCall], Awaitable[Response]]


async def _list(events: EventSubscriptions, call: SubscriptionCall) -> Response:
    now = events.now()
    subscription = [each for each in events.all if each.scope.lower() == call.scope.lower()]
    return JSONResponse({"value": [document(each, each.state_at(now)) for each in subscription]})


async def _get(events: EventSubscriptions, call: SubscriptionCall) -> Response:
    subscription = call.find(events)
    return JSONResponse(document(subscription, subscription.state_at(events.now())))


async def _put(events: EventSubscriptions, call: SubscriptionCall) -> Response:
    """PUT validates the endpoint every time, as Event Grid does at creation and update."""
    name = check_name(call.name)
    empty = EventSubscription(name, call.scope, Secret(""), events.now())
    return await _save(events, apply((await call.read(SubscriptionBody)).properties, empty))


async def _patch(events: EventSubscriptions, call: SubscriptionCall) -> Response:
    """PATCH has the properties without their envelope."""
    old = call.find(events)
    new = apply(await call.read(Properties), old)
    if new.url == old.url and new.schema == old.schema and old.state == "Succeeded":
        await events.change(new)
        return JSONResponse(document(new, "Succeeded"), 201)
    return await _save(events, new)


async def _save(events: EventSubscriptions, wanted: EventSubscription) -> Response:
    try:
        saved = await events.subscribe(wanted)
    except SubscriptionError as error:
        raise ApiError(400, "URL validation", str(error)) from None
    return JSONResponse(document(saved, saved.state_at(events.now())), 201)


async def _delete(events: EventSubscriptions, call: SubscriptionCall) -> Response:
    subscription = events.get(f"{call.scope}{PROVIDER}{call.name}")
    if subscription is None:
        return Response(status_code=204)
    await events.unsubscribe(subscription)
    return Response(status_code=200)


async def _full_url(events: EventSubscriptions, call: SubscriptionCall) -> Response:
    return JSONResponse({"endpointUrl": call.find(events).url.reveal()})


_HANDLERS: Final[Mapping[tuple[str, str], Handler]] = {
    ("GET", "list"): _list,
    ("GET", "one"): _get,
    ("PUT", "one"): _put,
    ("PATCH", "one"): _patch,
    ("DELETE", "one"): _delete,
    ("POST", "action"): _full_url,
}


def confirming(events: EventSubscriptions) -> Callable[[Request], Awaitable[Response]]:
    """Return the handler of validation URLs: whoever knows the token confirms for the endpoint."""

    async def confirm(request: Request) -> Response:
        query = request.query_params
        if await events.try_confirm(query.get("id", ""), query.get("token", "")):
            return PlainTextResponse("Webhook successfully validated as a subscription endpoint.\n")
        return PlainTextResponse("There is nothing to validate here.\n", 404)

    return confirm
