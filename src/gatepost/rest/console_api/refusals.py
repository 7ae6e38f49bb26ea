"""The responses to operations that were refused: ``{"error": {"code", "message"}}``."""

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.responses import JSONResponse, Response

from gatepost.directory.azure.changes.change_result import Rejected
from gatepost.errors import GatepostError, QueueError
from gatepost.failures.read_rule import RuleMistakes
from gatepost.failures.rulebook import StaleRevision
from gatepost.model.operation_errors import NotAllowed, NotConfigured, TooManyRequests
from gatepost.rest.errors import ApiError

REFUSED = (
    ApiError, Rejected, KeyError, ValueError, TypeError, GatepostError, TooManyRequests,
    msgspec.MsgspecError,
)  # fmt: skip
"""What ``answer_refusal`` knows."""


def answer_refusal(error: Exception) -> Response:
    """Return the response for an exception, which is one of REFUSED."""
    match error:
        case ApiError():
            return _error(error.status, error.code, str(error), error.headers)
        case Rejected():
            return _error(error.status, error.code, error.message)
        case TooManyRequests():
            return _error(429, "TooManyRequests", str(error), {"retry-after": "10"})
        case NotAllowed():
            return _error(403, "NotAllowed", str(error))
        case NotConfigured():
            return _error(409, "NotConfigured", str(error))
        case StaleRevision():
            return _error(412, "StaleRevision", str(error))
        case RuleMistakes():
            mistakes = [str(each) for each in error.mistakes]
            return _error(400, "RuleMistakes", str(error), mistakes=mistakes)
        case KeyError():
            return _error(404, "NotFound", f"there is no {error.args[0]}")
        case QueueError():
            return _error(409, "QueueError", str(error))
    return _error(400, "BadRequest", str(error))


def _error(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None, **more: Any
) -> Response:
    return JSONResponse({"error": {"code": code, "message": message, **more}}, status, headers)
