"""The document of a request to send, and checks of its format.

Source: Azure/azure-rest-api-specs, specification/communication, data-plane/Email, 2025-09-01; the
attachments' contentId is in the SDK of that version. Unknown fields are ignored.
"""

import re
from collections.abc import Iterator
from typing import Final, TypeVar

import msgspec

from gatepost.rest.email.refusals import InvalidProperty, bad_request

_AT: Final = re.compile(r" - at `(?:key in )?\$\.?([^`]*)`$")
_MISSING: Final = re.compile(r"Object missing required field `(\w+)`")


class Person(msgspec.Struct, frozen=True, rename="camel"):
    """An address with an optional display name; null is refused.

    (Azure/azure-sdk-for-python#31935)
    """

    address: str
    display_name: str = ""


class EmailContent(msgspec.Struct, frozen=True, rename="camel"):
    """Subject and texts."""

    subject: str
    plain_text: str | None = None
    html: str | None = None


class Recipients(msgspec.Struct, frozen=True):
    """The recipients. Azure's command line sends null for lists that it does not use.

    The specification requires ``to``; the SDKs for .NET, Java and JavaScript do not, and recorded
    sessions of azure-sdk-for-java and -net show that the service does not require it (2023).
    """

    to: list[Person] | None = None
    cc: list[Person] | None = None
    bcc: list[Person] | None = None

    @property
    def groups(self) -> Iterator[tuple[str, list[Person]]]:
        """Yield the three lists by their paths in the document."""
        yield "recipients.to", self.to or []
        yield "recipients.cc", self.cc or []
        yield "recipients.bcc", self.bcc or []


class EmailAttachment(msgspec.Struct, frozen=True):
    """A file, or an image that the HTML shows."""

    name: str
    content_type: str = msgspec.field(name="contentType")
    content: str = msgspec.field(name="contentInBase64")
    content_id: str | None = msgspec.field(name="contentId", default=None)


class Email(msgspec.Struct, frozen=True, rename="camel"):
    """A message to send."""

    sender_address: str
    content: EmailContent
    recipients: Recipients
    attachments: list[EmailAttachment] | None = None
    reply_to: list[Person] | None = None
    headers: dict[str, str] | None = None
    user_engagement_tracking_disabled: bool | None = None


_decoder: Final = msgspec.json.Decoder(Email)

T = TypeVar("T")


def read_email(body: bytes) -> Email:
    """Return the document. Raises ApiError 400, which names the wrong property."""
    email = decode(_decoder, body)
    check(email)
    return email


def decode(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """Return a document of a given type. Raises ApiError 400."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise InvalidProperty(_path(str(error)), f"document_invalid: {error}") from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise bad_request(
            "The request body is not valid JSON.", f"document_malformed: {error}"
        ) from None


def check(email: Email) -> None:
    """Raise ApiError 400 for a document without recipients, or without a text."""
    if not any(people for _, people in email.recipients.groups):
        raise InvalidProperty("recipients.to", "document_invalid: there is no recipient")
    if not (email.content.plain_text or email.content.html):
        raise InvalidProperty("content", "document_invalid: there is neither text nor HTML")


def _path(message: str) -> str:
    """Return the path in msgspec's message, with the property that is missing there."""
    at = _AT.search(message)
    path = at[1].replace("[...]", "") if at else ""
    missing = _MISSING.match(message)
    if missing:
        path = f"{path}.{missing[1]}" if path else missing[1]
    return path
