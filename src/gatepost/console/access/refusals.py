"""Refusals by the listener itself, in the form of the face that a path belongs to."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.types import Scope

from gatepost.console.access.paths import is_mailbox_path
from gatepost.console.access.sentences import Sentence
from gatepost.console.appearance import language_of
from gatepost.console.templating import render
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
_EXPLAINED: Final = frozenset({400, 401, 403, 404, 405, 409, 413, 415, 421, 429, 500, 503})
"""Statuses with texts of their own."""


def refuse(
    scope: Scope, status: int, message: str | Sentence, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a refusal: JSON from Gatepost's own API, text from the mailbox API, otherwise HTML in
    the reader's language."""
    path, headers = scope["path"], dict(headers or {})
    if status == 401:
        if path.startswith(API_PREFIX) or is_mailbox_path(path):
            headers["www-authenticate"] = 'Basic realm="Gatepost", charset="UTF-8"'
        elif scope["method"] == "GET":
            return Response(status_code=303, headers={"location": _sign_in_for(scope)})
    if path.startswith(API_PREFIX):
        document = {"error": {"code": CODES.get(status, "BadRequest"), "message": str(message)}}
        return JSONResponse(document, status, headers)
    if is_mailbox_path(path):
        return PlainTextResponse(f"{message}\n", status, headers)
    explained = status if status in _EXPLAINED else 400 if status < 500 else 500
    is_translated = isinstance(message, Sentence)
    text = message.in_language(language_of(scope)) if isinstance(message, Sentence) else message
    values = {
        "status": status, "explained": str(explained), "message": text,
        "is_translated": is_translated,
    }  # fmt: skip
    return HTMLResponse(render(scope, "refusal.html", values), status, headers)


def _sign_in_for(scope: Scope) -> str:
    """Return the page to sign in, which then leads back."""
    query = scope["query_string"].decode("ascii", "replace")
    here = f"{scope['path']}?{query}" if query else scope["path"]
    return SIGN_IN if here == "/" else f"{SIGN_IN}?next={quote(here, safe='/')}"
