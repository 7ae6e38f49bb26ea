"""The form of 2021-10-01-preview: repeatable requests, other property names, a message's status.

Sources: Azure/azure-rest-api-specs, specification/communication, data-plane/Email,
2021-10-01-preview; azure-communication-email 1.0.0b1 and @azure/communication-email 1.0.0-beta.1,
which use it; sessions of 2022 and 2023 that azure-sdk-for-java recorded for its tests; Microsoft
Learn, "Repeatable requests".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

import msgspec
from starlette.responses import JSONResponse, Response

from gatepost.directory.azure.resource_ids import is_guid
from gatepost.model.send_operation import SendOperation
from gatepost.rest.email import request_document
from gatepost.rest.email.attachments import type_of
from gatepost.rest.email.operation_status import OperationState, OperationStatus
from gatepost.rest.email.refusals import InvalidProperty
from gatepost.rest.email.request_document import Email, EmailContent, Person, Recipients
from gatepost.rest.errors import ApiError

ID: Final = "repeatability-request-id"
FIRST_SENT: Final = "repeatability-first-sent"
RESULT: Final = "repeatability-result"

ATTACHMENT_TYPES: Final = frozenset(
    {
        "avi", "bmp", "doc", "docm", "docx", "gif", "jpeg", "mp3", "one", "pdf", "png", "ppsm",
        "ppsx", "ppt", "pptm", "pptx", "pub", "rpmsg", "rtf", "tif", "txt", "vsd", "wav", "wma",
        "xls", "xlsb", "xlsm", "xlsx",
    }
)  # fmt: skip

_IMF_FIXDATE: Final = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT", re.ASCII
)
"""RFC 9110 5.6.7."""
_STATUSES: Final[Mapping[OperationStatus, str]] = {
    "Running": "Queued",
    "Succeeded": "OutForDelivery",
    "Failed": "Dropped",
    "Canceled": "Dropped",
}
_RENAMED: Final = (
    ("senderAddress", "sender"),
    ("recipients.cc", "recipients.CC"),
    ("recipients.bcc", "recipients.bCC"),
    (".address", ".email"),
    (".contentType", ".attachmentType"),
    (".contentInBase64", ".contentBytesBase64"),
    ("userEngagementTrackingDisabled", "disableUserEngagementTracking"),
)
"""From property names of 2025-09-01 to those of this version."""


class _Person(msgspec.Struct, frozen=True, rename="camel"):
    email: str
    display_name: str = ""


class _Recipients(msgspec.Struct, frozen=True):
    """``CC`` in the specification and for Python, ``cC`` for JavaScript."""

    to: list[_Person] | None = None
    cc: list[_Person] | None = msgspec.field(name="CC", default=None)
    cc_in_camel: list[_Person] | None = msgspec.field(name="cC", default=None)
    bcc: list[_Person] | None = msgspec.field(name="bCC", default=None)


class _Attachment(msgspec.Struct, frozen=True, rename="camel"):
    name: str
    attachment_type: str
    content: str = msgspec.field(name="contentBytesBase64")


class _Header(msgspec.Struct, frozen=True):
    name: str
    value: str


class _Message(msgspec.Struct, frozen=True, rename="camel"):
    sender: str
    content: EmailContent
    recipients: _Recipients
    importance: str | None = None
    attachments: list[_Attachment] | None = None
    reply_to: list[_Person] | None = None
    headers: list[_Header] | None = None
    disable_user_engagement_tracking: bool | None = None


_decoder: Final = msgspec.json.Decoder(_Message)


@dataclass(frozen=True, slots=True)
class First:
    """The form of 2021-10-01-preview."""

    tracked: float
    """Seconds for which a request may be repeated."""

    def operation_id(self, headers: Mapping[str, str], now: datetime) -> str | None:
        """``Repeatability-Request-Id``, which is also the id of the message.

        Both header fields are required; a date outside the time for which requests are tracked gets
        412 (Microsoft Learn, "Repeatable requests").
        """
        text, first_sent = headers.get(ID, ""), _read_date(headers.get(FIRST_SENT, ""))
        if not is_guid(text):
            raise _rejected(
                "The Repeatability-Request-Id header is missing or not a GUID.",
                "repeatability_invalid: the id is missing or invalid",
            )
        if first_sent is None:
            raise _rejected(
                "The Repeatability-First-Sent header is missing or not an IMF-fixdate.",
                "repeatability_invalid: the date is missing or invalid",
            )
        if abs(now - first_sent) > timedelta(seconds=self.tracked):
            raise ApiError(
                412,
                "PreconditionFailed",
                f"The Repeatability-First-Sent header is not within the {self.tracked / 60:g} "
                "minute window.",
                headers={RESULT: "rejected"},
                reason="repeatability_expired: requests are tracked for some minutes only",
            )
        return text.lower()

    def read(self, body: bytes) -> Email:
        """Return the document in the current form."""
        message = request_document.decode(_decoder, body)
        recipients = message.recipients
        email = Email(
            message.sender,
            message.content,
            Recipients(
                _people(recipients.to or []),
                _people(recipients.cc or recipients.cc_in_camel or []),
                _people(recipients.bcc or []),
            ),
            [_attachment(each) for each in message.attachments or []],
            _people(message.reply_to or []),
            _headers(message),
            message.disable_user_engagement_tracking,
        )
        request_document.check(email)
        return email

    def rename_property(self, error: InvalidProperty) -> ApiError:
        """Return the refusal with the name that the property has in this version."""
        path = error.path
        for name, renamed in _RENAMED:
            path = path.replace(name, renamed)
        return InvalidProperty(path, error.reason)

    def check_taken(self, *, its_own: bool) -> None:  # noqa: ARG002
        """Raise a 400 (Microsoft Learn, "Repeatable requests")."""
        raise _rejected(
            "The Repeatability-Request-Id was used for another request.",
            "operation_id_taken: the id was used with another body or resource",
        )

    def acceptance(
        self,
        operation: SendOperation,
        state: OperationState,
        origin: str,
        version: str,
    ) -> Response:
        """Return 202 without a body; the id of the message is in a header field."""
        headers = {
            "operation-location": f"{origin}/emails/{operation.id}/status?api-version={version}",
            "retry-after": str(state.retry_after),
            "x-ms-request-id": operation.id,
            RESULT: "accepted",
        }
        return Response(status_code=202, headers=headers)

    def status_response(self, operation: SendOperation, state: OperationState) -> Response:
        """Return the status of a message, spelled as the service does."""
        status = _STATUSES[state.status]
        headers = {"retry-after": str(state.retry_after)} if state.status == "Running" else {}
        return JSONResponse({"messageId": operation.id, "status": status}, headers=headers)


def _rejected(message: str, reason: str) -> ApiError:
    """The request is not a repeatable one."""
    return ApiError(400, "BadRequest", message, headers={RESULT: "rejected"}, reason=reason)


def _read_date(text: str) -> datetime | None:
    if not _IMF_FIXDATE.fullmatch(text):
        return None
    try:
        return parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):  # a month or day that does not exist
        return None


def _people(people: list[_Person]) -> list[Person]:
    return [Person(each.email, each.display_name) for each in people]


def _attachment(attachment: _Attachment) -> request_document.EmailAttachment:
    """Return an attachment. Its type is a file name extension of a list; others are refused or
    omitted later."""
    kind = attachment.attachment_type.lower()
    media_type = type_of(kind) if kind in ATTACHMENT_TYPES else ""
    return request_document.EmailAttachment(attachment.name, media_type, attachment.content)


def _headers(message: _Message) -> dict[str, str]:
    """Return the custom headers, and the importance as a header (RFC 2156 2.7, RFC 4021 2.1.9)."""
    headers = {each.name: each.value for each in message.headers or []}
    if len(headers) < len(message.headers or []):
        raise InvalidProperty("headers", "header_invalid: a header is given twice")
    importance = (message.importance or "normal").lower()
    if importance not in ("high", "normal", "low"):
        raise InvalidProperty("importance", "document_invalid: the importance is unknown")
    return headers if importance == "normal" else {"Importance": importance} | headers
