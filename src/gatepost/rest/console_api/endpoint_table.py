"""The endpoints of Gatepost's own API, one per line, with the role that each needs.

The operations are those of the control socket, so that the API answers with the same JSON as
``gatepost ... --json`` (``docs/reference/json.md``).
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, Literal

import msgspec

from gatepost.model.console_access import ConsoleEndpoint as Endpoint

EVENTS: Final = "console.events"
"""The operation of the stream, which the API answers itself."""
_SELECTORS: Final = (
    "target", "next_hop", "sender", "recipient", "older_than", "newer_than", "cause", "state",
)  # fmt: skip
"""The query of the queue."""
_PAGE: Final = ("limit", "after")
"""The query of a list."""


class QueueChoice(msgspec.Struct, forbid_unknown_fields=True):
    """Deliveries: those with these ids, those that all selectors match, or all."""

    ids: list[str] | None = None
    all: bool | None = None
    target: str | None = None
    next_hop: str | None = None
    sender: str | None = None
    """An address or ``@domain``, in which ``*`` is any characters; ``<>``: the null sender."""
    recipient: str | None = None
    older_than: float | None = None
    """Seconds since the message was accepted."""
    newer_than: float | None = None
    cause: str | None = None
    """The id of the doctor's finding about the last attempt."""
    state: str | None = None
    dry_run: bool | None = None
    """Change nothing, and return how many are selected."""


class HoldChoice(QueueChoice):
    """The same; ``undoable``: the response says with what ``undo`` the hold can be undone."""

    undoable: bool | None = None


class ReleaseChoice(QueueChoice):
    """The same, or exactly what the hold with this ``undo`` has changed."""

    undo: str | None = None


class RerouteChoice(QueueChoice, kw_only=True):
    """The same, and the name of the target that they are sent to."""

    to: str


class AdvanceClock(msgspec.Struct, forbid_unknown_fields=True):
    """By how many seconds the clock moves forward."""

    seconds: float


class LogText(msgspec.Struct, forbid_unknown_fields=True):
    """A log; the library that wrote it, and the server that it is about, if they are known."""

    text: str
    client: str = ""
    server: str = ""
    keep: bool | None = None
    """Return a job, whose evidence can be saved."""


class ProbeRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A server to check, as a library would connect to it. There is no password."""

    host: str
    tls: str | None = None
    as_: str | None = msgspec.field(default=None, name="as")


class UpstreamServer(msgspec.Struct, forbid_unknown_fields=True):
    """HOST:PORT of a target that has several servers; the first one by default."""

    server: str | None = None


Fields = dict[str, Any]
"""The fields of an operation, as its command has them (``docs/reference/cli.md``)."""
Rule = dict[str, Any]
"""A rule of scripted failures, or its ``line``; its operation names all mistakes in it."""


class PlaceOfRule(msgspec.Struct, forbid_unknown_fields=True):
    """The rule that is asked next; empty: the moved one is the last."""

    before: str = ""


class RefusedShare(msgspec.Struct, forbid_unknown_fields=True):
    """The percentage that is refused, and the code; 0 is the usual one."""

    percent: int = 0
    code: int = 0


class ChaosSwitches(msgspec.Struct, forbid_unknown_fields=True):
    """Which commands are refused how often; those that are left out stay."""

    sender: RefusedShare | None = None
    recipient: RefusedShare | None = None
    authentication: RefusedShare | None = None


class NewKey(msgspec.Struct, forbid_unknown_fields=True):
    """Which access key of a resource is replaced."""

    regenerate: Literal["primary", "secondary"]


_PLURALS: Final[Mapping[str, str]] = {
    "tenant": "tenants", "app": "apps", "secret": "secrets", "role": "roles",
    "resource": "resources", "domain": "domains", "sender": "senders",
    "smtp-username": "smtp-usernames", "account": "accounts",
}  # fmt: skip
"""The kinds of objects of the directory, with the names of their lists."""


def _directory_endpoints() -> Iterator[Endpoint]:
    """Yield the endpoints of each kind of objects; the path has an id or a name."""
    for noun, plural in _PLURALS.items():
        path, one = f"/directory/{plural}", f"/directory/{plural}/{{name:path}}"
        of, within = f"directory.{noun}", () if noun == "account" else ("parent",)
        yield Endpoint("GET", path, "admin", f"{of} list", f"List {plural}.", (*within, *_PAGE))
        yield Endpoint(
            "POST", path, "admin", f"{of} create", f"Create one of {plural}.", body=Fields
        )
        for verb, summary in _VERBS.get(noun, {}).items():
            body = NewKey if verb == "keys" else Fields
            yield Endpoint("POST", f"{one}/{verb}", "admin", f"{of} {verb}", summary, body=body)
        yield Endpoint("GET", one, "admin", f"{of} show", f"Show one of {plural}.", within)
        yield Endpoint("DELETE", one, "admin", f"{of} delete", f"Delete one of {plural}.", within)


_VERBS: Final[Mapping[str, Mapping[str, str]]] = {
    "role": {
        "assign": "Assign a role to an application.",
        "unassign": "Delete the assignment of a role to an application.",
    },
    "resource": {
        "link": "Permit a resource to send from a domain.",
        "unlink": "Forbid a resource to send from a domain.",
        "keys": "Replace an access key of a resource, and return the keys.",
    },
    "domain": {"verify": "Verify a domain, as the profile says, by DNS or by hand."},
    "account": {"set-password": "Change the password of an account."},
}
"""What else is done with an object."""

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
             "List deliveries, newest message first.", query=(*_SELECTORS, *_PAGE)),
    Endpoint("GET", "/queue/ages", "viewer", "queue.ages",
             "Count deliveries by age, in rows by target, next hop, domain or cause.",
             query=("by", "rows", *_SELECTORS)),
    Endpoint("GET", "/queue/{id}", "support", "queue.show",
             "Show the deliveries of a message, with their last attempts."),
    Endpoint("GET", "/queue/{id}/why", "support", "queue.why",
             "Explain why a message waits."),
    Endpoint("POST", "/queue/retry", "support", "queue.retry",
             "Try waiting deliveries now.", body=QueueChoice),
    Endpoint("POST", "/queue/hold", "operator", "queue.hold",
             "Hold deliveries.", body=HoldChoice),
    Endpoint("POST", "/queue/release", "operator", "queue.release",
             "Release deliveries that are held.", body=ReleaseChoice),
    Endpoint("POST", "/queue/drop", "operator", "queue.drop",
             "Drop deliveries without notifying anybody.", body=QueueChoice),
    Endpoint("POST", "/queue/reroute", "operator", "queue.reroute",
             "Send waiting and held deliveries to another target.", body=RerouteChoice),
    Endpoint("GET", "/next-hops", "viewer", "next_hops.list",
             "List next hops with their numbers of deliveries, rates and latencies.", query=_PAGE),
    Endpoint("GET", "/next-hops/{key:path}/series", "viewer", "next_hops.series",
             "Return a metric of a next hop over time.", query=("metric", "from", "step")),
    Endpoint("GET", "/upstreams", "viewer", "upstreams.list",
             "List the targets of mail, and their state.", query=_PAGE),
    Endpoint("POST", "/upstreams/{name}/probe", "operator", "upstreams.probe",
             "Check a server of a target, without a login; returns a job.", body=UpstreamServer),
    Endpoint("POST", "/upstreams/{name}/retry", "support", "upstreams.retry",
             "End the pauses of a target, and try its mail now."),
    Endpoint("GET", "/reports", "support", "events.events_list",
             "List delivery reports.", query=("message", *_PAGE)),
    Endpoint("GET", "/webhooks", "support", "events.webhook_list",
             "List webhooks.", query=_PAGE),
    Endpoint("GET", "/suppressed", "support", "events.suppression_list",
             "List suppressed recipients.", query=_PAGE),
    Endpoint("GET", "/outcomes", "support", "events.outcome_list",
             "List scripted outcomes.", query=_PAGE),
    Endpoint("POST", "/reports/simulate", "admin", "events.events_simulate",
             "Simulate that a recipient opened a message, or followed a link.", body=Fields),
    Endpoint("POST", "/reports/resend", "admin", "events.events_resend",
             "Send reports again to the webhooks that want them.", body=Fields),
    Endpoint("POST", "/webhooks", "admin", "events.webhook_create",
             "Create a webhook, after its endpoint has consented.", body=Fields),
    Endpoint("GET", "/webhooks/{name}", "support", "events.webhook_show",
             "Show a webhook and its dead letters.", query=("resource",)),
    Endpoint("DELETE", "/webhooks/{name}", "admin", "events.webhook_delete",
             "Delete a webhook.", query=("resource",)),
    Endpoint("POST", "/suppressed", "admin", "events.suppression_add",
             "Put recipients on the managed list, until they are taken off it.", body=Fields),
    Endpoint("POST", "/suppressed/delete", "admin", "events.suppression_delete",
             "Take recipients off the managed list.", body=Fields),
    Endpoint("POST", "/outcomes", "admin", "events.outcome_set",
             "Script the outcome of mail to an address or a domain.", body=Fields),
    Endpoint("DELETE", "/outcomes/{name}", "admin", "events.outcome_delete",
             "Delete a scripted outcome."),
    Endpoint("GET", "/log", "support", "log.list",
             "List what happened, newest first.", query=("level", "event", "text", *_PAGE)),
    Endpoint("GET", "/server", "viewer", "server.show",
             "Show what this server is, and how much it stores."),
    Endpoint("GET", "/clock", "viewer", "clock.show", "Show the time of the server."),
    Endpoint("GET", "/exchange", "admin", "directory.exchange show",
             "Show the organisation of an emulated Exchange Online."),
    Endpoint("GET", "/exchange/steps", "admin", "directory.exchange steps",
             "List the steps of its set-up."),
    Endpoint("PUT", "/exchange", "admin", "directory.exchange apply",
             "Replace the organisation.", body=Fields),
    Endpoint("POST", "/exchange/break", "admin", "directory.exchange break",
             "Undo a step.", body=Fields),
    Endpoint("POST", "/exchange/mend", "admin", "directory.exchange mend",
             "Take a step again.", body=Fields),
    Endpoint("POST", "/exchange/use", "admin", "directory.exchange use",
             "Choose how the application gets access to the mailbox.", body=Fields),
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
    Endpoint("POST", "/rules/check", "support", "failures.check",
             "Find the mistakes in a rule, without adding it.", body=Rule),
    Endpoint("POST", "/rules/pause", "admin", "failures.pause",
             "Ask no rule of a lane, or none without one.", query=("lane",)),
    Endpoint("POST", "/rules/resume", "admin", "failures.resume",
             "Ask all rules of a lane again, or those without one.", query=("lane",)),
    Endpoint("POST", "/rules/{id}/pause", "admin", "failures.pause",
             "Do not ask a rule until it is resumed.", query=("lane",)),
    Endpoint("POST", "/rules/{id}/resume", "admin", "failures.resume",
             "Ask a rule again.", query=("lane",)),
    Endpoint("POST", "/rules/{id}/move", "admin", "failures.move",
             "Let a rule be asked before another one.", query=("lane",), body=PlaceOfRule),
    Endpoint("GET", "/chaos", "support", "failures.chaos",
             "Show which share of commands is refused.", query=("lane",)),
    Endpoint("PUT", "/chaos", "admin", "failures.chaos",
             "Refuse a share of senders, recipients or logins.", query=("lane",),
             body=ChaosSwitches),
    Endpoint("POST", "/doctor/log", "support", "doctor.log",
             "Find the cause in a log.", body=LogText),
    Endpoint("POST", "/doctor/probe", "operator", "doctor.probe",
             "Check a server, without a login; returns a job.", body=ProbeRequest),
    Endpoint("GET", "/doctor/jobs/{id}", "support", "doctor.job",
             "Show a check of a server or a log that was kept, and its result."),
    Endpoint("GET", "/doctor/jobs/{id}/evidence", "support", "doctor.evidence",
             "Return the evidence of a job, to be saved."),
    Endpoint("GET", "/doctor/findings/{id}", "viewer", "doctor.explain",
             "Explain a finding, and its fix in a library.", query=("as",)),
    *_directory_endpoints(),
    Endpoint("GET", "/events", "viewer", EVENTS,
             "Stream what happens, as server-sent events.", query=("types", "inbox", "after")),
)
# fmt: on
PAGED: Final[Mapping[str, str]] = MappingProxyType(
    {
        **{f"directory.{noun} list": plural.replace("-", "_") for noun, plural in _PLURALS.items()},
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
