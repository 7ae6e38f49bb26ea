"""``GET /openapi.json``: the e-mail API as an OpenAPI 3.1 document."""

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse

from gatepost.rest.email.preview_2021_10 import ATTACHMENT_TYPES
from gatepost.rest.email.versions import FIRST, NEWEST

JSON = dict[str, Any]


def _object(required: tuple[str, ...] = (), /, **properties: JSON) -> JSON:
    return {"type": "object", "required": list(required), "properties": properties}


def _list(of: str) -> JSON:
    return {"type": "array", "items": _ref(of)}


def _ref(name: str) -> JSON:
    return {"$ref": f"#/components/schemas/{name}"}


def _or_null(schema: JSON) -> JSON:
    return {"anyOf": [schema, {"type": "null"}]}


_STRING: Final[JSON] = {"type": "string"}
_OPTIONAL: Final = _or_null(_STRING)
_ADDRESS: Final[JSON] = {"type": "string", "format": "email"}
_GUID: Final[JSON] = {"type": "string", "format": "uuid"}

_SCHEMAS: Final[JSON] = {
    "EmailMessage": _object(
        ("senderAddress", "content", "recipients"),
        senderAddress=_ADDRESS,
        content=_ref("EmailContent"),
        recipients=_ref("EmailRecipients"),
        attachments=_or_null(_list("EmailAttachment")),
        replyTo=_or_null(_list("EmailAddress")),
        headers=_or_null({"type": "object", "additionalProperties": _STRING}),
        userEngagementTrackingDisabled=_or_null({"type": "boolean"}),
    ),
    "EmailContent": {
        **_object(("subject",), subject=_STRING, plainText=_OPTIONAL, html=_OPTIONAL),
        "description": "plainText, html or both are required.",
    },
    "EmailRecipients": {
        **_object(
            to=_or_null(_list("EmailAddress")),
            cc=_or_null(_list("EmailAddress")),
            bcc=_or_null(_list("EmailAddress")),
        ),
        "description": "At least one of the lists must contain a recipient.",
    },
    "FirstMessage": _object(
        ("sender", "content", "recipients"),
        sender=_ADDRESS,
        content=_ref("EmailContent"),
        recipients=_ref("FirstRecipients"),
        importance=_or_null({"enum": ["high", "normal", "low"]}),
        attachments=_or_null(_list("FirstAttachment")),
        replyTo=_or_null(_list("FirstAddress")),
        headers=_or_null(_list("FirstHeader")),
        disableUserEngagementTracking=_or_null({"type": "boolean"}),
    ),
    "FirstRecipients": _object(
        to=_or_null(_list("FirstAddress")),
        CC=_or_null(_list("FirstAddress")),
        bCC=_or_null(_list("FirstAddress")),
    ),
    "FirstAddress": _object(("email",), email=_ADDRESS, displayName=_STRING),
    "FirstAttachment": _object(
        ("name", "attachmentType", "contentBytesBase64"),
        name=_STRING,
        attachmentType={"enum": sorted(ATTACHMENT_TYPES)},
        contentBytesBase64={"type": "string", "contentEncoding": "base64"},
    ),
    "FirstHeader": _object(("name", "value"), name=_STRING, value=_STRING),
    "SendStatusResult": _object(
        ("messageId", "status"),
        messageId=_GUID,
        status={"enum": ["Queued", "OutForDelivery", "Dropped"]},
    ),
    "EmailAddress": _object(("address",), address=_ADDRESS, displayName=_STRING),
    "EmailAttachment": _object(
        ("name", "contentType", "contentInBase64"),
        name=_STRING,
        contentType=_STRING,
        contentInBase64={"type": "string", "contentEncoding": "base64"},
        contentId=_OPTIONAL,
    ),
    "EmailSendResult": _object(
        ("id", "status"),
        id=_GUID,
        status={"enum": ["NotStarted", "Running", "Succeeded", "Failed", "Canceled"]},
        error=_or_null(_ref("ErrorDetail")),
    ),
    "ErrorDetail": _object(
        ("code", "message"),
        code=_STRING,
        message=_STRING,
        target=_OPTIONAL,
        details=_or_null(_list("ErrorDetail")),
        additionalInfo=_or_null({"type": "array"}),
    ),
    "ErrorResponse": _object(("error",), error=_ref("ErrorDetail")),
}

_RETRY_AFTER: Final[JSON] = {
    "retry-after": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 1}}
}
_LOCATION: Final[JSON] = {
    "operation-location": {"schema": {"type": "string", "format": "uri"}, "required": True}
}
_REFUSALS: Final = {
    400: "A mistake in the request; the message names the property.",
    401: "No credentials (Unauthorized), or insufficient ones (Denied).",
    404: "DomainNotLinked, or no such operation.",
    408: "The request took too long to arrive.",
    412: "2021-10-01-preview: it was first sent too long ago to be repeated.",
    413: "The request is too large.",
    409: "The Operation-Id was used for another request.",
    415: "The body is not JSON by its Content-Type.",
    429: "TooManyRequests: a rate window is full.",
    500: "The server failed.",
    503: "The message could not be stored, or the server stops, or has too many connections.",
}
_VERSION: Final[JSON] = {
    "name": "api-version",
    "in": "query",
    "required": True,
    "schema": _STRING,
    "example": NEWEST,
}
_FIRST_VERSION: Final[JSON] = _VERSION | {"schema": {"const": FIRST}, "example": FIRST}


def _answer(description: str, schema: str, headers: JSON) -> JSON:
    content = {"application/json": {"schema": _ref(schema)}}
    return {"description": description, "headers": headers, "content": content}


def _refusals(*statuses: int) -> JSON:
    return {
        str(status): _answer(
            _REFUSALS[status],
            "ErrorResponse",
            {"x-ms-error-code": {"schema": _STRING, "required": True}}
            | (_RETRY_AFTER if status in (429, 503) else {}),
        )
        for status in statuses
    }


def _header(name: str, schema: JSON) -> JSON:
    return {"name": name, "in": "header", "required": False, "schema": schema}


_SEND: Final[JSON] = {
    "operationId": "send",
    "summary": "Send a message.",
    "description": "2021-10-01-preview requires a FirstMessage and both Repeatability headers, "
    "and answers without a body; all later versions require an EmailMessage.",
    "parameters": [
        _VERSION,
        _header("Operation-Id", _GUID),
        _header("Repeatability-Request-Id", _GUID),
        _header("Repeatability-First-Sent", _STRING),
        _header("x-ms-client-request-id", _GUID),
    ],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"anyOf": [_ref("EmailMessage"), _ref("FirstMessage")]}}
        },
    },
    "responses": {
        "202": _answer("The message is stored.", "EmailSendResult", _LOCATION | _RETRY_AFTER),
        **_refusals(400, 401, 404, 408, 409, 412, 413, 415, 429, 500, 503),
    },
}
_FIRST_STATUS: Final[JSON] = {
    "operationId": "getSendStatus",
    "summary": "Get the status of a message, in 2021-10-01-preview.",
    "parameters": [
        _FIRST_VERSION,
        {"name": "id", "in": "path", "required": True, "schema": _GUID},
    ],
    "responses": {
        "200": _answer("Its status.", "SendStatusResult", _RETRY_AFTER),
        **_refusals(400, 401, 404, 408, 413, 429, 500, 503),
    },
}
_STATUS: Final[JSON] = {
    "operationId": "getSendResult",
    "summary": "Get the status of a message.",
    "parameters": [_VERSION, {"name": "id", "in": "path", "required": True, "schema": _GUID}],
    "responses": {
        "200": _answer("Its status.", "EmailSendResult", _RETRY_AFTER),
        **_refusals(400, 401, 404, 408, 413, 429, 500, 503),
    },
}

DOCUMENT: Final[JSON] = {
    "openapi": "3.1.0",
    "info": {
        "title": "Gatepost: the e-mail data plane of Communication Services",
        "version": NEWEST,
    },
    "paths": {
        "/emails:send": {"post": _SEND},
        "/emails/operations/{id}": {"get": _STATUS},
        "/emails/{id}/status": {"get": _FIRST_STATUS},
    },
    "security": [{"key": []}, {"token": []}],
    "components": {
        "schemas": _SCHEMAS,
        "securitySchemes": {
            "key": {
                "type": "apiKey",
                "in": "header",
                "name": "Authorization",
                "description": "HMAC-SHA256 SignedHeaders=...&Signature=...",
            },
            "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        },
    },
}


async def openapi(_request: Request) -> JSONResponse:
    """Serve the document."""
    return JSONResponse(DOCUMENT)
