"""Requests that another site's page sends in its visitor's browser."""

from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from gatepost.console.access.headers import has_header, header_of
from gatepost.console.access.refusals import refuse
from gatepost.console.access.sentences import Sentence

SAFE: Final = ("GET", "HEAD", "OPTIONS")
_OURS: Final = ("same-origin", "none")
_TYPES: Final = ("application/json", "application/x-www-form-urlencoded")


def find_foreign(scope: Scope, entrances: Collection[str] = ()) -> tuple[int, Sentence] | None:
    """Return the status and the reason for a request of another site's page; None if it is ours.

    Programs send neither Origin nor Sec-Fetch-Site, browsers at least one of them with everything
    that a page could do to us. ``entrances`` are the paths to which other sites may lead a browser.
    """
    has_site, has_origin = has_header(scope, b"sec-fetch-site"), has_header(scope, b"origin")
    if has_site and scope["path"] in entrances and _is_visit(scope):
        return None
    if has_site and header_of(scope, b"sec-fetch-site") not in _OURS:
        return 403, Sentence("other_site")
    if has_origin and not _is_own(header_of(scope, b"origin"), scope):
        return 403, Sentence("other_origin")
    if (has_site or has_origin) and scope["method"] not in SAFE:
        type_ = header_of(scope, b"content-type").partition(";")[0].strip().lower()
        if has_header(scope, b"content-type") and type_ not in _TYPES:
            return 415, Sentence("types", one=_TYPES[0], other=_TYPES[1])
    return None


def _is_visit(scope: Scope) -> bool:
    """Tell whether the browser shows the response as a page, in a window of its own."""
    goes_there = header_of(scope, b"sec-fetch-mode") == "navigate"
    return (
        goes_there
        and header_of(scope, b"sec-fetch-dest") == "document"
        and (scope["method"] == "GET")
    )


def _is_own(origin: str, scope: Scope) -> bool:
    """Tell whether an origin has the scheme and host of the request, whose host was checked."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    host = header_of(scope, b"host").lower()
    return f"{parts.scheme}://{parts.netloc}".lower() == f"{scope['scheme']}://{host}"


class OriginCheck:
    """Middleware: refuses requests of other sites' pages, whatever the method."""

    def __init__(self, app: ASGIApp, entrances: Collection[str] = ()) -> None:
        self._app, self._entrances = app, entrances

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is not foreign."""
        foreign = find_foreign(scope, self._entrances)
        if foreign is not None:
            await refuse(scope, *foreign)(scope, receive, send)
            return
        await self._app(scope, receive, send)
