"""The writes of the queue, in open transactions: leases and operators' actions."""

import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from gatepost.model.delivery import Delivery, Lease, State, Takeover
from gatepost.model.route import NextHop, parse_next_hop
from gatepost.queue import deliveries_contract as queue
from gatepost.queue.deliveries_contract import Action, part_of
from gatepost.queue.delivery_changes import dropped, is_reroutable, rerouted
from gatepost.store.batched_actions import Key
from gatepost.store.delivery_json import (
    read_addressees,
    read_history,
    undamaged,
    write_addressees,
    write_history,
)
from gatepost.store.postgres.arrays import numbers, texts
from gatepost.store.postgres.connections import Connection
from gatepost.store.postgres.lease_times import LeaseTimes
from gatepost.store.postgres.message_rows import is_storable, queued_message
from gatepost.store.postgres.new_messages import lower_hops
from gatepost.store.postgres.node import Node
from gatepost.store.postgres.statements import SQL
from gatepost.store.stored_values import read_time

NOTE_EVERY: Final = queue.NOTE_EVERY // timedelta(microseconds=1)
SOME: Final = 500
"""The most deliveries that one of the statements ``some_...`` returns."""


class QueueWriter:
    """Writes the queue for our node. ``times`` notes how long leases take."""

    def __init__(self, node: Node, times: LeaseTimes) -> None:
        self._node, self._times = node, times
        self._noted = 0
        """When due deliveries were looked for, as it was written last."""

    @property
    def name(self) -> str:
        """That of our node."""
        return self._node.name

    def take_over(self, connection: Connection, now: int) -> int:
        """Return the epoch in which this node is an owner from now on."""
        return self._node.take_over(connection, now)

    def lease(
        self, connection: Connection, now: int, limit: int, skip: Collection[str]
    ) -> Sequence[Lease]:
        """Lease due deliveries, some of every next hop."""
        if limit <= 0:
            return []
        begun = time.monotonic()
        leases = self._lease(connection, now, limit, skip)
        self._times.note(time.monotonic() - begun)
        return leases

    def _lease(
        self, connection: Connection, now: int, limit: int, skip: Collection[str]
    ) -> Sequence[Lease]:
        self._note_look(connection, now)
        query = SQL["due_hops"].format(limit=limit)
        rows = connection.execute(query, (now, texts(sorted(skip))), prepare=False).fetchall()
        hops = [hop for (hop,) in rows]
        if not hops:
            return []
        share = max(1, limit // len(hops))
        taken = self._take_due(connection, hops, now, share, limit)
        if 0 < len(taken) < limit:
            room = limit - len(taken)
            taken += self._take_due(connection, hops, now, room, room)
        raise_hops(connection, hops)
        return self._leases(connection, taken)

    def lease_overdue(self, connection: Connection, now: int, limit: int) -> Sequence[Lease]:
        """Lease waiting deliveries whose sender must be notified."""
        if limit <= 0:
            return []
        query = SQL["take_overdue"].format(limit=limit)
        values = (now, self._node.epoch, self._node.name)
        taken = connection.execute(query, values, prepare=False).fetchall()
        hops = sorted({row[3] for row in taken})
        if hops:
            connection.execute(SQL["lock_hops"], (texts(hops),))
            raise_hops(connection, hops)
        return self._leases(connection, taken)

    def confirm(self, connection: Connection, leases: Sequence[Lease]) -> Sequence[Lease]:
        """Return those leases that a transaction without a known result has taken."""
        columns = (
            numbers([each.key[0] for each in leases]),
            numbers([each.key[1] for each in leases]),
            numbers([each.token for each in leases]),
        )
        rows = connection.execute(SQL["confirm_leases"], (*columns, self._node.epoch)).fetchall()
        ours = set(rows)
        return [each for each in leases if each.key in ours]

    def act(self, connection: Connection, action: Action, keys: Sequence[Key], now: int) -> int:
        """Perform an operator's action; return the number of deliveries that it changed."""
        if not keys:
            return 0
        rows = connection.execute(SQL["lock_deliveries"], _columns(keys)).fetchall()
        changed = [row for row in rows if _is_concerned(action, row)]
        if not changed:
            return 0
        some = [(row[13], row[1]) for row in changed]
        hops = sorted({row[2] for row in changed})
        if action == "hold":
            connection.execute(SQL["hold"], _columns(some))
        elif action == "drop":
            addressees = [write_addressees(dropped(delivery_of(row)).addressees) for row in changed]
            connection.execute(SQL["drop"], (*_columns(some), texts(addressees)))
            finish_messages(connection, [(key, now) for key, _ in some])
        else:  # released while it is leased, it goes on
            due = [now if row[14] is None else None for row in changed]
            connection.execute(SQL["place"], (*_columns(some), numbers(due)))
            lower_hops(connection, [(row[2], now) for row in changed if row[14] is None])
        connection.execute(SQL["lock_hops"], (texts(hops),))
        raise_hops(connection, hops)
        return len(changed)

    def reroute(
        self, connection: Connection, keys: Sequence[Key], to: NextHop, by: str, now: int
    ) -> Sequence[str]:
        """Send deliveries to a target that nobody has leased; return their ids."""
        if not keys:
            return []
        rows = connection.execute(SQL["lock_deliveries"], _columns(keys)).fetchall()
        found = [(row, delivery_of(row)) for row in rows]
        before = [(row, each) for row, each in found if is_reroutable(each, to)]
        if not before:
            return []
        after = [rerouted(each, to, by, read_time(now)) for _, each in before]
        hops = sorted({row[2] for row, _ in before})
        connection.execute(SQL["lock_hops"], (texts([*hops, to.key]),))
        columns = (
            *_columns([(row[13], row[1]) for row, _ in before]),
            numbers([None if each.due is None else now for each in after]),
            texts([write_history(each.history, each.reroutes) for each in after]),
        )
        connection.execute(SQL["reroute"], (to.key, *columns))
        lower_hops(connection, [(to.key, now) for each in after if each.due is not None])
        raise_hops(connection, hops)
        return [each.id for each in after]

    def act_on_some(
        self, connection: Connection, action: Action, kind: str, after: Key, now: int
    ) -> tuple[int, Key | None]:
        """Perform it on a batch of the deliveries of a kind, after a given one.

        Returns how many it changed, and the last that it looked at; None if there are no more.
        """
        rows = connection.execute(SQL[f"some_{kind}"], after).fetchall()
        if not rows:
            return 0, None
        some = [(message, part) for message, part, is_meant in rows if is_meant]
        last = some[-1] if len(some) == SOME else rows[-1][:2]
        return self.act(connection, action, some, now), last

    def _note_look(self, connection: Connection, now: int) -> None:
        if abs(now - self._noted) < NOTE_EVERY:
            return
        row = connection.execute(SQL["has_hops"]).fetchone()
        if row is not None and row[0]:
            connection.execute(SQL["note_look"], (now,))
            self._noted = now

    def _take_due(
        self, connection: Connection, hops: Sequence[str], now: int, share: int, limit: int
    ) -> list[tuple[Any, ...]]:
        query = SQL["take_due"].format(share=share, limit=limit)
        values = (texts(hops), now, self._node.epoch, self._node.name)
        return connection.execute(query, values, prepare=False).fetchall()

    def _leases(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> Sequence[Lease]:
        """Return the leases in rows of ``take_due``, the longest due first."""
        leases = []
        for row in sorted(rows, key=lambda each: (each[0], each[14], each[2])):
            delivery = delivery_of(row[1:19])
            key = (row[14], row[2])
            if not delivery.waiting:  # its recipients are damaged: an operator can drop it
                connection.execute(SQL["hold_damaged"], key)
                delivery = replace(delivery, state="held")
            message = queued_message((row[1], *row[19:]))
            leases.append(Lease(delivery, message, row[5], row[7], key))
        return leases


def raise_hops(connection: Connection, hops: Sequence[str]) -> None:
    """Set when the first delivery of these next hops is due, whose rows are locked."""
    names = texts(hops)
    with connection.pipeline():
        connection.execute(SQL["raise_hops"], (names,))
        connection.execute(SQL["delete_hops"], (names,))


def finish_messages(connection: Connection, over: Sequence[tuple[int, int]]) -> None:
    """Record when messages were settled, unless one of their deliveries is open.

    Their rows are locked before, so that of two transactions that settle the last deliveries of a
    message the second one sees what the first has done.
    """
    times = dict(over)
    keys = sorted(times)
    if keys:
        with connection.pipeline():
            connection.execute(SQL["lock_messages"], (numbers(keys),))
            at = numbers([times[key] for key in keys])
            connection.execute(SQL["finish_messages"], (numbers(keys), at))


def find_keys(connection: Connection, ids: Sequence[str]) -> list[Key]:
    """Return the deliveries of the ids of messages and deliveries, each once."""
    wanted = [each for each in ids if is_storable(each)]
    rows = connection.execute(SQL["find_messages"], (texts(wanted),)).fetchall()
    messages = {id_ for id_, _, _ in rows}
    keys = {(message, part) for _, message, part in rows}
    parts = [part_of(each) for each in wanted if each not in messages]
    named = [(id_, part) for id_, part in parts if part is not None and part < 1 << 31]
    if named:
        columns = texts([id_ for id_, _ in named]), numbers([part for _, part in named])
        keys.update((row[0], row[1]) for row in connection.execute(SQL["find_parts"], columns))
    return sorted(keys)


def delivery_of(row: Sequence[Any]) -> Delivery:
    """Return the delivery in a row of ``deliveries_of``. Damaged values are left out."""
    message, part, hop, due, node, held, _, attempts, warned, expires, notice = row[:11]
    addressees, history, _, holder, lost_by, lost_at, taken_by = row[11:18]
    state: State = "settled"
    if due is not None:
        state = "waiting"
    elif holder is not None:
        state = "leased"
    elif held:
        state = "held"
    elif node is not None:  # an earlier owner has left it
        state = "waiting"
    attempts_made, reroutes = read_history(history)
    return Delivery(
        id=f"{message}.{part}",
        message=message,
        next_hop=parse_next_hop(hop),
        addressees=undamaged(read_addressees, addressees),
        state=state,
        due=None if due is None else read_time(due),
        expires_at=read_time(expires),
        notice_at=read_time(notice),
        attempts=attempts,
        history=attempts_made,
        warned=warned,
        to_be_held=state == "leased" and held,
        node=holder or "",
        takeover=None if lost_by is None else Takeover(lost_by, read_time(lost_at), taken_by or ""),
        reroutes=reroutes,
    )


def _is_concerned(action: Action, row: Sequence[Any]) -> bool:
    """Tell whether an action changes the delivery in a row."""
    due, node, held, is_leased = row[3], row[4], row[5], row[14] is not None
    waits = due is not None or (node is not None and not is_leased and not held)
    if action == "hold":
        return (waits or is_leased) and not held
    if action == "release":
        return bool(held)
    if action == "retry":
        return waits
    return waits or is_leased or bool(held)


def _columns(keys: Sequence[Key]) -> tuple[Any, Any]:
    return numbers([message for message, _ in keys]), numbers([part for _, part in keys])
