"""From a path to its endpoint: the table of paths, the form of a refusal, and ids of requests."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from gatepost.directory.azure.resource_ids import is_guid, new_guid
from gatepost.rest.entra.authorization_codes import AuthorizationCodes
from gatepost.rest.entra.authorize import authorize
from gatepost.rest.entra.device_codes import DeviceCodes
from gatepost.rest.entra.device_sign_in import PATH, give_device_code, show_device_page
from gatepost.rest.entra.discovery import show_configuration, show_instance, show_keys
from gatepost.rest.entra.errors import SERVER_FAILED, EntraError
from gatepost.rest.entra.token_endpoint import NOT_KEPT, PeopleCodes, give_token
from gatepost.rest.errors import ApiError
from gatepost.rest.middleware import report_failure
from gatepost.rest.site import Site
from gatepost.rest.url_forms import any_case

Handler = Callable[[Site, Request], Awaitable[Response]]

_ANY: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
"""All methods: the token endpoint has its own text for requests other than POST."""


def routes(site: Site, *, for_people: bool = False) -> list[BaseRoute]:
    """Return the routes of this API; a tenant is given by its id or by its domain.

    ``for_people``: the people of emulated tenants can sign in, without passwords.
    """
    people = None
    if for_people:
        people = PeopleCodes(AuthorizationCodes(site.seconds), DeviceCodes(site.seconds))
    first = partial(give_token, version="")
    second = partial(give_token, version="v2.0", people=people)
    old = partial(show_configuration, version="")
    new = partial(show_configuration, version="v2.0", for_people=for_people)
    table: tuple[tuple[str, Handler, tuple[str, ...]], ...] = (
        ("/common/discovery/instance", show_instance, ("GET",)),
        ("/{tenant}/v2.0/.well-known/openid-configuration", new, ("GET",)),
        ("/{tenant}/.well-known/openid-configuration", old, ("GET",)),
        ("/{tenant}/discovery/v2.0/keys", show_keys, ("GET",)),
        ("/{tenant}/discovery/keys", show_keys, ("GET",)),
        ("/{tenant}/oauth2/v2.0/token", second, _ANY),
        ("/{tenant}/oauth2/token", first, _ANY),
    )
    if people is not None:
        page = partial(authorize, codes=people.codes)
        device = partial(give_device_code, devices=people.devices)
        entry = partial(show_device_page, devices=people.devices)
        table += (
            ("/{tenant}/oauth2/v2.0/authorize", page, ("GET", "POST")),
            ("/{tenant}/oauth2/v2.0/devicecode", device, ("POST",)),
            (f"/{{tenant}}/{PATH}", entry, ("GET", "POST")),
        )
    return [any_case(path, _answering(site, handler), ways) for path, handler, ways in table]


def _answering(site: Site, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint of a handler: refusals in Entra's form, and ids in every response."""

    async def answer(request: Request) -> Response:
        trace_id = new_guid()
        client_request_id = request.headers.get("client-request-id", "")
        correlation_id = client_request_id if is_guid(client_request_id) else new_guid()
        try:
            response = await handler(site, request)
        except (ApiError, ClientDisconnect):
            raise
        except Exception as error:  # noqa: BLE001 - msal must be able to read the answer
            if not isinstance(error, EntraError):
                report_failure(site.report, request, error)
                error = EntraError(SERVER_FAILED)
            document = error.document(trace_id, correlation_id, site.now())
            response = JSONResponse(document, error.refusal.status, NOT_KEPT)
            if error.refusal.status == 405:
                response.headers["allow"] = "POST"
        response.headers["x-ms-request-id"] = trace_id
        if request.headers.get("return-client-request-id", "").lower() == "true":
            response.headers["client-request-id"] = correlation_id
        return response

    return answer
