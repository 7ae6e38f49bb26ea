"""The endpoints of Gatepost's own API, one per line, with the role that each needs.

The operations are those of the control socket, so that the API answers with the same JSON as
``gatepost ... --json`` (``docs/reference/json.md``).
"""

from typing import Final

from gatepost.model.console_access import ConsoleEndpoint as Endpoint

_PAGE: Final = ("limit", "after")
"""The query of a list."""

# fmt: off
ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    Endpoint("GET", "/sessions", "support", "sessions.list", "List SMTP sessions, newest first.",
             query=("refused", "app", "peer", "message", *_PAGE)),
    Endpoint("GET", "/sessions/{id}", "support", "sessions.show", "Show a session's transcript."),
    Endpoint("GET", "/refusals", "support", "sessions.refusals",
             "List refused logins by user name and reason, with cause and fix.", query=_PAGE),
)
# fmt: on
