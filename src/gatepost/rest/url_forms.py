"""What the paths and versions of the APIs have in common."""

import re
from collections.abc import Awaitable, Callable, Iterable
from datetime import date

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp


def any_case(
    path: str,
    endpoint: Callable[[Request], Awaitable[Response]] | ASGIApp,
    methods: Iterable[str],
) -> Route:
    """Return a route whose fixed words may be in any case, as in Azure's paths."""
    route = Route(path, endpoint, methods=list(methods))
    route.path_regex = re.compile(route.path_regex.pattern, re.IGNORECASE)
    return route


def is_date(text: str) -> bool:
    """Tell whether ``text``, in the format YYYY-MM-DD, is a date."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
