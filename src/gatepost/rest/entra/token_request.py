"""The body of a token request: a form without duplicates, within limits (RFC 6749 2.3.1, 3.2)."""

import base64
import binascii
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, unquote_plus

from starlette.requests import Request

from gatepost.rest.entra.errors import (
    BODY_TOO_LONG,
    INPUT_INVALID,
    PARAMETER_MISSING,
    PARAMETER_TWICE,
    TOO_SLOW,
    EntraError,
)
from gatepost.rest.errors import ApiError
from gatepost.rest.request_bodies import Intake

MAX_BODY: Final = 65_536
"""Octets."""
MAX_FIELDS: Final = 64
MAX_FIELD: Final = 2_048
"""Characters of a value."""
MAX_ASSERTION: Final = 16_384
"""Characters of a client assertion, which may contain a chain of certificates."""

FORM: Final = "application/x-www-form-urlencoded"


class Form(dict[str, str]):
    """Parameters by name; those without a value are treated as omitted (RFC 6749 3.2)."""

    def need(self, name: str) -> str:
        """Return a parameter. Raises EntraError if it is missing."""
        if name not in self:
            raise EntraError(PARAMETER_MISSING, name=name)
        return self[name]


async def read_form(request: Request, intake: Intake) -> Form:
    """Return the parameters of the body, and the client's id and secret from HTTP Basic.

    A body of another type has no parameters. Raises EntraError, and ApiError 503.
    """
    try:
        body = await intake.read(request, MAX_BODY)
    except ApiError as error:
        kind = {408: TOO_SLOW, 413: BODY_TOO_LONG}.get(error.status)
        if kind is None:  # no fault of the client, which retries
            raise
        raise EntraError(kind, f"bad_request: {error}") from None
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    form = parse_form(body) if media_type == FORM else Form()
    for name, value in _basic(request.headers.getlist("authorization")).items():
        if form.setdefault(name, value) != value:
            raise EntraError(INPUT_INVALID, f"bad_request: Basic and the body differ in {name}")
    return form


def parse_form(body: bytes) -> Form:
    """Return the parameters of a form. Raises EntraError."""
    try:
        pairs = parse_qsl(
            body.decode("ascii"), errors="strict", keep_blank_values=True, max_num_fields=MAX_FIELDS
        )
    except ValueError:
        pairs = None
    if pairs is None:
        raise EntraError(INPUT_INVALID, "bad_request: the body is not a form")
    form = Form()
    for name, value in pairs:
        if name in form:
            raise EntraError(PARAMETER_TWICE, name=name[:64])
        if len(value) > (MAX_ASSERTION if name == "client_assertion" else MAX_FIELD):
            raise EntraError(INPUT_INVALID, "bad_request: a parameter is too long")
        form[name] = value
    return Form({name: value for name, value in form.items() if value})


def _basic(values: list[str]) -> Mapping[str, str]:
    if len(values) != 1 or values[0][:6].lower() != "basic ":
        return {}
    text = None
    try:
        text = base64.b64decode(values[0][6:].strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        pass  # that exception contains the secret: raise ours outside its context
    if text is None or ":" not in text or len(text) > MAX_FIELD:
        raise EntraError(INPUT_INVALID, "bad_request: the Basic credentials cannot be read")
    client_id, _, secret = text.partition(":")
    fields = {"client_id": unquote_plus(client_id), "client_secret": unquote_plus(secret)}
    return {name: value for name, value in fields.items() if value}
