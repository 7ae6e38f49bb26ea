"""The objects of the directory, each a frozen dataclass.

Every entry has an ``id`` that is unique within its kind without regard to
case: a GUID for what Entra holds, a path for what Resource Manager holds.
``found_by`` is the one other thing by which sign-in looks entries up.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Literal

from gatepost.directory.azure.paths import parent_path, subscription_of
from gatepost.directory.verifiers import ScramVerifiers

DomainManagement = Literal["AzureManaged", "CustomerManaged", "CustomerManagedInExchangeOnline"]
VerificationStatus = Literal[
    "NotStarted", "VerificationRequested", "VerificationInProgress", "VerificationFailed",
    "Verified",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """What all of them have."""

    kind: ClassVar[str]
    id: str

    @property
    def key(self) -> str:
        """The id as it is compared."""
        return self.id.lower()

    @property
    def name(self) -> str:
        """The last part of the id."""
        return self.id.rpartition("/")[2]

    @property
    def found_by(self) -> str:
        """What ``Snapshot.find`` looks for, lower case; empty when it does not."""
        return ""


@dataclass(frozen=True, slots=True)
class Tenant(Entry):
    """An Entra directory."""

    kind: ClassVar[str] = "tenant"
    domain: str = ""


@dataclass(frozen=True, slots=True)
class Subscription(Entry):
    """What is paid and limited together; rate windows are counted per subscription."""

    kind: ClassVar[str] = "subscription"
    tenant_id: str = ""
    display_name: str = ""


@dataclass(frozen=True, slots=True)
class ResourceGroup(Entry):
    """A folder of resources, and a scope of role assignments."""

    kind: ClassVar[str] = "resource_group"
    location: str = "global"


@dataclass(frozen=True, slots=True)
class Application(Entry):
    """An Entra app registration; ``id`` is its application (client) id."""

    kind: ClassVar[str] = "application"
    object_id: str = ""
    tenant_id: str = ""
    display_name: str = ""
    multitenant: bool = False
    """Other tenants may hold a service principal of it, too."""


@dataclass(frozen=True, slots=True)
class ClientSecret(Entry):
    """One password of an application; ``id`` is its key id, what people paste by mistake."""

    kind: ClassVar[str] = "client_secret"
    application_id: str
    digest: bytes = field(repr=False)
    """Keyed BLAKE2b of the secret's value."""
    start: datetime
    end: datetime
    hint: str = ""
    """The value's first three characters."""
    display_name: str = ""
    scram: ScramVerifiers = field(default_factory=ScramVerifiers)

    @property
    def found_by(self) -> str:
        return self.application_id.lower()


@dataclass(frozen=True, slots=True)
class ServicePrincipal(Entry):
    """An application as one tenant knows it; roles are assigned to it, not to the application."""

    kind: ClassVar[str] = "service_principal"
    application_id: str
    tenant_id: str
    display_name: str = ""

    @property
    def found_by(self) -> str:
        return principal_lookup(self.application_id, self.tenant_id)


def principal_lookup(application_id: str, tenant_id: str) -> str:
    """Return what a tenant's service principal of an application is found by."""
    return f"{application_id}@{tenant_id}".lower()


@dataclass(frozen=True, slots=True)
class Permission:
    """Actions granted less those excepted; ``*`` stands for any run of characters."""

    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RoleDefinition(Entry):
    """A named set of permissions; ``id`` is the GUID alone."""

    kind: ClassVar[str] = "role_definition"
    role_name: str
    permissions: tuple[Permission, ...] = ()
    assignable_scopes: tuple[str, ...] = ("/",)
    description: str = ""
    built_in: bool = False


@dataclass(frozen=True, slots=True)
class RoleAssignment(Entry):
    """A role given to a service principal on a scope and everything under it."""

    kind: ClassVar[str] = "role_assignment"
    scope: str
    role_definition_id: str
    principal_id: str
    created_at: datetime

    @property
    def found_by(self) -> str:
        return self.principal_id.lower()


@dataclass(frozen=True, slots=True)
class EmailService(Entry):
    """An Email Communication Services resource: a holder of domains."""

    kind: ClassVar[str] = "email_service"
    data_location: str = "United States"


@dataclass(frozen=True, slots=True)
class Verification:
    """How far each proof of a domain got."""

    domain: VerificationStatus = "NotStarted"
    spf: VerificationStatus = "NotStarted"
    dkim: VerificationStatus = "NotStarted"
    dkim2: VerificationStatus = "NotStarted"
    dmarc: VerificationStatus = "NotStarted"

    @property
    def allows_linking(self) -> bool:
        """True when all but DMARC are verified."""
        return {self.domain, self.spf, self.dkim, self.dkim2} == {"Verified"}


VERIFIED = Verification("Verified", "Verified", "Verified", "Verified", "Verified")


@dataclass(frozen=True, slots=True)
class Domain(Entry):
    """A domain that an Email service may send from."""

    kind: ClassVar[str] = "domain"
    management: DomainManagement
    from_domain: str
    """Of header From (RFC 5322)."""
    mail_from_domain: str
    """Of MAIL FROM (RFC 5321)."""
    data_location: str = "United States"
    verification: Verification = Verification()
    engagement_tracking: bool = False

    @property
    def found_by(self) -> str:
        return parent_path(self.key)

    @property
    def is_managed(self) -> bool:
        """True for Azure's own domain, whose rate is fixed."""
        return self.management == "AzureManaged"


@dataclass(frozen=True, slots=True)
class SenderUsername(Entry):
    """A local part that may stand before a domain."""

    kind: ClassVar[str] = "sender_username"
    username: str
    display_name: str = ""

    @property
    def found_by(self) -> str:
        return parent_path(self.key)


@dataclass(frozen=True, slots=True)
class CommunicationService(Entry):
    """A Communication Services resource: what applications sign in to."""

    kind: ClassVar[str] = "communication_service"
    data_location: str = "United States"
    linked_domains: tuple[str, ...] = ()
    """Ids of domains."""
    primary_key: bytes = field(default=b"", repr=False)
    """Access key, sealed."""
    secondary_key: bytes = field(default=b"", repr=False)
    local_auth: bool = True
    """Access keys are accepted."""

    @property
    def found_by(self) -> str:
        return self.name.lower()

    @property
    def subscription_id(self) -> str:
        return subscription_of(self.id)


@dataclass(frozen=True, slots=True)
class SmtpUsername(Entry):
    """A login name that stands for an application; free, or an address of a linked domain."""

    kind: ClassVar[str] = "smtp_username"
    username: str
    application_id: str
    tenant_id: str
    created_at: datetime

    @property
    def found_by(self) -> str:
        return self.username.lower()

    @property
    def service_id(self) -> str:
        """The Communication Services resource that it signs in to."""
        return parent_path(self.id)


KINDS: tuple[type[Entry], ...] = (
    Tenant, Subscription, ResourceGroup, Application, ClientSecret, ServicePrincipal,
    RoleDefinition, RoleAssignment, EmailService, Domain, SenderUsername, CommunicationService,
    SmtpUsername,
)  # fmt: skip
