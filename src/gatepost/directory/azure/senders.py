"""The addresses that a Communication Services resource may send from."""

from types import MappingProxyType

from gatepost.directory.azure.entries import CommunicationService, Domain, SenderUsername
from gatepost.directory.azure.snapshot import LinkedDomain, Senders, Snapshot
from gatepost.model.address import Address
from gatepost.model.credentials import Standing


def senders_of(snapshot: Snapshot, service: CommunicationService) -> Senders:
    """Return the domains that are linked to ``service``."""
    senders = snapshot.senders.get(service.key)
    if senders is None:
        senders = snapshot.senders[service.key] = MappingProxyType(
            {
                name.lower(): LinkedDomain(domain, _usernames(snapshot, domain))
                for path in service.linked_domains
                if (domain := snapshot.get(Domain, path)) is not None
                for name in (domain.mail_from_domain, domain.from_domain)
            }
        )
    return senders


def _usernames(snapshot: Snapshot, domain: Domain) -> frozenset[str]:
    return frozenset(each.username.lower() for each in snapshot.find(SenderUsername, domain.id))


def standing_of(snapshot: Snapshot, service: CommunicationService, sender: Address) -> Standing:
    """Return whether ``service`` may send as ``sender``; case does not matter."""
    linked = senders_of(snapshot, service).get(sender.domain.lower())
    if linked is None:
        return Standing.DOMAIN_NOT_LINKED
    if sender.local.lower() not in linked.usernames:
        return Standing.SENDER_NOT_REGISTERED
    return Standing.ALLOWED
