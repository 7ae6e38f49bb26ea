"""Mail that comes back to an address of ours: who sends it may be anybody, but only with a mark."""

import asyncio
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Final

from gatepost.doctor.logs.prose import replies_in
from gatepost.errors import QueueError
from gatepost.feedback.kept_bounces import KeptBounces
from gatepost.feedback.quota_notices import quota_notice, quota_reply
from gatepost.feedback.recorder import FeedbackRecorder, bounce_in
from gatepost.mime.received import peer_of
from gatepost.mime.returned_mail import (
    MOST_READ,
    ReturnedMessage,
    ReturnedRecipient,
    read_returned,
)
from gatepost.model.address import Address
from gatepost.model.body import Body
from gatepost.model.envelope import Recipient
from gatepost.model.message import Submission
from gatepost.model.reply import Reply
from gatepost.model.report import DeliveryStatus
from gatepost.model.route import NextHop
from gatepost.queue.delivery_marks import DeliveryMarks, MarkedDelivery, for_bounces
from gatepost.reports.relayed_outcomes import Feedback

UsedUp = Callable[[NextHop, str, Reply], bool]
"""Pauses a target of a next hop, because a reply says that a quota is used up; tells whether there
is such a target."""
MOST_LINES: Final = 400
"""Lines of a text in which a reply is looked for."""
LONGEST_LINE: Final = 1_000


class Bounces:
    """Implements ``relay.routed_store.ReturnedMail``."""

    def __init__(
        self,
        domain: str,
        targets: Collection[str],
        marks: DeliveryMarks,
        recorder: FeedbackRecorder,
        used_up: UsedUp,
        bound: KeptBounces,
    ) -> None:
        """``domain``: that of the addresses, in lower case; ``targets``: those whose mail has
        them; ``used_up`` pauses one."""
        self._domain, self._marks, self._used_up, self._bound = domain, marks, used_up, bound
        self._targets = tuple(targets)
        self._purposes = [for_bounces(each) for each in targets]
        self._recorder, self._report = recorder, recorder.report

    def is_returned(self, submission: Submission) -> bool:
        """Tell whether a message is for an address of this domain."""
        recipients = submission.envelope.recipients
        return any(each.address.domain.lower() == self._domain for each in recipients)

    async def note_kept(self, submission: Submission) -> None:
        """Note that a message is captured: there is a limit of their own for those."""
        await self._bound.add(submission)

    def others(self, submission: Submission) -> tuple[Recipient, ...]:
        """Return the recipients at other domains."""
        recipients = submission.envelope.recipients
        return tuple([each for each in recipients if not self._is_ours(each.address)])

    def _is_ours(self, address: Address) -> bool:
        """Tell whether only bounces are for an address; the postmaster's is for people (RFC 5321
        4.5.1)."""
        return address.domain.lower() == self._domain and address.local.lower() != "postmaster"

    async def try_take(self, submission: Submission) -> bool:
        """Record what a message says; tell whether it is about mail of ours. Raises QueueError."""
        marked = list(dict.fromkeys(self._marked(submission)))
        if not marked and len(self.others(submission)) == len(submission.envelope.recipients):
            return False  # it is for the postmaster
        try:
            content = await asyncio.to_thread(_read, submission.body)
        except OSError as error:
            raise QueueError(f"a bounce cannot be read: {error}") from error
        now = self._recorder.now()
        returned, some, quota = await asyncio.to_thread(_understand, content, now)
        if not marked:
            peer = peer_of(submission.trace)
            recorded = await self._recorder.record_returned(
                self._targets, peer, returned.message_id, some
            )
            if not recorded:
                self._miss(submission, "the address is none of this relay's")
            return recorded > 0
        for each in marked:
            if quota is not None:
                await self._learn_quota(each, quota, submission)
            if some and not await self._recorder.record_bounce(each, some):
                self._miss(submission, "the message is not in the history any more")
        if not (some or returned.recipients):
            self._miss(submission, "it says nothing about the delivery that can be read")
        return True

    async def _learn_quota(
        self, marked: MarkedDelivery, reply: Reply, submission: Submission
    ) -> None:
        """Pause the target that took a delivery, if its servers say that a quota is used up."""
        peer = peer_of(submission.trace)
        for delivery in await self._recorder.deliveries_of(marked):
            notice = quota_notice(delivery, reply, peer)
            if notice is None or submission.envelope.sender is not None:  # a mailbox wrote it
                self._report("quota_notice_ignored", peer=peer, reply=str(reply))
            elif self._used_up(delivery.next_hop, notice.target, reply):
                self._report("quota_used_up", target=notice.target, reply=str(reply))

    def _marked(self, submission: Submission) -> Iterator[MarkedDelivery]:
        for recipient in submission.envelope.recipients:
            if self._is_ours(recipient.address):
                try:
                    yield self._marks.read(recipient.address.local, self._purposes)
                except ValueError:
                    continue

    def _miss(self, submission: Submission, reason: str) -> None:
        recipients = [str(each.address) for each in submission.envelope.recipients[:10]]
        self._report(
            "feedback_unmatched", source="bounces", kind="bounce", rcpt_to=recipients,
            provider_id="", reason=reason,
        )  # fmt: skip


def _understand(
    content: bytes, now: datetime
) -> tuple[ReturnedMessage, list[Feedback], Reply | None]:
    """Return what comes back, what it says about recipients, and about a quota.

    Who may write a text to us could claim anything of a quota: only notifications count.
    """
    returned = read_returned(content)
    some = list(feedback_of(returned, now))
    reasons = [each.message for each in some if each.status != "Delivered"]
    return returned, some, quota_reply(reasons) if returned.recipients else None


def feedback_of(returned: ReturnedMessage, now: datetime) -> Iterator[Feedback]:
    """Yield what a returned message says about recipients; of another form than RFC 3464 what a
    reply in its text says, about the recipients that it names or about all."""
    if returned.recipients:
        for each in returned.recipients:
            yield from _of_notification(each, now)
        return
    if returned.is_automatic_reply:
        return
    reply = _quoted_reply(returned.text)
    if reply is None and not returned.failed:
        return
    if reply is not None and not reply.is_permanent:
        return
    reason = str(reply) if reply is not None else returned.text[:200].strip()
    for address in returned.failed or ("",):
        yield _failed(address, reason, now)


def _of_notification(recipient: ReturnedRecipient, now: datetime) -> Iterator[Feedback]:
    reason = recipient.diagnostic or recipient.status
    if recipient.action == "failed":
        said = recipient.diagnostic
        if recipient.status and recipient.status not in said:
            code = "550" if recipient.status.startswith("5") else "450"
            said = f"{code} {recipient.status} {said}".strip()
        yield _failed(recipient.address, said or reason, now, recipient.server)
    elif recipient.action in ("delivered", "expanded"):
        status: DeliveryStatus = "Delivered" if recipient.action == "delivered" else "Expanded"
        yield Feedback(recipient.address, status, now, reason, recipient.server)


def _failed(address: str, reason: str, now: datetime, server: str = "") -> Feedback:
    is_hard = bounce_in(reason) == "hard"
    return Feedback(address, "Bounced" if is_hard else "Failed", now, reason, server, is_hard)


def _quoted_reply(text: str) -> Reply | None:
    """Return the first refusal in a text, or the first reply of any kind."""
    lines: Sequence[str] = text.split("\n")[:MOST_LINES]
    replies = [each.reply for line in lines for each in islice(replies_in(line[:LONGEST_LINE]), 5)]
    return next((each for each in replies if each.is_permanent), next(iter(replies), None))


def _read(body: Body) -> bytes:
    pieces: list[bytes] = []
    size = 0
    for each in body.chunks():
        pieces.append(each)
        size += len(each)
        if size >= MOST_READ:
            break
    return b"".join(pieces)
