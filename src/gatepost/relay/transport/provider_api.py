"""Transport over the HTTP API of a provider that a file describes (``model.http_provider``)."""

import asyncio
import uuid
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Final

from gatepost.client.mail_commands import in_ascii
from gatepost.client.provider_sign_in import ProviderCredential
from gatepost.errors import Disconnected, RemoteProtocolError, TimedOut
from gatepost.model.body import Body, BytesBody
from gatepost.model.delivery import Lease, Verdict
from gatepost.model.envelope import Envelope
from gatepost.model.reply import Reply
from gatepost.model.route import HttpApiTarget, ServerAddress
from gatepost.net.http_client import Http
from gatepost.queue.attempt_result import AttemptResult
from gatepost.relay.transport.api_attempt import RecipientVerdicts, aside, hand_over, unfit
from gatepost.relay.transport.contract import Unconnected
from gatepost.relay.transport.http_api import ApiRefused
from gatepost.relay.transport.marked import TargetMarks
from gatepost.relay.transport.message_fitting import fit
from gatepost.relay.transport.message_signing import MessageSigner
from gatepost.relay.transport.provider_request import (
    capabilities_of,
    request_for,
    sent_content,
)
from gatepost.relay.transport.provider_response import judge

LARGE: Final = 4 * 1024 * 1024
"""Octets of a message from which it counts as large: its request takes several times that."""
LARGE_AT_ONCE: Final = 2
"""Maximum number of large messages that are written and sent at the same time."""
_REQUESTS: Final = uuid.UUID("5c1c2f86-4cf1-5a0e-8a57-6d5b1a2f0c73")
_MAY_BE_THERE: Final = "the message may have been accepted, and then arrives twice"
_RECOGNISED: Final = "the message may have been accepted; the API recognises the repeated request"


class ProviderApiTransport(Unconnected):
    """Implements Transport for one account at one provider."""

    def __init__(
        self,
        target: HttpApiTarget,
        http: Http,
        sign_in: ProviderCredential,
        marks: TargetMarks | None = None,
        signer: MessageSigner | None = None,
    ) -> None:
        """``marks`` None: the provider's events need not say what they are about. ``signer`` None:
        messages are not signed."""
        self.target, self._http, self._sign_in = target, http, sign_in
        self._marks, self._signer = marks, signer
        self._offered = capabilities_of(target)
        self._large = asyncio.Semaphore(LARGE_AT_ONCE)

    async def deliver(
        self, lease: Lease, body: Body, server: ServerAddress, deadline: float
    ) -> AttemptResult:
        """See ``Transport.deliver``; ``server`` is ignored."""
        del server
        target = self.target
        results = RecipientVerdicts(target, self._sign_in.identity, target.endpoint)
        async with self._room_for(body.size):
            fitted = await aside(
                body.size, lambda: fit(lease.envelope, body, self._offered, "encode")
            )
            if isinstance(fitted, Reply):
                return unfit(results, lease, fitted)
            envelope = in_ascii(fitted.envelope, self._offered)

            async def send(lease: Lease, content: bytes, results: RecipientVerdicts) -> None:
                await self._send_all(lease, envelope, content, results)

            return await hand_over(results, lease, fitted.body, deadline, send)

    def _room_for(self, size: int) -> AbstractAsyncContextManager[object]:
        return self._large if size >= LARGE else nullcontext()

    async def _send_all(
        self, lease: Lease, envelope: Envelope, content: bytes, results: RecipientVerdicts
    ) -> None:
        """Send as many requests as the recipients need, one after the other.

        Raises the error of the first that was not answered, or was refused for now.
        """
        body = self.target.provider.body
        content = await aside(len(content), lambda: sent_content(content, body))
        if self._signer is not None:
            content = b"".join((await self._signer.sign(BytesBody(content))).chunks())
        for part, places in self._parts(envelope):
            mark = "" if self._marks is None else self._marks.event_mark(lease, *places)
            verdicts = await self._send(lease, part, (content, mark), results)
            addresses = [lease.envelope.recipients[each].address for each in places]
            results.verdicts.update(zip(addresses, verdicts, strict=True))
        if any(each.kind == "delivered" for each in results.verdicts.values()):
            results.error = None  # a recipient was refused, not the attempt

    async def _send(
        self,
        lease: Lease,
        envelope: Envelope,
        marked: tuple[bytes, str],
        results: RecipientVerdicts,
    ) -> tuple[Verdict, ...]:
        """``marked`` is the content and its mark."""
        content, mark = marked
        key = request_id(lease, envelope)
        make = partial(request_for, self.target, envelope, content, key, mark)
        request = await self._sign_in.authorize(await aside(len(content), make))
        try:
            response = await self._http.ask(request)
            people = [str(each.address) for each in envelope.recipients]
            provider, redact = self.target.provider, self._sign_in.hidden.redact
            return judge(provider, response, people, datetime.now(UTC), redact)
        except ApiRefused as refused:
            if refused.kind != "failed":
                raise
            results.error = refused
            return (refused.verdict,) * len(envelope.recipients)
        except (Disconnected, TimedOut, RemoteProtocolError) as error:
            if error.phase:  # nothing was sent
                raise
            raise type(error)(f"{error}; {self._doubt}") from error

    @property
    def _doubt(self) -> str:
        """What a lost response means."""
        return _RECOGNISED if self.target.provider.idempotency_header else _MAY_BE_THERE

    def _parts(self, envelope: Envelope) -> Iterator[tuple[Envelope, range]]:
        """Yield envelopes with as many recipients as a request may have, and their places."""
        count = len(envelope.recipients)
        most = self.target.provider.limits.recipients or count
        for start in range(0, count, most):
            places = range(start, min(start + most, count))
            people = envelope.recipients[start : start + most]
            yield replace(envelope, recipients=people), places


def request_id(lease: Lease, envelope: Envelope) -> str:
    """Return the id of a request: the same for the same delivery and recipients."""
    people = " ".join(str(each.address) for each in envelope.recipients)
    name = f"{lease.delivery.id} {lease.message.received_at.isoformat()} {people}"
    return str(uuid.uuid5(_REQUESTS, name))
