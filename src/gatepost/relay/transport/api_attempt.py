"""One attempt at an API: its deadline, the results of its requests, and the result of all."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Final, TypeVar
from urllib.parse import urlsplit

from gatepost.errors import (
    Disconnected,
    GatepostError,
    Phase,
    RemoteProtocolError,
    TimedOut,
    TokenError,
)
from gatepost.model.address import Address
from gatepost.model.body import Body
from gatepost.model.delivery import Attempt, Contact, Lease, Verdict
from gatepost.model.reply import Reply
from gatepost.model.route import ApiTarget
from gatepost.queue.attempt_result import AttemptResult, ErrorReply
from gatepost.queue.unsettled import Unsettled
from gatepost.relay.transport.http_api import ApiRefused
from gatepost.relay.transport.reply_verdicts import lasting, reply_of, verdict_on

T = TypeVar("T")
SMALL: Final = 4_096
"""Octets of content up to which it is parsed at once; larger content is parsed in a thread."""


class RecipientVerdicts:
    """The verdicts on the recipients that requests have had so far."""

    def __init__(self, target: ApiTarget, identity: str, url: str) -> None:
        parts = urlsplit(url)
        tls = "TLS" if parts.scheme == "https" else ""
        self.contact = Contact(
            target.name, parts.hostname or "", tls=tls, verified=bool(tls), identity=identity
        )
        self.verdicts: dict[Address, Verdict] = {}
        self.error: GatepostError | None = None
        """The last error."""
        self.unsettled: Unsettled | None = None
        """Set if a request was accepted, and its result is unknown."""

    async def note(self, addresses: Sequence[Address], sending: Awaitable[Verdict]) -> Verdict:
        """Await a request, and record and return the verdict on its recipients."""
        try:
            verdict = await sending
        except ApiRefused as refused:
            self.error = refused
            verdict = refused.verdict
        except Unsettled as error:
            self.unsettled = error
            raise
        self.verdicts.update(dict.fromkeys(addresses, verdict))
        return verdict


Sending = Callable[[Lease, bytes, RecipientVerdicts], Awaitable[None]]


async def hand_over(
    results: RecipientVerdicts, lease: Lease, body: Body, deadline: float, send: Sending
) -> AttemptResult:
    """Run ``send`` until ``deadline``, a time of the loop's clock, and return the result; also when
    cancelled while the result of an accepted request is awaited.

    Recipients without a verdict get that of the error that ended the attempt. The trace fields of
    the message are not sent, because an API makes its own.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    content = await _read(body)  # its errors are not the provider's
    try:
        async with asyncio.timeout_at(deadline):
            await send(lease, content, results)
    except GatepostError as error:
        results.error = error.at(_phase_of(error))
    except TimeoutError:
        results.error = (results.unsettled or TimedOut("the attempt took too long")).at("content")
    except asyncio.CancelledError:
        if results.unsettled is None:
            raise
        results.error = results.unsettled.at("content")  # else the next attempt may be elsewhere
        if (task := asyncio.current_task()) is not None:
            task.uncancel()
    seconds = loop.time() - began
    return _handed(results, lease, seconds)


def unfit(results: RecipientVerdicts, lease: Lease, reply: Reply) -> AttemptResult:
    """Return the result for a message that cannot be sent there at all, as ``reply`` says."""
    attempt = Attempt(datetime.now(UTC), results.contact, "content", reply, is_remote=False)
    verdicts = (Verdict("failed", reply),) * len(lease.envelope.recipients)
    return AttemptResult(attempt, verdicts)


def most_binding(errors: Sequence[BaseException]) -> BaseException:
    """Return the error of simultaneous requests that most forbids to ask another target: one of a
    request that was accepted, then one of a request that may have been."""

    def weight(error: BaseException) -> int:
        if isinstance(error, Unsettled):
            return 0
        is_lost = isinstance(error, GatepostError) and error.at(_phase_of(error)).phase == "content"
        return 1 if is_lost else 2

    return min(errors, key=weight)


def _phase_of(error: GatepostError) -> Phase:
    """Return where an attempt ended whose error does not know. A request whose answer was lost may
    have been processed: no other server is asked to take the message at once."""
    if isinstance(error, TimedOut | Disconnected | RemoteProtocolError | Unsettled):
        return "content"
    return "auth" if isinstance(error, TokenError) else "connect"


def _handed(results: RecipientVerdicts, lease: Lease, seconds: float) -> AttemptResult:
    error = results.error
    others = _others(error)
    verdicts = [results.verdicts.get(each.address, others) for each in lease.envelope.recipients]
    reply = verdicts[-1].reply if error is None else reply_of(error)
    phase = "content" if error is None else error.phase
    is_remote = error is None or isinstance(error, ApiRefused)
    error_replies = (ErrorReply(reply, phase),) if error is not None and is_remote else ()
    now = datetime.now(UTC)
    return AttemptResult(
        Attempt(now, results.contact, phase, reply, is_remote, seconds),
        tuple(verdicts),
        error_replies,
        retry_after=lasting(error),
        error=error,
    )


def _others(error: GatepostError | None) -> Verdict:
    if error is None:
        return Verdict("deferred", Reply(451, "Not sent yet"))
    if isinstance(error, ApiRefused):
        return Verdict("deferred", error.reply)
    return verdict_on(reply_of(error), error)


async def _read(body: Body) -> bytes:
    return await aside(body.size, lambda: b"".join(body.chunks()))


async def aside(size: int, work: Callable[[], T]) -> T:
    """Run ``work`` and return its result; in a thread if ``size`` is more than SMALL octets."""
    return work() if size <= SMALL else await asyncio.to_thread(work)
