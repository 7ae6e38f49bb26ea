"""A store with very many captured messages, and their entries: orders with random words, each as
often as words are in a language, and with numbers, codes and links of their own."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Final

from gatepost.mailbox.contents import ReadMessage
from gatepost.mailbox.entries import MessageFacts, make_entry
from gatepost.model.address import parse_address
from gatepost.model.body import BytesBody
from gatepost.model.envelope import Envelope, Recipient
from gatepost.model.message import Submission
from gatepost.store.sqlite import open_store

RARE: Final = "zanzibar"
"""A word of one message in ten thousand."""
COMMON: Final = "order"
"""A word of every message."""
NEVER: Final = "quixotic"
_BATCH: Final = 500
_SYLLABLES: Final = ("ka", "lo", "mi", "ren", "tor", "sha", "pin", "qua", "dol", "er", "in", "ta")
_WORDS: Final = 6_000
_SENDER: Final = "shop@example.com"


class Writer:
    """Writes messages; the same ones each time."""

    def __init__(self) -> None:
        self._random = Random(7)
        chance = self._random
        self._words = [
            "".join(chance.choices(_SYLLABLES, k=chance.randint(1, 4))) for _ in range(_WORDS)
        ]
        self._weights = list(accumulate(1 / (rank + 1) for rank in range(_WORDS)))

    def write(self, number: int) -> tuple[str, bytes]:
        """Return a recipient, and the content of a message."""
        chance = self._random
        words = chance.choices(self._words, cum_weights=self._weights, k=chance.randint(80, 260))
        if number % 10_000 == 77:
            words[40] = RARE
        first, last = chance.choice(self._words), chance.choice(self._words)
        to = f"{first}.{last}@example.net"
        token, code = chance.getrandbits(64), chance.randrange(10**6)
        return to, (
            f"From: Shop <{_SENDER}>\r\nTo: {first.title()} {last.title()} <{to}>\r\n"
            f"Subject: Your {COMMON} {number} of {words[0]}\r\n"
            f"Message-ID: <{token:x}@example.com>\r\n\r\n"
            f"Hello {first.title()},\r\n\r\nyour code is {code:06}, your {COMMON} is here:\r\n"
            f"https://shop.example/track/{token:016x}\r\n\r\n{' '.join(words)}\r\n"
        ).encode()


async def fill(data: Path, count: int) -> None:
    """Put ``count`` messages with their entries into the store of ``data``."""
    store, writer = open_store(data), Writer()
    begin = datetime.now(UTC) - timedelta(seconds=count)
    try:
        for first in range(1, count + 1, _BATCH):
            mails = {f"bench-{first + at}": writer.write(first + at) for at in range(_BATCH)}
            await asyncio.gather(
                *[
                    store.put(
                        Submission(
                            id_,
                            Envelope(parse_address(_SENDER), (Recipient(parse_address(to)),)),
                            BytesBody(content),
                            b"Received: from bench\r\n",
                            begin + timedelta(seconds=first),
                            principal="bench",
                        )
                    )
                    for id_, (to, content) in mails.items()
                ]
            )
            unread = await store.mailbox.read_on(_BATCH)
            entries = [
                make_entry(
                    each.seq,
                    ReadMessage(each.message, mails[each.message.id][1]),
                    0,
                    MessageFacts(),
                )
                for each in unread
            ]
            await store.mailbox.record(unread[-1].seq, entries)
        while await store.mailbox.prepare_search():
            pass
    finally:
        store.close()
