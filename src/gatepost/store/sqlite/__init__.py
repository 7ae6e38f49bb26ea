"""The durable store on SQLite: one file, one writer, group commits."""

from gatepost.store.lock import StoreLocked
from gatepost.store.retention_limits import Retention
from gatepost.store.sqlite.opening import open_store
from gatepost.store.sqlite.settings import StoreSettings
from gatepost.store.sqlite.store import SqliteStore

__all__ = ["Retention", "SqliteStore", "StoreLocked", "StoreSettings", "open_store"]
