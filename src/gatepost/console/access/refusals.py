"""Refusals by the listener itself, in the form of the face that a path belongs to."""

from collections.abc import Mapping
from html import escape
from typing import Final
from urllib.parse import quote

from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.types import Scope

from gatepost.console.access.paths import is_mailbox_path
from gatepost.console.static_files import static_prefix
from gatepost.model.console_access import API_PREFIX

CODES: Final[Mapping[int, str]] = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    415: "UnsupportedMediaType",
    421: "MisdirectedRequest",
    429: "TooManyRequests",
    500: "InternalServerError",
    503: "ServiceUnavailable",
}
SIGN_IN: Final = "/sign-in"
_PAGE: Final = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{status} · Gatepost</title>'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    '<link rel="stylesheet" href="{assets}/console.css"></head><body><main class="gate">'
    '<h1>{status}</h1><p>{text}</p><p><a href="/">Gatepost</a></p></main></body></html>'
)


def refuse(
    scope: Scope, status: int, message: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a refusal: JSON from Gatepost's own API, text from the mailbox API, otherwise HTML."""
    path, headers = scope["path"], dict(headers or {})
    if status == 401:
        if path.startswith(API_PREFIX) or is_mailbox_path(path):
            headers["www-authenticate"] = 'Basic realm="Gatepost", charset="UTF-8"'
        elif scope["method"] == "GET":
            return Response(status_code=303, headers={"location": _sign_in_for(scope)})
    if path.startswith(API_PREFIX):
        document = {"error": {"code": CODES.get(status, "BadRequest"), "message": message}}
        return JSONResponse(document, status, headers)
    if is_mailbox_path(path):
        return PlainTextResponse(f"{message}\n", status, headers)
    text = escape(message)
    return HTMLResponse(
        _PAGE.format(status=status, text=text, assets=static_prefix()), status, headers
    )


def _sign_in_for(scope: Scope) -> str:
    """Return the page to sign in, which then leads back."""
    query = scope["query_string"].decode("ascii", "replace")
    here = f"{scope['path']}?{query}" if query else scope["path"]
    return SIGN_IN if here == "/" else f"{SIGN_IN}?next={quote(here, safe='/')}"
