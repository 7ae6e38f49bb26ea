"""The newest schema, with nothing in it, and how SQLite would go about a statement there."""

import sqlite3
from collections.abc import Iterator, Mapping

from gatepost.store.sqlite.queries import MIGRATIONS


def newest_schema() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    for step in MIGRATIONS:
        connection.executescript(step)
    return connection


def plans(statements: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Each step of each statement's plan, with the statement's name."""
    connection = newest_schema()
    try:
        for name, query in statements.items():
            nothing = (1,) * query.count("?")
            for step in connection.execute(f"EXPLAIN QUERY PLAN {query}", nothing):
                yield name, str(step[3])
    finally:
        connection.close()
