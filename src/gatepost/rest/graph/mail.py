"""``POST /users/{mailbox}/sendMail``.

https://learn.microsoft.com/graph/api/user-sendmail; its errors are those of Exchange. The mailboxes
follow from the directory: those of an application are the addresses of the Communication Services
resources through which it may send.
"""

from typing import Final

from starlette.responses import Response

from gatepost.directory.azure.changes import Rejected
from gatepost.directory.azure.resource_ids import new_guid
from gatepost.directory.azure.roles import MAIL_SEND, services_of
from gatepost.directory.azure.senders import standing_of
from gatepost.errors import QueueError
from gatepost.mime.dates import format_date
from gatepost.mime.header_summary import read_summary
from gatepost.mime.received import Hop, received
from gatepost.model.address import Address, parse_address
from gatepost.model.body import BytesBody
from gatepost.model.credentials import Standing
from gatepost.model.envelope import Envelope
from gatepost.model.message import Submission
from gatepost.rest.errors import ApiError
from gatepost.rest.graph.handled_request import GraphCall
from gatepost.rest.graph.message import no_recipients, read_json, read_mime

LIMIT: Final = 4 * 1024 * 1024
"""Octets of a request (Microsoft Graph, "known limitations")."""


async def send(call: GraphCall) -> Response:
    """``POST /users/{id}/sendMail``: 202 without a body."""
    mailbox = _mailbox(call)
    if call.content_type == "text/plain":
        envelope, content = read_mime(call.body, mailbox)
    else:
        envelope, content = read_json(call.body, mailbox, call.now)
    if not envelope.recipients:
        raise no_recipients()
    await _store(call, envelope, content)
    return Response(status_code=202)


def _mailbox(call: GraphCall) -> Address:
    """Return the mailbox in the path. Raises Rejected: 403 without the permission, 404 if it does
    not exist."""
    if MAIL_SEND not in call.caller.roles:
        raise Rejected(
            "ErrorAccessDenied", "Access is denied. Check credentials and try again.", 403
        )
    wanted = call.names["mailbox"]
    try:
        address = parse_address(wanted)
    except ValueError:
        raise _no_mailbox(wanted) from None
    actions = call.site.directory.rules.actions
    for each in services_of(call.snapshot, call.caller.principal_id, actions):
        if standing_of(call.snapshot, each, address) is Standing.ALLOWED:
            return address
    raise _no_mailbox(wanted)


async def _store(call: GraphCall, envelope: Envelope, content: bytes) -> None:
    """The instant of acceptance: 202 only once the message is committed."""
    id_, now, summary = new_guid(), call.now, read_summary(content)
    hop = Hop("", call.peer, "HTTPS", call.site.profile.host, signed_in=True)
    trace = received(hop, id_, format_date(now.replace(microsecond=0)))
    principal = f".{call.caller.application_id}.{call.caller.tenant_id}"
    submission = Submission(
        id=id_,
        envelope=envelope,
        body=BytesBody(content),
        trace=trace,
        received_at=now,
        principal=principal,
        subject=summary.subject,
        message_id=summary.message_id,
    )
    try:
        await call.site.store.put(submission)
    except QueueError as error:
        call.site.report("not_stored", peer=call.peer, reply="503", reason=str(error))
        raise ApiError(
            503, "ServiceUnavailable", "The service is temporarily unavailable."
        ) from None
    call.site.report(
        "accepted",
        id=id_,
        peer=call.peer,
        principal=principal,
        mail_from=str(envelope.sender),
        rcpt_to=[str(each.address) for each in envelope.recipients],
        size=len(content),
    )


def _no_mailbox(wanted: str) -> Rejected:
    return Rejected("ErrorInvalidUser", f"The requested user '{wanted[:254]}' is invalid.", 404)
