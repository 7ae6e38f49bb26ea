"""A request's body, within its limits of size and time."""

import asyncio
from typing import Final

from starlette.requests import Request

from gatepost.rest.errors import ApiError

PATIENCE: Final = 60.0
"""Seconds for a body to arrive."""


async def read_body(
    request: Request,
    limit: int,
    code: str = "RequestContentTooLarge",
    patience: float = PATIENCE,
) -> bytes:
    """Return the body, of at most ``limit`` octets.

    Raises ApiError 413 with ``code``, or 408, and ClientDisconnect.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(patience):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise ApiError(413, code, f"The request has more than {limit} octets.")
    except TimeoutError:
        raise ApiError(
            408, "RequestTimeout", f"The request did not arrive within {patience:.0f} s."
        ) from None
    return bytes(body)
