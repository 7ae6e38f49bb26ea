"""A webhook on loopback: answers the handshake, keeps what it gets, and fails on demand."""

import json
import ssl
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.certificates import Pair


@dataclass
class Got:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    """Names in lower case."""
    events: list[dict[str, Any]]


@dataclass
class Webhook:
    """The endpoint's behaviour, and the requests it got. Use it as a context."""

    tls: Pair | None = None
    port: int = 0
    status: int = 200
    """The status of answers to reports."""
    agrees: bool = True
    stalls: threading.Event | None = None
    """If given, reports are answered once it is set."""
    got: list[Got] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self))
        self._server.daemon_threads = True
        self.port = self._server.server_port
        if self.tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.tls.certificate, self.tls.key)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.stalls is not None:
            self.stalls.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        scheme = "http" if self.tls is None else "https"
        return f"{scheme}://127.0.0.1:{self.port}/hook?code=s3cret"

    @property
    def reports(self) -> list[dict[str, Any]]:
        """The events of all notifications."""
        said = [each for each in self.got if each.headers.get("aeg-event-type") == "Notification"]
        return [event for each in said for event in each.events]

    def wait(self, number: int, seconds: float = 10.0) -> list[dict[str, Any]]:
        """Wait for so many reports, and return them."""
        deadline = time.monotonic() + seconds
        while len(self.reports) < number:
            assert time.monotonic() < deadline, f"{len(self.reports)} of {number} reports came"
            time.sleep(0.005)
        return self.reports


def _handler(webhook: Webhook) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Log nothing."""

        def do_OPTIONS(self) -> None:
            self._note([])
            self._answer(200, b"", {"WebHook-Allowed-Origin": "*"} if webhook.agrees else {})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            events = body if isinstance(body, list) else [body]
            self._note(events)
            if self.headers["aeg-event-type"] == "SubscriptionValidation":
                code = events[0]["data"]["validationCode"] if webhook.agrees else None
                self._answer(200, json.dumps({"validationResponse": code}).encode())
                return
            if webhook.stalls is not None:
                webhook.stalls.wait(20)
            self._answer(webhook.status, b"")

        def _note(self, events: list[dict[str, Any]]) -> None:
            named = {name.lower(): value for name, value in self.headers.items()}
            webhook.got.append(Got(self.command, self.path, named, events))

        def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
            try:
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                self.close_connection = True  # the client is gone

    return Handler
