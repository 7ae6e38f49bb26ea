"""A refusal in the format of Azure's APIs (REST API Guidelines, error condition responses)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

_NONE: Final[Mapping[str, str]] = MappingProxyType({})


class ApiError(Exception):
    """Raised by a handler; answered as ``{"error": {"code", "message", ...}}``.

    ``reason`` is for the operator and never sent. ``redacted`` is the message as events show it.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        headers: Mapping[str, str] = _NONE,
        reason: str = "",
    ) -> None:
        super().__init__(message)
        self.redacted = message
        self.status, self.code, self.headers, self.reason = status, code, headers, reason

    @property
    def document(self) -> dict[str, Any]:
        """The body, without its envelope."""
        return {"code": self.code, "message": str(self)}

    def response(self) -> Response:
        """Return the response; its code is also in ``x-ms-error-code``."""
        headers = {"x-ms-error-code": self.code, **self.headers}
        return JSONResponse({"error": self.document}, self.status, headers)


def missing_api_version() -> ApiError:
    """Azure REST API Guidelines, api-version."""
    return ApiError(
        400,
        "MissingApiVersionParameter",
        "The api-version query parameter (?api-version=) is required for all requests.",
    )


async def answer_error(_request: Request, error: Exception) -> Response:
    """Starlette's handler for ApiError."""
    assert isinstance(error, ApiError)  # noqa: S101 - registered for it alone
    return error.response()


class QuotingApiError(ApiError):
    """A refusal whose message quotes the client.

    ``redacted`` is the message without the quotation, because people paste secrets anywhere.
    """

    def __init__(self, status: int, code: str, message: str, redacted: str) -> None:
        super().__init__(status, code, message)
        self.redacted = redacted


def internal_error() -> ApiError:
    """Return Azure's own text for it; Azure's libraries then retry."""
    return ApiError(
        500,
        "InternalServerError",
        "The server encountered an internal error. Please retry the request.",
    )


def stopping() -> ApiError:
    """Return the response of a relay that stops; clients retry."""
    return ApiError(
        503,
        "ServiceUnavailable",
        "The server is stopping. Please try again later.",
        headers={"retry-after": "5", "connection": "close"},
    )


def server_busy(**headers: str) -> ApiError:
    """Return the response while too many others are served; clients retry."""
    return ApiError(
        503,
        "ServerBusy",
        "The server is busy. Please try again later.",
        headers={"retry-after": "5", **headers},
    )


async def busy(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer instead of the application while there are too many connections."""
    await server_busy(connection="close").response()(scope, receive, send)
