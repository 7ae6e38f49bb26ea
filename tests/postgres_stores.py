"""Stores on the PostgreSQL server of the test run: a schema for each process, emptied for each
test."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.postgres_server import shared_server

_EMPTY = """
DO $$
DECLARE tab text;
BEGIN
    FOR tab IN SELECT tablename FROM pg_tables WHERE schemaname = '{schema}' LOOP
        IF tab LIKE 'body_%' THEN
            EXECUTE format('DROP TABLE {schema}.%I', tab);
        ELSIF tab NOT IN ('counter', 'migration', 'writer') THEN
            EXECUTE format('DELETE FROM {schema}.%I', tab);
        END IF;
    END LOOP;
    DELETE FROM {schema}.counter WHERE name = 'looked_at';
    UPDATE {schema}.counter SET value = 0;
END $$
"""


class PostgresStores:
    """Opens stores in the schema of this process."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.schema = f"test_{os.getpid()}"

    def settings(self, **other: Any) -> Any:
        """Return settings; ``other`` fields replace the defaults."""
        from gatepost.store.postgres import PostgresSettings

        return PostgresSettings(**{"url": lambda: self.url, "schema": self.schema, **other})

    def open(self, directory: Path, *more: Any, **other: Any) -> Any:
        """Open the store."""
        from gatepost.store.postgres import open_store

        return open_store(directory, self.settings(**other), *more)

    def connect(self) -> Any:
        """Return a connection that uses the schema."""
        import psycopg

        connection = psycopg.connect(self.url, autocommit=True)
        connection.execute(f"SET search_path = {self.schema}")
        return connection

    def empty(self) -> None:
        """Delete everything."""
        with self.connect() as connection:
            found = "SELECT 1 FROM pg_tables WHERE schemaname = %s AND tablename = 'counter'"
            if connection.execute(found, (self.schema,)).fetchone():
                connection.execute(_EMPTY.replace("{schema}", self.schema))


def stop_upkeep(store: Any) -> None:
    """End the threads of a store that write by themselves; it has to be opened without beats."""
    for threads in (store._keeping_up, store._caring):
        threads.stop()


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the URL of the server of the test run."""
    pytest.importorskip("psycopg")
    return shared_server(tmp_path_factory.getbasetemp())


@pytest.fixture
def postgres(postgres_server: str, monkeypatch: pytest.MonkeyPatch) -> PostgresStores:
    """Return what opens empty stores; they do not refuse because the machine is slow."""
    for limit in ("GRACE", "HUNG"):
        monkeypatch.setattr(f"gatepost.store.postgres.thread_connection.{limit}", 60.0)
    stores = PostgresStores(postgres_server)
    stores.empty()
    return stores
