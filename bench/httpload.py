"""Repeats one request on kept connections, and prints a JSON object like smtpload.

``python -m bench.httpload PORT COUNT CONNECTIONS`` with the raw request on its standard input.
HTTPS to this machine; the connections are opened before the time is measured. Blocking TLS sockets
would need a thread each, so one selector waits for all of them.
"""

import json
import re
import selectors
import socket
import ssl
import sys
import time
from collections.abc import Iterator, Sequence

STALL = 0.035
PATIENCE = 60.0
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Connection:
    """Sends the request, and waits for the answer."""

    def __init__(self, port: int, request: bytes, context: ssl.SSLContext) -> None:
        begun = time.perf_counter()
        plain = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = context.wrap_socket(plain, server_hostname="localhost")
        self.setup = time.perf_counter() - begun
        self._request = request
        self._answer = b""
        self._asked = 0.0

    def ask(self) -> None:
        self._answer = b""
        self._asked = time.perf_counter()
        self.socket.settimeout(PATIENCE)
        self.socket.sendall(self._request)
        self.socket.setblocking(False)

    def heard(self) -> float | None:
        """Return the seconds until the complete answer; None if it is incomplete.

        Raises ConnectionError if it is not an answer, or not a success.
        """
        while True:
            try:
                piece = self.socket.recv(65_536)
            except ssl.SSLWantReadError:
                break
            if not piece:
                raise ConnectionError("the server closed the connection")
            self._answer += piece
        head, separator, body = self._answer.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not separator or length is None or len(body) < int(length[1]):
            return None
        if not head.startswith(b"HTTP/1.1 2"):
            status = head.partition(b"\r\n")[0].decode()
            raise ConnectionError(f"{status}: {body[:300].decode()}")
        return time.perf_counter() - self._asked


def load(port: int, count: int, connections: int, request: bytes) -> dict[str, object]:
    """Send `count` requests and return the figures. Raises OSError if one was refused."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # the generator measures
    context.verify_mode = ssl.CERT_NONE
    everybody = [Connection(port, request, context) for _ in range(min(count, connections))]
    begun = time.perf_counter()
    seconds = list(answers(everybody, count))
    elapsed = time.perf_counter() - begun
    for each in everybody:
        each.socket.close()
    return {
        "message_ms": quantiles(seconds),
        "setup_ms": quantiles([each.setup for each in everybody]),
        "messages": count,
        "stalls": sum(each >= STALL for each in seconds),
        "seconds": elapsed,
        "rate": count / elapsed,
        "client_cpu_seconds": time.process_time(),
    }


def answers(everybody: Sequence[Connection], count: int) -> Iterator[float]:
    """Send the request `count` times in total, and yield the seconds that each took."""
    with selectors.DefaultSelector() as selector:
        for each in everybody:
            each.ask()
            selector.register(each.socket, selectors.EVENT_READ, each)
        asked, answered = len(everybody), 0
        while answered < count:
            ready = selector.select(PATIENCE)
            if not ready:
                raise TimeoutError("no answer for a minute")
            for key, _ in ready:
                took = key.data.heard()
                if took is None:
                    continue
                answered += 1
                yield took
                if asked < count:
                    asked += 1
                    key.data.ask()


def quantiles(seconds: Sequence[float]) -> dict[str, float]:
    """Return quantiles in milliseconds."""
    ordered = [each * 1e3 for each in sorted(seconds)]
    count = len(ordered)
    return {"p50": ordered[count // 2], "p99": ordered[count * 99 // 100], "max": ordered[-1]}


def main() -> int:
    port, count, connections = map(int, sys.argv[1:])
    try:
        figures = load(port, count, connections, sys.stdin.buffer.read())
    except OSError as error:
        print(f"httpload: {error}", file=sys.stderr)
        return 1
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
