"""The writes of the queue: each gets an open transaction, in whichever thread commits."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

from gatepost.model.delivery import Delivery, Lease, NewMail, Planned, Settlement
from gatepost.model.message import Submission
from gatepost.model.route import NextHop
from gatepost.queue import deliveries_contract as queue
from gatepost.queue.deliveries_contract import Action, part_of, planned_delivery, queued
from gatepost.queue.delivery_changes import (
    dropped,
    is_reroutable,
    lease_lost,
    parted,
    rerouted,
    settled,
)
from gatepost.store.batched_actions import BATCH, Key
from gatepost.store.delivery_json import write_addressees, write_history
from gatepost.store.sqlite.damage import check_order, damage
from gatepost.store.sqlite.delivery_rows import (
    delivery_of,
    delivery_row,
    message_row,
    queued_message,
    settled_row,
)
from gatepost.store.sqlite.group_writes import PAGE, Put, Transaction, WaitedWrite
from gatepost.store.sqlite.notes import put_notes
from gatepost.store.sqlite.queries import QUERIES as STORE
from gatepost.store.sqlite.queries import read_queries
from gatepost.store.sqlite.reports import record_reports
from gatepost.store.sqlite.segments import inline_body
from gatepost.store.stored_values import read_time

SQL: Final = read_queries("deliveries.sql")
NOTE_EVERY: Final = queue.NOTE_EVERY // timedelta(microseconds=1)
SOME: Final = 1_000
"""Maximum number of deliveries that an operator acts on with one statement, as all of a kind."""


@dataclass(slots=True, eq=False)
class QueuePut(Put):
    """A message for the queue; its result is its leases."""

    planned: Sequence[Planned] = ()
    leased: bool = True
    writer: "DeliveryWriter" = field(kw_only=True)

    @staticmethod
    def write_all(transaction: Transaction, some: Sequence[Any]) -> Sequence[Any]:
        writer: DeliveryWriter = some[0].writer
        return writer.insert(transaction, some)


@dataclass(slots=True, eq=False)
class QueueSettle(WaitedWrite):
    """What an attempt settles; its result is None, or an exception."""

    lease: Lease
    settlement: Settlement
    now: int
    writer: "DeliveryWriter"

    @staticmethod
    def write_all(transaction: Transaction, some: Sequence[Any]) -> Sequence[Any]:
        writer: DeliveryWriter = some[0].writer
        return writer.settle(transaction, some)


class DeliveryWriter:
    """Writes the queue for its owner."""

    def __init__(self) -> None:
        self.owner = 0
        """The epoch; 0 before ``take_over``, when nothing is leased to us."""
        self._noted = 0
        """When due deliveries were looked for, as it was written last."""

    def take_over(self, transaction: Transaction, now: int) -> int:
        """Begin a new epoch, and make due what the previous owner had leased."""
        execute = transaction.connection.execute
        epoch = next_epoch(transaction)
        hops = [row[0] for row in execute(SQL["stale_hops"]).fetchall()]
        execute(SQL["give_back_held"])
        execute(SQL["give_back"], (now,))
        _refresh(transaction, hops)
        self.owner = epoch
        return epoch

    def insert(
        self, transaction: Transaction, puts: Sequence[QueuePut]
    ) -> Sequence[tuple[Lease, ...]]:
        """Insert accepted messages together. Raises sqlite3.Error."""
        messages: list[tuple[Any, ...]] = []
        bodies: list[tuple[int, bytes]] = []
        results: list[tuple[Lease, ...]] = []
        deliveries: list[tuple[Any, ...]] = []
        hops: set[str] = set()
        seq = transaction.ledger.queued
        for put in puts:
            seq += 1
            place = put.place
            if place is None:
                place, content = inline_body(put.submission)
                bodies.append((seq, content))
                transaction.ledger.pages += len(content) // PAGE
            messages.append(message_row(seq, put.submission, place))
            made = _deliveries(put.submission, put.planned, leased=put.leased)
            deliveries += self._rows(seq, made, leased=put.leased)
            if put.leased:
                results.append(self._leases(seq, put.submission, made))
            else:
                results.append(())
                hops.update(each.next_hop.key for each in made)
        execute_many = transaction.connection.executemany
        execute_many(SQL["insert_message"], messages)
        execute_many(SQL["insert_body"], bodies)
        execute_many(SQL["insert_delivery"], deliveries)
        for put in puts:
            if put.beside is not None:
                put.beside(transaction)
        transaction.ledger.queued = seq
        transaction.ledger.pages += 2 * len(puts)
        _refresh(transaction, hops)
        return results

    def lease(
        self, transaction: Transaction, now: int, limit: int, skip: Collection[str]
    ) -> Sequence[Lease]:
        """Lease due deliveries, some of every next hop."""
        execute = transaction.connection.execute
        if abs(now - self._noted) >= NOTE_EVERY and execute(SQL["has_hops"]).fetchone()[0]:
            execute(SQL["note_look"], (now,))
            transaction.ledger.pages += 1
            self._noted = now
        hops = [row[0] for row in execute(SQL["due_hops"], (now,)) if row[0] not in skip]
        hops = hops[: max(0, limit)]
        share = max(1, limit // max(1, len(hops)))
        taken: list[Key] = []
        for offset, most in ((0, share), (share, limit)):
            for hop in hops:
                room = min(most, limit - len(taken))
                if room > 0:
                    taken += execute(SQL["due_of_hop"], (hop, now, room, offset)).fetchall()
        return self._take(transaction, taken, hops)

    def lease_overdue(self, transaction: Transaction, now: int, limit: int) -> Sequence[Lease]:
        """Lease waiting deliveries whose sender must be notified."""
        taken = transaction.connection.execute(SQL["overdue"], (now, max(0, limit))).fetchall()
        leases = self._take(transaction, taken, ())
        _refresh(transaction, {each.delivery.next_hop.key for each in leases})
        return leases

    def settle(
        self, transaction: Transaction, some: Sequence[QueueSettle]
    ) -> Sequence[Exception | None]:
        """Record the results of attempts; return the LeaseLost and ValueError to be raised."""
        results: list[Exception | None] = []
        over: list[tuple[int, int]] = []
        hops: set[str] = set()
        for each in some:
            result = self._settle(transaction, each.lease, each.settlement)
            if isinstance(result, Exception):
                results.append(result)
                continue
            results.append(None)
            if result[0].state == "settled":
                over.append((each.now, each.lease.key[0]))
            else:
                hops.update(after.next_hop.key for after in result)
        self._finish(transaction, over)
        _refresh(transaction, hops)
        transaction.ledger.pages += len(some)
        return results

    def act(self, transaction: Transaction, action: Action, keys: Sequence[Key], now: int) -> int:
        """Perform an operator's action; return the number of deliveries that it changed."""
        done, hops = 0, set()
        for key in keys:
            row = transaction.connection.execute(SQL["get_delivery"], key).fetchone()
            if row is not None and self._try_act(transaction, action, key, row, now):
                done += 1
                hops.add(row[2])
        _refresh(transaction, hops)
        return done

    def reroute(
        self, transaction: Transaction, keys: Sequence[Key], to: NextHop, by: str, now: int
    ) -> Sequence[str]:
        """Send deliveries to a target that nobody has leased; return their ids."""
        done: list[str] = []
        hops = {to.key}
        for key in keys:
            row = transaction.connection.execute(SQL["get_delivery"], key).fetchone()
            delivery = None if row is None else delivery_of(row, self.owner)
            if delivery is None or not is_reroutable(delivery, to):
                continue
            after = rerouted(delivery, to, by, read_time(now))
            history = write_history(after.history, after.reroutes)
            values = (to.key, None if after.due is None else now, history)
            transaction.connection.execute(SQL["reroute"], (*values, *key))
            hops.add(row[2])
            done.append(delivery.id)
        _refresh(transaction, hops)
        transaction.ledger.pages += len(done)
        return done

    def act_on_some(
        self, transaction: Transaction, action: Action, kind: str, after: Key, now: int
    ) -> tuple[int, Key | None]:
        """Perform it on a batch of the deliveries of a kind, after a given one.

        Returns how many it changed, and the last of them; None if there are no more.
        """
        most = BATCH if action == "drop" else SOME
        query = transaction.connection.execute(SQL[f"some_{kind}"], (*after, most))
        keys: list[Key] = query.fetchall()
        if not keys:
            return 0, None
        check_order(after, last := keys[-1])
        if action == "drop":
            return self.act(transaction, action, keys, now), last
        some = (*after, *last)
        given = {"retry": (now,), "hold": (), "release": (self.owner, now)}[action]
        execute = transaction.connection.execute
        done = execute(SQL[f"{action}_some"], (*given, *some)).rowcount
        _refresh(transaction, {hop for (hop,) in execute(SQL["hops_of_some"], some).fetchall()})
        transaction.ledger.pages += done
        return done, last

    def _try_act(
        self, transaction: Transaction, action: Action, key: Key, row: Sequence[Any], now: int
    ) -> bool:
        due, epoch, held = row[3:6]
        leased = epoch is not None and epoch == self.owner
        waits = due is not None or (epoch is not None and not leased and not held)
        execute = transaction.connection.execute
        if action == "drop" and (waits or leased or held):
            delivery = dropped(delivery_of(row, self.owner))
            execute(SQL["drop"], (write_addressees(delivery.addressees), *key))
            self._finish(transaction, [(now, key[0])])
        elif action == "hold" and (waits or leased) and not held:
            execute(SQL["set_place"], (None, 1, *key))
        elif action == "release" and held:
            execute(SQL["set_place"], (None if leased else now, 0, *key))
        elif action == "retry" and waits:
            execute(SQL["set_place"], (now, 0, *key))
        else:
            return False
        return True

    def _take(
        self, transaction: Transaction, keys: Sequence[Key], hops: Collection[str]
    ) -> Sequence[Lease]:
        """Lease these, and update when the next ones of their hops are due."""
        connection = transaction.connection
        connection.executemany(SQL["take"], [(self.owner, *key) for key in keys])
        _refresh(transaction, hops)
        transaction.ledger.pages += len(keys)
        leases = []
        for key in keys:
            row = connection.execute(SQL["get_delivery"], key).fetchone()
            message = connection.execute(SQL["get_message_by_seq"], key[:1]).fetchone()
            if row is None or message is None:  # otherwise nothing would be leased any more
                raise damage(f"an index has delivery {key}, and no table has it or its message")
            delivery = delivery_of(row, self.owner)
            if not delivery.waiting:  # its recipients are damaged: an operator can drop it
                connection.execute(SQL["hold_damaged"], key)
                delivery = replace(delivery, state="held")
            leases.append(Lease(delivery, queued_message(message), self.owner, row[6], key))
        return leases

    def _emit(self, transaction: Transaction, mail: NewMail) -> None:
        """Accept a message of our own; after a crash it may exist already."""
        connection, submission = transaction.connection, mail.submission
        if connection.execute(SQL["has_message"], (submission.id,)).fetchone():
            return
        if not mail.planned:
            raise ValueError(f"message {submission.id} has no delivery")
        transaction.ledger.queued = seq = transaction.ledger.queued + 1
        place, content = inline_body(submission)
        connection.execute(SQL["insert_message"], message_row(seq, submission, place))
        connection.execute(SQL["insert_body"], (seq, content))
        rows = self._rows(seq, _deliveries(submission, mail.planned, leased=False), leased=False)
        connection.executemany(SQL["insert_delivery"], rows)
        transaction.ledger.pages += 2 + len(content) // PAGE
        _refresh(transaction, {each.next_hop.key for each in mail.planned})

    def _settle(
        self, transaction: Transaction, lease: Lease, settlement: Settlement
    ) -> tuple[Delivery, ...] | Exception:
        """Return the new state of the delivery, without an operator's hold, or the exception to
        raise."""
        execute = transaction.connection.execute
        try:
            after = settled(lease.delivery, settlement, held=False)
        except ValueError as error:
            return error
        key, is_ours = lease.key, lease.epoch == self.owner
        values = (*settled_row(after), *key, lease.epoch, lease.token)
        if not (is_ours and execute(SQL["settle"], values).rowcount):
            row = execute(SQL["get_epoch"], key).fetchone()
            return lease_lost(lease.delivery.id, is_leased=row is not None and row[0] is not None)
        for mail in settlement.emits:
            self._emit(transaction, mail)
        if settlement.reports or settlement.suppressed:
            record_reports(transaction, settlement.reports, settlement.suppressed)
        if settlement.notes:
            put_notes(transaction, settlement.notes)
        first, *others = parts = parted(after, settlement.moved)
        if settlement.moved:
            execute(SQL["move"], (first.next_hop.key, write_addressees(first.addressees), *key))
        for each in others:
            execute(SQL["part"], (each.next_hop.key, write_addressees(each.addressees), *key))
        return parts

    def _finish(self, transaction: Transaction, over: Sequence[tuple[int, int]]) -> None:
        """Record when messages were settled; the body is deleted with the last delivery."""
        execute_many = transaction.connection.executemany
        execute_many(SQL["finish_message"], over)
        execute_many(SQL["delete_body"], [(seq,) for _, seq in over])

    def _rows(
        self, seq: int, deliveries: Sequence[Delivery], *, leased: bool
    ) -> list[tuple[Any, ...]]:
        epoch = self.owner if leased else None
        return [delivery_row(seq, part, each, epoch) for part, each in enumerate(deliveries)]

    def _leases(
        self, seq: int, submission: Submission, deliveries: Sequence[Delivery]
    ) -> tuple[Lease, ...]:
        message = queued(submission)
        return tuple(
            [
                Lease(each, message, self.owner, 1, (seq, part))
                for part, each in enumerate(deliveries)
            ]
        )


def next_epoch(transaction: Transaction) -> int:
    """Return a number that no earlier owner of this store had."""
    execute = transaction.connection.execute
    execute(STORE["next_epoch"])
    return int(execute(STORE["get_counter"], ("epoch",)).fetchone()[0])


def _deliveries(
    submission: Submission, planned: Sequence[Planned], *, leased: bool
) -> list[Delivery]:
    return [
        planned_delivery(submission.id, part, each, leased=leased)
        for part, each in enumerate(planned)
    ]


def _refresh(transaction: Transaction, hops: Collection[str]) -> None:
    """Update when the first delivery of these next hops is due."""
    execute = transaction.connection.execute
    for hop in hops:
        due = execute(SQL["first_due_of_hop"], (hop,)).fetchone()[0]
        if due is None:
            execute(SQL["delete_hop"], (hop,))
        else:
            execute(SQL["put_hop"], (hop, due))


def find_keys(transaction: Transaction, ids: Sequence[str]) -> list[Key]:
    """Return the deliveries of the ids of messages and deliveries, each once."""
    execute = transaction.connection.execute
    keys: dict[Key, None] = {}
    for id_ in ids:
        parts = execute(SQL["find_parts"], (id_,)).fetchall()
        if not parts:
            message, part = part_of(id_)
            parts = [] if part is None else execute(SQL["find_part"], (message, part)).fetchall()
        keys.update(dict.fromkeys(parts))
    return list(keys)
