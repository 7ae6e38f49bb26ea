"""How long and how much is kept: captured mail, the history of delivered mail, send operations."""

from collections.abc import Sequence
from typing import Final

from gatepost.store.retention_limits import OPERATIONS_KEPT, Retention
from gatepost.store.sqlite.damage import damage
from gatepost.store.sqlite.delivery_writer import SQL as QUEUE
from gatepost.store.sqlite.group_writes import Transaction
from gatepost.store.sqlite.mailbox_search import SQL as MAILBOX
from gatepost.store.sqlite.mailbox_vocabulary import SQL as VOCABULARY
from gatepost.store.sqlite.mailbox_vocabulary import block_of
from gatepost.store.sqlite.queries import QUERIES
from gatepost.store.sqlite.reports import keep_unread
from gatepost.store.sqlite.send_operations import SQL as OPERATIONS
from gatepost.store.stored_values import MICROSECOND

BATCH: Final = 256
"""Messages deleted in one transaction, so that acceptance never waits long."""
EXPIRED: Final = 1000
"""Operations deleted in one transaction."""


def delete(transaction: Transaction, messages: Sequence[tuple[int, int]]) -> int:
    """Delete messages, given as (seq, size), and their bodies; return how many."""
    keys = [(seq,) for seq, _ in messages]
    keep_unread(transaction, [seq for seq, _ in messages])
    transaction.connection.executemany(QUERIES["delete_record_of_message"], keys)
    if transaction.connection.executemany(QUERIES["delete_message"], keys).rowcount < len(keys):
        raise damage("messages are listed that cannot be found")  # for ever
    transaction.connection.executemany(QUERIES["delete_body"], keys)
    transaction.connection.executemany(MAILBOX["delete_entry"], keys)
    transaction.connection.executemany(MAILBOX["delete_contents"], keys)
    blocks = {(block_of(seq),) for seq, _ in messages}
    transaction.connection.executemany(VOCABULARY["delete_vocabulary"], blocks)
    ledger = transaction.ledger
    ledger.messages -= len(messages)
    ledger.octets -= sum(size for _, size in messages)
    ledger.pages += len(messages)
    return len(messages)


def delete_ids(transaction: Transaction, ids: Sequence[str]) -> int:
    """Delete the messages with these ids, if they exist; return how many."""
    find, query = transaction.connection.execute, QUERIES["find_seq"]
    rows = [find(query, (each,)).fetchone() for each in dict.fromkeys(ids)]
    return delete(transaction, [row for row in rows if row])


def delete_oldest(transaction: Transaction, up_to: int) -> int:
    """Delete a batch of the oldest messages up to the seq `up_to`; return how many."""
    rows = transaction.connection.execute(QUERIES["oldest"], (BATCH,)).fetchall()
    return delete(transaction, [(seq, size) for seq, _, size in rows if seq <= up_to])


def expire_captured(transaction: Transaction, retention: Retention, now: int) -> int:
    """Delete a batch of messages that are too old at `now` (microseconds); return how many."""
    ledger = transaction.ledger
    messages, octets, expired = ledger.messages, ledger.octets, []
    oldest = now - retention.age // MICROSECOND
    for seq, received_at, size in transaction.connection.execute(QUERIES["oldest"], (BATCH,)):
        if messages <= retention.messages and octets <= retention.octets and received_at >= oldest:
            break
        expired.append((seq, size))
        messages, octets = messages - 1, octets - size
    return delete(transaction, expired)


def expire_settled(transaction: Transaction, before: int, keep: int) -> int:
    """Delete a batch of settled messages that are too old, or beyond the newest ``keep``."""
    row = transaction.connection.execute(QUEUE["settled_beyond"], (keep,)).fetchone()
    return forget_settled(transaction, before if row is None else max(before, row[0] + 1))


def forget_settled(transaction: Transaction, before: int) -> int:
    """Delete a batch of messages settled before a time; return how many."""
    connection = transaction.connection
    rows = connection.execute(QUEUE["forgotten"], (before, BATCH)).fetchall()
    connection.executemany(QUEUE["delete_deliveries"], rows)
    if connection.executemany(QUEUE["delete_message"], rows).rowcount < len(rows):
        raise damage("messages are found by an index alone")  # for ever
    transaction.ledger.pages += len(rows)
    return len(rows)


def expire_operations(transaction: Transaction, now: int) -> None:
    """Delete a batch of operations that are too old at `now` (microseconds)."""
    deleted = transaction.connection.execute(
        OPERATIONS["expire_operations"], (now - OPERATIONS_KEPT // MICROSECOND, EXPIRED)
    )
    transaction.ledger.pages += max(0, deleted.rowcount)
