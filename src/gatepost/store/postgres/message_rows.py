"""Conversion of messages and operations to rows, and back."""

import json
from collections.abc import Sequence
from typing import Any, Final

from gatepost.model.delivery import QueuedMessage
from gatepost.model.message import StoredMessage, Submission
from gatepost.model.send_operation import SendOperation
from gatepost.store.delivery_json import read_envelope, write_parameters
from gatepost.store.postgres.arrays import numbers, octets, texts
from gatepost.store.stored_values import legible, microseconds, read_time

_encode: Final = json.JSONEncoder(separators=(",", ":")).encode
Column = Any
"""An array of ``arrays``."""


def captured_columns(rows: Sequence[tuple[int, Submission, int]]) -> tuple[Column, ...]:
    """Return the columns of ``insert_captured``; each row: key, message, checksum."""
    some = [each for _, each, _ in rows]
    return (
        *_first_columns(rows),
        texts([_recipients(each) for each in some]),
        *_other_columns(rows),
    )


def queued_columns(rows: Sequence[tuple[int, Submission, int]]) -> tuple[Column, ...]:
    """Return the columns of ``insert_messages``; each row: key, message, checksum."""
    return (*_first_columns(rows), *_other_columns(rows))


def _first_columns(rows: Sequence[tuple[int, Submission, int]]) -> tuple[Column, ...]:
    some = [each for _, each, _ in rows]
    return (
        numbers([key for key, _, _ in rows]),
        texts([each.id for each in some]),
        numbers([microseconds(each.received_at) for each in some]),
        octets([_sender(each) for each in some]),
    )


def _other_columns(rows: Sequence[tuple[int, Submission, int]]) -> tuple[Column, ...]:
    some = [each for _, each, _ in rows]
    return (
        texts([write_parameters(each.envelope) for each in some]),
        octets([to_octets(each.subject) for each in some]),
        octets([to_octets(each.message_id) for each in some]),
        octets([to_octets(each.principal) for each in some]),
        octets([each.trace for each in some]),
        numbers([each.body.size for each in some]),
        numbers([checksum for _, _, checksum in rows]),
    )


def stored_message(row: Sequence[Any]) -> StoredMessage:
    """Return the message in a row of ``list_captured``."""
    _, id_, received_at, mail_from, rcpt_to, subject, message_id, size, principal = row
    return StoredMessage(
        id=id_,
        received_at=read_time(received_at),
        mail_from=to_text(mail_from),
        rcpt_to=tuple(json.loads(rcpt_to)),
        subject=to_text(subject),
        message_id=to_text(message_id),
        size=size,
        principal=to_text(principal),
    )


def queued_message(row: Sequence[Any]) -> QueuedMessage:
    """Return the message in a row of ``get_message``."""
    id_, received_at, mail_from, parameters, subject, message_id, principal, trace, size = row
    envelope, is_damaged = read_envelope(to_text(mail_from), parameters)
    return QueuedMessage(
        id_,
        envelope,
        trace,
        read_time(received_at),
        to_text(principal),
        to_text(subject),
        to_text(message_id),
        size,
        is_damaged,
    )


def operation_row(operation: SendOperation) -> tuple[Any, ...]:
    """Return the values for ``insert_operation``."""
    code, message = operation.error or (None, None)
    return (
        operation.id,
        operation.resource,
        microseconds(operation.started_at),
        operation.request,
        operation.sender,
        operation.message_id,
        operation.tracking_disabled,
        code,
        message,
    )


def stored_operation(row: Sequence[Any]) -> SendOperation:
    """Return the operation in a row of ``get_operation``."""
    id_, resource, started_at, request, sender, message_id, tracking, code, message = row
    return SendOperation(
        id=id_,
        resource=resource,
        started_at=read_time(started_at),
        request=request,
        sender=sender,
        message_id=message_id,
        tracking_disabled=tracking,
        error=None if code is None else (code, message),
    )


def to_octets(text: str) -> bytes:
    """Return text for bytea: it may have NUL, and octets that are not UTF-8 as lone surrogates."""
    return text.encode("utf-8", "surrogateescape")


def to_text(octets_: bytes) -> str:
    """Return what ``to_octets`` was given."""
    return octets_.decode("utf-8", "surrogateescape")


def is_storable(text: str) -> bool:
    """Tell whether PostgreSQL takes a text as it is; no id can be another one."""
    return legible(text) == text


def _sender(submission: Submission) -> bytes:
    sender = submission.envelope.sender
    return to_octets(str(sender)) if sender else b""


def _recipients(submission: Submission) -> str:
    return _encode([str(each.address) for each in submission.envelope.recipients])
