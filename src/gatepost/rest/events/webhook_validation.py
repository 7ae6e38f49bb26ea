"""The handshake by which an endpoint confirms that it wants events.

Sources: Microsoft Learn, "Endpoint validation with Event Grid event schema", "Endpoint validation
with CloudEvents schema"; CloudEvents "HTTP 1.1 Web Hooks for Event Delivery" 4 (abuse protection).
"""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gatepost.rest.events.report_documents import METADATA_VERSION, ORIGIN, encode
from gatepost.rest.events.subscription import EventSubscription

VALIDATION: Final = "Microsoft.EventGrid.SubscriptionValidationEvent"
_VALIDATION_VERSION: Final = "2"


@dataclass(frozen=True, slots=True)
class EndpointResponse:
    """The response of an endpoint; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


def validation_event(
    subscription: EventSubscription, *, id: str, code: str, url: str, time: str
) -> bytes:
    """Return the array with the one event that asks an endpoint to echo ``code``.

    Instead, ``url`` can be opened within ten minutes; empty if there is none.
    """
    data = {"validationCode": code}
    if url:
        data["validationUrl"] = url
    return encode(
        [
            {
                "id": id,
                "topic": subscription.scope.lower(),
                "subject": "",
                "data": data,
                "eventType": VALIDATION,
                "eventTime": time,
                "metadataVersion": METADATA_VERSION,
                "dataVersion": _VALIDATION_VERSION,
            }
        ]
    ).encode()


def validation_headers(subscription: EventSubscription) -> Mapping[str, str]:
    """Return the headers of a validation event."""
    return {
        "content-type": "application/json; charset=utf-8",
        "aeg-subscription-name": subscription.name.upper(),
        "aeg-delivery-count": "0",
        "aeg-event-type": "SubscriptionValidation",
        "aeg-data-version": _VALIDATION_VERSION,
        "aeg-metadata-version": METADATA_VERSION,
    }


def preflight_headers(url: str) -> Mapping[str, str]:
    """Return the headers of an OPTIONS request; instead, ``url`` can be opened, if there is one."""
    headers = {"WebHook-Request-Origin": ORIGIN}
    if url:
        headers["WebHook-Request-Callback"] = url
    return headers


def judge_validation(response: EndpointResponse, code: str) -> bool | str:
    """Return True if the endpoint confirmed, False if it may still confirm by the URL, or why not.

    Only 200 counts, 202 does not. Names in the response are compared without regard to case,
    because Microsoft's own samples also use ``ValidationResponse``.
    """
    if response.status != 200:
        return f"it answered HTTP {response.status} to the validation event, not 200"
    try:
        document = json.loads(response.body)
    except (ValueError, RecursionError):
        return False
    if not isinstance(document, dict):
        return False
    echo = {str(name).lower(): value for name, value in document.items()}.get("validationresponse")
    if not isinstance(echo, str):
        return False
    if hmac.compare_digest(echo.encode("utf-8", "replace"), code.encode()):
        return True
    return "its validationResponse is not the validationCode"


def judge_preflight(response: EndpointResponse) -> bool | str:
    """Return the same for the response to OPTIONS: consent is a header field, never only the
    status."""
    allowed = response.headers.get("webhook-allowed-origin", "").strip().lower()
    if response.status >= 400:
        return f"it answered HTTP {response.status} to OPTIONS"
    if not allowed:
        return False
    if allowed in ("*", ORIGIN):
        return True
    return f"its WebHook-Allowed-Origin is not {ORIGIN}"
