"""Transport over the e-mail REST API of Azure Communication Services.

POST /emails:send, then GET of the Operation-Location until the operation has succeeded. The id of
the operation is derived from the delivery, so that the service recognises a request that is
repeated after a crash or a lost answer.
"""

import asyncio
import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urljoin, urlsplit

from gatepost.client.http_sign_in import AccessKeySignIn, HttpSignIn
from gatepost.errors import LocalProtocolError, NetworkError, RemoteProtocolError, TokenError
from gatepost.model.body import Body
from gatepost.model.delivery import Lease, Verdict
from gatepost.model.reply import Esc, Reply
from gatepost.model.route import AcsRestTarget, ServerAddress
from gatepost.net.http_client import Http, HttpRequest, HttpResponse
from gatepost.queue.attempt_result import AttemptResult
from gatepost.queue.unsettled import Unsettled, is_unsettled
from gatepost.relay.transport.acs_document import AcsRequest, acs_requests
from gatepost.relay.transport.api_attempt import RecipientVerdicts, aside, hand_over, most_binding
from gatepost.relay.transport.contract import Unconnected
from gatepost.relay.transport.http_api import (
    SENDING,
    ApiRefused,
    MailApi,
    Meaning,
    code_of,
    error_of,
    printable,
)

VERSION: Final = "2025-09-01"
SCOPE: Final = "https://communication.azure.com/.default"
FIRST_LOOK, LONGEST_LOOK = 1.0, 15.0
"""Seconds between two requests for an operation's status without Retry-After."""
FOLLOWED: Final = 120.0
"""Seconds for which one attempt follows an operation; the next attempt asks for it again."""
AT_ONCE: Final = 8
"""Maximum number of simultaneous requests for one message."""
_OPERATIONS: Final = uuid.UUID("0b8f9d5e-7a54-5c0e-9a3f-2f0f6f0a9c11")

# fmt: off
CODES: Final[Mapping[str, Meaning]] = {
    "DomainNotLinked":       Meaning("failed", 501, Esc(5, 1, 7), slug="sender_domain_not_linked"),
    "InvalidSenderUserName": Meaning("failed", 550, Esc(5, 3, 5), slug="sender_not_authorised"),
    "EmailDroppedAllRecipientsSuppressed":
                             Meaning("failed", 550, Esc(5, 7, 1)),
    "TooManyRequests":       Meaning("deferred", 451, Esc(4, 7, 0), slug="rate_limited"),
    "OperationNotFound":     Meaning("deferred", 451, Esc(4, 3, 0)),
}
# fmt: on
_ENDINGS: Final[Mapping[str, int]] = {"failed": 400, "canceled": 0}
"""States of an operation that failed, and the HTTP status with the same meaning."""
_OF_A_MESSAGE: Final = re.compile(
    r"BadRequest|Email\w+|Invalid(Attachment|Email|Recipient|Sender)\w*"
)
"""The families of codes with which the service was seen to refuse a message (BadRequest,
InvalidSenderUserName; InvalidEmailAddress: Azure/azure-sdk-for-net#56805). What else Azure refuses
with 400 is about the request's path, its headers or its api-version."""

_WITH_STATUS: Final = frozenset({200, 202})
"""HTTP statuses of answers with an operation's status."""
_WITHOUT_STATUS: Final = frozenset({401, 403, 408, 429, *range(500, 600)})
"""HTTP statuses that do not tell whether the service knows an operation."""
_UNKNOWN: Final = "the operation was accepted, but its result is unknown"

_NO_ROLE: Final = Meaning("deferred", 535, Esc(5, 7, 8), "auth", slug="role_missing")
_NOT_ITS_KEY: Final = Meaning(
    "deferred", 535, Esc(5, 7, 8), "auth", hint="the access key does not belong to this resource"
)


class AcsRestTransport(Unconnected):
    """Implements Transport for one resource of Azure Communication Services."""

    def __init__(self, target: AcsRestTarget, http: Http, sign_in: HttpSignIn) -> None:
        self.target = target
        denied = _NOT_ITS_KEY if isinstance(sign_in, AccessKeySignIn) else _NO_ROLE
        self._api = MailApi(http, sign_in, {**CODES, "Denied": denied}, _OF_A_MESSAGE)
        self._base = target.endpoint.rstrip("/")
        self._requests = asyncio.Semaphore(max(1, target.limits.connections))
        """A message may need many requests."""

    async def deliver(
        self, lease: Lease, body: Body, server: ServerAddress, deadline: float
    ) -> AttemptResult:
        """See ``Transport.deliver``; ``server`` is ignored."""
        del server
        results = RecipientVerdicts(self.target, self._api.sign_in.identity, self._base)
        return await hand_over(results, lease, body, deadline, self._send_all)

    async def _send_all(self, lease: Lease, content: bytes, results: RecipientVerdicts) -> None:
        try:
            requests = await aside(len(content), lambda: acs_requests(lease.envelope, content))
        except ValueError as error:
            raise LocalProtocolError(str(error)).at("content") from error
        for start in range(0, len(requests), AT_ONCE):
            sending = [
                results.note(request.addresses, self._send(lease, request))
                for request in requests[start : start + AT_ONCE]
            ]
            verdicts = await asyncio.gather(*sending, return_exceptions=True)
            errors = [each for each in verdicts if isinstance(each, BaseException)]
            if errors:  # an accepted request decides: no other target may get the message
                raise most_binding(errors)
            if any(isinstance(each, Verdict) and each.kind == "deferred" for each in verdicts):
                return  # it is the same for all

    async def _send(self, lease: Lease, request: AcsRequest) -> Verdict:
        """Send a request, and await its operation.

        Raises ApiRefused, Unsettled and the errors of Api.ask.
        """
        was_accepted = is_unsettled(lease.delivery, self.target.name)
        id_ = operation_id(lease, request)
        for number in range(1, lease.delivery.attempts + 1):
            url = self._operation(id_)
            response = await self._earlier(url, was_accepted=was_accepted)
            if response.status not in _WITH_STATUS:
                was_accepted = was_accepted and not self._is_forgotten(response)
                break
            if not self._has_failed(response):
                return await self._follow(url, response)
            id_ = operation_id(lease, request, number)
        response = await self._post(request, id_)
        if response.status == 409:
            return await self._conflicting(self._operation(id_), response)
        if response.status != 202:
            refused = self._api.refused(response, _now())
            if was_accepted and refused.kind == "deferred":  # perhaps not by the API itself
                raise self._unsettled(response)
            raise refused
        return await self._follow(self._location(response, self._operation(id_)), response)

    async def _post(self, request: AcsRequest, id_: str) -> HttpResponse:
        headers = {"content-type": "application/json", "operation-id": id_}
        url = f"{self._base}/emails:send?api-version={VERSION}"
        async with self._requests:
            sending = HttpRequest("POST", url, headers, request.body, SENDING)
            return await self._api.ask(sending)

    async def _get(self, url: str) -> HttpResponse:
        async with self._requests:
            return await self._api.ask(HttpRequest("GET", url))

    async def _conflicting(self, url: str, refused: HttpResponse) -> Verdict:
        """Follow an operation that the service has already, perhaps from a different request.

        Raises ApiRefused if it knows none.
        """
        response = await self._look_on(url)
        if response.status in _WITH_STATUS:
            return await self._follow(url, response)
        if response.status in _WITHOUT_STATUS:
            raise self._unsettled(response)
        raise self._api.refused(refused, _now())

    async def _earlier(self, url: str, *, was_accepted: bool) -> HttpResponse:
        """Ask for the operation of an earlier attempt, whose answer may have been lost."""
        response = await (self._look(url) if was_accepted else self._get(url))
        if was_accepted and response.status not in (*_WITH_STATUS, 404):
            raise self._unsettled(response)
        if response.status in _WITHOUT_STATUS:
            raise self._api.refused(response, _now())
        if response.status in _WITH_STATUS and not was_accepted and not _state(response):
            problem = f"HTTP {response.status} without the status of an operation"
            raise RemoteProtocolError(problem)  # of a proxy perhaps: there may be no operation
        return response

    def _is_forgotten(self, response: HttpResponse) -> bool:
        """Tell whether a 404 is the API's own: other servers give no code."""
        return bool(self._api.refused(response, _now()).code)

    async def _look(self, url: str) -> HttpResponse:
        """Ask for an operation that was accepted. Raises Unsettled, and TokenError."""
        try:
            return await self._get(url)
        except (NetworkError, RemoteProtocolError) as error:
            raise Unsettled(f"{_UNKNOWN}: {error}") from error

    async def _look_on(self, url: str) -> HttpResponse:
        """Ask for an operation that this attempt has found accepted. Raises Unsettled."""
        try:
            return await self._look(url)
        except TokenError as lost:  # which would let the next target have the message
            raise Unsettled(f"{_UNKNOWN}: {lost}", lost.retry_after) from lost

    def _operation(self, id_: str) -> str:
        return f"{self._base}/emails/operations/{id_}?api-version={VERSION}"

    def _has_failed(self, response: HttpResponse) -> bool:
        """Tell whether an operation has failed so that the message may be sent by another one."""
        error = self._failure(response)
        return error is not None and error.kind == "deferred"

    def _failure(self, response: HttpResponse) -> ApiRefused | None:
        """Return the error with which an operation ended; None if it still runs or succeeded.

        A cancelled message was not sent. Without a code that says otherwise, another operation may
        send it (Learn, "Email - Get Send Result", EmailSendStatus).
        """
        document = response.document()
        status = _state(response).lower()
        if status not in _ENDINGS:
            return None
        facts = error_of(document)
        return self._api.meant(f"Operation {status}", _ENDINGS[status], code_of(facts), facts)

    def _location(self, response: HttpResponse, default: str) -> str:
        """Return the URL of the operation's status; never on a server other than the target's."""
        location = response.headers.get("operation-location", "")
        try:
            url = urljoin(self._base, location) if location else default
            is_own = urlsplit(url)[:2] == urlsplit(self._base)[:2]
        except ValueError:
            return default
        return url if is_own else default

    async def _follow(self, url: str, response: HttpResponse) -> Verdict:
        """Request the status until the operation has ended, for FOLLOWED seconds.

        ``response`` is the answer with the first status. Raises ApiRefused if it failed, and else
        Unsettled.
        """
        try:
            return await self._end_of(url, response)
        except Unsettled as error:
            error.signed_in = True
            raise

    async def _end_of(self, url: str, response: HttpResponse) -> Verdict:
        loop = asyncio.get_running_loop()
        end, look = loop.time() + FOLLOWED, FIRST_LOOK
        while True:
            if (error := self._failure(response)) is not None:
                raise error
            if _state(response).lower() == "succeeded":
                id_ = printable(response.document().get("id", ""))[:64]
                reply = Reply(250, f"Operation {id_} succeeded", Esc(2, 0, 0))
                return Verdict("delivered", reply, is_remote=True)
            wait = response.retry_after(_now()) or look
            if response.status not in _WITH_STATUS and not _may_pass(response.status):
                raise self._unsettled(response)
            if loop.time() + wait > end:
                raise self._unsettled(response)
            look = min(look * 2, LONGEST_LOOK)
            try:
                await asyncio.sleep(wait)
                response = await self._look_on(url)
            except asyncio.CancelledError:  # at the end of the relay or of a configuration
                raise Unsettled(f"{_UNKNOWN}: Gatepost stopped before that") from None

    def _unsettled(self, response: HttpResponse) -> Unsettled:
        if response.status not in _WITH_STATUS:
            refused = self._api.refused(response, _now())
            return Unsettled(f"{_UNKNOWN}: {refused.reply.reason}", refused.retry_after)
        state = _state(response)
        if not state:
            return Unsettled(f"{_UNKNOWN}: HTTP {response.status} without a status")
        return Unsettled(f"the operation was accepted, but is still {printable(state)[:40]}")


def operation_id(lease: Lease, request: AcsRequest, number: int = 0) -> str:
    """Return the id of an operation: the same for the same delivery and recipients.

    ``number`` is the number of earlier operations that failed.
    """
    message = lease.message
    name = f"{lease.delivery.id} {message.received_at.isoformat()} {request.name}"
    name = f"{name} {number}" if number else name
    return str(uuid.uuid5(_OPERATIONS, name))


def _state(response: HttpResponse) -> str:
    """Return the state of an operation in an answer; empty if there is none."""
    state = response.document().get("status")
    return state if isinstance(state, str) else ""


def _may_pass(status: int) -> bool:
    return status in (408, 429) or status >= 500


def _now() -> datetime:
    return datetime.now(UTC)
