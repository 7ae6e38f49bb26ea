"""The first start with the Azure directory: creates everything that is needed to send."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from gatepost.directory.azure.actions import SEND_ACTIONS
from gatepost.directory.azure.directory import AzureDirectory
from gatepost.directory.azure.entries import (
    VERIFIED,
    Application,
    CommunicationService,
    Domain,
    EmailService,
    Entry,
    Permission,
    ResourceGroup,
    RoleAssignment,
    RoleDefinition,
    SenderUsername,
    ServicePrincipal,
    SmtpUsername,
    Subscription,
    Tenant,
)
from gatepost.directory.azure.entry_records import record_of
from gatepost.directory.azure.login_rules import Rules
from gatepost.directory.azure.resource_ids import (
    child_path,
    group_path,
    new_guid,
    resource_path,
    subscription_of,
    subscription_path,
)
from gatepost.directory.azure.secrets import generate_access_key
from gatepost.directory.contract import Record, Records
from gatepost.keys.damaged_records import FAULTS, note
from gatepost.keys.store_key import Key, SealedAccessKeys
from gatepost.model.secret import Secret

NAME: Final = "gatepost"
SECRET_LIFETIME: Final = timedelta(days=3650)

_OUR_SECRET: Final = "first client secret"
_ADMIN_SECRET: Final = "administrator's client secret"
_RECORD: Final = ("provisioned", NAME)
_ADMIN_RECORD: Final = ("provisioned", "admin")
_ANEW: Final = "a new one is made"
OWNER: Final = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
"""The built-in role."""

_EFFECTIVE_BEFORE: Final = timedelta(days=1)
"""What the first start creates is effective at once, whatever the propagation delay is."""


@dataclass(frozen=True, slots=True)
class Identity:
    """An application of the tenant, and its secret."""

    client_id: str
    client_secret: Secret
    """Empty if it is no longer valid, because it was deleted or has expired."""


@dataclass(frozen=True, slots=True)
class Provisioned:
    """What an application needs to send, and an administrator."""

    tenant_id: str
    subscription_id: str
    client_id: str
    client_secret: Secret
    """Empty if it is no longer valid, because it was deleted or has expired."""
    resource_id: str
    sender: str
    """An address that may be used in MAIL FROM and From."""
    access_key: Secret
    """An access key of the resource; empty if the resource was deleted."""
    admin: Identity | None = None
    """An owner of the subscription, for the management APIs; None if the tenant was deleted before
    there was one."""

    @property
    def resource(self) -> str:
        """The resource's name."""
        return self.resource_id.rpartition("/")[2]

    @property
    def username(self) -> str:
        """The user name for SMTP; the password is the client secret."""
        return f"{self.resource}.{self.client_id}.{self.tenant_id}"

    def connection_string(self, endpoint: str) -> Secret:
        """Return the connection string for the Email SDKs, for an ``https://HOST:PORT``; empty
        without a key."""
        if not self.access_key:
            return Secret("")
        key = self.access_key.reveal()
        return Secret(f"endpoint={endpoint.rstrip('/')}/;accesskey={key}")


async def provision(
    records: Records, directory: AzureDirectory, key: Key, now: datetime
) -> Provisioned:
    """Return what the first start created, and create it if this is the first start.

    Everything is written in one commit, so that it is never incomplete. ``directory`` has been
    loaded from ``records``. What a damaged record was about is created again, and added to
    ``directory.damaged``.
    """
    stored = {(each.kind, each.id): each for each in await records.load_records()}
    first = stored.get(_RECORD)
    provisioned = None if first is None else _recall(first, directory, key)
    if provisioned is None:
        return await _provision(directory, key, now)
    admin = stored.get(_ADMIN_RECORD)
    identity = None if admin is None else _recall_admin(admin, directory, key)
    if identity is not None:
        return replace(provisioned, admin=identity)
    tenant = directory.get(Tenant, provisioned.tenant_id)
    if tenant is None:
        return provisioned
    made = _make_admin(directory, key, tenant, provisioned.subscription_id, now)
    await directory.save(made.entries, beside=[made.record])
    return replace(provisioned, admin=made.identity)


def _recall_admin(record: Record, directory: AzureDirectory, key: Key) -> Identity | None:
    """Return the administrator; None if the record is damaged."""
    try:
        secret = _recall_secret(record, directory, key, _ADMIN_SECRET)
        return Identity(record.fields["client_id"], secret)
    except FAULTS as error:
        note(directory.damaged, record, error, _ANEW)
        return None


def _recall_secret(record: Record, directory: AzureDirectory, key: Key, purpose: str) -> Secret:
    """Return the application's secret if it is still valid."""
    fields = record.fields
    value = key.unseal_text(fields["client_secret"], purpose)
    refused = directory.prove_secret(fields["client_id"], value.reveal())
    return Secret("") if refused else value


def _recall(record: Record, directory: AzureDirectory, key: Key) -> Provisioned | None:
    """Return what the first start created; None if the record is damaged."""
    try:
        fields = msgspec.convert(record.fields, dict[str, str])
        service = directory.get(CommunicationService, fields["resource_id"])
        return Provisioned(
            tenant_id=fields["tenant_id"],
            subscription_id=subscription_of(fields["resource_id"]),
            client_id=fields["client_id"],
            client_secret=_recall_secret(record, directory, key, _OUR_SECRET),
            resource_id=fields["resource_id"],
            sender=fields["sender"],
            access_key=_recall_access_key(service, directory, key),
        )
    except FAULTS as error:
        note(directory.damaged, record, error, _ANEW)
        return None


def _recall_access_key(
    service: CommunicationService | None, directory: AzureDirectory, key: Key
) -> Secret:
    if service is None:
        return Secret("")
    try:
        return SealedAccessKeys(key).open(service.primary_key)
    except FAULTS as error:
        note(directory.damaged, record_of(service), error, "its primary key is ignored")
        return Secret("")


async def _provision(directory: AzureDirectory, key: Key, now: datetime) -> Provisioned:
    tenant = Tenant(new_guid(), f"{NAME}.localhost")
    application = Application(new_guid(), new_guid(), tenant.id, "Email sender")
    secret, client_secret = directory.make_secret(application, SECRET_LIFETIME)
    access_key = generate_access_key()
    service, domain, resources = _make_resources(tenant, key, access_key)
    admin = _make_admin(directory, key, tenant, service.subscription_id, now)
    role = _make_role(application, service, directory.rules, now)
    await directory.save(
        [tenant, application, secret, *resources, *role, *admin.entries],
        beside=[
            admin.record,
            Record(
                *_RECORD,
                {
                    "tenant_id": tenant.id,
                    "client_id": application.id,
                    "client_secret": key.seal_text(client_secret, _OUR_SECRET),
                    "resource_id": service.id,
                    "sender": f"DoNotReply@{domain.from_domain}",
                },
            ),
        ],
    )
    return Provisioned(
        tenant_id=tenant.id,
        subscription_id=service.subscription_id,
        client_id=application.id,
        client_secret=client_secret,
        resource_id=service.id,
        sender=f"DoNotReply@{domain.from_domain}",
        access_key=access_key,
        admin=admin.identity,
    )


class _Admin(NamedTuple):
    entries: list[Entry]
    record: Record
    identity: Identity


def _make_admin(
    directory: AzureDirectory, key: Key, tenant: Tenant, subscription_id: str, now: datetime
) -> _Admin:
    """Create an administrator for the management APIs; the sender may only send."""
    application = Application(new_guid(), new_guid(), tenant.id, "Administrator")
    secret_entry, secret = directory.make_secret(application, SECRET_LIFETIME)
    principal = ServicePrincipal(new_guid(), application.id, tenant.id, application.display_name)
    assignment = RoleAssignment(
        new_guid(),
        subscription_path(subscription_id),
        OWNER,
        principal.id,
        now - _EFFECTIVE_BEFORE,
    )
    fields = {"client_id": application.id, "client_secret": key.seal_text(secret, _ADMIN_SECRET)}
    return _Admin(
        [application, secret_entry, principal, assignment],
        Record(*_ADMIN_RECORD, fields),
        Identity(application.id, secret),
    )


def _make_resources(
    tenant: Tenant, key: Key, access_key: Secret
) -> tuple[CommunicationService, Domain, list[Entry]]:
    """Create a Communication Services resource, linked to the Azure-managed domain of an Email
    service."""
    subscription = new_guid()
    group = group_path(subscription, NAME)
    email = EmailService(resource_path(group, "emailServices", f"{NAME}-email"))
    name = f"{new_guid()}.azurecomm.net"
    domain = Domain(
        child_path(email.id, "domains", "AzureManagedDomain"),
        "AzureManaged",
        name,
        name,
        verification=VERIFIED,
    )
    keys = SealedAccessKeys(key)
    service = CommunicationService(
        resource_path(group, "communicationServices", NAME),
        linked_domains=(domain.id,),
        primary_key=keys.seal(access_key),
        secondary_key=keys.seal(generate_access_key()),
        immutable_id=new_guid(),
    )
    sender = SenderUsername(child_path(domain.id, "senderUsernames", "donotreply"), "DoNotReply")
    return (
        service,
        domain,
        [
            Subscription(subscription_path(subscription), tenant.id, NAME),
            ResourceGroup(group),
            email,
            domain,
            sender,
            service,
        ],
    )


def _make_role(
    application: Application, service: CommunicationService, rules: Rules, now: datetime
) -> list[Entry]:
    """Create the custom role from Microsoft's guide, assigned at the resource itself.

    With the SMTP user name, if the rules require one.
    """
    principal = ServicePrincipal(
        new_guid(), application.id, application.tenant_id, application.display_name
    )
    role = RoleDefinition(
        new_guid(),
        "Email Sender",
        (Permission(tuple(dict.fromkeys((*SEND_ACTIONS, *rules.actions)))),),
        (subscription_path(service.subscription_id),),
        "May send e-mail over SMTP",
    )
    assignment = RoleAssignment(
        new_guid(), service.id, role.id, principal.id, now - _EFFECTIVE_BEFORE
    )
    if not rules.needs_smtp_username:
        return [principal, role, assignment]
    path = child_path(service.id, "smtpUsernames", "first-login")
    login = SmtpUsername(  # a user name must differ from its resource's
        path, "email-sender", application.id, application.tenant_id, now - _EFFECTIVE_BEFORE
    )
    return [principal, role, assignment, login]
