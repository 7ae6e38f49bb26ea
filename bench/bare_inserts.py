"""Inserts messages in groups, and does nothing else: what a store on the same database is compared
with.

The rows, their indexes and the octets are those of our queue; so is the way, because it is the
quickest that psycopg has: one pipeline for a group, with an array for each column.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Final

from gatepost.store.postgres.arrays import numbers, octets, texts
from gatepost.store.postgres.connections import Connection, Connector
from gatepost.store.postgres.statements import SQL

CONNECTIONS: Final = 2
"""As many as a store has for new mail."""
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS bare_body
    (message bigint, n int, content bytea NOT NULL, PRIMARY KEY (message, n))
    WITH (autovacuum_enabled = false, toast_tuple_target = 8160)
"""


class BareInserts:
    """Inserts contents of one size into the tables that a store has created."""

    def __init__(self, url: str, content: bytes) -> None:
        connector = Connector(lambda: url, "gatepost", "bare inserts")
        self._connections = [connector.connect() for _ in range(CONNECTIONS)]
        [first, *_] = self._connections
        first.execute(_TABLE)
        first.execute("ALTER TABLE bare_body ALTER content SET STORAGE EXTERNAL")
        self._content = content
        self._key = count(time.time_ns()).__next__

    def run(self, messages: int, group: int) -> list[float]:
        """Insert messages in groups, over all connections at the same time; return the seconds that
        each group took."""
        groups, seconds = iter(range(0, messages, group)), list[float]()
        threads = [
            threading.Thread(target=self._insert, args=(each, groups, group, seconds))
            for each in self._connections
        ]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        return seconds

    def _insert(
        self, connection: Connection, groups: Iterator[int], group: int, seconds: list[float]
    ) -> None:
        for _ in groups:
            keys = [self._key() for _ in range(group)]
            begun = time.perf_counter()
            insert_group(connection, keys, self._content)
            seconds.append(time.perf_counter() - begun)


def insert_group(connection: Connection, keys: Sequence[int], content: bytes) -> None:
    """Insert messages with a delivery and a content each, in one transaction."""
    many, now = len(keys), time.time_ns() // 1000
    nothing, ones, times = octets([b""] * many), numbers([1] * many), numbers([now] * many)
    message = (
        0, numbers(keys), texts([f"bare-{each}" for each in keys]), times,
        octets([b"a@example.com"] * many), texts([None] * many), octets([b"bench"] * many),
        octets([b"<1@example.com>"] * many), nothing, nothing,
        numbers([len(content)] * many), ones,
    )  # fmt: skip
    delivery = (
        numbers(keys), numbers([0] * many), texts(["default"] * many), numbers([None] * many),
        ones, ones, times, times, texts(['[["user@example.test"]]'] * many),
    )  # fmt: skip
    body = numbers(keys), numbers([0] * many), octets([content] * many)
    with connection.pipeline():
        connection.execute("BEGIN", prepare=False)
        connection.execute(SQL["insert_messages"].rstrip(";"), message)
        connection.execute(SQL["insert_deliveries"], delivery)
        connection.execute(
            "INSERT INTO bare_body (message, n, content)"
            " SELECT message, n, content FROM unnest(%s, %s, %s) AS new (message, n, content)",
            body,
        )
        connection.execute("COMMIT", prepare=False)
