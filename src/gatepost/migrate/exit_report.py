"""What cannot be carried over from ACS Email, and what must change. Pure.

No date or limit that only hearsay knows is shown.
"""

from collections.abc import Iterator
from typing import Final

from gatepost.directory.azure.entries import (
    CommunicationService,
    Domain,
    RoleAssignment,
    RoleDefinition,
    SenderUsername,
    ServicePrincipal,
    SmtpUsername,
)
from gatepost.migrate.carried_webhooks import why_not
from gatepost.migrate.exit_configuration import ExitApplication
from gatepost.migrate.inventory import EventGridSubscription, Inventory

SENDING: Final = "microsoft.communication/communicationservices/"
_ACS_SPF: Final = "include:spf.protection.outlook.com"


def applications_of(inventory: Inventory) -> tuple[ExitApplication, ...]:
    """Return the applications that can sign in today, with the senders of their resources.

    Those have a role on a resource, or an SMTP user name.
    """
    services: dict[str, dict[str, CommunicationService]] = {}
    for name in inventory.all(SmtpUsername):
        for service in inventory.all(CommunicationService):
            if service.key == name.service_id.lower():
                services.setdefault(name.application_id, {})[service.key] = service
    principals = {each.key: each for each in inventory.all(ServicePrincipal)}
    for assignment in inventory.all(RoleAssignment):
        principal = principals.get(assignment.principal_id.lower())
        if principal is None or not _may_send(inventory, assignment):
            continue
        for service in inventory.all(CommunicationService):
            if f"{service.key}/".startswith(f"{assignment.scope.rstrip('/').lower()}/"):
                services.setdefault(principal.application_id, {})[service.key] = service
    return tuple([_application(inventory, id_, each) for id_, each in sorted(services.items())])


def _may_send(inventory: Inventory, assignment: RoleAssignment) -> bool:
    """Tell whether a role may send mail: it has the actions that ACS asks for, or all of them."""
    for role in inventory.all(RoleDefinition):
        if role.key == assignment.role_definition_id.lower():
            actions = [each.lower() for one in role.permissions for each in one.actions]
            return any(each == "*" or each.startswith(SENDING) for each in actions)
    return False


def _application(
    inventory: Inventory, id_: str, services: dict[str, CommunicationService]
) -> ExitApplication:
    senders = [each for service in services.values() for each in senders_of(inventory, service)]
    names = [each for each in inventory.all(SmtpUsername) if each.application_id == id_]
    tenant = names[0].tenant_id if names else ""
    for principal in inventory.all(ServicePrincipal):
        if principal.application_id == id_:
            tenant = tenant or principal.tenant_id
    title = next(
        (
            each.display_name
            for each in inventory.all(ServicePrincipal)
            if each.application_id == id_
        ),
        "",
    )
    usernames = tuple([each.username for each in names])
    return ExitApplication(id_, tuple(dict.fromkeys(senders)), usernames, tenant, title)


def senders_of(inventory: Inventory, service: CommunicationService) -> Iterator[str]:
    """Yield the addresses that a resource may send as."""
    linked = {each.lower() for each in service.linked_domains}
    for domain in inventory.all(Domain):
        if domain.key in linked:
            for sender in inventory.below(SenderUsername, domain.id):
                yield f"{sender.username}@{domain.from_domain}"


def has_managed_domain(inventory: Inventory) -> bool:
    """Tell whether some mail has a sender of Microsoft's domain."""
    return any(each.is_managed for each in inventory.all(Domain))


def not_carried(inventory: Inventory) -> Iterator[str]:
    """Yield what stays behind, each with the reason and what to do instead."""
    for gap in inventory.gaps:
        yield f"{gap.what}: not readable ({gap.why})."
    for principal in inventory.nameless:
        yield (
            f"principal {principal} has a role, but the name of its application could not be read "
            "(a token for Microsoft Graph is missing, or it is a group, a person or an identity "
            "of Azure): add its client id by hand if it sends mail."
        )
    for domain in inventory.all(Domain):
        if domain.is_managed:
            yield (
                f"{domain.from_domain} is Microsoft's domain: every sender there must change "
                "(send_as in the target does it)."
            )
        if domain.engagement_tracking:
            yield f"{domain.from_domain} tracks opens and clicks; the relay does not."
    if inventory.all(CommunicationService):
        yield (
            "the global suppression list of ACS is not readable: only addresses on your own lists "
            "are carried over."
        )
        yield "a raised quota is not readable: set [limits] by hand."
        yield "the history of operations, and logs: export what you need from Azure Monitor."
    for setting in inventory.diagnostics:
        yield f"diagnostic setting {setting}: the relay has its own log, and metrics."
    for subscription in inventory.subscriptions:
        yield from _lost_of(subscription)


def _lost_of(subscription: EventGridSubscription) -> Iterator[str]:
    name = f"event subscription {subscription.name}"
    if reason := why_not(subscription):
        yield f"{name}: {reason}."
    if subscription.has_headers:
        yield f"{name}: the header fields of its requests are not sent."
    if subscription.has_filters:
        yield f"{name}: its advanced filters must be applied by the receiver."
    if subscription.has_dead_letter:
        yield f"{name}: its dead-letter storage is not used."


def to_change(inventory: Inventory, listen: str, api: str) -> Iterator[str]:
    """Yield what must change elsewhere."""
    yield (
        f"in each application that uses SMTP: the host smtp.azurecomm.net becomes this relay "
        f"({listen}). User names and passwords stay."
    )
    for id_, host in inventory.hosts.items():
        where = f"endpoint=https://{api}/" if api else "that of this relay's e-mail API (--api)"
        yield (
            f"in each connection string of {id_.rpartition('/')[2]}: endpoint=https://{host}/ "
            f"becomes {where}. The access key stays."
        )
    for domain in inventory.all(Domain):
        if not domain.is_managed:
            yield from _dns_of(inventory, domain)
    for subscription in inventory.subscriptions:
        if not why_not(subscription):
            chosen = ", ".join(subscription.event_types) or "all"
            yield (
                f"event subscription {subscription.name} ({chosen}): the relay asks the same "
                "webhook for its consent when it starts, as Azure did. Delete it at Azure once no "
                "mail goes through ACS."
            )


def _dns_of(inventory: Inventory, domain: Domain) -> Iterator[str]:
    """Yield the DNS records to add, and to remove once no mail goes through ACS any more."""
    yield (
        f"DNS of {domain.from_domain}: add the records with which the new provider verifies the "
        "domain, and signs its mail (DKIM)."
    )
    for record in inventory.records.get(domain.id, ()):
        if record.proof == "SPF":
            yield (
                f"DNS of {domain.from_domain}: in the SPF record, {_ACS_SPF} stays if Exchange "
                "Online sends mail of the domain; otherwise the new provider's include replaces it."
            )
        elif record.proof != "DMARC" and record.value:
            shown = record.name or domain.from_domain
            yield (
                f"DNS of {domain.from_domain}: remove {record.type} {shown} ({record.proof}: "
                f"{record.value}) once no mail goes through ACS."
            )
