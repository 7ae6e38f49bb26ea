"""A TCP server on loopback in threads of the test's process: the base of the fake servers."""

import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

PATIENCE: Final = 60.0


class TcpServer:
    """Listens on a free port of 127.0.0.1, and calls ``serve`` with each accepted connection.

    ``concurrent``: each connection has a thread of its own; else the next one is accepted when
    ``serve`` has returned. ``serve`` closes the connection.
    """

    def __init__(self, serve: Callable[[socket.socket], None], *, concurrent: bool = True) -> None:
        self._serve = serve
        self._concurrent = concurrent
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        """The number of connections accepted so far."""
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            if self._concurrent:
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()
            else:
                self._serve(connection)

    def stop_listening(self) -> None:
        """Accept no further connection."""
        if self._listener.fileno() >= 0:
            self._listener.shutdown(socket.SHUT_RDWR)  # closing alone does not wake accept()
            self._listener.close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop_listening()
        self._thread.join(PATIENCE)
