"""The store on PostgreSQL: groups of mail in pipelines, and nodes that others can fence."""

from gatepost.store.postgres.connections import Connector
from gatepost.store.postgres.examination import Examination, examine
from gatepost.store.postgres.opening import open_store
from gatepost.store.postgres.settings import PostgresSettings
from gatepost.store.postgres.store import PostgresStore

__all__ = [
    "Connector",
    "Examination",
    "PostgresSettings",
    "PostgresStore",
    "examine",
    "open_store",
]
