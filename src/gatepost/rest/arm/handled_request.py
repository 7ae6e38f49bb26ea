"""A request, as its handler sees it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

import msgspec
from starlette.responses import JSONResponse, Response

from gatepost.directory.azure.changes import Changes, Rejected
from gatepost.directory.azure.changes.change_result import stamped
from gatepost.directory.azure.changes.hierarchy import existing
from gatepost.directory.azure.entries import Entry
from gatepost.directory.azure.resource_ids import is_within
from gatepost.directory.azure.snapshot import Snapshot
from gatepost.directory.azure.tokens import Claims
from gatepost.rest.arm.background import BackgroundOperations
from gatepost.rest.errors import ApiError
from gatepost.rest.site import Site

E = TypeVar("E", bound=Entry)
S = TypeVar("S", bound=msgspec.Struct)

PAGE: Final = 100
"""Entries in one page of a list; ``nextLink`` leads to the next."""


@dataclass(frozen=True, slots=True)
class ArmCall:
    """A request and its caller."""

    site: Site
    background: BackgroundOperations
    caller: Claims
    """The application that sent the request, authenticated by its token."""
    scope: str
    names: tuple[str, ...]
    path: str
    query: Mapping[str, str]
    body: bytes
    base: str
    """Scheme, host and port that the client used."""

    @property
    def snapshot(self) -> Snapshot:
        """The current contents of the directory."""
        return self.site.directory.snapshot

    @property
    def now(self) -> datetime:
        """The time, with its zone."""
        return self.site.now()

    @property
    def version(self) -> str:
        """The requested API version."""
        return self.query["api-version"]

    def read(self, kind: type[S]) -> S:
        """Return the body. Raises ApiError if it is not JSON of this type."""
        try:
            return msgspec.json.decode(self.body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ApiError(
                400,
                "InvalidRequestContent",
                f"The request content was invalid and could not be deserialized: '{error}'.",
            ) from None

    def allows(self, action: str, scope: str) -> bool:
        """Tell whether the caller's roles grant an action on a scope."""
        return not self.site.directory.grant(self.caller.principal_id, scope, (action,)).missing

    def require(self, action: str, scope: str) -> None:
        """Raise ApiError (403) unless the caller's roles grant an action on a scope."""
        if not self.allows(action, scope):
            caller = self.caller
            raise ApiError(
                403,
                "AuthorizationFailed",
                f"The client '{caller.application_id}' with object id '{caller.principal_id}' does "
                f"not have authorization to perform action '{action}' over scope '{scope}' or the "
                "scope is invalid. If access was recently granted, please refresh your "
                "credentials.",
            )

    async def change(self, decide: Callable[[Snapshot], Changes[E]]) -> Changes[E]:
        """Save the changes of ``decide``, with their author. Raises Rejected."""

        def stamp(snapshot: Snapshot) -> Changes[E]:
            return stamped(snapshot, decide(snapshot), self.now, self.caller.application_id)

        return await self.site.directory.change(stamp)

    async def put(self, decide: Callable[[Snapshot], Changes[E]]) -> tuple[E, int]:
        """Save the changes of ``decide``; return the entry, and the response's status.

        The status is 201 for a new entry, otherwise 200: of several simultaneous requests, one gets
        201. Raises Rejected.
        """
        status = 200

        def judge(snapshot: Snapshot) -> Changes[E]:
            nonlocal status
            changes = decide(snapshot)
            if snapshot.get(type(changes.entry), changes.entry.key) is None:
                status = 201
            return changes

        changes = await self.change(judge)
        return changes.entry, status

    async def delete(self, decide: Callable[[Snapshot], Changes[E]]) -> Response:
        """Delete what ``decide`` says: 200, or 204 if it does not exist."""
        try:
            await self.change(decide)
        except Rejected as rejected:
            if rejected.code in ("ResourceNotFound", "ParentResourceNotFound"):
                return Response(status_code=204)
            raise
        return Response(status_code=200)

    def pages(self, documents: list[dict[str, Any]]) -> Response:
        """Return one page of a list, and the link to the next."""
        start = self._number("$skiptoken", 0)
        size = min(self._number("$top", PAGE), PAGE) or PAGE
        page: dict[str, Any] = {"value": documents[start : start + size]}
        if start + size < len(documents):
            query = urlencode({**self.query, "$skiptoken": str(start + size)})
            page["nextLink"] = f"{self.base}{self.path}?{query}"
        return JSONResponse(page)

    def _number(self, name: str, default: int) -> int:
        text = self.query.get(name, "")
        if not text:
            return default
        if not text.isascii() or not text.isdigit() or len(text) > 9:
            raise ApiError(400, "InvalidQueryParameter", f"The parameter '{name}' is not a number.")
        return int(text)


Handler = Callable[[ArmCall], Awaitable[Response]]


def get_handler(kind: type[E], document: Callable[[ArmCall, E], dict[str, Any]]) -> Handler:
    """Return the handler of GET for one resource."""

    async def get(call: ArmCall) -> Response:
        return JSONResponse(document(call, existing(call.snapshot, kind, call.scope)))

    return get


def list_handler(
    kind: type[E],
    document: Callable[[ArmCall, E], dict[str, Any]],
    holder: type[Entry] | None = None,
) -> Handler:
    """Return the handler of GET for a list: all entries of ``kind`` below the scope, which must be
    an existing ``holder``."""

    async def listing(call: ArmCall) -> Response:
        if holder is not None:
            existing(call.snapshot, holder, call.scope)
        scope = call.scope.lower()
        entries = [each for each in call.snapshot.all(kind) if is_within(each.key, scope)]
        return call.pages([document(call, each) for each in entries])

    return listing


def delete_handler(delete: Callable[[Snapshot, str], Changes[E]]) -> Handler:
    """Return the handler of DELETE for a resource: 200, or 204 if it does not exist."""

    async def handle(call: ArmCall) -> Response:
        return await call.delete(lambda snapshot: delete(snapshot, call.scope))

    return handle
