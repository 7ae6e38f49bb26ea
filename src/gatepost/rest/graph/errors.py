"""A refusal in the format of Microsoft Graph (Graph v1.0, "error responses and resource types")."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from gatepost.directory.azure.changes import Rejected
from gatepost.rest.errors import ApiError

_TOKENS: Final[Mapping[str, str]] = {
    "AuthenticationFailed": "Access token is empty.",
    "InvalidAuthenticationTokenAudience": "Access token validation failure. Invalid audience.",
    "ExpiredAuthenticationToken": "Lifetime validation failed, the token is expired.",
}
_INVALID: Final = "Access token validation failure."


def bad_request(message: str, code: str = "Request_BadRequest") -> Rejected:
    """Return the refusal of an invalid request."""
    return Rejected(code, message)


def unsupported(what: str, resource: str) -> Rejected:
    """Return the refusal of a query that Graph, or this subset of it, does not support."""
    return Rejected(
        "Request_UnsupportedQuery",
        f"Unsupported or invalid query filter clause specified for property '{what[:80]}' of "
        f"resource '{resource}'.",
    )


def failed() -> ApiError:
    """Return the refusal for an error that is not the client's."""
    return ApiError(500, "Service_InternalServerError", "Encountered an internal server error.")


def of_token(error: ApiError) -> ApiError:
    """Return the refusal of a token with Graph's texts."""
    if error.status != 401:
        return error
    message = _TOKENS.get(error.code, _INVALID)
    return ApiError(401, "InvalidAuthenticationToken", message, headers=error.headers)


def error_document(
    code: str, message: str, now: datetime, request_id: str, client_request_id: str
) -> dict[str, Any]:
    """Return the body of a refusal."""
    return {
        "error": {
            "code": code,
            "message": message,
            "innerError": {
                "date": f"{now:%Y-%m-%dT%H:%M:%S}",
                "request-id": request_id,
                "client-request-id": client_request_id,
            },
        }
    }
