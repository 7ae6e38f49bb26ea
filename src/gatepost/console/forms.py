"""Forms of our pages: small, of one type, with the token of the login that they were made for."""

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import parse_qs

from starlette.requests import Request

from gatepost.console.access.authentication import LOGIN
from gatepost.console.access.logins import ConsoleLogin
from gatepost.console.access.sentences import PageRefused

TOKEN_FIELD: Final = "form_token"
_LARGEST: Final = 1024 * 1024
_MOST_FIELDS: Final = 2_000
_TYPE: Final = "application/x-www-form-urlencoded"


class PageForm:
    """The fields of a form."""

    def __init__(self, fields: Mapping[str, Sequence[str]]) -> None:
        self._fields = fields

    def __contains__(self, name: object) -> bool:
        """Tell whether there is a field."""
        return name in self._fields

    def first(self, name: str, default: str = "") -> str:
        """Return a field's first value."""
        return self._fields[name][0] if name in self._fields else default

    def all(self, name: str) -> Sequence[str]:
        """Return a field's values."""
        return self._fields.get(name, ())


async def read_form(request: Request) -> PageForm:
    """Return the fields of a form. Raises HTTPException if it is none, or too large."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _TYPE:
        raise PageRefused(415, "form_type", type=_TYPE)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST:
            raise PageRefused(413, "form_too_large")
    try:
        fields = parse_qs(bytes(body).decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise PageRefused(400, "form_unreadable") from None
    return PageForm(fields)


async def read_own_form(request: Request) -> PageForm:
    """Return the fields of a form of one of our pages. Raises HTTPException 403 for any other.

    Without a login, by a token or a proxy, no browser could be made to send it: there is no token.
    """
    form = await read_form(request)
    login: ConsoleLogin | None = request.scope[LOGIN]
    if login is not None and not login.is_form_token(form.first(TOKEN_FIELD)):
        raise PageRefused(403, "foreign_form")
    return form
