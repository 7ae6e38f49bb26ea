"""Next hops for a relay in another process: one that works or misbehaves, and dead ones."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from gatepost.testing import Mischief, Upstream
from gatepost.testing.upstream import WELL

PATIENCE = 60.0


@contextmanager
def upstream(mischief: Mischief | None = None) -> Iterator[tuple[Upstream, int]]:
    """Run an Upstream in its own thread; by default it accepts everything."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    made = Upstream(mischief=mischief or Mischief(WELL))
    port = asyncio.run_coroutine_threadsafe(made.start(), loop).result(PATIENCE)

    async def end() -> None:
        made.close()
        await asyncio.sleep(0)  # the loop then has the connections that it had accepted
        await made.quiet(PATIENCE)

    try:
        yield made, port
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result(PATIENCE)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE)
        loop.close()


@contextmanager
def mute() -> Iterator[int]:
    """Yield a port that accepts connections and never sends anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@contextmanager
def black_hole() -> Iterator[int]:
    """Yield a port that neither accepts nor refuses connections: the kernel drops each SYN."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        port = server.getsockname()[1]
        for _ in range(4):  # as many as fill the backlog
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
        yield port


@contextmanager
def stalls_in_tls() -> Iterator[int]:
    """Yield the port of a server that answers STARTTLS with 220, and not the ClientHello."""
    server = socket.create_server(("127.0.0.1", 0))
    standing: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                connected, _ = server.accept()
            except OSError:
                return
            standing.append(connected)
            connected.sendall(b"220 stalls.test ESMTP\r\n")
            with contextlib.suppress(OSError):
                connected.recv(1_000)
                connected.sendall(b"250-stalls.test\r\n250 STARTTLS\r\n")
                connected.recv(1_000)
                connected.sendall(b"220 go ahead\r\n")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(PATIENCE)
        for each in standing:
            each.close()
