"""The custom headers of a document: three that control the service, and those that are sent.

Source: Microsoft Learn, "Adding Reserved Custom headers" (email-headers); 2025.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gatepost.mime.composed_fields import MAX_LINE, raw_field, text_field
from gatepost.rest.email.refusals import InvalidProperty, bad_request
from gatepost.rest.errors import ApiError

PREFIX: Final = "x-ms-acsemail-"
MAX_HEADERS: Final = 100

_NAME: Final = re.compile(r"[!-9;-~]{1,76}")  # RFC 5322 3.6.8
_MESSAGE_ID: Final = re.compile(
    r"<[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,200}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+>"
)
_OURS: Final = frozenset(
    {
        "from", "sender", "to", "cc", "bcc", "reply-to", "subject", "date", "mime-version",
        "received", "return-path", "dkim-signature", "authentication-results",
    }
)  # fmt: skip
_OUR_PREFIXES: Final = ("content-", "resent-", "arc-")
"""Fields that the document's other properties make, or that servers add. No list was published;
different readers would read a repeated field differently."""


@dataclass(frozen=True, slots=True)
class Headers:
    """What the headers of a document request."""

    fields: bytes = b""
    """For the message, each with its CRLF."""
    message_id: str = ""
    """The client's, if it is well formed; empty: ours."""
    validate_message_id: bool = False
    """Refuse the request if another message has the same Message-ID."""
    drop_invalid_attachments: bool = False
    allow_duplicate_content_ids: bool = False


def read_headers(headers: Mapping[str, str], *, ignore_reserved: bool) -> Headers:
    """Return what the headers request. Raises ApiError 400 for one that is not permitted.

    ``ignore_reserved`` ignores those that clients may not set.
    """
    if ignore_reserved:
        headers = {name: value for name, value in headers.items() if not _is_ours(name)}
    by_name = {name.lower(): value for name, value in headers.items()}
    if len(by_name) < len(headers) or len(headers) > MAX_HEADERS:
        raise _invalid("a header is given twice, or there are too many")
    validate = _is_true(by_name, "validate-message-id")
    return Headers(
        b"".join(_field(name, value) for name, value in headers.items() if _is_sent(name.lower())),
        _read_message_id(by_name.get("message-id", ""), validate=validate),
        validate,
        _is_true(by_name, "suppress-invalid-attachment"),
        _is_true(by_name, "ignore-duplicate-content-id"),
    )


def invalid_message_id() -> ApiError:
    """Return the refusal of a malformed or used Message-ID, for clients that request it."""
    return bad_request(
        "The Message-ID header is invalid or a duplicate.",
        "message_id_invalid: it is malformed, or another message has it",
    )


def _is_true(by_name: Mapping[str, str], name: str) -> bool:
    return by_name.get(PREFIX + name, "").strip().lower() == "true"


def _is_sent(name: str) -> bool:
    return name != "message-id" and not name.startswith(PREFIX)


def _read_message_id(value: str, *, validate: bool) -> str:
    """Return the client's Message-ID; a malformed one is replaced by ours, or refused."""
    value = value.strip()
    if not value or _MESSAGE_ID.fullmatch(value):
        return value
    if validate:
        raise invalid_message_id()
    return ""


def _field(name: str, value: str) -> bytes:
    if not _NAME.fullmatch(name):
        raise _invalid("a name is not valid for a header field")
    if _is_ours(name):
        raise _invalid(f"{name} cannot be set by the client")
    try:
        if not value.isascii():
            return text_field(name, value)
        field = raw_field(name, value)
    except ValueError:
        raise _invalid(f"the value of {name} has a line end or control character") from None
    if max(map(len, field.split(b"\r\n"))) > MAX_LINE:
        raise _invalid(f"the value of {name} has too long a part without a space")
    return field


def _is_ours(name: str) -> bool:
    folded = name.lower()
    return folded in _OURS or folded.startswith(_OUR_PREFIXES)


def _invalid(sentence: str) -> ApiError:
    return InvalidProperty("headers", f"header_invalid: {sentence}")
