"""The refusals of the e-mail API, with code and text as the service was seen to send them.

Seen in public code and issues: DomainNotLinked and InvalidSenderUserName (2024 to 2026), Denied
(2026), TooManyRequests, ``Request body validation error. See property '...'``
(Azure/azure-sdk-for-python#33495, #37239; Azure/azure-sdk-for-java#39910). The codes about
api-version are those of the Azure REST API Guidelines. All other texts are ours.
"""

import math
import re
from typing import Final

from gatepost.directory.azure.resource_ids import is_guid
from gatepost.model.address import Address
from gatepost.rest.errors import ApiError, QuotingApiError

UNKNOWN: Final = "(unknown)"
"""Replaces, in events, values in a wrong format."""
_VERSION: Final = re.compile(r"\d{4}-\d{2}-\d{2}(?:-preview)?", re.ASCII)
_CHALLENGE = {"www-authenticate": "HMAC-SHA256, Bearer"}


def unauthorized() -> ApiError:
    """The request has no credentials."""
    return ApiError(
        401,
        "Unauthorized",
        "The request has no credentials: an Authorization header is required.",
        headers=_CHALLENGE,
        reason="credentials_missing: the request has no Authorization header",
    )


def denied(reason: str) -> ApiError:
    """The credentials are wrong, or not sufficient. The operator gets the reason."""
    return ApiError(
        401, "Denied", "Denied by the resource provider.", headers=_CHALLENGE, reason=reason
    )


def bad_request(message: str, reason: str = "") -> ApiError:
    """Any other mistake of the client."""
    return ApiError(400, "BadRequest", message, reason=reason)


class InvalidProperty(ApiError):
    """A property that is missing or wrong; ``path`` as in ``recipients.to[0].address``."""

    def __init__(self, path: str, reason: str = "") -> None:
        where = f" See property '{path}'" if path else ""
        super().__init__(400, "BadRequest", f"Request body validation error.{where}", reason=reason)
        self.path = path


def invalid_address(address: str) -> ApiError:
    """The address of a recipient is invalid."""
    return bad_request(
        "Invalid format for email address", f"address_invalid: {address[:80]!r} is not an address"
    )


def domain_not_linked(sender: Address) -> ApiError:
    """The sender's domain does not belong to the resource."""
    return ApiError(
        404,
        "DomainNotLinked",
        "The specified sender domain has not been linked.",
        reason=f"sender_domain_not_linked: the domain of {sender} is not linked to the resource",
    )


def invalid_sender(sender: Address) -> ApiError:
    """The sender's local part is not registered."""
    return ApiError(
        400,
        "InvalidSenderUserName",
        f"Invalid email sender username: '{sender.local}'. Please use a username from the list "
        "of valid usernames configured by your admin.",
        reason=f"sender_not_registered: {sender} is not among the senders of its domain",
    )


def too_many_requests(wait: float, reason: str) -> ApiError:
    """A rate window is full; ``wait``: seconds until there is room again."""
    return ApiError(
        429,
        "TooManyRequests",
        "The number of requests exceeded the limit of the subscription. Please try again later.",
        headers={"retry-after": str(max(1, math.ceil(wait)))},
        reason=reason,
    )


def too_large(limit: int) -> ApiError:
    """The message that was made from the request is too large."""
    return ApiError(
        413,
        "RequestEntityTooLarge",
        f"The message is larger than {limit} bytes, attachments included.",
        reason=f"too_large: {limit} octets are allowed",
    )


def conflict() -> ApiError:
    """The Operation-Id belongs to another request."""
    return ApiError(
        409,
        "Conflict",
        "The Operation-Id was used for another request.",
        reason="operation_id_taken: the id was used with another body or resource",
    )


def operation_not_found(id: str) -> ApiError:
    """No operation has this id, or it belongs to another resource."""
    sentence = "The operation '{}' was not found."
    redacted = sentence.format(id if is_guid(id) else UNKNOWN)
    return QuotingApiError(404, "OperationNotFound", sentence.format(id[:80]), redacted)


def not_stored(reason: str) -> ApiError:
    """The store accepts nothing at the moment; clients retry."""
    return ApiError(
        503,
        "ServiceUnavailable",
        "The message could not be stored. Please try again later.",
        headers={"retry-after": "5"},
        reason=reason,
    )


def not_verified(reason: str) -> ApiError:
    """Who could verify the token does not answer; clients retry."""
    return ApiError(
        503,
        "ServiceUnavailable",
        "The token could not be verified. Please try again later.",
        headers={"retry-after": "5"},
        reason=reason,
    )


def unsupported_api_version(version: str, supported: str) -> ApiError:
    """Azure REST API Guidelines, api-version."""
    sentence = f"Unsupported api-version '{{}}'. The supported api-versions are '{supported}'."
    redacted = sentence.format(version if _VERSION.fullmatch(version) else UNKNOWN)
    return QuotingApiError(
        400, "UnsupportedApiVersionValue", sentence.format(version[:40]), redacted
    )
