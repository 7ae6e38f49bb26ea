"""The resource and domain through which a stored message was sent, and the suppressed recipients of
that domain."""

from collections.abc import Iterable
from typing import Final

from gatepost.directory.azure.directory import AzureDirectory
from gatepost.directory.azure.entries import (
    CommunicationService,
    Domain,
    SuppressedAddress,
    SuppressionList,
    suppression_lookup,
)
from gatepost.directory.azure.login_checks import resolve
from gatepost.directory.azure.senders import senders_of
from gatepost.directory.azure.snapshot import ClaimedIdentity
from gatepost.model.address import Address
from gatepost.model.message import StoredMessage
from gatepost.reports.suppression import is_for_sender

MOST_CACHED: Final = 10_000
"""Maximum number of cached answers, because without a login anybody may name any domain."""


class Sources:
    """Answers from the current directory; they are cached until it changes."""

    def __init__(self, directory: AzureDirectory) -> None:
        self._directory = directory
        self.topic = ""
        """The id of the resource for messages that belong to none of the directory."""
        self._version = -1
        self._services: dict[tuple[str, str], CommunicationService | None] = {}

    def service_of(self, message: StoredMessage) -> CommunicationService | None:
        """Return the Communication Services resource through which a message was sent.

        It is that of the principal; without a login, the one to which the sender's domain is
        linked, or the only one.
        """
        if self._version != self._directory.version or len(self._services) >= MOST_CACHED:
            self._version = self._directory.version
            self._services.clear()
        key = message.principal, message.mail_from.rpartition("@")[2].lower()
        if key not in self._services:
            self._services[key] = self._of_principal(key[0]) or self._of_domain(key[1])
        return self._services[key]

    @property
    def have_lists(self) -> bool:
        """Whether any customer has a suppression list."""
        return bool(self._directory.all(SuppressionList))

    def resource_of(self, message: StoredMessage) -> str:
        """Return the id of that resource, empty if there is none."""
        service = self.service_of(message)
        return service.id if service else self.topic

    def domain_of(self, service: CommunicationService | None, name: str) -> Domain | None:
        """Return the domain ``name`` that is linked to a resource."""
        if service is None:
            return None
        linked = senders_of(self._directory.snapshot, service).get(name.lower())
        return linked.entry if linked else None

    def listed(
        self, service: CommunicationService | None, sender: str, recipients: Iterable[str]
    ) -> frozenset[str]:
        """Return the recipients that are on a suppression list of the sender's domain."""
        directory = self._directory
        username, _, name = sender.rpartition("@")
        domain = self.domain_of(service, name)
        if domain is None:
            return frozenset()
        lists = [
            each.id
            for each in directory.find(SuppressionList, domain.id)
            if is_for_sender(each.list_name, username)
        ]
        return frozenset(
            each
            for each in (recipients if lists else ())
            if any(
                directory.find(SuppressedAddress, suppression_lookup(list_, each))
                for list_ in lists
            )
        )

    def _of_principal(self, name: str) -> CommunicationService | None:
        if not name:
            return None
        directory = self._directory
        claim = resolve(directory.snapshot, name)
        if isinstance(claim, ClaimedIdentity):
            return claim.service
        by_id = directory.get(CommunicationService, name)
        return by_id or next(iter(directory.find(CommunicationService, name)), None)

    def _of_domain(self, name: str) -> CommunicationService | None:
        services = self._directory.all(CommunicationService)
        for service in services:
            if name in senders_of(self._directory.snapshot, service):
                return service
        return services[0] if len(services) == 1 else None


def texts(addresses: Iterable[Address]) -> dict[str, Address]:
    """Return addresses by their spelling."""
    return {str(each): each for each in addresses}
