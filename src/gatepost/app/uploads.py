"""Large content on its way from a front process, piece by piece, within the byte budget."""

import asyncio
from collections.abc import Sequence

from gatepost.app.rpc import Afterwards
from gatepost.app.rpc_messages import PackedSubmission, unpack_submission
from gatepost.errors import QueueFull
from gatepost.model.message import Submission
from gatepost.queue.contract import Store
from gatepost.relay.spool import Budget, Spool


def put_and_tell(store: Store, submission: Submission) -> Afterwards:
    """Put; once it is committed, the answer is the store's refusal."""
    return Afterwards(asyncio.ensure_future(store.put(submission)), lambda: store.refusal)


class Uploads:
    """What one front process has begun to hand over; each content has a number of its choice."""

    def __init__(self, store: Store, budget: Budget) -> None:
        self._store = store
        self._budget = budget
        self._spools: dict[int, Spool] = {}

    def add(self, number: int, pieces: Sequence[bytes]) -> None:
        """Take what comes next. Raises QueueFull when neither memory nor disk has room for it."""
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
        """Store what came under ``number``; the answer is the store's refusal, as of ``put``."""
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
        """Forget what came under ``number``."""
        if (spool := self._spools.pop(number, None)) is not None:
            spool.release()

    def close(self) -> None:
        """The front process is gone: forget what it did not finish."""
        for number in list(self._spools):
            self.drop(number)
