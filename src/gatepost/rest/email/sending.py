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
from gatepost.mime.header_summary import read_summary
from gatepost.mime.received import Hop, received
from gatepost.model.address import Address
from gatepost.model.body import BytesBody
from gatepost.model.credentials import Principal
from gatepost.model.envelope import Envelope, Recipient
from gatepost.model.message import Submission
from gatepost.model.send_operation import SendOperation
from gatepost.queue.send_operations_contract import OperationStore
from gatepost.rest.email.access import Access, Caller
from gatepost.rest.email.api_versions import VersionForm
from gatepost.rest.email.headers import invalid_message_id
from gatepost.rest.email.message import (
    ApiMessage,
    MessageStamp,
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
from gatepost.rest.site import Site
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
class SendRequest:
    """A request to send, authenticated."""

    caller: Caller
    body: bytes
    form: VersionForm
    """Of its api-version."""
    operation_id: str | None
    """The client's GUID, in lower case; None: ours."""
    peer: str
    """IP address."""
    protocol: str
    """``HTTP`` or ``HTTPS``."""


class Submitter:
    """Accepts requests to send, each once."""

    def __init__(self, site: Site, operations: OperationStore, access: Access) -> None:
        self._site, self._operations, self._access = site, operations, access

    async def send(self, request: SendRequest) -> SendOperation:
        """Return the operation that a request starts, or started before.

        Raises ApiError.
        """
        checksum = hashlib.sha256(request.body).digest()
        id_ = request.operation_id or str(uuid4())
        if request.operation_id is not None:
            repeated = await self._find_repeated(id_, request, checksum)
            if repeated is not None:
                return repeated
        service, message = await self._read(request)
        if not message.message_id:
            return await self._accept(request, id_, checksum, service, message)
        async with self._site.turns.of(message.message_id):
            if await self._operations.has_message_id(message.message_id):
                # The same request may have come twice at once; then the other one has sent it.
                repeated = await self._find_repeated(id_, request, checksum)
                if repeated is not None:
                    return repeated
                message = _with_our_message_id(message)
            return await self._accept(request, id_, checksum, service, message)

    async def _accept(
        self,
        request: SendRequest,
        id_: str,
        checksum: bytes,
        service: CommunicationService,
        message: ApiMessage,
    ) -> SendOperation:
        """Create the message and store it."""
        self._check_routes(request.caller.principal(service), message)
        self._count(request.caller, service, message.sender)
        if self._site.suppression is not None:
            await self._site.suppression.catch_up_on(message.recipients)
        operation = self._begin(id_, checksum, service, message)
        stamp = MessageStamp(
            id_,
            operation.started_at,
            self._sender_name(service, message.sender),
            secrets.token_hex(12),
        )
        content = await _run_aside(request, compose, message, stamp)
        most = self._site.bounds().message_size
        if most is not None and len(content) > most:
            raise too_large(most)
        return await self._store(request, service, message, operation, content)

    async def _read(self, request: SendRequest) -> tuple[CommunicationService, ApiMessage]:
        """Return the message, and the resource that sends it."""
        try:
            email = await _run_aside(request, request.form.read, request.body)
            sender = read_sender(email)
            service = self._access.service_for(request.caller, sender)
            rules, most = self._site.profile.api, self._site.bounds().recipients
            if most is not None:
                rules = replace(rules, recipients=min(most, rules.recipients))
            return service, await _run_aside(request, read_message, email, sender, rules)
        except InvalidProperty as error:
            raise request.form.rename_property(error) from None

    async def _find_repeated(
        self, id_: str, request: SendRequest, checksum: bytes
    ) -> SendOperation | None:
        """Return the operation of a repeated request. Raises ApiError if the request differs."""
        try:
            operation = await self._operations.get(id_)
        except KeyError:
            return None
        its_own = request.caller.may_use(operation.resource)
        if operation.request != checksum or not its_own:
            request.form.check_taken(its_own=its_own)
        return operation

    def _check_routes(self, principal: Principal, message: ApiMessage) -> None:
        """Raise ApiError 400 for a recipient to whom mail of this sender is not relayed."""
        if self._site.router is None:
            return
        router, origin = self._site.router(), origin_of(principal, message.sender)
        for recipient in message.recipients:
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
        self, id_: str, checksum: bytes, service: CommunicationService, message: ApiMessage
    ) -> SendOperation:
        now, suppression, recipients = self._site.now(), self._site.suppression, message.recipients
        suppressed = (
            suppression.suppressed(service, message.sender, recipients, now)
            if suppression is not None
            else frozenset[Address]()
        )
        return SendOperation(
            id=id_,
            resource=service.key,
            started_at=now,
            request=checksum,
            sender=str(message.sender),
            message_id=message.message_id,
            tracking_disabled=message.tracking_disabled,
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
        request: SendRequest,
        service: CommunicationService,
        message: ApiMessage,
        operation: SendOperation,
        content: bytes,
    ) -> SendOperation:
        """The instant of acceptance: 202 only once message and operation are committed."""
        summary, started = read_summary(content), operation.started_at
        hop = Hop("", request.peer, request.protocol, self._site.profile.host, signed_in=True)
        submission = Submission(
            id=operation.id,
            envelope=Envelope(message.sender, tuple(map(Recipient, message.recipients))),
            body=BytesBody(content),
            trace=received(hop, operation.id, format_date(started.replace(microsecond=0))),
            received_at=started,
            principal=request.caller.principal(service).name,
            application=request.caller.application_id,
            subject=summary.subject,
            message_id=summary.message_id,
        )
        try:
            await self._operations.put(submission, operation)
        except QueueError as error:
            # The same request may have come twice at once; then the other one has stored it.
            repeated = await self._find_repeated(operation.id, request, operation.request)
            if repeated is not None:
                return repeated
            self._site.report("not_stored", peer=request.peer, reply="503", reason=str(error))
            raise not_stored(str(error)) from None
        self._report(submission, request.peer)
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


def _with_our_message_id(message: ApiMessage) -> ApiMessage:
    """Replace a Message-ID that is in use by ours, or refuse it if the client wants that."""
    if message.headers.validate_message_id:
        raise invalid_message_id()
    return without_message_id(message)


async def _run_aside(
    request: SendRequest, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Do the work here, or in a thread if it is large."""
    if len(request.body) <= _LARGE:
        return work(*args, **kwargs)
    return await asyncio.to_thread(work, *args, **kwargs)
