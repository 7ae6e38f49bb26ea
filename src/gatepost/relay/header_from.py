"""Checks the authors in the header's From like the sender in MAIL."""

from collections.abc import Callable, Sequence

from gatepost.model.address import Address
from gatepost.model.later import Later
from gatepost.model.reply import Reply
from gatepost.model.sender_standing import Standing
from gatepost.policy.sender import check_sender
from gatepost.relay.context import When
from gatepost.wire.server.replies import Replies


def check_authors(
    authors: Sequence[Address],
    standing_of: Callable[[Address], Later[Standing]],
    replies: Replies,
    when: When,
    conclude: Callable[[Reply | None], None],
) -> None:
    """Check whether each author may be used; ``conclude`` gets the first refusal, or None.

    An answer that is available at once needs no turn of the event loop.
    """
    if not authors:
        conclude(None)
        return

    def judge(standing: Standing) -> None:
        refusal = check_sender(authors[0], standing, replies)
        if refusal is None:
            check_authors(authors[1:], standing_of, replies, when, conclude)
        else:
            conclude(refusal.because(f"header From: {refusal.reason}"))

    when(standing_of(authors[0]), judge)
