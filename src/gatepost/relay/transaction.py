"""The mail transactions of a connection (RFC 5321 3.3): MAIL, RCPT, the content, acceptance."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Protocol, TypeVar

from gatepost.errors import QueueFull, ResponseLost, Unconfirmed
from gatepost.mime.authors import read_authors
from gatepost.mime.header_summary import MAX_HOPS, count_hops
from gatepost.mime.received import Hop
from gatepost.model.address import Address
from gatepost.model.credentials import Principal, Standing
from gatepost.model.message import Submission
from gatepost.model.operator_event import ReportEvent
from gatepost.model.reply import Reply
from gatepost.model.value_or_future import Later, When
from gatepost.net.server_stream import ServerStream
from gatepost.policy.sender_checks import check_sender, refuse_from
from gatepost.relay.received_message import hop_of, log_facts, receive_message
from gatepost.relay.safe_error_text import error_of, explain
from gatepost.relay.shared_by_connections import Relay
from gatepost.relay.spool import Spool
from gatepost.routing.route import Origin, origin_of
from gatepost.wire.server import events
from gatepost.wire.server.replies import Replies
from gatepost.wire.server.session import Session

T = TypeVar("T")
CLOSED: Final = "login_missing: without a login, this client may send to some domains only"


class MailConnection(Protocol):
    """What a transaction needs of its connection."""

    def when(self, answer: Later[T], then: Callable[[T], None]) -> None:
        """Call ``then`` with the answer: now if it is available, else later."""

    def refuse(self, reply: Reply) -> None:
        """Send a refusal, and report it."""

    def store(self, message: Submission) -> None:
        """Hand a message to the store; the outcome goes to ``MailTransactions.on_stored``."""

    def hang_up(self) -> None:
        """Close the connection without a reply."""

    @property
    def report(self) -> ReportEvent:
        """Reports an event of this connection."""


class MailTransactions:
    """Answers MAIL, RCPT and the end of the content in one session, one message after another."""

    __slots__ = (
        "_connection", "_hop", "_late_refusal", "_origin", "_relay", "_session", "_spool",
        "_stream", "_taken",
    )  # fmt: skip

    def __init__(
        self, relay: Relay, session: Session, stream: ServerStream, connection: MailConnection
    ) -> None:
        self._relay = relay
        self._session = session
        self._stream = stream
        self._connection = connection
        self._origin: Origin | None = None
        """The origin of the current message, by which its route is chosen."""
        self._hop: Hop | None = None
        """What the Received field of the last message says about this session."""
        self._taken = 0
        """Number of messages accepted in this session."""
        self._spool: Spool | None = None
        """The content of the current message so far."""
        self._late_refusal: Reply | None = None
        """The refusal of MAIL's sender, if the profile refuses it at RCPT or DATA only."""

    def check_sender(self, event: events.Sender) -> None:
        """Answer MAIL."""
        replies = self._session.replies
        if self._relay.store.refusal:
            self._connection.refuse(replies.STORE_FULL.because(self._relay.store.refusal))
            return
        if self._taken >= self._session.setting.messages:
            self._session.reply(replies.TOO_MANY_MESSAGES)
            return
        self._late_refusal = None
        principal, sender = self._session.signed_in_as, event.envelope.sender
        self._origin = origin_of(principal, sender)
        if principal is None or not self._session.profile.checks_sender:
            self._welcome_sender(sender)
        elif sender is None:
            self._judge_sender(None, Standing.DOMAIN_NOT_LINKED)
        else:
            standing = self._relay.directory.standing(principal, sender)
            self._connection.when(standing, partial(self._judge_sender, sender))

    def _judge_sender(self, sender: Address | None, standing: Standing) -> None:
        refusal = check_sender(sender, standing, self._session.replies)
        if refusal is None:
            self._welcome_sender(sender)
        elif self._session.profile.sender_phase == "mail" or standing is Standing.NOT_SIGNED_IN:
            self._connection.refuse(refusal)
        else:
            self._late_refusal = refusal
            self._answer_sender(None)

    def _welcome_sender(self, sender: Address | None) -> None:
        if self._relay.quotas is None or self._session.profile.rate_phase != "mail":
            self._session.reply(self._session.replies.SENDER_OK)
        else:
            self._connection.when(self._admit_message(sender), self._answer_sender)

    def _answer_sender(self, refusal: Reply | None) -> None:
        if refusal is None:
            self._session.reply(self._session.replies.SENDER_OK)
        else:
            self._connection.refuse(refusal)

    def check_recipient(self, event: events.Rcpt) -> None:
        """Answer RCPT."""
        replies, router, origin = self._session.replies, self._relay.router, self._origin
        if self._late_refusal is not None and self._session.profile.sender_phase == "rcpt":
            self._connection.refuse(self._late_refusal)
        elif self._is_closed_to(event.recipient.address):
            self._connection.refuse(replies.NO_ROUTE.because(CLOSED))
        elif router and origin and (reason := router.refusal(origin, event.recipient.address)):
            self._connection.refuse(replies.NO_ROUTE.because(reason))
        else:
            self._session.reply(replies.RECIPIENT_OK)

    def _is_closed_to(self, recipient: Address) -> bool:
        """Tell whether a client that has not signed in may not send to a recipient."""
        setting = self._session.setting
        domains = setting.open_domains
        if domains is None or self._session.signed_in_as is not None:
            return False
        if recipient == setting.postmaster:  # RFC 5321 4.5.1
            return False
        return recipient.domain.lower() not in domains

    @property
    def size(self) -> int:
        """Octets of the current message so far."""
        return 0 if self._spool is None else self._spool.size

    def take_content(self, event: events.ContentPiece | events.Message) -> None:
        """Keep a piece of the content."""
        if self._spool is None:
            self._spool = Spool(self._relay.budget)
        try:
            self._spool.write(event.chunk)
        except OSError as error:
            self._session.refuse_content(self._session.replies.STORE_FULL.because(str(error)))
            self.release()

    def content_dropped(self, event: events.ContentDropped) -> None:
        """Discard the content of a message that the session refused, or that was interrupted."""
        self.release()
        if (reply := event.reply) is not None:
            self._connection.report(
                "message_refused",
                peer=self._stream.peer_address,
                reply=str(reply),
                reason=reply.reason,
            )

    def release(self) -> None:
        """Discard the content of the current message, and release its memory."""
        if self._spool is not None:
            self._spool.release()
            self._spool = None

    def take_message(self, event: events.Message) -> None:
        """Answer the end of the content: check its authors and the quota, then have it stored."""
        self.take_content(event)
        if self._spool is None:
            self._connection.refuse(
                self._session.replies.STORE_FULL.because("no room for the content")
            )
            return
        if self._late_refusal is not None:
            self._refuse_message(self._late_refusal)
            return
        self._hop = hop = hop_of(self._session, self._stream, self._hop)
        try:
            head = self._spool.head
            if self._relay.router is not None and count_hops(head) > MAX_HOPS:  # RFC 5321 6.3
                self._refuse_message(self._session.replies.TOO_MANY_HOPS)
                return
            message = receive_message(self._relay, self._session, hop, event, self._spool, head)
        except OSError as error:  # buffered content could not be written
            self._refuse_message(self._session.replies.STORE_FULL.because(str(error)))
            return
        principal = self._session.signed_in_as
        if principal is not None and self._session.profile.checks_sender:
            self._check_authors(message, principal, head)
        else:
            self._count(message)

    def _check_authors(self, message: Submission, principal: Principal, head: bytes) -> None:
        """Check the authors; the sender itself was checked at MAIL."""
        session = self._session
        try:
            authors = read_authors(head)
        except ValueError as error:
            self._refuse_message(refuse_from(error, session.replies))
            return
        sender = message.envelope.sender
        sender_key = sender.key if sender else ""
        others = tuple([each for each in authors if each.key != sender_key])
        if not others:
            self._count(message)
            return
        standing_of = partial(self._relay.directory.standing, principal)
        conclude = partial(self._count_unless, message)
        _check_authors(others, standing_of, session.replies, self._connection.when, conclude)

    def _count_unless(self, message: Submission, refusal: Reply | None) -> None:
        if refusal is None:
            self._count(message)
        else:
            self._refuse_message(refusal)

    def _refuse_message(self, refusal: Reply) -> None:
        self.release()
        self._connection.refuse(refusal)

    def _count(self, message: Submission) -> None:
        """Count one more message of the subscription, if it may send one now."""
        if self._relay.quotas is None or self._session.profile.rate_phase != "data":
            self._connection.store(message)
        else:
            envelope = message.envelope
            recipients = tuple([each.address for each in envelope.recipients])
            admitted = self._admit_message(envelope.sender, recipients)
            self._connection.when(admitted, partial(self._store_unless, message))

    def _admit_message(
        self, sender: Address | None, recipients: Sequence[Address] = ()
    ) -> Later[Reply | None]:
        quotas, principal = self._relay.quotas, self._session.signed_in_as
        if quotas is None or principal is None or sender is None:
            return None
        return quotas.admit(principal, sender, recipients)

    def _store_unless(self, message: Submission, refusal: Reply | None) -> None:
        if refusal is None:
            self._connection.store(message)
        else:
            self._refuse_message(refusal)

    def on_stored(self, message: Submission, put: "asyncio.Future[None]") -> None:
        """Answer with 250 if the commit succeeded: here the message is accepted.

        If nobody knows whether it was committed, the client gets no reply, as in a power cut: a 451
        would say that the message was not accepted.
        """
        error = error_of(put)
        if error is None:
            self._taken += 1
            done = self._session.replies.ACCEPTED
            self._session.reply(Reply(250, done.text.replace("{id}", message.id), done.status))
            facts = log_facts(message)
            self._connection.report("accepted", peer=self._stream.peer_address, **facts)
        elif isinstance(error, ResponseLost | Unconfirmed):
            self._tell_not_stored("", explain(error))
            self._connection.hang_up()
        else:
            self._session.reply(self._not_stored(error))

    def _not_stored(self, error: BaseException) -> Reply:
        replies = self._session.replies
        reply = replies.STORE_FULL if isinstance(error, QueueFull) else replies.NOT_STORED
        reason = explain(error)
        self._tell_not_stored(str(reply), reason)
        return reply.because(reason)

    def _tell_not_stored(self, reply: str, reason: str) -> None:
        peer = self._stream.peer_address
        self._connection.report("not_stored", peer=peer, reply=reply, reason=reason)


def _check_authors(
    authors: Sequence[Address],
    standing_of: Callable[[Address], Later[Standing]],
    replies: Replies,
    when: When,
    conclude: Callable[[Reply | None], None],
) -> None:
    """Check the authors in From like the sender; ``conclude`` gets the first refusal, or None.

    An answer that is available at once needs no turn of the event loop.
    """
    if not authors:
        conclude(None)
        return

    def judge(standing: Standing) -> None:
        refusal = check_sender(authors[0], standing, replies)
        if refusal is None:
            _check_authors(authors[1:], standing_of, replies, when, conclude)
        else:
            conclude(refusal.because(f"header From: {refusal.reason}"))

    when(standing_of(authors[0]), judge)
