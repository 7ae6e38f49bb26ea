"""One try at an API: its deadline, what each request of it came to, and the record of all."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Final, TypeVar
from urllib.parse import urlsplit

from gatepost.errors import GatepostError, TimedOut, TokenError
from gatepost.model.address import Address
from gatepost.model.body import Body
from gatepost.model.delivery import Attempt, Contact, Lease, Verdict
from gatepost.model.reply import Reply
from gatepost.model.route import AcsRestTarget, GraphTarget
from gatepost.relay.transport.api import ApiRefused
from gatepost.relay.transport.contract import Handed, Heard
from gatepost.relay.transport.judging import lasting, reply_of, verdict_on

T = TypeVar("T")
SMALL: Final = 262_144
"""Octets of a content that is worked on at once; with a larger one a thread is busy."""


class Parcels:
    """What became of each recipient so far."""

    def __init__(self, target: AcsRestTarget | GraphTarget, identity: str, url: str) -> None:
        parts = urlsplit(url)
        tls = "TLS" if parts.scheme == "https" else ""
        self.contact = Contact(
            target.name, parts.hostname or "", tls=tls, verified=bool(tls), identity=identity
        )
        self.verdicts: dict[Address, Verdict] = {}
        self.error: GatepostError | None = None
        """The newest."""

    async def note(self, addresses: Sequence[Address], sending: Awaitable[Verdict]) -> Verdict:
        """Write down what a request came to for its recipients; return it, refused or not."""
        try:
            verdict = await sending
        except ApiRefused as refused:
            self.error = refused
            verdict = refused.verdict
        self.verdicts.update(dict.fromkeys(addresses, verdict))
        return verdict


Sending = Callable[[Lease, bytes, Parcels], Awaitable[None]]


async def hand_over(
    work: Parcels, lease: Lease, body: Body, deadline: float, send: Sending
) -> Handed:
    """Run ``send`` until ``deadline`` and return what came of it.

    Recipients of whom nothing was said share what ended it. The trace on top of a message is
    none of an API's business: it makes fields of its own.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    content = await _read(body)  # what is wrong with it is no provider's fault
    try:
        async with asyncio.timeout_at(deadline):
            await send(lease, content, work)
    except TimedOut as error:  # that of one request: it may have been read
        work.error = error.at("content")
    except TimeoutError:
        work.error = TimedOut("it took longer than a try may take").at("content")
    except GatepostError as error:
        work.error = error.at("auth" if isinstance(error, TokenError) else "connect")
    seconds = loop.time() - began
    return _handed(work, lease, seconds)


def _handed(work: Parcels, lease: Lease, seconds: float) -> Handed:
    error = work.error
    others = _others(error)
    verdicts = [work.verdicts.get(each.address, others) for each in lease.envelope.recipients]
    reply = verdicts[-1].reply if error is None else reply_of(error)
    phase = "content" if error is None else error.phase
    is_remote = error is None or isinstance(error, ApiRefused)
    found = (Heard(reply, phase),) if error is not None and is_remote else ()
    now = datetime.now(UTC)
    return Handed(
        Attempt(now, work.contact, phase, reply, is_remote, seconds),
        tuple(verdicts),
        found,
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
    """Return what ``work`` returns; in a thread when it is about many octets."""
    return work() if size <= SMALL else await asyncio.to_thread(work)
