"""The store's contracts in memory, for inspection by tests, and for comparison with SQLite."""

from gatepost.testing.memory.deliveries import MemoryDeliveries
from gatepost.testing.memory.store import MemoryStore

__all__ = ["MemoryDeliveries", "MemoryStore"]
