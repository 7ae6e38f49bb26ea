"""The bodies of requests on their way in, for all HTTP APIs of a relay.

A slow client delays only itself: until a body is complete, it takes a limited share of the byte
budget, or a file. Large ones then have their turns, in which addresses are treated alike.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import gettempdir
from typing import Final

from starlette.requests import Request

from gatepost.directory.fair_queue import FairQueue, TooMany
from gatepost.model.operator_event import ReportEvent
from gatepost.relay.spool import Budget, Share, Spool
from gatepost.rest.errors import ApiError, server_busy
from gatepost.rest.middleware import PATIENCE

SMALL: Final = 262_144
"""Maximum octets of a message that does not wait for its turn."""
LARGE_AT_A_TIME: Final = 4
"""Larger ones that are processed at the same time."""
LARGE_OF_AN_ADDRESS: Final = 2
"""Larger ones of one address, so that others need not wait until its processing ends."""
SHARE: Final = 4
"""Bodies that are incomplete take at most this part of the byte budget (a quarter)."""


def _ignore(event: str, **facts: object) -> None:
    """Ignore an event."""


class Intake:
    """Receives bodies. ``report`` gets an event if one cannot be kept."""

    def __init__(
        self,
        budget: Budget | None = None,
        report: ReportEvent = _ignore,
        patience: float = PATIENCE,
    ) -> None:
        """``budget``: the relay's; None: one of its own."""
        self._budget = Share(budget or Budget(Path(gettempdir())), SHARE)
        self._report, self._patience = report, patience
        self._turns = FairQueue(LARGE_AT_A_TIME, share=LARGE_OF_AN_ADDRESS)

    async def read(
        self, request: Request, limit: int, code: str = "RequestContentTooLarge"
    ) -> bytes:
        """Return the body, of at most ``limit`` octets.

        Raises ApiError 413 with ``code``, 408 or 503, and ClientDisconnect.
        """
        spool = await self._receive(request, limit, code)
        try:
            return _content(spool)
        finally:
            spool.release()

    @asynccontextmanager
    async def turn(
        self, request: Request, limit: int, code: str = "RequestEntityTooLarge"
    ) -> AsyncIterator[bytes]:
        """Read the body as ``read`` does; a large one is in memory only while it has its turn."""
        spool = await self._receive(request, limit, code)
        try:
            if spool.size <= SMALL:
                yield _content(spool)
                return
            async with self._turns.turn(_peer(request)):
                yield await asyncio.to_thread(_content, spool)
        except TooMany:
            raise server_busy() from None
        finally:
            spool.release()

    async def _receive(self, request: Request, limit: int, code: str) -> Spool:
        spool = Spool(self._budget)
        try:
            async with asyncio.timeout(self._patience):
                await _fill(spool, request, limit, code)
        except BaseException as error:
            spool.release()
            if isinstance(error, TimeoutError):
                raise _too_slow(self._patience) from None
            if isinstance(error, OSError):
                self._report("not_stored", peer=_peer(request), reply="503", reason=str(error))
                raise _no_room() from None
            raise
        return spool


async def _fill(spool: Spool, request: Request, limit: int, code: str) -> None:
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise _too_long(limit, code)
    async for piece in request.stream():
        if spool.size + len(piece) > limit:
            raise _too_long(limit, code)
        spool.write(piece)


def _content(spool: Spool) -> bytes:
    return b"".join(spool.body().chunks())


def _peer(request: Request) -> str:
    return request.client.host if request.client else ""


def _too_long(limit: int, code: str) -> ApiError:
    return ApiError(
        413,
        code,
        f"The request has more than {limit} octets.",
        reason=f"too_large: {limit} octets are allowed",
    )


def _too_slow(seconds: float) -> ApiError:
    return ApiError(408, "RequestTimeout", f"The request did not arrive within {seconds:.0f} s.")


def _no_room() -> ApiError:
    """There is neither memory nor disk space for it."""
    return ApiError(
        503,
        "ServiceUnavailable",
        "The request could not be received. Please try again later.",
        headers={"retry-after": "5"},
    )
