"""A request's body, within its limits from the first octet."""

import asyncio
from typing import Final

from starlette.requests import ClientDisconnect, Request

from gatepost.rest.email.refusals import too_large, too_slow

PATIENCE: Final = 60.0
"""Seconds for a request to arrive."""
SMALL: Final = 262_144
"""Maximum octets of a request that does not wait for its turn: only a few larger ones are processed
at the same time."""
LARGE_AT_A_TIME: Final = 8
DISCARDED: Final = 64 * 1024 * 1024
"""Octets of a refused request that are read and dropped, so that its client gets the response
instead of a reset connection."""


class BodyReader:
    """Reads bodies of at most ``limit`` octets; only a few large ones are in memory at the same
    time."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._turns = asyncio.Semaphore(LARGE_AT_A_TIME)

    async def read(self, request: Request) -> bytes:
        """Return the body. Raises ApiError 413 or 408, and ClientDisconnect."""
        announced = request.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) <= SMALL:
            return await self._read(request)
        async with self._turns:
            return await self._read(request)

    async def _read(self, request: Request) -> bytes:
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._collect(request)
        except TimeoutError:
            raise too_slow(PATIENCE) from None

    async def _collect(self, request: Request) -> bytes:
        announced = request.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > self._limit:
            if "expect" not in request.headers:  # a client that asks first has sent nothing yet
                await discard(request)
            raise too_large(self._limit)
        pieces: list[bytes] = []
        size = 0
        async for piece in request.stream():
            size += len(piece)
            if size <= self._limit:
                pieces.append(piece)
            else:
                pieces.clear()
            if size > self._limit + DISCARDED:
                break
        if size > self._limit:
            raise too_large(self._limit)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def discard(request: Request) -> None:
    """Read what a refused client still sends, up to a limit."""
    size = 0
    try:
        async with asyncio.timeout(PATIENCE):
            async for piece in request.stream():
                size += len(piece)
                if size > DISCARDED:
                    return
    except (TimeoutError, ClientDisconnect):
        return
