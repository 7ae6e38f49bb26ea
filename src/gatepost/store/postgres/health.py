"""Keeps the database fit: vacuums where much is dead, finds who prevents that, and tells the
planner what has grown.

Autovacuum looks once a minute at most, and has few workers for the whole server. A snapshot that
somebody holds, such as a backup or a forgotten session, keeps everything that is deleted after it;
leases become slower within minutes. The planner believes that a table that was vacuumed while it
was empty has no rows, however much it grows, and reads all of it until it is analyzed.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from gatepost.errors import QueueError
from gatepost.store.postgres.connections import Connection, is_lost
from gatepost.store.postgres.lease_times import LeaseTimes
from gatepost.store.postgres.statements import SQL
from gatepost.store.postgres.thread_connection import ThreadConnection, roll_back

ROUND: Final = 2.0
"""Seconds between two rounds."""
CARE: Final = 20.0
"""Seconds between two looks for what is dead, and for who keeps it."""
OLD: Final = 60.0
"""Seconds after which a snapshot is reported."""
AGAIN: Final = 60.0
"""Seconds until a table is vacuumed again."""

ReportFacts = Callable[[str, Mapping[str, Any]], None]
"""Reports an event and its facts to the operator; for any thread."""


@dataclass(frozen=True, slots=True)
class HeldSnapshot:
    """Something that keeps what was deleted after it: who holds it, and its oldest transaction."""

    who: str
    xmin: str


class DatabaseHealth:
    """The rounds, in a thread of their own, because VACUUM may take long. Of several nodes, one
    cares for the database; each watches its own leases, which are in ``times``."""

    def __init__(
        self,
        session: ThreadConnection,
        report: ReportFacts,
        is_ours: Callable[[], bool],
        times: LeaseTimes,
    ) -> None:
        self.session, self._report, self._is_ours = session, report, is_ours
        self._times, self._were_slow = times, False
        self._first_seen: dict[HeldSnapshot, float] = {}
        """When each snapshot was seen first, by the monotonic clock."""
        self._reported: set[str] = set()
        """Who was reported, and still keeps an old snapshot."""
        self._vacuumed: dict[str, float] = {}
        self._cared = time.monotonic()
        """When it was last looked for what is dead."""

    def round(self) -> float:
        """Do what is due; return the seconds to the next round."""
        self.watch_leases()
        if not self._is_ours():
            return ROUND
        try:
            connection = self.session.connection()
        except QueueError:
            return ROUND  # whoever needs the database says that it is away
        try:
            self.analyze(connection)
            if time.monotonic() >= self._cared + CARE:
                self._cared = time.monotonic()
                if not self.has_old_snapshots(connection):
                    self.vacuum(connection)
        except psycopg.Error as error:
            if is_lost(error) or connection.broken:
                self.session.lose(error)
            else:
                roll_back(connection)
        return ROUND

    def watch_leases(self) -> None:
        """Report slow leases, once until they are quick again."""
        slowness = self._times.slowness
        if slowness and not self._were_slow:
            self._report("leases_slow", {"milliseconds": round(slowness * 1000)})
        self._were_slow = bool(slowness)

    def has_old_snapshots(self, connection: Connection) -> bool:
        """Tell whether a snapshot has been held too long; report who does so once."""
        now, first_seen, old = time.monotonic(), dict[HeldSnapshot, float](), set[str]()
        for who, state, xmin, age in connection.execute(SQL["snapshots"]).fetchall():
            snapshot = HeldSnapshot(who, xmin)
            first_seen[snapshot] = self._first_seen.get(snapshot, now)
            seconds = max(float(age), now - first_seen[snapshot])
            if seconds < OLD:
                continue
            old.add(who)
            if who not in self._reported:
                facts = {"holder": f"{who} {state}".rstrip(), "seconds": round(seconds)}
                self._report("snapshot_held", facts)
        self._first_seen, self._reported = first_seen, old
        return bool(old)

    def analyze(self, connection: Connection) -> None:
        """Analyze the tables that have grown much. Statements are planned anew after it."""
        for (name,) in connection.execute(SQL["grown_tables"]).fetchall():
            connection.execute(f"ANALYZE (SKIP_LOCKED) {name}", prepare=False)

    def vacuum(self, connection: Connection) -> list[str]:
        """Vacuum the tables of which more than a twentieth is dead; return their names.

        They are not truncated, because that locks out everybody else. A table that another one
        vacuums is left to it.
        """
        now = time.monotonic()
        rows = connection.execute(SQL["dead_tables"]).fetchall()
        due = [name for (name,) in rows if now >= self._vacuumed.get(name, now - AGAIN) + AGAIN]
        for name in due:
            if self.session.reach.is_closing.is_set():
                break
            self._vacuumed[name] = now
            connection.execute(f"VACUUM (SKIP_LOCKED, TRUNCATE off) {name}", prepare=False)
        return due
