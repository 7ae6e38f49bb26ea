"""Accepts connections on listening sockets while the process has descriptors for them.

Until then, further clients wait in the backlog of the socket. The servers of an event loop would
accept them, and use up the descriptors that everything else needs.
"""

import asyncio
import socket
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final

from gatepost.net.descriptors import Use, has_room, is_nearly_reserved, is_shortage

PAUSE: Final = 0.1
"""Seconds between two looks for a free descriptor."""

Accepted = socket.socket
Serve = Callable[[Accepted, str], Coroutine[Any, Any, object] | None]
"""Takes a connection and the address of its client, and returns what begins to serve it; None: it
has refused the connection."""


class Acceptor:
    """Accepts connections; ``serve`` takes them. ``lacks`` is called while clients must wait for a
    descriptor."""

    def __init__(
        self,
        sockets: Iterable[socket.socket],
        serve: Serve,
        lacks: Callable[[], None],
        use: Use = Use.CLIENT,
    ) -> None:
        self._sockets = tuple(sockets)
        self._serve, self._lacks, self._use = serve, lacks, use
        self._loop = asyncio.get_running_loop()
        self._is_near = True
        """The last connection had one of the last descriptors that may be used."""
        self._pause: asyncio.TimerHandle | None = None
        self._beginning: set[asyncio.Task[object]] = set()
        self._listen()

    async def stop(self, *, abort: bool = False) -> None:
        """Accept nothing more, and return when each accepted connection is served, or aborted; the
        sockets stay open."""
        if self._pause is not None:
            self._pause.cancel()
        self._ignore()
        self._sockets = ()
        if abort:
            await asyncio.sleep(0)  # what has not begun would not see that it is cancelled
            for each in self._beginning:
                each.cancel()
        await asyncio.gather(*self._beginning, return_exceptions=True)

    def _listen(self) -> None:
        self._pause = None
        for each in self._sockets:
            self._loop.add_reader(each, self._accept, each)

    def _ignore(self) -> None:
        for each in self._sockets:
            self._loop.remove_reader(each)

    def _accept(self, listening: socket.socket) -> None:
        """Accept one connection: looking for another would cost more than being called again."""
        if self._is_near and not has_room(self._use):
            self._wait()
            return
        try:
            connection, name = listening.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as error:
            if not is_shortage(error):  # as memory of the kernel
                self._loop.call_exception_handler({"message": "", "exception": error})
            self._wait()
            return
        connection.setblocking(False)
        self._is_near = is_nearly_reserved(connection.fileno(), self._use)
        address = str(name[0]) if isinstance(name, tuple) else ""
        if (serving := self._serve(connection, address)) is not None:
            task = self._loop.create_task(serving)
            self._beginning.add(task)
            task.add_done_callback(self._begun)

    def _begun(self, task: "asyncio.Task[object]") -> None:
        self._beginning.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._loop.call_exception_handler({"message": "", "exception": error})

    def _wait(self) -> None:
        """Accept again when there is a free descriptor."""
        if self._pause is None:
            self._ignore()
        self._lacks()
        self._is_near = True
        self._pause = self._loop.call_later(PAUSE, self._look)

    def _look(self) -> None:
        if has_room(self._use):
            self._listen()
        else:
            self._wait()
