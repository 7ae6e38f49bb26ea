"""From a request to its operation: caller, version, permission, subscription."""

import re
from dataclasses import replace
from typing import Final

from starlette.datastructures import URLPath
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.types import Receive, Scope, Send

from gatepost.directory.azure.changes import Rejected
from gatepost.directory.azure.changes.hierarchy import no_subscription
from gatepost.directory.azure.entries import Subscription
from gatepost.directory.azure.resource_ids import new_guid, subscription_path
from gatepost.directory.azure.tokens import MANAGEMENT, Claims
from gatepost.rest.arm.background import BackgroundOperations
from gatepost.rest.arm.handled_request import ArmCall
from gatepost.rest.arm.operation_paths import Words, find, words_of
from gatepost.rest.arm.operation_table import OPERATIONS
from gatepost.rest.bearer import authenticate_bearer, own_audiences
from gatepost.rest.errors import ApiError, missing_api_version
from gatepost.rest.middleware import OPERATION
from gatepost.rest.site import Site
from gatepost.rest.url_forms import is_date

BODY_LIMIT: Final = 1024 * 1024
"""Octets. Resource Manager accepts 4 MB; these bodies are all much smaller."""
OLDEST: Final = "2020-08-20"
"""The first version of Microsoft.Communication."""

_ROOTS: Final = frozenset({"subscriptions", "providers", "tenants"})
_VERSION: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}(?:-[a-z]+(?:[.-]\w+|[0-9_]\w*)?)?", re.ASCII | re.IGNORECASE
)


class Face(BaseRoute):
    """All paths of Resource Manager, in any case of their fixed words."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._background = BackgroundOperations()

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Tell Starlette whether the path belongs to this API."""
        if scope["type"] != "http":
            return Match.NONE, {}
        words = words_of(scope["path"])
        ours = bool(words) and words[0].lower() in _ROOTS
        return (Match.FULL if ours else Match.NONE), {}

    def url_path_for(self, name: str, /, **path_params: object) -> URLPath:
        """There are no named routes."""
        raise NoMatchFound(name, path_params)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        response = await self._answer(request)
        response.headers["x-ms-request-id"] = new_guid()
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        try:
            return await self._perform(request)
        except ApiError as error:
            return error.response()
        except Rejected as rejected:
            return ApiError(rejected.status, rejected.code, str(rejected)).response()

    async def _perform(self, request: Request) -> Response:
        request.scope[OPERATION] = "Resource Manager"  # until the operation is known
        audiences = MANAGEMENT | own_audiences(request, self._site)
        caller = authenticate_bearer(request, self._site, audiences)
        words = words_of(request.url.path)
        match = find(OPERATIONS, request.method, words)
        request.scope[OPERATION] = match.operation.path
        _check_version(request, words)
        self._check_subscription(words, caller)
        call = ArmCall(
            self._site,
            self._background,
            caller,
            match.scope,
            match.names,
            f"/{'/'.join(words)}",
            dict(request.query_params),
            b"",
            f"{request.url.scheme}://{request.url.netloc}",
        )
        if match.operation.action:
            call.require(match.operation.action, match.scope)
        body = await self._site.intake.read(request, BODY_LIMIT)
        return await match.operation.handler(replace(call, body=body))

    def _check_subscription(self, words: Words, caller: Claims) -> None:
        if words[0].lower() != "subscriptions" or len(words) == 1:
            return
        subscription = self._site.directory.get(Subscription, subscription_path(words[1]))
        if subscription is None:
            raise no_subscription(words[1])
        if subscription.tenant_id.lower() != caller.tenant_id.lower():
            raise ApiError(
                401,
                "InvalidAuthenticationTokenTenant",
                f"The access token is from the wrong issuer: it is of tenant '{caller.tenant_id}', "
                f"this subscription of tenant '{subscription.tenant_id}'.",
            )


def _check_version(request: Request, words: Words) -> None:
    version = request.query_params.get("api-version", "")
    if not version:
        raise missing_api_version()
    if not _VERSION.fullmatch(version) or not is_date(version[: len(OLDEST)]):
        raise ApiError(
            400, "InvalidApiVersionParameter", f"The api-version '{version[:64]}' is invalid."
        )
    lower = [word.lower() for word in words]
    if "microsoft.communication" in lower and "microsoft.authorization" not in lower:
        _check_communication(version, words)


def _check_communication(version: str, words: Words) -> None:
    if version[: len(OLDEST)] < OLDEST:
        kind = words[[word.lower() for word in words].index("microsoft.communication") + 1]
        raise ApiError(
            400,
            "NoRegisteredProviderFound",
            "No registered resource provider found for location 'global' and API version "
            f"'{version}' for type '{kind}'. The supported api-versions are '{OLDEST}' and all "
            "later ones. The supported locations are 'global'.",
        )
