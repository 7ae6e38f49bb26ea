"""A smarthost that says nothing: perhaps its port is for implicit TLS, where the client begins.

The five minutes that a greeting may take (RFC 5321 4.5.3.2.1) would pass at each try, and nothing
would tell why. Exchangers are not asked: some delay their greeting to see who speaks too early.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from gatepost.client.connection import AsyncConnection
from gatepost.errors import TimedOut
from gatepost.relay.transport.sign_in_evidence import SignInEvidence

SILENCE: Final = 10.0
"""Seconds without a greeting after which it is asked for one inside TLS."""


async def unless_silent(
    opening: Coroutine[Any, Any, AsyncConnection],
    witness: SignInEvidence,
    greets_in_tls: Callable[[], Awaitable[bool]],
) -> AsyncConnection:
    """Return what ``opening`` does; a server that greets only in TLS is not waited for.

    Raises TimedOut then, else what ``opening`` raises.
    """
    task = asyncio.create_task(opening)
    try:
        await asyncio.wait([task], timeout=SILENCE)
        is_silent = not task.done() and witness.awaits_greeting and await greets_in_tls()
        if not is_silent or task.done() or not witness.awaits_greeting:  # it has greeted meanwhile
            return await task
    except BaseException:
        await _give_up(task)
        raise
    await _give_up(task)
    witness.heard_nothing(SILENCE)
    raise TimedOut(
        f"no greeting in {SILENCE:.0f} seconds, and inside TLS it greets at once: "
        "this port is for implicit TLS"
    ).at("greeting")


async def _give_up(task: asyncio.Task[AsyncConnection]) -> None:
    """Leave no connection behind, though it may stand just now and we may be cancelled again."""
    task.cancel()
    await asyncio.shield(_ended(task))


async def _ended(task: asyncio.Task[AsyncConnection]) -> None:
    await asyncio.wait([task])
    if not task.cancelled() and task.exception() is None:
        await task.result().close()
