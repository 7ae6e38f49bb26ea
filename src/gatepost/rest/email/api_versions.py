"""The differences between api-versions: request headers, documents, responses.

``Current`` is the form of all versions since 2023-01-15-preview, ``preview_2021_10.First`` that of
the one before.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

import msgspec
from starlette.responses import JSONResponse, Response

from gatepost.model.send_operation import SendOperation
from gatepost.rest.email.operation_status import OperationState, describe
from gatepost.rest.email.refusals import (
    InvalidProperty,
    bad_request,
    conflict,
    unsupported_api_version,
)
from gatepost.rest.email.request_document import Email, read_email
from gatepost.rest.errors import ApiError, missing_api_version
from gatepost.rest.url_forms import is_date


class VersionForm(Protocol):
    """One form of requests and responses."""

    def operation_id(self, headers: Mapping[str, str], now: datetime) -> str | None:
        """Return the client's id of the request; None: ours. Raises ApiError."""

    def read(self, body: bytes) -> Email:
        """Return the document. Raises ApiError."""

    def rename_property(self, error: InvalidProperty) -> ApiError:
        """Return the refusal with the name that the property has in this version."""

    def check_taken(self, *, its_own: bool) -> None:
        """Raise ApiError for an id that was used for another request, also of the same caller."""

    def acceptance(
        self, operation: SendOperation, state: OperationState, origin: str, version: str
    ) -> Response:
        """Answer a request to send."""

    def status_response(self, operation: SendOperation, state: OperationState) -> Response:
        """Answer a request for the status."""


@dataclass(frozen=True, slots=True)
class Current:
    """The form of 2023-01-15-preview and all later versions: operations."""

    reuses_ids: bool = False
    """A request with the id of another one gets its operation."""

    def operation_id(self, headers: Mapping[str, str], now: datetime) -> str | None:  # noqa: ARG002
        """``Operation-Id``, which is optional."""
        text = headers.get("operation-id")
        if text is None:
            return None
        try:
            id_ = str(UUID(text))
        except ValueError:
            id_ = ""
        if not id_ or id_ != text.lower():  # UUID() accepts other spellings, too
            raise bad_request("The Operation-Id header is not a UUID.", "operation_id_invalid")
        return id_

    def read(self, body: bytes) -> Email:
        """Read the document of 2025-09-01."""
        return read_email(body)

    def rename_property(self, error: InvalidProperty) -> ApiError:
        """Return it unchanged: the names are those of this version."""
        return error

    def check_taken(self, *, its_own: bool) -> None:
        """Raise a 409, which one client is known to expect."""
        if not (its_own and self.reuses_ids):
            raise conflict()

    def acceptance(
        self, operation: SendOperation, state: OperationState, origin: str, version: str
    ) -> Response:
        """Return 202 and the URL of the operation."""
        location = f"{origin}/emails/operations/{operation.id}?api-version={version}"
        headers = {"operation-location": location, "retry-after": str(state.retry_after)}
        content = msgspec.json.encode(describe(operation, state))
        return Response(content, 202, headers, "application/json")

    def status_response(self, operation: SendOperation, state: OperationState) -> Response:
        """Return Running, Succeeded, Failed or Canceled."""
        headers = {"retry-after": str(state.retry_after)} if state.status == "Running" else {}
        return JSONResponse(describe(operation, state), headers=headers)


FIRST: Final = "2021-10-01-preview"
"""It has headers, documents and a path of its own: ``preview_2021_10.py``."""
SINCE: Final = (
    "2023-01-15-preview",
    "2023-03-31",
    "2024-07-01-preview",
    "2025-01-01-preview",
    "2025-01-15-preview",
    "2025-09-01",
)
SUPPORTED: Final = (FIRST, *SINCE)
"""The folders of Azure/azure-rest-api-specs, specification/communication/data-plane/Email."""
NEWEST: Final = SUPPORTED[-1]

_VERSION: Final = re.compile(r"(\d{4}-\d{2}-\d{2})(?:-preview)?", re.ASCII)


def check_version(values: Sequence[str], supported: Sequence[str] = SUPPORTED) -> str:
    """Return the api-version of a request; ``values``: those of its query parameter.

    ``supported``: those of its path. A version newer than all we know is treated as the newest, if
    the path has that, so that new SDKs work. Raises ApiError.
    """
    if not any(values):
        raise missing_api_version()
    version = values[0]
    match = _VERSION.fullmatch(version)
    newer = match is not None and match[1] > NEWEST and is_date(match[1])
    if len(values) > 1 or not (version in supported or (newer and NEWEST in supported)):
        raise unsupported_api_version(version, ", ".join(supported))
    return version
