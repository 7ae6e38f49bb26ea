"""A server that relayed mail goes to: what it replies follows from the recipient."""

import threading
from dataclasses import dataclass, field
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

REPLIES = {
    "unknown": "550 5.1.1 User unknown",
    "blocked": "554 5.7.1 Blocked by policy",
    "later": "451 4.2.0 Try again later",
}
"""By the local part of the recipient, before any ``+``."""


class _OnAnyPort(Controller):
    """Listens on a port that is free."""

    def _trigger_server(self) -> None:
        server: Any = self.server
        self.port = server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


@dataclass
class NextHop:
    """Accepts mail on a free port of 127.0.0.1. Use it as a context."""

    mail: list[Envelope] = field(default_factory=list)
    """What was accepted."""
    replies: dict[str, str] = field(default_factory=lambda: dict(REPLIES))
    is_open: threading.Event = field(default_factory=threading.Event)
    """While it is not set, everything is deferred."""

    def __post_init__(self) -> None:
        self.is_open.set()

    def __enter__(self) -> Self:
        self._controller = _OnAnyPort(self, hostname="127.0.0.1", port=0)
        self._controller.start()
        self.port: int = self._controller.port
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    @property
    def target(self) -> str:
        """The target of this server in a configuration, and the retries that tests need."""
        return f"""
[target.out]
kind = "smarthost"
servers = "127.0.0.1:{self.port}"
tls = "none"
[retry.quick]
first = "1s"
"""

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Called by aiosmtpd."""
        del server, session, options
        if not self.is_open.is_set():
            return "451 4.3.2 Not yet"
        local = address.partition("@")[0].partition("+")[0]
        if local in self.replies:
            return self.replies[local]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Recipient OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        """Called by aiosmtpd."""
        del server, session
        self.mail.append(envelope)
        return f"250 2.0.0 Ok: queued as 4f1c{len(self.mail):06}"
