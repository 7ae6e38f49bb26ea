"""Large bodies: they are on the disk before the rows of their messages are committed."""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, TypeGuard

from gatepost.errors import QueueError, QueueFull
from gatepost.model.body import Body
from gatepost.model.units import MIB
from gatepost.store.batch_thread import BatchThread
from gatepost.store.sqlite.committer import StoreFailed
from gatepost.store.sqlite.disk_space import Room
from gatepost.store.sqlite.durable_calls import is_full
from gatepost.store.sqlite.group_writes import Operation, Put, WaitedWrite
from gatepost.store.sqlite.segments import BodyPlace, Segments
from gatepost.store.sqlite.store_thread import Writer, tell

GROUP: Final = 64
SYNC_OCTETS: Final = 2 * MIB
"""Maximum number of octets written before a sync, so that the longest sync stays short."""
HERE: Final = 262_144
"""The largest body for which an event loop allots a place itself: that takes some 0.05 ms, less
than passing the body to a thread and its message to another."""

Job = Put | Callable[[], None]


class BodyWriter:
    """Writes and syncs bodies in its thread, which then passes them to the store thread. Its own
    upkeep runs in between. An event loop that commits itself only allots places to bodies; the
    thread that commits for it writes them.

    Whoever changes segments holds a lock, until everything is synced.
    """

    def __init__(self, segments: Segments, writer: Writer, room: Room, inline: int) -> None:
        self._segments, self._writer, self._room = segments, writer, room
        self._inline = inline
        self._writing = threading.Lock()
        self._here = False
        """An event loop has the lock."""
        self._worker: BatchThread[Job] = BatchThread(
            "gatepost-bodies", self._work, GROUP, writer.fault
        )
        self.give: Callable[[Job], None] = self._worker.give
        self._worker.start()

    def close(self) -> None:
        """Write and pass on what was given."""
        self._worker.stop()
        with self._writing:
            self._segments.close()

    def has_large_body(self, operation: Operation) -> TypeGuard[Put]:
        """Tell whether it is a message whose body goes into a segment."""
        return isinstance(operation, Put) and operation.submission.body.size > self._inline

    def allot(self, group: "Sequence[WaitedWrite]") -> "Sequence[WaitedWrite]":
        """Allot places to the bodies of a group, in the thread of a running loop.

        Returns the messages that the loop may commit after ``sync_allotted``; the body thread does
        the others, because a loop should not begin a new segment, which must be synced, too.
        """
        large = [each for each in group if self.has_large_body(each)]
        if not large:
            return group
        ready = [each for each in group if not self.has_large_body(each)]
        self._here = self._writing.acquire(blocking=False)
        room = SYNC_OCTETS if self._here else 0
        for put in large:
            size = put.submission.body.size
            room -= size
            if room < 0 or not self._segments.has_room(size):
                self.give(put)
            elif self._try_place(put, self._segments.allot):
                ready.append(put)
        return ready

    def sync_allotted(self) -> QueueError | None:
        """Return when the allotted bodies would survive a power cut; can be called in any thread.

        Returns QueueFull if there is no room for them; after any other error, the store has failed.
        """
        if not self._here:
            return None
        try:
            self._segments.sync()
        except Exception as error:  # noqa: BLE001 (any: it is not on the disk)
            refusal = self._refused(error)
            self._segments.abandon()
            return refusal
        finally:
            self._leave()
        return None

    def take_back(self, group: "Sequence[WaitedWrite]") -> None:
        """Undo ``allot`` for messages that cannot be committed."""
        for each in group:
            if isinstance(each, Put):
                each.place = None
        if self._here:
            self._segments.take_back()
            self._leave()

    def _leave(self) -> None:
        self._here = False
        self._writing.release()

    def _work(self, jobs: list[Job]) -> None:
        pending: list[Put] = []
        octets = 0
        with self._writing:
            for job in jobs:
                if not isinstance(job, Put):
                    self._flush(pending)
                    job()
                    continue
                if self._try_place(job, self._segments.append):
                    pending.append(job)
                octets += job.submission.body.size
                if octets >= SYNC_OCTETS:
                    self._flush(pending)
                    octets = 0
            self._flush(pending)

    def _try_place(self, put: Put, place: Callable[[Body], BodyPlace]) -> bool:
        """Allot a place to a body; if that is impossible, refuse its message."""
        if self._writer.failure is not None:
            tell([(put, QueueError(str(self._writer.failure)))])
            return False
        try:
            put.place = place(put.submission.body)
        except Exception as error:  # noqa: BLE001 (any: the body is not there, and the thread goes on)
            tell([(put, self._refused(error))])
            return False
        return True

    def _flush(self, pending: list[Put]) -> None:
        """Sync, and pass to the store thread what is on the disk now."""
        done = pending.copy()
        pending.clear()
        if not done:
            return
        try:
            self._segments.sync()
        except OSError as error:
            self._segments.abandon()
            tell([(put, self._refused(error)) for put in done])
            return
        for put in done:
            self._writer.give(put)

    def _refused(self, error: Exception) -> QueueError:
        """Return a refusal for a full disk; any other failure is final."""
        if isinstance(error, OSError) and is_full(error):
            self._room.run_out()
            with suppress(OSError):
                self._segments.cut()
            return QueueFull("the disk is full")
        if not isinstance(error, OSError):
            return QueueError(f"the body cannot be read: {error!r}")
        failed = StoreFailed(f"a segment cannot be written: {error.strerror or error}")
        self._writer.fail(failed)
        return QueueError(str(failed))
