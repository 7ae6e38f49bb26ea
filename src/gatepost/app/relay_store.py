"""What a relay needs of its store, whichever it is."""

import asyncio
from typing import Protocol

from gatepost.directory.contract import Records
from gatepost.model.message import Submission
from gatepost.queue.cluster_contract import Cluster
from gatepost.queue.deliveries_contract import Deliveries
from gatepost.queue.mailbox_contract import MailboxStore
from gatepost.queue.notes_contract import NoteStore
from gatepost.queue.reports_contract import ReportStore
from gatepost.queue.send_operations_contract import QueuedOperations
from gatepost.queue.store_contract import Store


class RelayStore(Store, Records, Protocol):
    """A store with all its parts."""

    def put(self, submission: Submission) -> "asyncio.Future[None]":
        """As ``Store.put``."""

    @property
    def deliveries(self) -> Deliveries:
        """The queue."""

    @property
    def operations(self) -> QueuedOperations:
        """The operations of the e-mail REST API."""

    @property
    def reports(self) -> ReportStore:
        """Delivery reports."""

    @property
    def notes(self) -> NoteStore:
        """Notes about what comes back from providers."""

    @property
    def mailbox(self) -> MailboxStore:
        """What lists and searches of captured mail need."""

    @property
    def cluster(self) -> Cluster | None:
        """The nodes that share it; None: one relay has it alone."""

    @property
    def has_failed(self) -> bool:
        """True if the store has failed, and will not write again."""

    @property
    def recovered(self) -> str:
        """What was recovered when the store was opened, as a sentence; empty: nothing."""

    @property
    def begun(self) -> str:
        """Why a new store was created in the place of one; empty: it was not."""

    @property
    def older(self) -> str:
        """Why the store is older than the one that was here; empty: it is not."""

    def keep_reserve(self) -> None:
        """Reserve disk space, if that is the store's; call it before accepting mail."""

    def close(self) -> None:
        """Commit everything that was given, and unlock the directory; blocks until this is done."""
