"""Large content on its way from a front process, in pieces, within the byte budget."""

import asyncio
from collections.abc import Sequence

from gatepost.errors import QueueFull
from gatepost.model.message import Submission
from gatepost.processes.packed_mail import PackedSubmission, unpack_submission
from gatepost.processes.rpc import Afterwards
from gatepost.queue.store_contract import Store
from gatepost.relay.spool import Budget, Spool


def put_and_tell(store: Store, submission: Submission) -> Afterwards:
    """Store a message; after the commit, the answer is the store's refusal."""
    return Afterwards(asyncio.ensure_future(store.put(submission)), lambda: store.refusal)


class Uploads:
    """What one front process has begun to send; it chooses a number for each content."""

    def __init__(self, store: Store, budget: Budget) -> None:
        self._store = store
        self._budget = budget
        self._spools: dict[int, Spool] = {}

    def add(self, number: int, pieces: Sequence[bytes]) -> None:
        """Add a piece. Raises QueueFull if neither memory nor disk has room for it."""
        spool = self._spools.get(number)
        if spool is None:
            spool = self._spools[number] = Spool(self._budget)
        try:
            for piece in pieces:
                spool.write(piece)
        except OSError as error:
            self.drop(number)
            raise QueueFull(str(error)) from error

    def put(self, number: int, packed: PackedSubmission) -> Afterwards:
        """Store what was sent under ``number``; the answer is its refusal, as for ``put``."""
        spool = self._spools.pop(number)
        try:
            submission = unpack_submission(packed, spool.body(packed.traits))
        except OSError as error:
            spool.release()
            raise QueueFull(str(error)) from error
        put = put_and_tell(self._store, submission)
        put.done.add_done_callback(lambda _: spool.release())
        return put

    def drop(self, number: int) -> None:
        """Forget what was sent under ``number``."""
        if (spool := self._spools.pop(number, None)) is not None:
            spool.release()

    def close(self) -> None:
        """Forget what the front process did not finish before it disconnected."""
        for number in list(self._spools):
            self.drop(number)
