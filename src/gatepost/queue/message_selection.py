"""What a listing shows of a message, and which messages a selection matches."""

from collections.abc import Callable
from typing import Final

from gatepost.model.expressions import MAX_PATTERN, Expression, compile_expression
from gatepost.model.message import StoredMessage, Submission
from gatepost.queue.store_contract import Selection

_NULL_SENDER: Final = "<>"


def captured(submission: Submission) -> StoredMessage:
    """Return what a listing shows of this submission."""
    envelope = submission.envelope
    return StoredMessage(
        id=submission.id,
        received_at=submission.received_at,
        mail_from=str(envelope.sender) if envelope.sender else "",
        rcpt_to=tuple([str(recipient.address) for recipient in envelope.recipients]),
        subject=submission.subject,
        message_id=submission.message_id,
        size=submission.body.size,
        principal=submission.principal,
    )


def decode_subject(raw: str) -> str:
    """Return a decoded Subject (RFC 2047), or the original if it cannot be decoded."""
    if "=?" in raw:
        from gatepost.mime.decoded_fields import decode_field  # noqa: PLC0415 - slow to import

        return decode_field(raw)
    return raw.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def compile_subject(pattern: str) -> Expression:
    """Compile a regular expression for subjects. Raises ValueError.

    It takes linear time: a relay does nothing else while it compares them.
    """
    if len(pattern) > MAX_PATTERN:
        raise ValueError(f"a regular expression has up to {MAX_PATTERN} characters")
    try:
        return compile_expression(pattern, ignores_case=False)
    except ValueError as error:
        raise ValueError(f"not a regular expression that is supported: {error}") from None


def matcher(selection: Selection) -> Callable[[StoredMessage], bool]:
    """Return a test for messages that match. Raises ValueError for a bad regular expression."""
    to, account = selection.to.casefold(), selection.account.casefold()
    sender = selection.sender.casefold()
    subject = compile_subject(selection.subject)

    def matches(message: StoredMessage) -> bool:
        if to and all(to != address.casefold() for address in message.rcpt_to):
            return False
        if sender and sender != (message.mail_from.casefold() or _NULL_SENDER):
            return False
        if account and account != message.principal.casefold():
            return False
        return not selection.subject or subject.is_in(decode_subject(message.subject))

    return matches
