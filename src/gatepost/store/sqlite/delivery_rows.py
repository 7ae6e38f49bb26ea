"""Conversion of messages and deliveries of the queue to rows, and back."""

from collections.abc import Sequence
from typing import Any

from gatepost.model.address import Address
from gatepost.model.delivery import Delivery, QueuedMessage, State
from gatepost.model.message import Submission
from gatepost.model.route import parse_next_hop
from gatepost.store.delivery_json import (
    read_addressees,
    read_envelope,
    read_history,
    undamaged,
    write_addressees,
    write_history,
    write_parameters,
)
from gatepost.store.sqlite.queries import read_id, read_text, text_value
from gatepost.store.sqlite.segments import BodyPlace
from gatepost.store.stored_values import microseconds, read_time


def message_row(seq: int, submission: Submission, place: BodyPlace) -> tuple[Any, ...]:
    """Return the values for ``insert_message``."""
    in_segment = place.segment > 0
    return (
        seq,
        submission.id,
        microseconds(submission.received_at),
        _path(submission.envelope.sender),
        write_parameters(submission.envelope),
        text_value(submission.subject),
        text_value(submission.message_id),
        text_value(submission.principal),
        submission.trace,
        place.size,
        place.checksum,
        place.segment if in_segment else None,
        place.offset if in_segment else None,
    )


def queued_message(row: Sequence[Any]) -> QueuedMessage:
    """Return the message in a row of ``get_message``."""
    _, id_, received_at, mail_from, parameters, subject, message_id, principal, trace, size = row
    envelope, is_damaged = read_envelope(read_text(mail_from), parameters)
    return QueuedMessage(
        read_id(id_),
        envelope,
        trace if isinstance(trace, bytes) else b"",
        read_time(received_at),
        read_text(principal),
        read_text(subject),
        read_text(message_id),
        size,
        is_damaged,
    )


def delivery_row(seq: int, part: int, delivery: Delivery, epoch: int | None) -> tuple[Any, ...]:
    """Return the values for ``insert_delivery``; with an epoch it is leased for the first time."""
    return (
        seq,
        part,
        delivery.next_hop.key,
        None if delivery.due is None else microseconds(delivery.due),
        epoch,
        int(epoch is not None),
        microseconds(delivery.expires_at),
        microseconds(delivery.notice_at),
        write_addressees(delivery.addressees),
    )


def settled_row(delivery: Delivery) -> tuple[Any, ...]:
    """Return the first values for ``settle``."""
    return (
        None if delivery.due is None else microseconds(delivery.due),
        delivery.state == "waiting",
        delivery.attempts,
        delivery.warned,
        microseconds(delivery.notice_at),
        write_addressees(delivery.addressees),
        write_history(delivery.history, delivery.reroutes),
    )


def delivery_of(row: Sequence[Any], owner: int) -> Delivery:
    """Return the delivery in a row; one that an earlier owner left leased is waiting.

    Damaged values are left out, so that mail of others need not wait for them.
    """
    message, part, hop, due, epoch, held, _, attempts, warned, expires, notice = row[:11]
    addressees, history = row[11:13]
    state: State = "settled"
    if due is not None:
        state = "waiting"
    elif epoch is not None and epoch == owner:
        state = "leased"
    elif held:
        state = "held"
    elif epoch is not None:
        state = "waiting"
    message = read_id(message)
    attempts_made, reroutes = read_history(history)
    return Delivery(
        id=f"{message}.{part}",
        message=message,
        next_hop=parse_next_hop(read_text(hop)),
        addressees=undamaged(read_addressees, addressees),
        state=state,
        due=None if due is None else read_time(due),
        expires_at=read_time(expires),
        notice_at=read_time(notice),
        attempts=attempts if isinstance(attempts, int) else 0,
        history=attempts_made,
        warned=bool(warned),
        to_be_held=state == "leased" and bool(held),
        reroutes=reroutes,
    )


def _path(address: Address | None) -> str | bytes:
    return text_value(str(address)) if address else ""
