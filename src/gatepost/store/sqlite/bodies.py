"""The body thread: large bodies are on the disk before their messages join a group."""

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from gatepost.errors import QueueError, QueueFull
from gatepost.store.sqlite.commit import Failed, Put
from gatepost.store.sqlite.disk import is_full
from gatepost.store.sqlite.room import Room
from gatepost.store.sqlite.segments import Segments
from gatepost.store.sqlite.writer import Writer, tell
from gatepost.store.worker import Worker

GROUP: Final = 64
SYNC_OCTETS: Final = 2 * 1024 * 1024
"""Written before a sync at most, so that the longest one stays short."""

Job = Put | Callable[[], None]


class BodyWriter:
    """Writes, syncs, and hands over to the store thread. Its own upkeep runs in between."""

    def __init__(self, segments: Segments, writer: Writer, room: Room) -> None:
        self._segments, self._writer, self._room = segments, writer, room
        self._pending: list[Put] = []
        self._worker: Worker[Job] = Worker("gatepost-bodies", self._work, GROUP)
        self.give: Callable[[Job], None] = self._worker.give
        self._worker.start()

    def close(self) -> None:
        """Write and hand over what was given."""
        self._worker.stop()
        self._segments.close()

    def _work(self, jobs: list[Job]) -> None:
        octets = 0
        for job in jobs:
            if not isinstance(job, Put):
                self._flush()
                job()
                continue
            self._append(job)
            octets += job.submission.body.size
            if octets >= SYNC_OCTETS:
                self._flush()
                octets = 0
        self._flush()

    def _append(self, put: Put) -> None:
        if self._writer.failure is not None:
            tell([(put, QueueError(str(self._writer.failure)))])
            return
        try:
            put.place = self._segments.append(put.submission.body)
        except Exception as error:  # noqa: BLE001 (any: the body is not there, and the thread goes on)
            tell([(put, self._refused(error))])
        else:
            self._pending.append(put)

    def _flush(self) -> None:
        """Sync, and hand over to the store thread what is now on the disk."""
        pending, self._pending = self._pending, []
        if not pending:
            return
        try:
            self._segments.sync()
        except OSError as error:
            self._segments.abandon()
            tell([(put, self._refused(error)) for put in pending])
            return
        for put in pending:
            self._writer.give(put)

    def _refused(self, error: Exception) -> QueueError:
        """A full disk is a refusal; any other failure is final."""
        if isinstance(error, OSError) and is_full(error):
            self._room.run_out()
            with suppress(OSError):
                self._segments.cut()
            return QueueFull("the disk is full")
        if not isinstance(error, OSError):
            return QueueError(f"the body cannot be read: {error!r}")
        failed = Failed(f"a segment cannot be written: {error}")
        self._writer.fail(failed)
        return QueueError(str(failed))
