"""Which addresses may be used in MAIL FROM and header From."""

from collections.abc import Iterable, Mapping
from typing import Final

from gatepost.model.address import Address
from gatepost.model.credentials import Standing
from gatepost.model.reply import Reply
from gatepost.wire.server.replies import Replies

_REASONS: Final[Mapping[Standing, tuple[str, str]]] = {
    Standing.DOMAIN_NOT_LINKED: (
        "SENDER_DOMAIN_NOT_LINKED",
        "sender_domain_not_linked: the domain of {sender} is not linked to this identity",
    ),
    Standing.SENDER_NOT_REGISTERED: (
        "SENDER_NOT_REGISTERED",
        "sender_not_registered: {sender} is not among the registered senders of its domain",
    ),
    Standing.MAILBOX_NOT_OPENED: (
        "MAILBOX_NOT_OPENED",
        "mailbox_not_opened: the application has no FullAccess to the mailbox in effect",
    ),
    Standing.NOT_SIGNED_IN: (
        "AUTH_REQUIRED",
        "not_signed_in: the identity that signed in was deleted, or has lost its role or secret",
    ),
}


def check_sender(sender: Address | None, standing: Standing, replies: Replies) -> Reply | None:
    """Return the refusal of an envelope's sender, or None if it may be used.

    ``standing`` is the directory's answer; the null path has none and belongs to nobody.
    """
    if sender is None:
        return replies.SENDER_DOMAIN_NOT_LINKED.because(
            "envelope_sender_missing: the null sender is for servers, not for submission"
        )
    if standing is Standing.ALLOWED:
        return None
    name, reason = _REASONS[standing]
    reply: Reply = getattr(replies, name)
    return reply.because(reason.format(sender=sender))


def check_from(authors: Iterable[tuple[Address, Standing]], replies: Replies) -> Reply | None:
    """Return the refusal of a header From with these addresses, or None (RFC 5322 3.6.2).

    A message without the field names nobody, and is accepted.
    """
    refusals = (check_sender(author, standing, replies) for author, standing in authors)
    return next(filter(None, refusals), None)


def refuse_from(error: ValueError, replies: Replies) -> Reply:
    """Return the refusal of a header From of which it is unknown what a reader would see."""
    return replies.SENDER_DOMAIN_NOT_LINKED.because(f"header_from_unreadable: {error}")
