"""Connections that are being accepted when the acceptor stops."""

import asyncio
import socket
from collections.abc import Coroutine
from typing import Any

from gatepost.net.accept import Acceptor


def test_what_serves_a_connection_begins_before_it_is_aborted() -> None:
    """It has counted its client, and must uncount it."""
    ended: list[str] = []

    async def shake(connection: socket.socket) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            connection.close()
            ended.append("shake")

    async def main() -> None:
        stopping: asyncio.Queue[asyncio.Task[None]] = asyncio.Queue()

        def serve(connection: socket.socket, _address: str) -> Coroutine[Any, Any, None]:
            stopping.put_nowait(asyncio.create_task(acceptor.stop(abort=True)))
            return shake(connection)

        with socket.create_server(("127.0.0.1", 0)) as listening:
            listening.setblocking(False)
            acceptor = Acceptor([listening], serve, lambda: None)
            with socket.create_connection(listening.getsockname()):
                await (await stopping.get())
        assert ended == ["shake"]

    asyncio.run(main())
