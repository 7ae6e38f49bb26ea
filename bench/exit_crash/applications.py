"""Applications that send by the e-mail API, and repeat a request until it is answered."""

import asyncio
import base64
import hashlib
import hmac
import json
import random
import ssl
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final
from uuid import UUID

from bench.exit_crash.http import post
from gatepost.testing.crash.verdict import SentMessage

TARGET: Final = "/emails:send?api-version=2025-09-01"
AGAIN: Final = 0.05
"""Seconds until a request is repeated."""
TWICE: Final = 0.15
"""The share of requests that are sent twice at the same time."""


@dataclass(slots=True)
class Applications:
    """All of them; ``pause`` is the mean time between two messages of each, in seconds."""

    port: int
    key: str
    sender: str
    domains: Sequence[str]
    context: ssl.SSLContext
    chance: random.Random
    pause: float
    sent: list[SentMessage] = field(default_factory=list)
    troubles: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    """Answers that are wrong whatever happens to the relay."""
    _number: int = 0

    async def send_on(self) -> None:
        """Send until cancelled; a message that was begun is sent to its end."""
        while True:
            await asyncio.shield(self._send_one())
            await asyncio.sleep(self.chance.expovariate(1 / self.pause))

    async def _send_one(self) -> None:
        self._number += 1
        number, chance = self._number, self.chance
        id_ = str(UUID(int=chance.getrandbits(128), version=4))
        count = chance.choices((1, 2, 4), (50, 30, 20))[0]
        to = [f"r{number}.{each}@{chance.choice(self.domains)}" for each in range(count)]
        text = "All work and no play.\r\n" * chance.randint(1, 200) + f"r{number}\r\n"
        body = json.dumps(
            {
                "senderAddress": self.sender,
                "content": {"subject": str(number), "plainText": text},
                "recipients": {"to": [{"address": each} for each in to]},
            }
        ).encode()
        times = 2 if chance.random() < TWICE else 1
        await asyncio.gather(*[self._until_accepted(id_, body) for _ in range(times)])
        message_id = f"<{id_}@{self.sender.partition('@')[2]}>"
        self.sent.append(SentMessage(message_id, tuple(to), text.encode()))

    async def _until_accepted(self, id_: str, body: bytes) -> None:
        while True:
            try:
                headers = {**self._signature(body), "operation-id": id_}
                status = await post(self.port, TARGET, body, headers, self.context)
            except (OSError, EOFError, TimeoutError) as error:
                self.troubles[f"REST {type(error).__name__}"] += 1
            else:
                if status == 202:
                    return
                self.troubles[f"REST {status}"] += 1
                if status < 500:
                    self.faults.append(f"{id_} was answered {status}")
                    return
            await asyncio.sleep(AGAIN)

    def _signature(self, body: bytes) -> Mapping[str, str]:
        date = format_datetime(datetime.now(UTC), usegmt=True)
        content_hash = base64.b64encode(hashlib.sha256(body).digest()).decode()
        text = f"POST\n{TARGET}\n{date};localhost:{self.port};{content_hash}"
        signature = hmac.digest(base64.b64decode(self.key), text.encode(), "sha256")
        signed = "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature="
        return {
            "x-ms-date": date,
            "x-ms-content-sha256": content_hash,
            "authorization": signed + base64.b64encode(signature).decode(),
        }
