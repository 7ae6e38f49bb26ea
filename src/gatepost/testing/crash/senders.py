"""Applications that send, and remember every message whose final 250 they have read."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Final, Protocol

from gatepost.client.connection import Receipt
from gatepost.client.settings import Options, Timeouts, Tls
from gatepost.errors import GatepostError, Refused
from gatepost.model.address import parse_address
from gatepost.model.envelope import Envelope, Recipient
from gatepost.submit import connect_async
from gatepost.testing.crash.verdict import SentMessage

SENDER_DOMAIN: Final = "senders.test"
PATIENCE: Final = 20.0
"""Seconds for any answer: a relay that was killed resets the connection at once."""
AGAIN: Final = 0.05
"""Seconds until a sender connects again."""
_SIZES: Final = ((70, 300, 4_000), (25, 4_000, 60_000), (5, 100_000, 600_000))
"""Weight, minimum and maximum size: for storage in the database, in a file, and in pieces between
processes."""
_LINE: Final = b"The quick brown fox jumps over the lazy dog, 0123456789.\r\n"


@dataclass(frozen=True, slots=True)
class SenderAccount:
    """The servers to send to, each as good as the others, and the credentials."""

    servers: tuple[str, ...]
    ca_file: str
    username: str
    password: str = field(repr=False)


@dataclass(slots=True)
class Senders:
    """All senders. ``pause`` is the mean time between two messages of each, in seconds."""

    account: SenderAccount
    domains: Sequence[str]
    """The recipients' domains."""
    pause: float
    chance: random.Random
    author: str = ""
    """The address that all of them use; empty: each has one of its own."""
    sent: list[SentMessage] = field(default_factory=list)
    troubles: Counter[str] = field(default_factory=Counter)
    """What went wrong for them, by kind; each of it is allowed, for nothing was promised."""
    _number: int = 0
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait_for(self, count: int, seconds: float) -> None:
        """Return once ``count`` messages are acknowledged, or none is for ``seconds``."""
        while len(self.sent) < count:
            self._more.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._more.wait()
            except TimeoutError:
                return

    async def send_on(self, name: str) -> None:
        """Send until cancelled."""
        tls = Tls(ca_file=self.account.ca_file)
        waits = {each.name: PATIENCE for each in fields(Timeouts)}
        options = Options(Timeouts(**waits), local_name="sender.test")
        while True:
            connection = connect_async(
                self.chance.choice(self.account.servers),
                self.account.username,
                self.account.password,
                tls=tls,
                options=options,
            )
            try:
                await connection.open()
                while True:
                    await self._send_one(name, connection.send)
                    await asyncio.sleep(self.chance.expovariate(1 / self.pause))
            except Refused as error:
                self.troubles[f"{error.reply.code}"] += 1
            except (GatepostError, OSError) as error:
                self.troubles[type(error).__name__] += 1
            finally:
                await connection.close()
            await asyncio.sleep(AGAIN)

    async def _send_one(self, name: str, send: "Send") -> None:
        self._number += 1
        message = self._write(name, self._number)
        to = tuple([Recipient(parse_address(each)) for each in message.recipients])
        envelope = Envelope(parse_address(self._author(name)), to)
        receipt = await send(message.content, envelope)
        self.sent.append(replace(message, recipients=receipt.accepted))
        self._more.set()

    def _author(self, name: str) -> str:
        return self.author or f"{name}@{SENDER_DOMAIN}"

    def _write(self, name: str, number: int) -> SentMessage:
        """Make a message with recipients that no other message has."""
        count = self.chance.choices((1, 2, 3), (70, 20, 10))[0]
        to = [f"{number}.{each}@{self.chance.choice(self.domains)}" for each in range(count)]
        [(_, least, most)] = self.chance.choices(_SIZES, [weight for weight, _, _ in _SIZES])
        message_id = f"<{number}@{SENDER_DOMAIN}>"
        head = (
            f"Message-ID: {message_id}\r\nDate: {_DATE}\r\nFrom: <{self._author(name)}>\r\n"
            f"To: <{to[0]}>\r\nSubject: {number}\r\n\r\n"
        )
        body = _LINE * (self.chance.randint(least, most) // len(_LINE))
        return SentMessage(message_id, tuple(to), head.encode() + body + f"{number}\r\n".encode())


class Send(Protocol):
    """``AsyncConnection.send``."""

    def __call__(self, message: bytes, envelope: Envelope) -> Awaitable[Receipt]:
        """Send a message."""


_DATE: Final = "Tue, 24 Nov 2026 10:00:00 +0000"
