"""Gives back what nodes that are gone had leased.

Whoever ends a node notes that in its transaction (the table ``lost_node``). The leases are looked
for afterwards, a few pages of the queue at a time, so that neither a beat nor a lease waits for
that in a large queue; any node goes on with it if the one that began it dies.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gatepost.store.postgres.changes import DatabaseChange
from gatepost.store.postgres.connections import Connection
from gatepost.store.postgres.fenced_writer import FencedWriter
from gatepost.store.postgres.new_messages import lower_hops
from gatepost.store.postgres.statements import SQL

PAGES: Final = 1024
"""Pages of the queue in one transaction: 8 MiB, some 30,000 deliveries."""


@dataclass(frozen=True, slots=True)
class LostNode:
    """A node that is gone, and what a batch has done for it."""

    name: str
    was_fenced: bool
    leases: int
    """How many were found so far."""
    is_done: bool


def give_back_some(connection: Connection) -> LostNode | None:
    """Make due what nodes that are gone had leased in some pages of the queue, in an open
    transaction; None if there is no such node, or another one does it."""
    row = connection.execute(SQL["next_lost"]).fetchone()
    if row is None:
        return None
    epoch, name, was_fenced, at, page, leases, pages = row
    place = f"({page},0)", f"({page + PAGES},0)"
    if epoch == 0:
        connection.execute(SQL["note_orphans"], (at, *place))
    else:
        lost = (name, at) if was_fenced else (None, None)
        rows = connection.execute(SQL["give_back"], (at, *lost, *place, epoch)).fetchall()
        lower_hops(connection, [(hop, due) for hop, due in rows if due is not None])
        leases += len(rows)
    is_done = page + PAGES >= pages
    if is_done:
        connection.execute(SQL["forget_lost"], (epoch,))
    else:
        connection.execute(SQL["note_page"], (page + PAGES, leases, epoch))
    return LostNode(name, was_fenced, leases, is_done)


def give_back_soon(connection: Connection, seconds: float) -> None:
    """Give back as much as is possible in so many seconds; others do the rest."""
    end, goes_on = time.monotonic() + seconds, True
    while goes_on and time.monotonic() < end:
        with connection.transaction():
            goes_on = give_back_some(connection) is not None


def is_lost(connection: Connection, name: str) -> bool:
    """Tell whether an earlier start with a name still has leases, perhaps."""
    row = connection.execute(SQL["is_lost"], (name,)).fetchone()
    return row is not None and bool(row[0])


class LostLeases:
    """Gives them back in batches. ``give`` passes a batch to the thread that changes things, which
    does something else between two of them; ``on_takeover`` gets the name of a node that was
    fenced, and how many leases it had."""

    def __init__(
        self, give: Callable[[DatabaseChange], None], on_takeover: Callable[[str, int], None]
    ) -> None:
        self._give, self._on_takeover = give, on_takeover
        self._is_under_way = False

    def give_back(self) -> None:
        """Begin, unless that is under way. For any thread; repeated while there are some."""
        if not self._is_under_way:
            self._is_under_way = True
            self._give(DatabaseChange(None, self._give_back_some))

    def announce(self, lost: LostNode) -> None:
        """Tell who was fenced, once all its leases are back."""
        if lost.is_done and lost.was_fenced:
            self._on_takeover(lost.name, lost.leases)

    def _give_back_some(self, writer: FencedWriter) -> None:
        self._is_under_way = False
        lost = writer.change(give_back_some)
        if lost is not None:
            self.announce(lost)
            self.give_back()
