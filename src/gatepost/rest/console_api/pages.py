"""Pages of lists whose operations return all of them."""

from typing import Any, Final

from gatepost.rest.errors import ApiError

MOST: Final = 500
"""Objects in a page."""


def cut_page(document: dict[str, Any], key: str, limit: int, after: str) -> dict[str, Any]:
    """Return a page of the list ``key``, and the ``cursor`` of the next one; None: there is none.

    ``after`` is such a cursor, or empty. Raises ApiError.
    """
    if after and not (after.isascii() and after.isdecimal() and len(after) < 10):
        raise ApiError(400, "BadRequest", "after is not a cursor of this list")
    start = int(after or 0)
    whole = document[key]
    end = start + limit
    return {**document, key: whole[start:end], "cursor": str(end) if end < len(whole) else None}
