"""A directory with every possible fault of a login, made before the relay starts."""

import asyncio
import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from gatepost.app.provision_azure import provision
from gatepost.directory.azure.actions import SEND_ACTIONS
from gatepost.directory.azure.directory import AzureDirectory
from gatepost.directory.azure.entries import (
    VERIFIED,
    Application,
    ClientSecret,
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
from gatepost.directory.azure.resource_ids import (
    child_path,
    group_path,
    new_guid,
    resource_path,
    subscription_path,
)
from gatepost.directory.azure.secrets import digest_of
from gatepost.keys.store_key import DIGESTS, open_key
from gatepost.store.sqlite import open_store

# Test vectors of the contract: A2 and A4.
TENANT: Final = "66666666-7777-8888-9999-000000000000"
APPLICATION: Final = "11111111-2222-3333-4444-555555555555"
PASSWORD: Final = "s3cr3t~Value.x_y-z"
USERNAME: Final = f"acs-demo.{APPLICATION}.{TENANT}"

MANAGED: Final = "0a0a0a0a-0000-0000-0000-000000000001.azurecomm.net"
CUSTOM: Final = "notify.contoso.com"
UNLINKED: Final = "contoso.com"
SENDER: Final = f"DoNotReply@{MANAGED}"

CONTRIBUTOR: Final = "b24988ac-6180-42a0-ab88-20f7382dd24c"
READER: Final = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
OWNER: Final = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
EMAIL_OWNER: Final = "09976791-48a7-449e-bb21-39d1a415f350"


@dataclass(frozen=True)
class Login:
    """The credentials of a client."""

    username: str
    password: str = field(default=PASSWORD, repr=False)


class World:
    """The entries to save, besides the resources of the test vectors."""

    def __init__(self, key: bytes, now: datetime) -> None:
        self.key = key
        self.now = now
        self.before = now - timedelta(days=1)
        self._numbers = itertools.count(1)
        self.group = group_path("aaaaaaaa-0000-0000-0000-000000000001", "mail")
        self.tenant = Tenant(TENANT, "example.com")
        self.role = RoleDefinition(new_guid(), "Email Sender", (Permission(SEND_ACTIONS),))
        email = EmailService(resource_path(self.group, "emailServices", "demo-email"))
        self.managed = self._domain(email, "AzureManagedDomain", MANAGED, "AzureManaged")
        self.custom = self._domain(email, CUSTOM, CUSTOM)
        self.unlinked = self._domain(email, UNLINKED, UNLINKED)
        self.entries: list[Entry] = [
            self.tenant,
            Subscription("/subscriptions/aaaaaaaa-0000-0000-0000-000000000001", TENANT),
            ResourceGroup(self.group),
            email, self.managed, self.custom, self.unlinked, self.role,
            *(self.sender(each, "DoNotReply") for each in (self.managed, self.custom)),
            self.sender(self.unlinked, "sales"),
        ]  # fmt: skip
        self.service = self.add_service("acs-demo")

    def _domain(
        self, email: EmailService, name: str, address: str, management: str = "CustomerManaged"
    ) -> Domain:
        path = child_path(email.id, "domains", name)
        return Domain(path, management, address, address, verification=VERIFIED)  # type: ignore[arg-type]

    def sender(self, domain: Domain, username: str) -> SenderUsername:
        """Return a registered sender."""
        return SenderUsername(child_path(domain.id, "senderUsernames", username.lower()), username)

    def add_service(self, name: str, *, subscription: str = "") -> CommunicationService:
        """Return a resource that is linked to the managed and the custom domain."""
        group = group_path(subscription, "mail") if subscription else self.group
        linked = self.managed.id, self.custom.id
        path = resource_path(group, "communicationServices", name)
        service = CommunicationService(path, linked_domains=linked)
        self.entries.append(service)
        if subscription:
            self.entries += [
                Subscription(subscription_path(subscription), TENANT), ResourceGroup(group)
            ]  # fmt: skip
        return service

    def add_application(self, faults: Iterable[str] = (), *, id: str = "") -> Application:
        """Return an application without what ``faults`` names."""
        faults = set(faults)
        application = Application(
            id or new_guid(), new_guid(), TENANT, f"app {next(self._numbers)}"
        )
        if "application_unknown" in faults:
            return application
        self.entries.append(application)
        secret = ClientSecret(
            new_guid(), application.id, digest_of(PASSWORD, self.key), self.before,
            self.now + timedelta(days=1),
        )  # fmt: skip
        if "secret_expired" in faults:
            secret = replace(secret, end=self.now - timedelta(hours=1))
        if "secret_not_yet_valid" in faults:
            secret = replace(secret, start=self.now + timedelta(hours=6))
        if "secret_missing" not in faults:
            self.entries.append(secret)
        principal = ServicePrincipal(new_guid(), application.id, TENANT)
        if "service_principal_missing" not in faults:
            self.entries.append(principal)
        if "role_missing" not in faults:
            since = self.now if "propagating" in faults else self.before
            self.assign(principal.id, self.role.id, self.service.id, since)
        return application

    def principal_of(self, application: Application) -> str:
        """Return the object id of its service principal."""
        return next(
            each.id
            for each in self.entries
            if isinstance(each, ServicePrincipal) and each.application_id == application.id
        )

    def assign(self, principal: str, role: str, scope: str, since: datetime | None = None) -> None:
        """Add a role assignment."""
        self.entries.append(
            RoleAssignment(new_guid(), scope, role, principal, since or self.before)
        )

    def add_role(self, *actions: str, data_actions: tuple[str, ...] = ()) -> str:
        """Add a custom role; return its id."""
        role = RoleDefinition(
            new_guid(), f"role {next(self._numbers)}",
            (Permission(actions, data_actions=data_actions),),
        )  # fmt: skip
        self.entries.append(role)
        return role.id

    def add_smtp_username(
        self, username: str, application: Application, *, service: str = "", tenant: str = TENANT
    ) -> str:
        """Add an SMTP user name; return the name."""
        parent = service or self.service.id
        path = child_path(parent, "smtpUsernames", f"login-{next(self._numbers)}")
        self.entries.append(SmtpUsername(path, username, application.id, tenant, self.before))
        return username

    def login(self, faults: Iterable[str] = ()) -> Login:
        """Return a login that fails exactly these checks."""
        faults = set(faults)
        application = self.add_application(faults)
        tenant = new_guid() if "tenant_unknown" in faults else TENANT
        resource = "nowhere" if "resource_unknown" in faults else "acs-demo"
        if "smtp_username_domain_not_linked" in faults:
            name = f"printer-{next(self._numbers)}@{UNLINKED}"
            parent = resource_path(self.group, "communicationServices", resource)
            username = self.add_smtp_username(name, application, service=parent, tenant=tenant)
        else:
            username = f"{resource}.{application.id}.{tenant}"
        if "username_format" in faults:
            username += ".x"
        return Login(username, "wrong~secret" if "secret_wrong" in faults else PASSWORD)


def seed(data: Path, build: Callable[[World], None]) -> None:
    """Make the directory in ``data`` as the first start would, with what ``build`` adds."""

    async def write() -> None:
        store = open_store(data)
        try:
            key, now = open_key(data), datetime.now(UTC)
            digests = key.subkey(DIGESTS)
            directory = AzureDirectory(store, digest_key=digests, clock=lambda: now)
            await directory.load()
            await provision(store, directory, key, now)
            world = World(digests, now)
            build(world)
            await directory.save(world.entries)
        finally:
            store.close()

    asyncio.run(write())
