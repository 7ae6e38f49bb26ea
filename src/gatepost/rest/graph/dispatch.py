"""From a request to its operation: its path, its method, its caller, and the form of a refusal."""

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from gatepost.directory.azure.changes import Rejected
from gatepost.directory.azure.resource_ids import is_guid, new_guid
from gatepost.directory.azure.tokens import GRAPH
from gatepost.rest.bearer import authenticate_bearer, own_audiences
from gatepost.rest.errors import ApiError
from gatepost.rest.graph import applications, credentials, mail, principals
from gatepost.rest.graph.errors import error_document, failed, of_token
from gatepost.rest.graph.handled_request import BODY_LIMIT, GraphCall
from gatepost.rest.middleware import OPERATION, report_failure
from gatepost.rest.site import Site

Handler = Callable[[GraphCall], Awaitable[Response]]

_METHODS: Final = ("GET", "POST", "PATCH", "PUT", "DELETE")


class _Operation(NamedTuple):
    name: str
    path: "re.Pattern[str]"
    handlers: dict[str, Handler]
    limit: int = BODY_LIMIT


def _at(path: str, **handlers: Handler) -> _Operation:
    one = r"(?:/(?P<id>[^/()]{1,128})|\(appId='(?P<app_id>[^/()']{1,128})'\))"
    pattern = re.compile(path.replace("ONE", one), re.IGNORECASE)
    return _Operation(path.replace("ONE", "/{id}"), pattern, handlers)


_OPERATIONS: Final = (
    _at("applications", GET=applications.list_all, POST=applications.create),
    _at(
        "applicationsONE",
        GET=applications.show,
        PATCH=applications.update,
        DELETE=applications.delete,
    ),
    _at("applicationsONE/addPassword", POST=credentials.add_password),
    _at("applicationsONE/removePassword", POST=credentials.remove_password),
    _at("servicePrincipals", GET=principals.list_all, POST=principals.create),
    _at("servicePrincipalsONE", GET=principals.show, DELETE=principals.delete),
)
_MAIL: Final = _Operation(
    "users/{id}/sendMail",
    re.compile(r"users/(?P<mailbox>[^/]{1,254})/sendMail", re.IGNORECASE),
    {"POST": mail.send},
    mail.LIMIT,
)


def routes(site: Site, *, sends: bool = True) -> list[BaseRoute]:
    """Return the routes of this API; ``sends``: with sendMail."""
    operations = (_MAIL, *_OPERATIONS) if sends else _OPERATIONS

    async def handle(request: Request) -> Response:
        request_id = new_guid()
        wanted_id = request.headers.get("client-request-id", "")
        client_request_id = wanted_id if is_guid(wanted_id) else request_id
        try:
            response = await _perform(site, request, operations)
        except Rejected as rejected:
            refusal = ApiError(rejected.status, rejected.code, rejected.message)
        except ApiError as error:
            refusal = of_token(error)
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001 - a client of Graph must be able to read it
            report_failure(site.report, request, error)
            refusal = failed()
        else:
            return _with_ids(response, request_id, client_request_id)
        document = error_document(
            refusal.code, str(refusal), site.now(), request_id, client_request_id
        )
        response = JSONResponse(document, refusal.status, refusal.headers)
        return _with_ids(response, request_id, client_request_id)

    return [
        Route(f"/{version}/{{path:path}}", handle, methods=_METHODS) for version in ("v1.0", "beta")
    ]


def _with_ids(response: Response, request_id: str, client_request_id: str) -> Response:
    response.headers["request-id"] = request_id
    response.headers["client-request-id"] = client_request_id
    response.headers["odata-version"] = "4.0"
    return response


async def _perform(site: Site, request: Request, operations: Sequence[_Operation]) -> Response:
    """Authenticate first: strangers do not learn what exists."""
    caller = authenticate_bearer(request, site, GRAPH | own_audiences(request, site))
    path = request.path_params["path"].rstrip("/")
    for operation in operations:
        match = operation.path.fullmatch(path)
        if match is not None:
            break
    else:
        raise Rejected(
            "BadRequest", f"Resource not found for the segment '{path.partition('/')[0][:80]}'."
        )
    method = "GET" if request.method == "HEAD" else request.method
    handler = operation.handlers.get(method)
    if handler is None:
        raise Rejected(
            "Request_BadRequest",
            "Specified HTTP method is not allowed for the request target.",
            405,
        )
    version = request.url.path.split("/", 2)[1]
    request.scope[OPERATION] = f"/{version}/{operation.name}"
    async with site.intake.turn(request, operation.limit) as body:
        call = GraphCall(
            site,
            caller,
            {name: value for name, value in match.groupdict().items() if value},
            dict(request.query_params),
            body,
            f"{request.url.scheme}://{request.url.netloc}/{version}",
            request.headers.get("content-type", "").partition(";")[0].strip().lower(),
            request.client.host if request.client else "",
        )
        if operation is not _MAIL:
            call.require_administrator()
        return await handler(call)
