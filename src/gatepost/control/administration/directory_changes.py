"""What every operation on the directory uses, and the two ways to change an entry."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeVar

from gatepost.control.administration.entry_documents import Document, document, mention, user_names
from gatepost.directory.azure.changes.change_result import Changes, stamped
from gatepost.directory.azure.directory import AzureDirectory
from gatepost.directory.azure.entries import Application, Entry
from gatepost.directory.azure.snapshot import Snapshot
from gatepost.model.dns import Resolver
from gatepost.rest.site import AccessKeys

E = TypeVar("E", bound=Entry)

Decide = Callable[[Snapshot], Changes[E]]


@dataclass(frozen=True, slots=True)
class AdminContext:
    """The directory, its keys, its clock and its resolver."""

    directory: AzureDirectory
    keys: AccessKeys
    now: Callable[[], datetime]
    endpoint: str | None = None
    """``https://HOST:PORT`` of the APIs; None while no relay runs."""
    resolver: Resolver | None = None
    """Looks up the DNS records that verify a domain."""
    verification: Literal["instant", "dns", "manual"] = "instant"
    """The default way to verify a domain (a profile's ``domain_verification``)."""

    @property
    def view(self) -> Snapshot:
        """The current state of the directory."""
        return self.directory.snapshot

    def document(self, entry: Entry) -> Document:
        """Return the document that shows an entry."""
        return document(self.view, entry, self.now())

    def user_names(self, application: Application) -> list[str]:
        """Return the user names with which an application can sign in to SMTP now."""
        return user_names(self.view, application, self.directory.rules, self.now())

    async def change(self, decide: Decide[E]) -> E:
        """Save the changes that ``decide`` returns; return the changed entry. Raises Rejected."""
        now = self.now()
        changes = await self.directory.change(lambda view: stamped(view, decide(view), now))
        return changes.entry

    async def delete(self, decide: Decide[E]) -> Document:
        """Save a deletion; return a document of all deleted entries. Raises Rejected."""
        deletion: Document = {}

        def deciding(view: Snapshot) -> Changes[E]:
            changes = decide(view)
            deletion["deleted"] = document(view, changes.entry, self.now())
            others = [each for each in changes.delete if each is not changes.entry]
            deletion["with"] = [mention(each) for each in others]
            return changes

        await self.directory.change(deciding)
        return deletion
