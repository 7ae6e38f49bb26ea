"""The durable store on SQLite: one file, one writer, group commits."""

from gatepost.store.lock import StoreLocked
from gatepost.store.sqlite.opening import open_store
from gatepost.store.sqlite.settings import Retention, Settings
from gatepost.store.sqlite.store import SqliteStore

__all__ = ["Retention", "Settings", "SqliteStore", "StoreLocked", "open_store"]
