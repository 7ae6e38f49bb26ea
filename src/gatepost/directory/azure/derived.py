"""What is derived from the entries; a Snapshot caches it until they change."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from gatepost.directory.azure.entries import CommunicationService, Domain, SmtpUsername
from gatepost.model.credentials import Principal


class Grant(NamedTuple):
    """Which of the requested actions a principal may perform on a resource."""

    missing: tuple[str, ...]
    effective_from: datetime | None
    """When the last of the granted actions was granted; None if none was."""


class LinkedDomain(NamedTuple):
    """A domain that is linked to a resource, with its registered local parts."""

    entry: Domain
    usernames: frozenset[str]


Senders = Mapping[str, LinkedDomain]
"""Linked domains by the domain name in addresses, in lower case."""


@dataclass(frozen=True, slots=True)
class ClaimedIdentity:
    """The identity that a user name stands for."""

    service: CommunicationService
    application_id: str
    tenant_id: str
    smtp_username: SmtpUsername | None = None

    @property
    def name(self) -> str:
        """The user name in a normalised spelling."""
        if self.smtp_username is not None:
            return self.smtp_username.username
        return f"{self.service.name}.{self.application_id}.{self.tenant_id}"

    def proven_by(self, secret_id: str) -> Principal:
        """Return the principal; ``secret_id`` is the id of the client secret, empty for a token."""
        service = self.service
        return Principal(
            self.name, "", service.id, self.application_id, service.subscription_id, secret_id
        )
