"""The endpoints of Gatepost's own API, one per line, with the role that each needs.

The operations are those of the control socket, so that the API answers with the same JSON as
``gatepost ... --json`` (``docs/reference/json.md``).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from gatepost.model.console_access import ConsoleEndpoint as Endpoint

EVENTS: Final = "console.events"
"""The operation of the stream, which the API answers itself."""
_PAGE: Final = ("limit", "after")
"""The query of a list."""


class QueueChoice(msgspec.Struct, forbid_unknown_fields=True):
    """Deliveries: those with these ids, or those of a next hop or in a state, or all."""

    ids: list[str] | None = None
    next_hop: str | None = None
    state: str | None = None


class AdvanceClock(msgspec.Struct, forbid_unknown_fields=True):
    """By how many seconds the clock moves forward."""

    seconds: float


class LogText(msgspec.Struct, forbid_unknown_fields=True):
    """A log; the library that wrote it, and the server that it is about, if they are known."""

    text: str
    client: str = ""
    server: str = ""


class ProbeRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A server to check, as a library would connect to it. There is no password."""

    host: str
    tls: str | None = None
    as_: str | None = msgspec.field(default=None, name="as")


Rule = dict[str, Any]
"""A rule of scripted failures; its operation names all mistakes in it."""

# fmt: off
ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    Endpoint("GET", "/sessions", "support", "sessions.list",
             "List SMTP sessions, newest first.",
             query=("refused", "app", "peer", "message", *_PAGE)),
    Endpoint("GET", "/sessions/{id}", "support", "sessions.show",
             "Show a session's transcript, and why it was refused."),
    Endpoint("GET", "/refusals", "support", "sessions.refusals",
             "List refused logins by user name and reason, with cause and fix.", query=_PAGE),
    Endpoint("GET", "/applications", "viewer", "directory.app list",
             "List the applications that may sign in.", query=_PAGE),
    Endpoint("GET", "/queue", "viewer", "queue.list",
             "List deliveries, newest message first.", query=("next_hop", "state", *_PAGE)),
    Endpoint("GET", "/queue/{id}", "support", "queue.show",
             "Show the deliveries of a message, with their last attempts."),
    Endpoint("GET", "/queue/{id}/why", "support", "queue.why",
             "Explain why a message waits."),
    Endpoint("POST", "/queue/retry", "support", "queue.retry",
             "Try waiting deliveries now.", body=QueueChoice),
    Endpoint("POST", "/queue/hold", "operator", "queue.hold",
             "Hold deliveries.", body=QueueChoice),
    Endpoint("POST", "/queue/release", "operator", "queue.release",
             "Release deliveries that are held.", body=QueueChoice),
    Endpoint("POST", "/queue/drop", "operator", "queue.drop",
             "Drop deliveries without notifying anybody.", body=QueueChoice),
    Endpoint("GET", "/next-hops", "viewer", "next_hops.list",
             "List next hops with their numbers of deliveries, rates and latencies.", query=_PAGE),
    Endpoint("GET", "/next-hops/{key:path}/series", "viewer", "next_hops.series",
             "Return a metric of a next hop over time.", query=("metric", "from", "step")),
    Endpoint("GET", "/upstreams", "viewer", "upstreams.list",
             "List the targets of mail, and their state.", query=_PAGE),
    Endpoint("GET", "/reports", "support", "events.events_list",
             "List delivery reports.", query=("message", *_PAGE)),
    Endpoint("GET", "/webhooks", "support", "events.webhook_list",
             "List webhooks.", query=_PAGE),
    Endpoint("GET", "/suppressed", "support", "events.suppression_list",
             "List suppressed recipients.", query=_PAGE),
    Endpoint("GET", "/outcomes", "support", "events.outcome_list",
             "List scripted outcomes.", query=_PAGE),
    Endpoint("GET", "/clock", "viewer", "clock.show", "Show the time of the server."),
    Endpoint("POST", "/clock/advance", "admin", "clock.advance",
             "Move the clock forward.", body=AdvanceClock),
    Endpoint("GET", "/rules", "support", "failures.list",
             "List rules of scripted failures.", query=("lane", "unfired", *_PAGE)),
    Endpoint("GET", "/rules/fired", "support", "failures.fired",
             "List what rules did.", query=("rule", "lane", *_PAGE)),
    Endpoint("GET", "/rules/{id}", "support", "failures.show", "Show a rule.", query=("lane",)),
    Endpoint("POST", "/rules", "admin", "failures.add", "Add a rule.", body=Rule),
    Endpoint("PUT", "/rules/{id}", "admin", "failures.replace", "Replace a rule.",
             query=("lane",), body=Rule),
    Endpoint("DELETE", "/rules", "admin", "failures.delete",
             "Delete all rules of a lane, or those without one.", query=("lane",)),
    Endpoint("DELETE", "/rules/{id}", "admin", "failures.delete", "Delete a rule.",
             query=("lane",)),
    Endpoint("POST", "/rules/reset", "admin", "failures.reset",
             "Reset the counters of all rules of a lane, or of those without one.",
             query=("lane",)),
    Endpoint("POST", "/rules/{id}/reset", "admin", "failures.reset",
             "Reset the counters of a rule.", query=("lane",)),
    Endpoint("POST", "/doctor/log", "support", "doctor.log",
             "Find the cause in a log.", body=LogText),
    Endpoint("POST", "/doctor/probe", "operator", "doctor.probe",
             "Check a server, without a login; returns a job.", body=ProbeRequest),
    Endpoint("GET", "/doctor/jobs/{id}", "operator", "doctor.job",
             "Show a check of a server, and its result."),
    Endpoint("GET", "/events", "viewer", EVENTS,
             "Stream what happens, as server-sent events.", query=("types", "inbox", "after")),
)
# fmt: on
PAGED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "directory.app list": "apps",
        "next_hops.list": "next_hops",
        "upstreams.list": "upstreams",
        "events.events_list": "events",
        "events.webhook_list": "webhooks",
        "events.suppression_list": "suppressed",
        "events.outcome_list": "outcomes",
        "failures.list": "rules",
    }
)  # fmt: skip
"""The lists that the API divides into pages, by their operation: the key of the list."""
