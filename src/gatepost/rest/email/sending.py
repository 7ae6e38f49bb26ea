"""``POST /emails:send``: from a request to a message and its operation in the store."""

import asyncio
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, ParamSpec, TypeVar
from uuid import uuid4

from gatepost.directory.azure.entries import CommunicationService, SenderUsername
from gatepost.directory.azure.senders import senders_of
from gatepost.errors import QueueError
from gatepost.mime.dates import format_date
from gatepost.mime.header import read_summary
from gatepost.mime.received import Hop, received
from gatepost.model.address import Address
from gatepost.model.body import BytesBody
from gatepost.model.credentials import Principal
from gatepost.model.envelope import Envelope, Recipient
from gatepost.model.message import Submission
from gatepost.model.operation import SendOperation
from gatepost.queue.operations import OperationStore
from gatepost.rest.context import Site
from gatepost.rest.email.access import Access, Caller
from gatepost.rest.email.forms import Form
from gatepost.rest.email.headers import invalid_message_id
from gatepost.rest.email.message import (
    ApiMessage,
    Stamp,
    compose,
    read_message,
    read_sender,
    without_message_id,
)
from gatepost.rest.email.refusals import (
    InvalidProperty,
    bad_request,
    not_stored,
    too_large,
    too_many_requests,
)
from gatepost.routing.route import origin_of

ALL_SUPPRESSED: Final = (
    "EmailDroppedAllRecipientsSuppressed",
    "Message dropped because all recipients were suppressed",
)
"""The result of the operation in this case; seen in nine public clients, 2024 to 2026."""
_LARGE: Final = 65_536
"""Octets of a request beyond which it is processed in a thread, so that the relay continues
meanwhile."""

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Order:
    """A request to send, authenticated."""

    caller: Caller
    body: bytes
    form: Form
    """Of its api-version."""
    operation_id: str | None
    """The client's GUID, in lower case; None: ours."""
    peer: str
    """IP address."""
    protocol: str
    """``HTTP`` or ``HTTPS``."""


class Sending:
    """Accepts requests to send, each once."""

    def __init__(self, site: Site, operations: OperationStore, access: Access) -> None:
        self._site, self._operations, self._access = site, operations, access

    async def send(self, order: Order) -> SendOperation:
        """Return the operation that a request starts, or started before.

        Raises ApiError.
        """
        request = hashlib.sha256(order.body).digest()
        id_ = order.operation_id or str(uuid4())
        if order.operation_id is not None:
            known = await self._known(id_, order, request)
            if known is not None:
                return known
        service, letter = await self._read(order)
        if not letter.message_id:
            return await self._accept(order, id_, request, service, letter)
        async with self._site.turns.of(letter.message_id):
            if await self._operations.has_message_id(letter.message_id):
                # The same request may have come twice at once; then the other one has sent it.
                known = await self._known(id_, order, request)
                if known is not None:
                    return known
                letter = _with_our_message_id(letter)
            return await self._accept(order, id_, request, service, letter)

    async def _accept(
        self,
        order: Order,
        id_: str,
        request: bytes,
        service: CommunicationService,
        letter: ApiMessage,
    ) -> SendOperation:
        """Create the message and store it."""
        self._check_routes(order.caller.principal(service), letter)
        self._count(order.caller, service, letter.sender)
        if self._site.suppression is not None:
            await self._site.suppression.catch_up_on(letter.recipients)
        operation = self._begin(id_, request, service, letter)
        stamp = Stamp(
            id_,
            operation.started_at,
            self._sender_name(service, letter.sender),
            secrets.token_hex(12),
        )
        content = await _at_leisure(order, compose, letter, stamp)
        most = self._site.bounds().message_size
        if most is not None and len(content) > most:
            raise too_large(most)
        return await self._store(order, service, letter, operation, content)

    async def _read(self, order: Order) -> tuple[CommunicationService, ApiMessage]:
        """Return the message, and the resource that sends it."""
        try:
            email = await _at_leisure(order, order.form.read, order.body)
            sender = read_sender(email)
            service = self._access.service_for(order.caller, sender)
            rules, most = self._site.profile.api, self._site.bounds().recipients
            if most is not None:
                rules = replace(rules, recipients=min(most, rules.recipients))
            return service, await _at_leisure(order, read_message, email, sender, rules)
        except InvalidProperty as error:
            raise order.form.in_its_words(error) from None

    async def _known(self, id_: str, order: Order, request: bytes) -> SendOperation | None:
        """Return the operation of a repeated request. Raises ApiError if the request differs."""
        try:
            known = await self._operations.get(id_)
        except KeyError:
            return None
        its_own = order.caller.owns(known.resource)
        if known.request != request or not its_own:
            order.form.check_taken(its_own=its_own)
        return known

    def _check_routes(self, principal: Principal, letter: ApiMessage) -> None:
        """Raise ApiError 400 for a recipient to whom mail of this sender is not relayed."""
        if self._site.router is None:
            return
        router, origin = self._site.router(), origin_of(principal, letter.sender)
        for recipient in letter.recipients:
            if reason := router.refusal(origin, recipient):
                raise bad_request(f"Mail to {recipient} is not relayed.", reason)

    def _count(self, caller: Caller, service: CommunicationService, sender: Address) -> None:
        """Count one more message of the subscription. Raises ApiError 429."""
        quotas = self._site.quotas
        if quotas is None:
            return
        principal = caller.principal(service)
        refusal = quotas.admit(principal, sender)
        if refusal is not None:
            raise too_many_requests(quotas.wait(principal, sender), refusal.reason)

    def _begin(
        self, id_: str, request: bytes, service: CommunicationService, letter: ApiMessage
    ) -> SendOperation:
        now, suppression, recipients = self._site.now(), self._site.suppression, letter.recipients
        suppressed = (
            suppression.suppressed(service, letter.sender, recipients, now)
            if suppression is not None
            else frozenset[Address]()
        )
        return SendOperation(
            id=id_,
            resource=service.key,
            started_at=now,
            request=request,
            sender=str(letter.sender),
            message_id=letter.message_id,
            tracking_disabled=letter.tracking_disabled,
            error=ALL_SUPPRESSED if suppressed >= {*recipients} else None,
        )

    def _sender_name(self, service: CommunicationService, sender: Address) -> str:
        """Return the display name of the sender in the directory."""
        directory = self._site.directory
        linked = senders_of(directory.snapshot, service)[sender.domain.lower()]
        for each in directory.find(SenderUsername, linked.entry.id):
            if each.username.lower() == sender.local.lower():
                return each.display_name
        return ""

    async def _store(
        self,
        order: Order,
        service: CommunicationService,
        letter: ApiMessage,
        operation: SendOperation,
        content: bytes,
    ) -> SendOperation:
        """The instant of acceptance: 202 only once message and operation are committed."""
        summary, started = read_summary(content), operation.started_at
        hop = Hop("", order.peer, order.protocol, self._site.profile.host, signed_in=True)
        submission = Submission(
            id=operation.id,
            envelope=Envelope(letter.sender, tuple(map(Recipient, letter.recipients))),
            body=BytesBody(content),
            trace=received(hop, operation.id, format_date(started.replace(microsecond=0))),
            received_at=started,
            principal=order.caller.principal(service).name,
            application=order.caller.application_id,
            subject=summary.subject,
            message_id=summary.message_id,
        )
        try:
            await self._operations.put(submission, operation)
        except QueueError as error:
            # The same request may have come twice at once; then the other one has stored it.
            known = await self._known(operation.id, order, operation.request)
            if known is not None:
                return known
            self._site.report("not_stored", peer=order.peer, reply="503", reason=str(error))
            raise not_stored(str(error)) from None
        self._report(submission, order.peer)
        return operation

    def _report(self, submission: Submission, peer: str) -> None:
        envelope = submission.envelope
        self._site.report(
            "accepted",
            id=submission.id,
            peer=peer,
            principal=submission.principal,
            mail_from=str(envelope.sender),
            rcpt_to=[str(recipient.address) for recipient in envelope.recipients],
            size=submission.body.size,
        )


def _with_our_message_id(letter: ApiMessage) -> ApiMessage:
    """Replace a Message-ID that is in use by ours, or refuse it if the client wants that."""
    if letter.headers.validate_message_id:
        raise invalid_message_id()
    return without_message_id(letter)


async def _at_leisure(order: Order, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do the work here, or in a thread if it is large."""
    if len(order.body) <= _LARGE:
        return work(*args, **kwargs)
    return await asyncio.to_thread(work, *args, **kwargs)
