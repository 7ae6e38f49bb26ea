"""The store on PostgreSQL: groups of mail in pipelines, and an owner that others can fence."""

from gatepost.store.postgres.opening import open_store
from gatepost.store.postgres.settings import PostgresSettings
from gatepost.store.postgres.store import PostgresStore

__all__ = ["PostgresSettings", "PostgresStore", "open_store"]
