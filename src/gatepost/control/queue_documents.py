"""The queue as JSON (docs/reference/json.md)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from gatepost.model.delivery import Addressee, Attempt, Delivery, QueuedMessage, Takeover
from gatepost.model.reply import Reply
from gatepost.model.rfc3339 import utc_text
from gatepost.queue.deliveries_contract import QueueCount
from gatepost.queue.message_selection import decode_subject
from gatepost.queue.why import Why

Document = dict[str, Any]


def delivery_document(
    delivery: Delivery, next_attempt: datetime | None, targets: Sequence[str]
) -> Document:
    """Return a delivery as a listing shows it.

    ``targets`` are the names of its route's targets, empty if the route is unknown.
    """
    return {
        "id": delivery.id,
        "message": delivery.message,
        "state": delivery.state,
        "node": delivery.node or None,
        "taken_over": takeover_document(delivery.takeover),
        "rerouted": reroute_document(delivery),
        "next_hop": delivery.next_hop.key,
        "target": target_of(delivery, targets),
        "recipients": [_recipient(each) for each in delivery.addressees],
        "attempts": delivery.attempts,
        "next_attempt": None if next_attempt is None else utc_text(next_attempt),
        "expires_at": utc_text(delivery.expires_at),
        "last_attempt": attempt_document(delivery.history[-1]) if delivery.history else None,
    }


def target_of(delivery: Delivery, targets: Sequence[str]) -> str | None:
    """Return the target that an operator has chosen; else that of the last attempt; before the
    first one, the first of its route."""
    if delivery.next_hop.target:
        return delivery.next_hop.target
    last = delivery.history[-1].contact.target if delivery.history else ""
    return last or next(iter(targets), None)


def takeover_document(takeover: Takeover | None) -> Document | None:
    """Return which node took over a delivery from which; None: none did."""
    if takeover is None:
        return None
    after = takeover.after or None
    return {"from": takeover.before, "by": after, "at": utc_text(takeover.at)}


def reroute_document(delivery: Delivery) -> Document | None:
    """Return who has sent a delivery to another target; None: nobody has."""
    if not delivery.reroutes:
        return None
    last = delivery.reroutes[-1]
    at, by = utc_text(last.at), _text(last.by) or None
    return {"at": at, "by": by, "from": last.before, "to": last.target}


def message_document(message: QueuedMessage) -> Document:
    """Return a message without its body."""
    sender = message.envelope.sender
    return {
        "id": message.id,
        "received_at": utc_text(message.received_at),
        "mail_from": "" if sender is None else _text(str(sender)),
        "subject": decode_subject(message.subject),
        "message_id": _text(message.message_id),
        "size": message.size,
        "principal": _text(message.principal),
    }


def attempt_document(attempt: Attempt) -> Document:
    """Return the result of one attempt, or of several equal ones in a row."""
    contact = attempt.contact
    return {
        "at": utc_text(attempt.at),
        "times": attempt.times,
        "since": None if attempt.since is None else utc_text(attempt.since),
        "target": contact.target,
        "host": contact.host,
        "address": contact.address,
        "tls": contact.tls,
        "mechanism": contact.mechanism,
        "identity": _text(contact.identity),
        "phase": attempt.phase,
        "reply": reply_document(attempt.reply),
        "remote": attempt.is_remote,
        "reason": _text(attempt.reply.reason),
        "seconds": round(attempt.seconds, 3),
        "finding": attempt.finding or None,
        "advice": _text(attempt.advice),
    }


def why_document(delivery: Delivery, why: Why) -> Document:
    """Return why a delivery is where it is."""
    return {
        "id": delivery.id,
        "state": delivery.state,
        "node": delivery.node or None,
        "taken_over": takeover_document(delivery.takeover),
        "rerouted": reroute_document(delivery),
        "next_hop": delivery.next_hop.key,
        "sentence": _text(why.sentence),
        "replies": [_text(each) for each in why.replies],
        "next_attempt": None if why.next_attempt is None else utc_text(why.next_attempt),
        "expires_at": utc_text(delivery.expires_at),
        "finding": why.finding or None,
        "advice": _text(why.advice),
    }


def count_document(counts: dict[str, QueueCount]) -> list[Document]:
    """Return the numbers of deliveries for each next hop."""
    return [
        {"next_hop": key, "waiting": each.waiting, "leased": each.leased, "held": each.held}
        for key, each in sorted(counts.items())
    ]


def reply_document(reply: Reply) -> Document:
    """Return a reply as every command shows one."""
    status = None if reply.status is None else str(reply.status)
    return {"code": reply.code, "status": status, "text": _text(reply.text)}


def _recipient(addressee: Addressee) -> Document:
    return {
        "address": _text(str(addressee.recipient.address)),
        "fate": addressee.fate,
        "reply": None if addressee.reply is None else reply_document(addressee.reply),
    }


def _text(text: str) -> str:
    """Return text for JSON: octets that are not UTF-8 become replacement characters."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
