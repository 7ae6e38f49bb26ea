"""The OpenAPI documents of both APIs on the console's listener."""

from importlib.metadata import version
from typing import Any

from gatepost.model.console_access import API_PREFIX
from gatepost.rest.console_api.endpoint_table import ENDPOINTS as CONSOLE
from gatepost.rest.inboxes.face import ENDPOINTS as INBOXES
from gatepost.rest.mailbox import MAILBOX_PREFIXES
from gatepost.rest.mailbox.endpoints import ENDPOINTS as MAILBOX
from gatepost.rest.openapi import ApiStyle, describe_api


def describe_own_api() -> dict[str, Any]:
    """Return the document of Gatepost's own API."""
    style = ApiStyle("Gatepost's own API", version("gatepost"), (API_PREFIX,), refuses_in_json=True)
    return describe_api(style, (*INBOXES, *CONSOLE))


def describe_mailbox_api() -> dict[str, Any]:
    """Return the document of the mailbox API."""
    style = ApiStyle(
        "Mailbox API, compatible with Mailpit v1.30.5",
        version("gatepost"),
        MAILBOX_PREFIXES,
        refuses_in_json=False,
        takes_forms=True,
        refuses_with_error=frozenset({"/api/v1/send"}),
    )
    return describe_api(style, MAILBOX)
