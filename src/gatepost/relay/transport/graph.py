"""Transport over Microsoft Graph: sendMail with the complete message in Base64.

https://learn.microsoft.com/graph/api/user-sendmail (MIME format), and its error responses.
Graph has no envelope: it sends to all recipients in the header. So others are removed from the
header, and the envelope's remaining recipients are added as Bcc.
"""

import base64
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from gatepost.client.http_sign_in import HttpSignIn
from gatepost.errors import LocalProtocolError
from gatepost.mime.composed_fields import Mailbox, mailbox_field
from gatepost.mime.readable_contents import read_contents
from gatepost.model.body import Body
from gatepost.model.delivery import Lease, Verdict
from gatepost.model.envelope import Envelope
from gatepost.model.reply import Esc, Reply
from gatepost.model.route import GraphTarget, ServerAddress
from gatepost.net.http_client import Http, HttpRequest
from gatepost.queue.attempt_result import AttemptResult
from gatepost.relay.transport.api_attempt import RecipientVerdicts, aside, hand_over, unfit
from gatepost.relay.transport.contract import Unconnected
from gatepost.relay.transport.header_recipients import (
    header_recipients,
    mailboxes,
    without_blind_copies,
)
from gatepost.relay.transport.http_api import SENDING, MailApi, Meaning, as_refused
from gatepost.relay.transport.message_fitting import TOO_LARGE

_RECIPIENTS: Final = re.compile(
    rb"^(?:to|cc|bcc)[ \t]*:[^\r\n]*(?:\r\n[ \t][^\r\n]*)*\r\n", re.IGNORECASE | re.MULTILINE
)
_OF_A_MESSAGE: Final = re.compile(r"Error\w+|UnableToDeserializePostBody|RequestBodyRead")
"""Codes of Exchange and of a body that cannot be read; what else Graph, or another API of
Microsoft's, refuses with 400 is about the request's path or its api-version."""
_REQUEST: Final = re.compile(r"[0-9A-Fa-f-]{1,64}")

LARGEST: Final = 4 * 1024 * 1024
"""Octets of a request: upload sessions, for more, take no complete message."""
_NOT_SENT: Final = Meaning("failed", 552, Esc(5, 3, 4))
_NOT_SENT_WHY: Final = "Graph answers 200 instead of 202 if it does not send a large message"
"""microsoftgraph/microsoft-graph-docs-contrib#3079."""
_NO_PERMISSION: Final = Meaning(
    "deferred", 535, Esc(5, 7, 8), "auth",
    hint="the application lacks the permission Mail.Send, or may not use this mailbox",
)  # fmt: skip
# fmt: off
_CODES: Final[Mapping[str, Meaning]] = {
    "ErrorSendAsDenied":             Meaning("failed", 554, Esc(5, 7, 60),
                                             slug="sender_not_authorised"),
    "ErrorAccessDenied":             _NO_PERMISSION,
    "Authorization_RequestDenied":   _NO_PERMISSION,
    "ErrorMessageSizeExceeded":      Meaning("failed", 552, Esc(5, 3, 4)),
    "ErrorInvalidRecipients":        Meaning("failed", 550, Esc(5, 1, 3)),
    "ErrorMessageSubmissionBlocked": Meaning("deferred", 451, Esc(4, 7, 0), slug="rate_limited"),
    "ApplicationThrottled":          Meaning("deferred", 451, Esc(4, 7, 0), slug="rate_limited"),
}
# fmt: on
_NO_MAILBOX: Final = ("ErrorInvalidUser", "MailboxNotEnabledForRESTAPI", "ResourceNotFound")
_OF_THE_ROUTE: Final = Meaning("deferred", 550, Esc(5, 1, 8), "auth")
_OF_THE_SENDER: Final = Meaning("failed", 550, Esc(5, 1, 8), slug="sender_not_authorised")


class GraphTransport(Unconnected):
    """Implements Transport for the mailboxes of one tenant, or one of them."""

    def __init__(self, target: GraphTarget, http: Http, sign_in: HttpSignIn) -> None:
        self.target = target
        missing = _OF_THE_ROUTE if target.mailbox else _OF_THE_SENDER
        codes = {**_CODES, **dict.fromkeys(_NO_MAILBOX, missing)}
        self._api = MailApi(http, sign_in, codes, _OF_A_MESSAGE)
        self._base = target.endpoint.rstrip("/")

    async def deliver(
        self, lease: Lease, body: Body, server: ServerAddress, deadline: float
    ) -> AttemptResult:
        """See ``Transport.deliver``; ``server`` is ignored."""
        del server
        results = RecipientVerdicts(self.target, self._api.sign_in.identity, self._base)
        if (octets := -(-body.size // 3) * 4) > LARGEST:
            why = f"in Base64 the message has {octets} octets, and Microsoft Graph takes {LARGEST}"
            return unfit(results, lease, TOO_LARGE.because(why))
        return await hand_over(results, lease, body, deadline, self._send)

    async def _send(self, lease: Lease, content: bytes, results: RecipientVerdicts) -> None:
        envelope = lease.envelope
        mailbox = self.target.mailbox
        mailbox = mailbox or await aside(len(content), lambda: _author(envelope, content))
        url = f"{self._base}/v1.0/users/{quote(mailbox, safe='@')}/sendMail"
        encoded = await aside(len(content), lambda: base64.b64encode(addressed(envelope, content)))
        headers = {"content-type": "text/plain"}
        request = HttpRequest("POST", url, headers, encoded, SENDING)
        addresses = [each.address for each in envelope.recipients]
        await results.note(addresses, self._post(request))

    async def _post(self, request: HttpRequest) -> Verdict:
        response = await self._api.ask(request)
        id_ = response.headers.get("request-id", "")
        if response.status == 200 and id_:
            raise as_refused(_NOT_SENT, "HTTP 200", "", {"message": _NOT_SENT_WHY}, 0.0)
        if response.status != 202:
            raise self._api.refused(response, datetime.now(UTC))
        suffix = f" (request {id_})" if _REQUEST.fullmatch(id_) else ""
        return Verdict("delivered", Reply(250, f"HTTP 202 Accepted{suffix}", Esc(2, 0, 0)))


def _author(envelope: Envelope, content: bytes) -> str:
    if envelope.sender is not None:
        return str(envelope.sender)
    authors = mailboxes(read_contents(content), "from")
    if not authors:
        raise LocalProtocolError("neither the envelope nor From names a sender").at("content")
    return str(authors[0][1])


def addressed(envelope: Envelope, content: bytes) -> bytes:
    """Return the message with exactly the envelope's recipients in To, Cc and Bcc.

    To and Cc stay unchanged, octet by octet, if they name nobody else.
    """
    named = header_recipients(envelope, read_contents(content))
    head, empty_line, rest = content.partition(b"\r\n\r\n")
    head += b"\r\n" if empty_line else b""
    rest_of_head = without_blind_copies(head) if named.is_whole else _RECIPIENTS.sub(b"", head)
    hidden: list[Mailbox] = [("", each) for each in named.hidden]
    fields = [] if named.is_whole else [("To", named.to), ("Cc", named.cc)]
    put = b"".join(
        mailbox_field(name, people) for name, people in [*fields, ("Bcc", hidden)] if people
    )
    return put + rest_of_head + (b"\r\n" + rest if empty_line else b"")
