"""What would be sent of a message, and to whom, without sending it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from gatepost.mime.rewritten_author import FieldChange, split_header
from gatepost.model.address import Address
from gatepost.model.body import Body
from gatepost.model.delivery import Planned
from gatepost.model.envelope import Envelope
from gatepost.model.fast_dataclass import dataclass
from gatepost.model.message import Submission
from gatepost.model.reply import Reply
from gatepost.model.route import (
    GraphTarget,
    HttpApiTarget,
    SmarthostTarget,
    Target,
    send_as_of,
)
from gatepost.relay.routes import Routes
from gatepost.relay.transport.graph import LARGEST
from gatepost.relay.transport.message_fitting import read_header
from gatepost.relay.transport.sender_rewriting import RewrittenMessage, rewrite_sender

_DOMAIN: Final = re.compile(rb"(?:^|;)[ \t\r\n]*d[ \t\r\n]*=[ \t\r\n]*([^;\s]{1,255})")


@dataclass(frozen=True, slots=True)
class TargetPreview:
    """The message as one target would get it."""

    target: str
    server: str
    """The first server, or the URL of an API; empty for others."""
    sender: str
    """MAIL FROM; empty: the null sender."""
    size: int
    """Octets, without the trace fields of the relay."""
    changes: tuple[FieldChange, ...] = ()
    broken_signatures: tuple[str, ...] = ()
    """The domains whose DKIM signatures do not hold behind these changes."""
    problem: str = ""
    """Why this target cannot get it; empty if nothing is known that speaks against it."""


@dataclass(frozen=True, slots=True)
class DeliveryPreview:
    """One delivery: some of the recipients, and the targets that are tried in turn."""

    next_hop: str
    recipients: tuple[str, ...]
    targets: tuple[TargetPreview, ...]


@dataclass(frozen=True, slots=True)
class DryRun:
    """What becomes of a message."""

    deliveries: tuple[DeliveryPreview, ...]
    unroutable: tuple[str, ...]
    """The recipients that no route accepts."""


def dry_run(routes: Routes, submission: Submission, bounces: Mapping[str, str]) -> DryRun:
    """Return what would be sent by these routes. Reads the header of the message.

    ``bounces`` has, by the names of targets, the domain of the addresses that replace the sender
    there; the local part of such a one is shown as ``*``.
    """
    groups = routes.plan(submission)
    previews = [_delivery(routes, submission, each, bounces) for each in groups.planned]
    return DryRun(tuple(previews), tuple([str(each.address) for each in groups.unroutable]))


def _delivery(
    routes: Routes, submission: Submission, planned: Planned, bounces: Mapping[str, str]
) -> DeliveryPreview:
    envelope = submission.envelope.addressed_to(planned.recipients)
    route = routes.named(planned.next_hop.route)
    chain: Sequence[Target] = route.chain if route else ()
    return DeliveryPreview(
        planned.next_hop.key,
        tuple([str(each.address) for each in planned.recipients]),
        tuple(
            [
                _preview(each, _marked(envelope, bounces.get(each.name)), submission.body)
                for each in chain
            ]
        ),
    )


def _marked(envelope: Envelope, bounce_domain: str | None) -> Envelope:
    if bounce_domain is None or envelope.sender is None:
        return envelope
    return replace(envelope, sender=Address("*", bounce_domain))


def _preview(target: Target, envelope: Envelope, body: Body) -> TargetPreview:
    send_as = send_as_of(target)
    sent = rewrite_sender(envelope, body, send_as) if send_as else RewrittenMessage(envelope, body)
    if isinstance(sent, Reply):
        problem = f"{sent.text}: {sent.reason}"
        sender = str(envelope.sender or "")
        return TargetPreview(target.name, _server(target), sender, body.size, problem=problem)
    return TargetPreview(
        target.name,
        _server(target),
        str(sent.envelope.sender or ""),
        sent.body.size,
        sent.changes,
        _signers(body) if sent.changes else (),
        _too_large(target, sent.body.size),
    )


def _server(target: Target) -> str:
    if isinstance(target, SmarthostTarget):
        return f"{target.servers[0].host}:{target.servers[0].port}" if target.servers else ""
    endpoint: str = getattr(target, "endpoint", "")
    return endpoint


def _signers(body: Body) -> tuple[str, ...]:
    fields = [each for each in split_header(read_header(body)) if each.name == b"dkim-signature"]
    found = [match[1] for each in fields if (match := _DOMAIN.search(each.value))]
    return tuple(dict.fromkeys([each.decode("ascii", "replace").lower() for each in found]))


def _too_large(target: Target, size: int) -> str:
    most: int | None = None
    if isinstance(target, GraphTarget):
        most = LARGEST // 4 * 3
    elif isinstance(target, HttpApiTarget):
        most = target.message_size
    if most is None or size <= most:
        return ""
    return f"the message has {size} octets, and {target.name} takes {most}: it is not sent there"
