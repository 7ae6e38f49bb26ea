"""The contract of every store of send operations (``queue.operations_contract.OperationStore``)."""

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gatepost.errors import QueueError
from gatepost.model.send_operation import SendOperation
from gatepost.store.retention_limits import OPERATIONS_KEPT
from gatepost.store.sqlite import StoreSettings, open_store
from gatepost.store.sqlite.group_writes import Ledger, Transaction
from gatepost.store.sqlite.retention import expire_operations
from gatepost.store.stored_values import MICROSECOND, microseconds
from tests.contract.messages import NOON, message
from tests.contract.queued import planned
from tests.contract.stores import AnyStore, run

SETTINGS = StoreSettings(reserve=0)
ID = "8540c0de-899f-5cce-acb5-3ec493af3800"
OPERATION = SendOperation(
    id=ID,
    resource="/subscriptions/s/resourcegroups/g/providers/p/communicationservices/res",
    started_at=NOON,
    request=bytes(range(32)),
    sender="alice@example.org",
    message_id="<1@example.org>",
    tracking_disabled=True,
    error=("EmailDroppedAllRecipientsSuppressed", "grüße"),
)


@pytest.mark.parametrize(
    "operation", [OPERATION, replace(OPERATION, message_id="", tracking_disabled=False, error=None)]
)
@pytest.mark.parametrize("size", [10, 100_000])
def test_message_and_operation_are_stored_together(
    store: AnyStore, operation: SendOperation, size: int
) -> None:
    async def steps() -> None:
        await store.operations.put(message(ID, body=b"x" * size), operation)
        assert await store.operations.get(ID) == operation
        assert (await store.get(ID)).size == size

    run(steps())


def test_an_unknown_operation_is_a_key_error(store: AnyStore) -> None:
    async def steps() -> None:
        await store.put(message(ID))
        with pytest.raises(KeyError):
            await store.operations.get(ID)

    run(steps())


def test_an_id_is_accepted_once(store: AnyStore) -> None:
    """The second one fails and stores nothing; others of the same batch are stored."""

    async def steps() -> None:
        put, other = store.operations.put, replace(OPERATION, request=b"other")
        first = put(message(ID), OPERATION)
        second = put(message(ID, body=b"other"), other)
        third = store.put(message("m3"))
        outcomes = await asyncio.gather(first, second, third, return_exceptions=True)
        assert [type(each) for each in outcomes] == [type(None), QueueError, type(None)]
        assert await store.operations.get(ID) == OPERATION
        assert await store.count() == 2

    run(steps())


def test_the_operation_outlives_its_message(store: AnyStore) -> None:
    async def steps() -> None:
        await store.operations.put(message(ID), OPERATION)
        await store.delete(None)
        assert await store.operations.get(ID) == OPERATION

    run(steps())


def test_message_ids_of_clients_are_found(store: AnyStore) -> None:
    async def steps() -> None:
        await store.operations.put(message(ID), OPERATION)
        await store.operations.put(message("b"), replace(OPERATION, id="b", message_id=""))
        assert await store.operations.has_message_id("<1@example.org>")
        assert not await store.operations.has_message_id("<2@example.org>")
        assert not await store.operations.has_message_id("")

    run(steps())


def test_a_queued_message_and_its_operation_are_stored_together(tmp_path: Path) -> None:
    """``QueuedOperations``: the message's deliveries, and the operation, in one commit."""

    async def steps() -> None:
        epoch = await sqlite.deliveries.take_over(NOON)
        [lease] = await sqlite.operations.queue(message(ID), OPERATION, [planned()])
        assert (lease.delivery.id, lease.epoch) == (f"{ID}.0", epoch)
        assert await sqlite.operations.get(ID) == OPERATION
        with pytest.raises(QueueError):
            await sqlite.operations.queue(message("m2"), OPERATION, [planned()])
        assert await sqlite.deliveries.find("m2") == []
        assert await sqlite.count() == 0

    with closing(open_store(tmp_path, SETTINGS)) as sqlite:
        run(steps())


def test_an_operation_survives_a_restart(tmp_path: Path) -> None:
    async def steps() -> None:
        await kept.operations.put(message(ID), OPERATION)

    async def again() -> None:
        assert await kept.operations.get(ID) == OPERATION

    kept = open_store(tmp_path, SETTINGS)
    run(steps())
    kept.close()
    kept = open_store(tmp_path, SETTINGS)
    run(again())
    kept.close()


def expired(directory: Path, after: timedelta) -> list[str]:
    """Return the operations left after expiry runs ``after`` noon."""
    connection = sqlite3.connect(directory / "store.db")
    transaction = Transaction(connection, Ledger(0, 0, 0))
    expire_operations(transaction, microseconds(NOON + after))
    left = [row[0] for row in connection.execute("SELECT id FROM operations ORDER BY id")]
    connection.close()
    return left


def test_an_operation_is_kept_for_a_day_and_as_long_as_mail_of_its_age(tmp_path: Path) -> None:
    later = NOON + timedelta(days=10)

    async def steps() -> None:
        await kept.operations.put(message("a"), replace(OPERATION, id="a"))
        await kept.put(message("old"))
        await kept.operations.put(
            message("b", received_at=later), replace(OPERATION, id="b", started_at=later)
        )

    async def delete(*ids: str) -> None:
        await kept.delete(ids)

    kept = open_store(tmp_path, SETTINGS)
    run(steps())
    late = OPERATIONS_KEPT + timedelta(days=9)
    assert expired(tmp_path, late) == ["a", "b"], "its message is there"
    run(delete("a", "old"))
    assert expired(tmp_path, OPERATIONS_KEPT - MICROSECOND) == ["a", "b"], "no day is over"
    assert expired(tmp_path, OPERATIONS_KEPT + MICROSECOND) == ["b"]
    kept.close()
