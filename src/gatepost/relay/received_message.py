"""Prepares a received message for the store: its content, its trace fields, and what its header
says."""

from dataclasses import replace
from typing import Any

from gatepost.mime.dates import format_date
from gatepost.mime.header_summary import read_summary
from gatepost.mime.received import Hop, received
from gatepost.model.envelope import Envelope
from gatepost.model.message import Submission
from gatepost.net.server_stream import ServerStream
from gatepost.relay.shared_by_connections import Relay
from gatepost.relay.spool import Spool
from gatepost.wire.server.events import Message
from gatepost.wire.server.session import Session


def hop_of(session: Session, stream: ServerStream, before: Hop | None) -> Hop:
    """Return the facts for the Received field; ``before`` itself if nothing has changed."""
    signed_in = session.signed_in_as is not None
    facts = session.peer_name, session.protocol, signed_in, session.encrypted
    if before is not None and facts == (
        before.peer_name, before.protocol, before.signed_in, before.cipher != "",
    ):  # fmt: skip
        return before
    return Hop(
        peer_name=session.peer_name,
        peer_address=stream.peer_address,
        protocol=session.protocol,
        host=session.setting.host,
        cipher=stream.tls.cipher if stream.tls is not None else "",
        signed_in=signed_in,
    )


def receive_message(
    relay: Relay, session: Session, hop: Hop, event: Message, spool: Spool, head: bytes
) -> Submission:
    """Return the message with its id and Received field. ``head`` is that of the content."""
    envelope = event.envelope
    summary = read_summary(head)
    id_, now = relay.next_id(), relay.now()
    principal = session.signed_in_as
    if relay.router is not None:  # the next server may trust it
        is_checked = principal is not None and session.profile.checks_sender
        envelope = with_proven_auth(envelope, is_checked=is_checked)
    return Submission(
        id=id_,
        envelope=envelope,
        body=spool.body(event.traits),
        trace=received(hop, id_, format_date(now.replace(microsecond=0)), utf8=envelope.smtputf8),
        received_at=now,
        principal=principal.name if principal else "",
        subject=summary.subject,
        message_id=summary.message_id,
        application=principal.application_id if principal else "",
    )


def with_proven_auth(envelope: Envelope, *, is_checked: bool) -> Envelope:
    """Return the envelope with an AUTH= that claims only what we know (RFC 4954 5).

    ``is_checked``: the client has signed in, and may send as the envelope's sender. Nothing is
    proven about any other sender that it names, so that becomes ``AUTH=<>``.
    """
    if envelope.auth is None or (is_checked and envelope.auth == str(envelope.sender)):
        return envelope
    return replace(envelope, auth="<>")


def log_facts(submission: Submission) -> dict[str, Any]:
    """Return what the log event about an accepted message contains."""
    envelope = submission.envelope
    return {
        "id": submission.id,
        "principal": submission.principal,
        "mail_from": str(envelope.sender or ""),
        "rcpt_to": [str(recipient.address) for recipient in envelope.recipients],
        "size": submission.body.size,
    }
