"""What follows from the entries, and what a Snapshot keeps of it until they change."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from gatepost.directory.azure.entries import CommunicationService, Domain, SmtpUsername
from gatepost.model.credentials import Principal


class Grant(NamedTuple):
    """What a principal may do on a resource, of the actions that were asked for."""

    missing: tuple[str, ...]
    effective_from: datetime | None
    """When the last of the granted actions was given; None when none was."""


class LinkedDomain(NamedTuple):
    """A domain that is linked to a resource, with the local parts registered for it."""

    entry: Domain
    usernames: frozenset[str]


Senders = Mapping[str, LinkedDomain]
"""Linked domains by the name that stands behind the ``@``, lower case."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a user name stands for."""

    service: CommunicationService
    application_id: str
    tenant_id: str
    smtp_username: SmtpUsername | None = None

    @property
    def name(self) -> str:
        """The user name in one spelling."""
        if self.smtp_username is not None:
            return self.smtp_username.username
        return f"{self.service.name}.{self.application_id}.{self.tenant_id}"

    def proven_by(self, secret_id: str) -> Principal:
        """Who it is; ``secret_id`` is that of the client secret, empty for a token."""
        service = self.service
        return Principal(
            self.name, "", service.id, self.application_id, service.subscription_id, secret_id
        )
