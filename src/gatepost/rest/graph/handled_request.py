"""A request, as its handler sees it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

import msgspec
from starlette.responses import JSONResponse, Response

from gatepost.directory.azure.changes import Changes, Rejected
from gatepost.directory.azure.changes.applications import not_found
from gatepost.directory.azure.entries import (
    Application,
    Entry,
    ServicePrincipal,
    Subscription,
    Tenant,
)
from gatepost.directory.azure.snapshot import Snapshot
from gatepost.directory.azure.tokens import Claims
from gatepost.rest.graph.errors import bad_request
from gatepost.rest.graph.query import Document, page_of, select
from gatepost.rest.site import Site

BODY_LIMIT: Final = 256 * 1024
"""Octets; an application with all its certificates is much smaller."""
MAY_ADMINISTER: Final = "Microsoft.Authorization/roleAssignments/write"
"""An action that Owner grants, and Contributor does not."""

E = TypeVar("E", bound=Entry)
S = TypeVar("S", bound=msgspec.Struct)
T = TypeVar("T", Application, ServicePrincipal, Subscription)


@dataclass(frozen=True, slots=True)
class GraphCall:
    """A request, and its caller."""

    site: Site
    caller: Claims
    names: Mapping[str, str]
    """``id`` or ``app_id`` of the object in the path, or its ``mailbox``."""
    query: Mapping[str, str]
    body: bytes
    base: str
    """``https://HOST:PORT/VERSION`` as the client used it."""
    content_type: str = ""
    peer: str = ""
    """IP address."""

    @property
    def snapshot(self) -> Snapshot:
        """The current contents of the directory."""
        return self.site.directory.snapshot

    @property
    def tenant(self) -> Tenant:
        """The caller's tenant; nothing of another tenant is visible. Raises Rejected if it
        was deleted."""
        tenant = self.snapshot.get(Tenant, self.caller.tenant_id)
        if tenant is None:
            raise Rejected("Authorization_IdentityNotFound", "The identity was not found.", 401)
        return tenant

    @property
    def now(self) -> datetime:
        """The time, with its zone."""
        return self.site.now()

    def require_administrator(self) -> None:
        """Raise Rejected (403) unless the caller may change the tenant's applications.

        Graph requires the permission ``Application.ReadWrite.All``, to which an administrator
        consents. Here the caller must be Owner of a subscription of the tenant.
        """
        grant = self.site.directory.grant
        for each in self._of_tenant(Subscription):
            if not grant(self.caller.principal_id, each.id, (MAY_ADMINISTER,)).missing:
                return
        raise Rejected(
            "Authorization_RequestDenied",
            "Insufficient privileges to complete the operation.",
            403,
        )

    def read(self, kind: type[S], *, passed_over: frozenset[str] = frozenset()) -> S:
        """Return the body. Raises Rejected if it is not JSON of this type.

        ``passed_over``: properties that Graph has, and that are ignored here.
        """
        try:
            fields = msgspec.json.decode(self.body or b"{}", type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise bad_request(UNREADABLE, "BadRequest") from None
        for name in fields:
            if name not in kind.__struct_encode_fields__ and name not in passed_over:
                raise bad_request(f"Invalid property '{name[:80]}'.")
        try:
            return msgspec.convert(fields, kind)
        except msgspec.ValidationError as error:
            raise bad_request(f"One or more property values are invalid: {error}.") from None

    @property
    def application(self) -> Application:
        """The application in the path. Raises Rejected (404)."""
        wanted = self.names.get("id", "").lower()
        app_id = self.names.get("app_id", "").lower()
        for each in self.applications:
            if each.object_id.lower() == wanted or each.key == app_id:
                return each
        raise not_found(wanted or app_id)

    @property
    def applications(self) -> list[Application]:
        """Those of the tenant."""
        return self._of_tenant(Application)

    @property
    def principal(self) -> ServicePrincipal:
        """The service principal in the path. Raises Rejected (404)."""
        wanted = self.names.get("id", "").lower()
        app_id = self.names.get("app_id", "").lower()
        for each in self.principals:
            if each.key == wanted or each.application_id.lower() == app_id:
                return each
        raise not_found(wanted or app_id)

    @property
    def principals(self) -> list[ServicePrincipal]:
        """Those of the tenant."""
        return self._of_tenant(ServicePrincipal)

    def _of_tenant(self, kind: type[T]) -> list[T]:
        key = self.tenant.key
        return [each for each in self.snapshot.all(kind) if each.tenant_id.lower() == key]

    def respond(self, what: str, document: Document, status: int = 200) -> Response:
        """Return a document, after the annotation that says what it is."""
        context = {"@odata.context": f"{self.base}/$metadata#{what}"}
        headers = {"cache-control": "no-store"}  # because of tokens and secrets
        return JSONResponse(context | document, status, headers)

    def respond_selected(self, what: str, document: Document) -> Response:
        """Return the properties in ``$select`` of one object of the collection ``what``."""
        return self.respond(f"{what}/$entity", select(document, self.query))

    def respond_page(self, what: str, documents: Sequence[Document], resource: str) -> Response:
        """Return one page of the collection ``what``."""
        return self.respond(what, page_of(documents, self.query, f"{self.base}/{what}", resource))

    async def change(self, decide: Callable[[Snapshot], Changes[E]]) -> Response:
        """Save the changes of ``decide``; return 204. Raises Rejected."""
        await self.site.directory.change(decide)
        return Response(status_code=204)


UNREADABLE: Final = (
    "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is "
    "of valid JSON format."
)
