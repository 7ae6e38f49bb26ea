"""Gatepost's own API: each request becomes an operation of the control socket."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from gatepost.model.console_access import USER, ConsoleEndpoint, ConsoleUser
from gatepost.rest.console_api.endpoint_table import ENDPOINTS, EVENTS, PAGED
from gatepost.rest.console_api.event_stream import stream_events
from gatepost.rest.console_api.masking import mask
from gatepost.rest.console_api.refusals import REFUSED, answer_refusal
from gatepost.rest.console_api.site import ConsoleApiSite
from gatepost.rest.errors import ApiError

MOST: Final = 500
"""Objects in a page of a list."""
BODY_LIMIT: Final = 2 * 1024 * 1024
"""Octets of a request's body."""
_FLAGS: Final = frozenset({"refused", "unfired"})
"""Parameters that are on or off."""
_ON: Final = frozenset({"1", "true", "yes"})
_OFF: Final = frozenset({"", "0", "false", "no"})
_OF_ADDRESSES: Final = frozenset({"sender", "recipient"})
"""Parameters by which a viewer could find out masked addresses."""
_NUMBERS: Final = frozenset({"limit", "step", "rows"})

_RESOURCE_ID: Final = "subscriptions/"
"""What an id of the directory begins with in a path, where repeated slashes are one."""

Handler = Callable[[Request], Awaitable[Response]]


def console_api_face(site: ConsoleApiSite) -> list[tuple[ConsoleEndpoint, Handler]]:
    """Return the endpoints below API_PREFIX with their handlers."""
    return [(each, partial(_answer, site, each)) for each in ENDPOINTS]


async def _answer(site: ConsoleApiSite, endpoint: ConsoleEndpoint, request: Request) -> Response:
    try:
        if endpoint.operation == EVENTS:
            return await stream_events(site, request)
        fields = await _fields_of(site, endpoint, request)
        page = _take_page(endpoint, fields)
        if endpoint.method == "POST" and endpoint.operation.startswith("queue."):
            fields |= _by(request)
        document = await site.operate(endpoint.operation, fields)
        if page is not None:
            document = _cut_page(document, *page)
    except ClientDisconnect:
        raise
    except REFUSED as error:
        return answer_refusal(error)
    if _is_viewer(request):
        document = mask(document)
    return JSONResponse(document, headers={"cache-control": "no-store"})


def _by(request: Request) -> dict[str, Any]:
    """Return who gives the order, if that is known."""
    user: ConsoleUser | None = request.scope.get(USER)
    return {} if user is None else {"by": user.name}


def _is_viewer(request: Request) -> bool:
    """Tell whether somebody asks who sees no addresses and no content."""
    user: ConsoleUser | None = request.scope.get(USER)
    return user is not None and user.role == "viewer"


async def _fields_of(
    site: ConsoleApiSite, endpoint: ConsoleEndpoint, request: Request
) -> dict[str, Any]:
    """Return the fields of the operation: from the path, the query and the body. Raises ApiError
    and msgspec.ValidationError."""
    fields = dict(request.path_params)
    if str(fields.get("name", "")).startswith(_RESOURCE_ID):
        fields["name"] = f"/{fields['name']}"
    query = request.query_params
    for name in query:
        if name not in endpoint.query:
            known = ", ".join(endpoint.query) or "none"
            raise ApiError(400, "BadRequest", f"unknown parameter {name[:40]}; known: {known}")
        if name in _OF_ADDRESSES and _is_viewer(request):
            raise ApiError(403, "NotAllowed", f"a viewer cannot select by {name}")
        fields[name] = _parameter(name, query[name])
    if endpoint.method in ("POST", "PUT"):
        body = await site.intake.read(request, BODY_LIMIT)
        fields |= _decode_body(endpoint, body)
    if "if-match" in request.headers and endpoint.method in ("PUT", "DELETE"):
        fields["revision"] = _revision(request.headers["if-match"])
    return fields


def _parameter(name: str, value: str) -> Any:
    if name in _FLAGS:
        if value.lower() not in _ON | _OFF:
            raise ApiError(400, "BadRequest", f"{name} is 1 or 0")
        return value.lower() in _ON
    if name in _NUMBERS:
        if not (value.isascii() and value.isdecimal() and 0 < int(value[:9]) <= 86_400):
            raise ApiError(400, "BadRequest", f"{name} is a number from 1 on")
        return int(value[:9])
    return value


def _decode_body(endpoint: ConsoleEndpoint, body: bytes) -> Mapping[str, Any]:
    """Return the fields of a JSON body; of an empty one, none. Raises ApiError and
    msgspec.MsgspecError."""
    if endpoint.body is None:
        return {}
    try:
        decoded: Any = msgspec.json.decode(body or b"{}", type=endpoint.body)
        document = msgspec.to_builtins(decoded)
    except RecursionError:
        raise ApiError(400, "BadRequest", "the body is nested too deeply") from None
    present = {key: value for key, value in document.items() if value is not None}
    if endpoint.operation in _OF_RULES and "line" not in present:
        return {"rule": document}
    if endpoint.operation == _CHAOS:
        return {"set": {name: each for name, each in present.items() if each is not None}}
    return present


_CHAOS: Final = "failures.chaos"
_OF_RULES: Final = frozenset({"failures.add", "failures.replace", "failures.check"})
"""Operations whose body is one field, unless it is a line."""


def _revision(value: str) -> int:
    text = value.strip().removeprefix("W/").strip('"')
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise ApiError(400, "BadRequest", "If-Match is the revision of a rule")
    return int(text)


def _take_page(endpoint: ConsoleEndpoint, fields: dict[str, Any]) -> tuple[str, int, str] | None:
    """Return the key, limit and cursor of a list that its operation does not divide into pages."""
    if "limit" in fields and fields["limit"] > MOST:
        raise ApiError(400, "BadRequest", f"limit is at most {MOST}")
    key = PAGED.get(endpoint.operation)
    if key is None:
        return None
    return key, fields.pop("limit", MOST), fields.pop("after", "")


def _cut_page(document: dict[str, Any], key: str, limit: int, after: str) -> dict[str, Any]:
    """Return a page of a list whose operation returns all, and the ``cursor`` of the next one;
    None: there is none.

    ``after`` is such a cursor, or empty. Raises ApiError.
    """
    if after and not (after.isascii() and after.isdecimal() and len(after) < 10):
        raise ApiError(400, "BadRequest", "after is not a cursor of this list")
    start = int(after or 0)
    whole = document[key]
    end = start + limit
    return {**document, key: whole[start:end], "cursor": str(end) if end < len(whole) else None}


def paths(endpoints: Sequence[ConsoleEndpoint] = ENDPOINTS) -> frozenset[str]:
    """Return the paths of the API, below its prefix."""
    return frozenset([each.path for each in endpoints])
