"""A refusal as Microsoft Graph words it (Graph v1.0, "error responses and resource types")."""

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
    """Return the refusal of what cannot be understood."""
    return Rejected(code, message)


def unsupported(what: str, resource: str) -> Rejected:
    """Return the refusal of a query that Graph, or this subset of it, does not answer."""
    return Rejected(
        "Request_UnsupportedQuery",
        f"Unsupported or invalid query filter clause specified for property '{what[:80]}' of "
        f"resource '{resource}'.",
    )


def failed() -> ApiError:
    """Return the refusal when something went wrong that is not the client's fault."""
    return ApiError(500, "Service_InternalServerError", "Encountered an internal server error.")


def of_token(error: ApiError) -> ApiError:
    """Return the refusal of a token in Graph's words."""
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
