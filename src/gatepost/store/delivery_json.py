"""Envelopes, recipients and attempts as JSON, in which stores keep them."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final, TypedDict, TypeVar, get_args

import msgspec

from gatepost.model.address import Address
from gatepost.model.delivery import Addressee, Attempt, Contact, Fate, Reroute
from gatepost.model.envelope import BodyType, Envelope, Recipient, Ret
from gatepost.model.reply import EnhancedStatus, Reply
from gatepost.store.stored_values import microseconds, read_time

T = TypeVar("T")
_encode_quickly: Final = msgspec.json.Encoder().encode
_DAMAGES: Final = (ValueError, TypeError, AttributeError, KeyError, OverflowError)
"""What is raised by JSON that is not what was written."""
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


def write_parameters(envelope: Envelope) -> str | None:
    """Return the parameters of MAIL as JSON; None if there are none."""
    if envelope.is_plain:
        return None
    changed = {
        name: value for name, default in _DEFAULTS if (value := getattr(envelope, name)) != default
    }
    return _encode(changed) if changed else None


def read_envelope(sender: str, parameters: str | None) -> tuple[Envelope, bool]:
    """Return an envelope without recipients, and whether its parameters are damaged."""
    envelope = Envelope(_address(sender) if sender else None)
    if parameters is None:
        return envelope, False
    try:
        return replace(envelope, **msgspec.convert(json.loads(parameters), _Parameters)), False
    except (ValueError, TypeError):
        return envelope, True


def write_addressees(addressees: Sequence[Addressee]) -> str:
    """Return addressees as JSON: those without parameters or replies as only the address."""
    return _encode([_addressee(each) for each in addressees])


def read_addressees(text: str) -> tuple[Addressee, ...]:
    """Return the addressees in JSON of ``write_addressees``."""
    return tuple([_read_addressee(each) for each in json.loads(text)])


def write_history(history: Sequence[Attempt], reroutes: Sequence[Reroute] = ()) -> str | None:
    """Return attempts as JSON, and reroutes behind them as objects; None if there are none."""
    if not (history or reroutes):
        return None
    orders = [
        {"at": microseconds(each.at), "by": each.by, "from": each.before, "to": each.target}
        for each in reroutes
    ]
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
        + orders
    )


def _encode(value: Any) -> str:
    """Return JSON. A server's text may contain octets that are not UTF-8, as lone surrogates."""
    try:
        return _encode_quickly(value).decode()
    except UnicodeEncodeError:
        return json.dumps(value)


def undamaged(read: Callable[[str], tuple[T, ...]], text: str) -> tuple[T, ...]:
    """Return what ``read`` returns; nothing if the text is damaged."""
    try:
        return read(text)
    except _DAMAGES:
        return ()


def read_history(text: str | None) -> tuple[tuple[Attempt, ...], tuple[Reroute, ...]]:
    """Return the attempts and reroutes in JSON of ``write_history``; nothing of a damaged text."""
    if text is None:
        return (), ()
    attempts, orders = list[Attempt](), list[Reroute]()
    try:
        for each in json.loads(text):
            if isinstance(each, dict):
                orders.append(_reroute(each))
            else:
                attempts.append(_attempt(each))
    except _DAMAGES:
        return (), ()
    return tuple(attempts), tuple(orders)


def _reroute(value: dict[str, Any]) -> Reroute:
    return Reroute(read_time(value["at"]), str(value["by"]), str(value["from"]), str(value["to"]))


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


def _address(text: str) -> Address:
    """Read the text of an address; without an @ it is Postmaster."""
    local, at, domain = text.rpartition("@")
    return Address(local, domain) if at else Address(text, "")
