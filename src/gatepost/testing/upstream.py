"""A next hop that misbehaves at random: it defers, refuses, stalls, is slow, and disconnects."""

import asyncio
import random
import re
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Final, Literal

from gatepost.errors import TlsError
from gatepost.model.reply import Esc, Reply
from gatepost.net.listen import Listener, listen
from gatepost.net.server_stream import ServerStream
from gatepost.net.tls import Context
from gatepost.profiles import load_profile
from gatepost.wire.server import events
from gatepost.wire.server.session import Session, SessionSettings

Fate = Literal[
    "accept", "slow", "stall",
    "defer_mail", "defer_rcpt", "defer_content",
    "refuse_mail", "refuse_rcpt", "refuse_content",
    "cut_early", "cut_before", "cut_after",
]  # fmt: skip
"""The fate of one transaction. ``cut_before`` disconnects at the end of the content without
accepting it; ``cut_after`` accepts it and disconnects without a reply, so that the sender must send
a duplicate."""

_MESSAGE_ID: Final = re.compile(rb"^Message-ID:\s*(<[^>]*>)", re.IGNORECASE | re.MULTILINE)
_FULL: Final = Reply(452, "Mailbox full", Esc(4, 2, 2))
"""A reply to MAIL. A 450 or 451 there would teach the relay to send less."""
_GREY: Final = Reply(450, "Come back later", Esc(4, 2, 0))
_BUSY: Final = Reply(451, "Try again later", Esc(4, 3, 0))
_UNKNOWN: Final = Reply(550, "No such user", Esc(5, 1, 1))
_BAD_SENDER: Final = Reply(550, "Sender refused", Esc(5, 7, 1))
_UNWANTED: Final = Reply(554, "Content refused", Esc(5, 6, 0))
_OK: Final = Reply(250, "Ok", Esc(2, 0, 0))
_TO_MAIL: Final[Mapping[str, Reply]] = {"defer_mail": _FULL, "refuse_mail": _BAD_SENDER}
_TO_RCPT: Final[Mapping[str, Reply]] = {"defer_rcpt": _GREY, "refuse_rcpt": _UNKNOWN}
_TO_CONTENT: Final[Mapping[str, Reply]] = {"defer_content": _BUSY, "refuse_content": _UNWANTED}
_GENTLE: Final[Mapping[Fate, Fate]] = {
    "refuse_mail": "defer_mail", "refuse_rcpt": "defer_rcpt", "refuse_content": "defer_content",
}  # fmt: skip
"""The fates of notifications instead, because refused notifications would be lost."""

# fmt: off
USUAL: Final[Mapping[Fate, float]] = MappingProxyType({
    "accept": 60, "slow": 10, "stall": 2,
    "defer_mail": 2, "defer_rcpt": 8, "defer_content": 5,
    "refuse_mail": 1, "refuse_rcpt": 4, "refuse_content": 2,
    "cut_early": 1, "cut_before": 2, "cut_after": 3,
})
# fmt: on
"""The usual fates, by weight."""
WELL: Final[Mapping[Fate, float]] = MappingProxyType({"accept": 1})


@dataclass(slots=True)
class Taken:
    """One message that was accepted."""

    message_id: str
    sender: str
    """Empty for the null sender."""
    recipients: tuple[str, ...]
    content: bytes
    at: float
    """The event loop's clock."""
    answered: bool = False
    """The 250 was written to an open connection."""
    silent: bool = False
    """It disconnected instead, on purpose."""


@dataclass(slots=True)
class Mischief:
    """How it misbehaves; may be changed while it runs."""

    weights: Mapping[Fate, float] = field(default_factory=lambda: USUAL)
    stall: float = 2.0
    """Seconds before a delayed answer."""
    slowness: float = 0.2
    """Maximum seconds of a slow answer."""
    hopeless: str = "hopeless.test"
    """A domain whose recipients are always deferred."""


@dataclass(slots=True)
class Upstream:
    """An SMTP server on a free port of 127.0.0.1, in the running event loop.

    The fate of a transaction is drawn at random, with ``seed``, when MAIL arrives. Several servers
    may share a list ``taken``.
    """

    seed: int = 0
    mischief: Mischief = field(default_factory=Mischief)
    taken: list[Taken] = field(default_factory=list)
    tls: Context | None = None
    """The context for STARTTLS; None: it is not offered."""
    fates: Counter[str] = field(default_factory=Counter)
    """Number of transactions by fate."""
    connections: "set[_Connection]" = field(default_factory=set)
    emptied: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the last connection has ended."""
    is_closed: bool = False
    chance: random.Random = field(init=False)
    _listener: Listener | None = None
    _server: asyncio.Server | None = None

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # noqa: S311 - a test's, to be repeated

    async def start(self) -> int:
        """Accept connections; return the port."""
        self._listener = listen("127.0.0.1", 0)
        setting = SessionSettings(
            load_profile("open"), "upstream.test", can_tls=self.tls is not None
        )
        accept = partial(_accept, self, setting)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(accept, sock=self._listener.sockets[0])
        return self._listener.port

    async def quiet(self, seconds: float) -> None:
        """Return when no connection is open any more, or after the given number of seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.connections:
                    self.emptied.clear()
                    await self.emptied.wait()

    def draw(self, *, is_notification: bool) -> Fate:
        """Return the fate of the next transaction."""
        weights = self.mischief.weights
        [fate] = self.chance.choices(list(weights), list(weights.values()))
        if is_notification:
            fate = _GENTLE.get(fate, fate)
        self.fates[fate] += 1
        return fate

    def close(self) -> None:
        """Abort every connection, and accept no more."""
        self.is_closed = True
        if self._server is not None:
            self._server.close()
        for each in list(self.connections):
            each.cut()


def _accept(upstream: Upstream, setting: SessionSettings) -> ServerStream:
    return ServerStream(_Connection(upstream, setting))


class _Connection:
    """One connection; a ``net.server_stream.Handler``."""

    def __init__(self, upstream: Upstream, setting: SessionSettings) -> None:
        self._upstream, self._setting = upstream, setting
        self._stream: ServerStream
        self._session: Session
        self._pieces: list[bytes] = []
        self._waiting: asyncio.TimerHandle | None = None
        self.fate: Fate | None = None
        """Of the transaction that is open."""

    # What the stream calls.

    def on_accept(self, stream: ServerStream) -> None:
        self._stream = stream
        self._upstream.connections.add(self)
        if self._upstream.is_closed:
            self.cut()

    def on_proxy_header(self) -> None:
        """There are no proxies here."""

    def on_bad_proxy_header(self, reason: str) -> None:
        """There are no proxies here."""

    def on_connect(self) -> None:
        self._session = Session(self._setting, self._stream.peer_address)
        self._go_on()

    def on_data(self, octets: bytes) -> None:
        self._session.receive(octets)
        self._go_on()

    def on_tls(self) -> None:
        """The client speaks next."""

    def on_tls_failure(self, error: TlsError) -> None:
        """The stream hangs up."""

    def on_drain(self) -> None:
        """Replies are short."""

    def on_end(self) -> None:
        self._stream.close()

    def on_close(self) -> None:
        upstream = self._upstream
        upstream.connections.discard(self)
        if not upstream.connections:
            upstream.emptied.set()
        self.fate = None
        if self._waiting is not None:
            self._waiting.cancel()

    def cut(self) -> None:
        """Disconnect without a reply."""
        self._stream.abort()

    # What the session says.

    def _go_on(self) -> None:
        while not self._stream.is_closing:
            while (event := self._session.next_event()) is not None:
                self._handle(event)
            octets = self._session.send()
            if not octets:
                return
            self._stream.write(octets)

    def _handle(self, event: events.Event) -> None:
        match event:
            case events.Sender(envelope):
                self._pieces.clear()
                self.fate = self._upstream.draw(is_notification=envelope.sender is None)
                self._answer(self._to_mail())
            case events.Rcpt(recipient):
                self._answer(self._to_rcpt(str(recipient.address)))
            case events.ContentPiece(chunk):
                self._pieces.append(chunk)
            case events.ContentDropped():
                self._pieces.clear()
                self.fate = None
            case events.Message():
                self._pieces.append(event.chunk)
                self._end(event)
            case events.StartTls():
                self._start_tls()
            case events.Closing():
                self._stream.write(self._session.send())
                self._stream.close()
            case _:
                self._session.reply(_UNKNOWN)

    def _start_tls(self) -> None:
        self._session.reply(self._session.replies.TLS_READY)
        self._stream.write(self._session.send())
        if self._upstream.tls is not None and self._session.encrypted:
            self._stream.start_tls(self._upstream.tls)

    def _answer(self, reply: Reply | None) -> None:
        """Send a reply, or disconnect for None, after the reply about the previous message (RFC
        2920 3.2)."""
        if reply is None:
            self._stream.write(self._session.send())
            self.cut()
        else:
            self._session.reply(reply)

    def _to_mail(self) -> Reply | None:
        if self.fate == "cut_early":
            return None
        return _TO_MAIL.get(self.fate or "", _OK)

    def _to_rcpt(self, address: str) -> Reply:
        if address.endswith(f"@{self._upstream.mischief.hopeless}"):
            return _GREY
        bad = _TO_RCPT.get(self.fate or "")
        return bad if bad is not None and self._upstream.chance.random() < 0.5 else _OK

    def _end(self, event: events.Message) -> None:
        """The content is there."""
        fate, mischief = self.fate, self._upstream.mischief
        if fate == "stall":
            self._later(mischief.stall, lambda: self._say_ok(self._take(event)))
        elif fate == "slow":
            taken = self._take(event)
            wait = mischief.slowness * self._upstream.chance.random()
            self._later(wait, lambda: self._say_ok(taken))
        elif fate == "cut_before":
            self.cut()
        elif fate == "cut_after":
            self._take(event).silent = True
            self.cut()
        elif (bad := _TO_CONTENT.get(fate or "")) is not None:
            self.fate = None
            self._session.reply(bad)
        else:
            self._say_ok(self._take(event))

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        def wake() -> None:
            self._waiting = None
            if not self._stream.is_closing:
                act()
                self._go_on()

        self._waiting = asyncio.get_running_loop().call_later(seconds, wake)

    def _say_ok(self, taken: Taken) -> None:
        self.fate = None
        self._session.reply(_OK)
        taken.answered = True

    def _take(self, event: events.Message) -> Taken:
        content, envelope = b"".join(self._pieces), event.envelope
        self._pieces.clear()
        match_ = _MESSAGE_ID.search(content)
        taken = Taken(
            match_[1].decode("ascii", "replace") if match_ else "",
            str(envelope.sender or ""),
            tuple(str(each.address) for each in envelope.recipients),
            content,
            asyncio.get_running_loop().time(),
        )
        self._upstream.taken.append(taken)
        return taken
