"""What nodes ask each other, over rows in the database."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from gatepost.errors import GatepostError, QueueError
from gatepost.store.postgres.arrays import numbers
from gatepost.store.postgres.changes import DatabaseChanges
from gatepost.store.postgres.connections import Connection
from gatepost.store.postgres.node import SURE, Node
from gatepost.store.postgres.readers import Readers
from gatepost.store.postgres.statements import SQL

PATIENCE: Final = 2.0
"""Seconds to wait for an answer."""
_PAUSE: Final = 0.05
"""Seconds between two looks for answers."""
Fields = Mapping[str, Any]
Answer = Callable[[str, Fields], Awaitable[Fields]]
"""Answers an operation with its fields."""


class NodeQuestions:
    """Asks other nodes, and lets this one answer.

    A notification wakes who is asked; each look finds the questions without it, too. ``change``
    runs a function in a transaction, ``read`` one in a thread that reads.
    """

    def __init__(self, node: Node, change: DatabaseChanges, read: Readers) -> None:
        self._node, self._change, self._read = node, change, read
        self._answering: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, node: str, operation: str, fields: Fields) -> Fields | None:
        """Return the answer of a node; None if it gave none in time. Raises QueueError."""
        values = (operation, json.dumps(fields), node)
        answers = await self._ask("ask_node", values)
        return answers[0] if answers else None

    async def tell(self, operation: str, fields: Fields) -> None:
        """Ask all other nodes that live, and wait until they have answered, or for a while."""
        values = (operation, json.dumps(fields), self._node.epoch, self._node.dead_after, SURE)
        await self._ask("ask_others", values)

    async def _ask(self, statement: str, values: Sequence[Any]) -> list[Fields]:
        keys = [n for (n,) in await self._change(_rows, statement, values)]
        if not keys:
            return []
        try:
            await self._change(_rows, "notify", ())
            return await self._wait(keys)
        finally:
            await self._change(_execute, "delete_questions", (numbers(keys),))

    async def _wait(self, keys: Sequence[int]) -> list[Fields]:
        loop = asyncio.get_running_loop()
        end = loop.time() + PATIENCE
        while True:
            rows = await self._read(_rows, "answers", (numbers(keys),))
            if len(rows) == len(keys) or loop.time() > end:
                return [json.loads(answer) for _, answer in rows]
            await asyncio.sleep(_PAUSE)

    def answer(self, questions: Sequence[tuple[int, str, str]], answer: Answer) -> None:
        """Answer questions in the running loop; those that are being answered are left out."""
        for number, operation, fields in questions:
            if number not in self._answering:
                self._answering.add(number)
                task = asyncio.ensure_future(self._answer(number, operation, fields, answer))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _answer(self, number: int, operation: str, fields: str, answer: Answer) -> None:
        try:
            given = await answer(operation, json.loads(fields))
        except (GatepostError, ValueError, KeyError) as error:
            given = {"error": str(error)}
        try:
            await self._change(_execute, "answer_question", (json.dumps(given), number))
        except QueueError:
            pass  # who asked does not wait for long
        finally:
            self._answering.discard(number)


def open_questions(connection: Connection, epoch: int) -> list[tuple[int, str, str]]:
    """Return the questions to the node with an epoch: number, operation and fields."""
    return _rows(connection, "open_questions", (epoch,))


def _rows(connection: Connection, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    return connection.execute(SQL[statement], values).fetchall()


def _execute(connection: Connection, statement: str, values: Sequence[Any]) -> None:
    connection.execute(SQL[statement], values)
