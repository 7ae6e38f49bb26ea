"""What only one node may do at a time, and the refresh tokens that need it."""

from typing import Any

from gatepost.store.postgres.changes import DatabaseChanges
from gatepost.store.postgres.connections import Connection
from gatepost.store.postgres.node import Node
from gatepost.store.postgres.readers import Readers
from gatepost.store.postgres.statements import SQL
from gatepost.store.stored_values import legible


class NodeTurns:
    """Takes turns with other nodes, and keeps sealed tokens for all. ``change`` runs a function in
    a transaction, ``read`` one in a thread that reads."""

    def __init__(self, node: Node, change: DatabaseChanges, read: Readers) -> None:
        self._node, self._change, self._read = node, change, read

    async def try_take(self, key: str, seconds: float, *, is_kept: bool = False) -> bool:
        """See ``Cluster.try_take_turn``."""
        holder = self._node.first_epoch if is_kept else self._node.epoch
        values = (legible(key), holder, round(seconds * 1_000_000), is_kept)
        return await self._change(_try_take, values)

    async def end(self, key: str) -> None:
        """See ``Cluster.end_turn``."""
        await self._change(_end, legible(key), self._node.first_epoch)

    async def load_token(self, key: str) -> bytes | None:
        """See ``Cluster``."""
        return await self._read(_load_token, key)

    async def save_token(self, key: str, sealed: bytes, turn: str) -> None:
        """See ``Cluster``."""
        values = (key, sealed, legible(turn), self._node.first_epoch)
        await self._change(_save_token, values)


def _try_take(connection: Connection, values: tuple[Any, ...]) -> bool:
    return connection.execute(SQL["take_turn"], values).fetchone() is not None


def _end(connection: Connection, key: str, epoch: int) -> None:
    connection.execute(SQL["end_turn"], (key, epoch))


def _load_token(connection: Connection, key: str) -> bytes | None:
    row = connection.execute(SQL["load_token"], (key,), binary=True).fetchone()
    return None if row is None else bytes(row[0])


def _save_token(connection: Connection, values: tuple[Any, ...]) -> None:
    connection.execute(SQL["save_token"], values)
