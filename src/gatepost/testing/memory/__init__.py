"""The store's contracts in memory: what a test may look into, and compare SQLite with."""

from gatepost.testing.memory.deliveries import MemoryDeliveries
from gatepost.testing.memory.store import MemoryStore

__all__ = ["MemoryDeliveries", "MemoryStore"]
