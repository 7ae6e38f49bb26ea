"""Conversion of messages and deliveries of the queue to rows, and back."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final, TypedDict, TypeVar, get_args

import msgspec

from gatepost.model.address import Address
from gatepost.model.delivery import (
    Addressee,
    Attempt,
    Contact,
    Delivery,
    Fate,
    QueuedMessage,
    State,
)
from gatepost.model.envelope import BodyType, Envelope, Recipient, Ret
from gatepost.model.message import Submission
from gatepost.model.reply import EnhancedStatus, Reply
from gatepost.model.route import parse_next_hop
from gatepost.store.sqlite.queries import (
    microseconds,
    read_id,
    read_text,
    read_time,
    text_value,
)
from gatepost.store.sqlite.segments import BodyPlace

T = TypeVar("T")
_encode_quickly: Final = msgspec.json.Encoder().encode
_FATES: Final = frozenset(get_args(Fate))


class _Parameters(TypedDict, total=False):
    """The parameters of MAIL that are not the defaults."""

    body: BodyType
    smtputf8: bool
    size: int | None
    auth: str | None
    ret: Ret | None
    envid: str | None


_DEFAULTS: Final = tuple(
    [(name, getattr(Envelope(None), name)) for name in _Parameters.__annotations__]
)


def message_row(seq: int, submission: Submission, place: BodyPlace) -> tuple[Any, ...]:
    """Return the values for ``insert_message``."""
    in_segment = place.segment > 0
    return (
        seq,
        submission.id,
        microseconds(submission.received_at),
        _path(submission.envelope.sender),
        _parameters(submission.envelope),
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
    sender = read_text(mail_from)
    envelope = Envelope(_address(sender) if sender else None)
    is_damaged = False
    if parameters is not None:
        try:
            envelope = replace(envelope, **msgspec.convert(json.loads(parameters), _Parameters))
        except (ValueError, TypeError):
            is_damaged = True
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
        write_history(delivery.history),
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
    return Delivery(
        id=f"{message}.{part}",
        message=message,
        next_hop=parse_next_hop(read_text(hop)),
        addressees=_undamaged(read_addressees, addressees),
        state=state,
        due=None if due is None else read_time(due),
        expires_at=read_time(expires),
        notice_at=read_time(notice),
        attempts=attempts if isinstance(attempts, int) else 0,
        history=() if history is None else _undamaged(_read_history, history),
        warned=bool(warned),
        to_be_held=state == "leased" and bool(held),
    )


def write_addressees(addressees: Sequence[Addressee]) -> str:
    """Return addressees as JSON: those without parameters or replies as only the address."""
    return _encode([_addressee(each) for each in addressees])


def read_addressees(text: str) -> tuple[Addressee, ...]:
    """Return the addressees in JSON of ``write_addressees``."""
    return tuple([_read_addressee(each) for each in json.loads(text)])


def write_history(history: Sequence[Attempt]) -> str | None:
    """Return attempts as JSON; None if there are none."""
    if not history:
        return None
    return _encode(
        [
            (
                microseconds(each.at),
                _contact(each.contact),
                each.phase,
                _reply(each.reply),
                each.is_remote,
                each.seconds,
                each.times,
                None if each.since is None else microseconds(each.since),
                *((each.finding, each.advice) if each.finding or each.advice else ()),
            )
            for each in history
        ]
    )


def _encode(value: Any) -> str:
    """Return JSON. A server's text may contain octets that are not UTF-8, as lone surrogates."""
    try:
        return _encode_quickly(value).decode()
    except UnicodeEncodeError:
        return json.dumps(value)


def _undamaged(read: Callable[[str], tuple[T, ...]], text: str) -> tuple[T, ...]:
    try:
        return read(text)
    except (ValueError, TypeError, AttributeError, KeyError, OverflowError):
        return ()


def _read_history(text: str) -> tuple[Attempt, ...]:
    return tuple([_attempt(each) for each in json.loads(text)])


def _addressee(addressee: Addressee) -> Any:
    recipient, reply = addressee.recipient, addressee.reply
    address = str(recipient.address)
    wishes = recipient.notify or recipient.orcpt is not None
    if addressee.fate == "waiting" and reply is None and not wishes:
        return address
    return (
        address,
        sorted(recipient.notify),
        recipient.orcpt,
        addressee.fate,
        None if reply is None else _reply(reply),
    )


def _read_addressee(value: Any) -> Addressee:
    if isinstance(value, str):
        return Addressee(Recipient(_address(value)))
    address, notify, orcpt, fate, reply = value
    recipient = Recipient(_address(address), frozenset(notify), orcpt)
    if fate not in _FATES:  # damaged: a duplicate is better than a loss
        fate = "waiting"
    return Addressee(recipient, fate, None if reply is None else _read_reply(reply))


def _attempt(value: Any) -> Attempt:
    at, contact, phase, reply, is_remote, seconds, times, since, *diagnosis = value
    return Attempt(
        read_time(at),
        Contact(*contact),
        phase,
        _read_reply(reply),
        is_remote,
        seconds,
        times,
        None if since is None else read_time(since),
        *diagnosis,
    )


def _contact(contact: Contact) -> tuple[Any, ...]:
    return (
        contact.target, contact.host, contact.address, contact.tls, contact.verified,
        contact.mechanism, contact.identity,
    )  # fmt: skip


def _reply(reply: Reply) -> tuple[Any, ...]:
    status = None if reply.status is None else tuple(reply.status)
    return reply.code, reply.text, status, reply.reason


def _read_reply(value: Any) -> Reply:
    code, text, status, reason = value
    return Reply(code, text, None if status is None else EnhancedStatus(*status), reason)


def _path(address: Address | None) -> str | bytes:
    return text_value(str(address)) if address else ""


def _address(text: str) -> Address:
    """Read the text of an address; without an @ it is Postmaster."""
    local, at, domain = text.rpartition("@")
    return Address(local, domain) if at else Address(text, "")


def _parameters(envelope: Envelope) -> str | None:
    """Return the parameters of MAIL; None if there are none."""
    if envelope.is_plain:
        return None
    changed = {
        name: value for name, default in _DEFAULTS if (value := getattr(envelope, name)) != default
    }
    return _encode(changed) if changed else None
