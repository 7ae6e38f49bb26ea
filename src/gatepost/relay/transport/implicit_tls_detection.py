"""Detects a smarthost port for implicit TLS, on which we wait for a greeting in clear.

Otherwise each attempt would wait five minutes for the greeting (RFC 5321 4.5.3.2.1), and the reason
would stay unknown. Mail exchangers are not checked: some delay their greeting, to detect clients
that speak too early.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from gatepost.client.connection import AsyncConnection
from gatepost.errors import TimedOut
from gatepost.relay.transport.sign_in_evidence import SignInEvidence

SILENCE: Final = 10.0
"""Seconds without a greeting after which one inside TLS is tried."""


async def unless_silent(
    opening: Coroutine[Any, Any, AsyncConnection],
    evidence: SignInEvidence,
    is_implicit_tls: Callable[[], Awaitable[bool]],
) -> AsyncConnection:
    """Return the connection that ``opening`` opens, without waiting for a server that uses TLS.

    Raises TimedOut if the server sends its greeting only inside TLS, and what ``opening`` raises.
    """
    task = asyncio.create_task(opening)
    try:
        await asyncio.wait([task], timeout=SILENCE)
        is_silent = not task.done() and evidence.is_awaiting_greeting and await is_implicit_tls()
        has_greeted = task.done() or not evidence.is_awaiting_greeting  # perhaps meanwhile
        if not is_silent or has_greeted:
            return await task
    except BaseException:
        await _cancel_and_close(task)
        raise
    await _cancel_and_close(task)
    evidence.note_silence(SILENCE)
    raise TimedOut(
        f"no greeting in {SILENCE:.0f} seconds in clear, but at once inside TLS: this port is for "
        "implicit TLS"
    ).at("greeting")


async def _cancel_and_close(task: asyncio.Task[AsyncConnection]) -> None:
    """Cancel the task, and close its connection if it was opened just now."""
    task.cancel()
    await asyncio.shield(_wait_for_end(task))


async def _wait_for_end(task: asyncio.Task[AsyncConnection]) -> None:
    await asyncio.wait([task])
    if not task.cancelled() and task.exception() is None:
        await task.result().close()
