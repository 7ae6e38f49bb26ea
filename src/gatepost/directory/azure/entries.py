"""The objects of the directory, as frozen dataclasses.

Every entry has an ``id`` that is unique within its kind without regard to case: a GUID for objects
of Entra, a path for objects of Resource Manager. ``found_by`` is the only other key by which logins
find entries.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, ClassVar, Literal

import msgspec

from gatepost.directory.azure.resource_ids import parent_path, subscription_of
from gatepost.directory.scram_verifiers import ScramVerifiers

DomainManagement = Literal["AzureManaged", "CustomerManaged", "CustomerManagedInExchangeOnline"]
VerificationStatus = Literal[
    "NotStarted", "VerificationRequested", "VerificationInProgress", "VerificationFailed",
    "Verified", "CancellationRequested",
]  # fmt: skip
PublicNetworkAccess = Literal["Enabled", "Disabled", "SecuredByPerimeter"]
Tags = Mapping[str, str]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time with its zone: without one, a damaged record could not be compared with the clock."""


@dataclass(frozen=True, slots=True)
class AuditStamp:
    """Who created and last changed a resource, and when: Resource Manager's ``systemData``.

    The author is an application's id, or empty for the command line and the first start.
    """

    created_at: Moment | None = None
    created_by: str = ""
    modified_at: Moment | None = None
    modified_by: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """What all entries have."""

    kind: ClassVar[str]
    resource_type: ClassVar[str] = ""
    """The type in Resource Manager; empty for objects of Entra."""
    id: str

    @property
    def key(self) -> str:
        """The id in the form for comparisons."""
        return self.id.lower()

    @property
    def name(self) -> str:
        """The last part of the id."""
        return self.id.rpartition("/")[2]

    @property
    def found_by(self) -> str:
        """The key for ``Snapshot.find``, in lower case; empty if there is none."""
        return ""


@dataclass(frozen=True, slots=True)
class Tenant(Entry):
    """An Entra directory."""

    kind: ClassVar[str] = "tenant"
    domain: str = ""


@dataclass(frozen=True, slots=True)
class Subscription(Entry):
    """A unit of billing and limits; rate windows are counted per subscription."""

    kind: ClassVar[str] = "subscription"
    resource_type: ClassVar[str] = "Microsoft.Resources/subscriptions"
    tenant_id: str = ""
    display_name: str = ""


@dataclass(frozen=True, slots=True)
class ResourceGroup(Entry):
    """A folder of resources, and a scope of role assignments."""

    kind: ClassVar[str] = "resource_group"
    resource_type: ClassVar[str] = "Microsoft.Resources/resourceGroups"
    location: str = "global"
    tags: Tags = field(default_factory=dict, hash=False)
    stamp: AuditStamp = AuditStamp()


@dataclass(frozen=True, slots=True)
class Application(Entry):
    """An Entra app registration; ``id`` is its application (client) id."""

    kind: ClassVar[str] = "application"
    object_id: str = ""
    tenant_id: str = ""
    display_name: str = ""
    multitenant: bool = False
    """Other tenants may have a service principal of it, too."""
    redirect_uris: tuple[str, ...] = ()
    """Where people who have signed in to it are sent; none: anywhere on this machine."""


@dataclass(frozen=True, slots=True)
class ClientSecret(Entry):
    """A password of an application; ``id`` is its key id, which people paste by mistake."""

    kind: ClassVar[str] = "client_secret"
    application_id: str
    digest: bytes = field(repr=False)
    """Keyed BLAKE2b of the secret's value."""
    start: Moment
    end: Moment
    hint: str = ""
    """The value's first three characters."""
    display_name: str = ""
    scram: ScramVerifiers = field(default_factory=ScramVerifiers)

    @property
    def found_by(self) -> str:
        return self.application_id.lower()


@dataclass(frozen=True, slots=True)
class ClientCertificate(Entry):
    """A certificate whose key authenticates an application; ``id`` is its key id.

    Made by ``client_certificates.read_certificate``.
    """

    kind: ClassVar[str] = "client_certificate"
    application_id: str
    certificate: bytes
    """DER, without the private key, which the application keeps."""
    start: Moment
    end: Moment
    display_name: str = ""

    @property
    def found_by(self) -> str:
        return self.application_id.lower()

    @property
    def thumbprint(self) -> str:
        """SHA-1 in upper-case hex, as people compare it."""
        return hashlib.sha1(self.certificate, usedforsecurity=False).hexdigest().upper()

    @property
    def thumbprint_sha256(self) -> str:
        """SHA-256 in upper-case hex."""
        return hashlib.sha256(self.certificate).hexdigest().upper()


@dataclass(frozen=True, slots=True)
class ServicePrincipal(Entry):
    """An application in one tenant; roles are assigned to it, not to the application."""

    kind: ClassVar[str] = "service_principal"
    application_id: str
    tenant_id: str
    display_name: str = ""

    @property
    def found_by(self) -> str:
        return principal_lookup(self.application_id, self.tenant_id)


def principal_lookup(application_id: str, tenant_id: str) -> str:
    """Return the lookup key of an application's service principal in a tenant."""
    return f"{application_id}@{tenant_id}".lower()


@dataclass(frozen=True, slots=True)
class Permission:
    """Granted actions without excluded ones; ``*`` matches any characters."""

    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RoleDefinition(Entry):
    """A named set of permissions; ``id`` is only the GUID."""

    kind: ClassVar[str] = "role_definition"
    resource_type: ClassVar[str] = "Microsoft.Authorization/roleDefinitions"
    role_name: str
    permissions: tuple[Permission, ...] = ()
    assignable_scopes: tuple[str, ...] = ("/",)
    description: str = ""
    built_in: bool = False
    stamp: AuditStamp = AuditStamp()


@dataclass(frozen=True, slots=True)
class RoleAssignment(Entry):
    """A role of a service principal on a scope and everything below it."""

    kind: ClassVar[str] = "role_assignment"
    resource_type: ClassVar[str] = "Microsoft.Authorization/roleAssignments"
    scope: str
    role_definition_id: str
    principal_id: str
    created_at: Moment
    principal_type: str = "ServicePrincipal"
    description: str = ""
    condition: str = ""
    """Stored and returned, but not evaluated; conditions do not apply to the actions here."""
    stamp: AuditStamp = AuditStamp()

    @property
    def found_by(self) -> str:
        return self.principal_id.lower()


@dataclass(frozen=True, slots=True)
class EmailService(Entry):
    """An Email Communication Services resource, which contains domains."""

    kind: ClassVar[str] = "email_service"
    resource_type: ClassVar[str] = "Microsoft.Communication/EmailServices"
    data_location: str = "United States"
    tags: Tags = field(default_factory=dict, hash=False)
    stamp: AuditStamp = AuditStamp()


@dataclass(frozen=True, slots=True)
class Verification:
    """The status of each proof of a domain."""

    domain: VerificationStatus = "NotStarted"
    spf: VerificationStatus = "NotStarted"
    dkim: VerificationStatus = "NotStarted"
    dkim2: VerificationStatus = "NotStarted"
    dmarc: VerificationStatus = "NotStarted"
    errors: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Why a proof failed: the provider's code, a colon and a sentence, by the name of the field."""

    @property
    def allows_linking(self) -> bool:
        """True if all proofs except DMARC are verified."""
        return {self.domain, self.spf, self.dkim, self.dkim2} == {"Verified"}


VERIFIED = Verification("Verified", "Verified", "Verified", "Verified", "Verified")


@dataclass(frozen=True, slots=True)
class Domain(Entry):
    """A domain that an Email service may send from."""

    kind: ClassVar[str] = "domain"
    resource_type: ClassVar[str] = "Microsoft.Communication/EmailServices/Domains"
    management: DomainManagement
    from_domain: str
    """The domain in the header From (RFC 5322)."""
    mail_from_domain: str
    """The domain in MAIL FROM (RFC 5321)."""
    data_location: str = "United States"
    verification: Verification = Verification()
    engagement_tracking: bool = False
    verification_token: str = ""
    """The text in its TXT record after ``ms-domain-verification=``."""
    tags: Tags = field(default_factory=dict, hash=False)
    stamp: AuditStamp = AuditStamp()

    @property
    def found_by(self) -> str:
        return parent_path(self.key)

    @property
    def is_managed(self) -> bool:
        """True for an Azure-managed domain, whose rate is fixed."""
        return self.management == "AzureManaged"


@dataclass(frozen=True, slots=True)
class SenderUsername(Entry):
    """A permitted local part of a domain."""

    kind: ClassVar[str] = "sender_username"
    resource_type: ClassVar[str] = "Microsoft.Communication/EmailServices/Domains/SenderUsernames"
    username: str
    display_name: str = ""
    stamp: AuditStamp = AuditStamp()

    @property
    def found_by(self) -> str:
        return parent_path(self.key)


@dataclass(frozen=True, slots=True)
class CommunicationService(Entry):
    """A Communication Services resource, which applications sign in to."""

    kind: ClassVar[str] = "communication_service"
    resource_type: ClassVar[str] = "Microsoft.Communication/CommunicationServices"
    data_location: str = "United States"
    linked_domains: tuple[str, ...] = ()
    """Ids of domains."""
    primary_key: bytes = field(default=b"", repr=False)
    """An access key, sealed."""
    secondary_key: bytes = field(default=b"", repr=False)
    local_auth: bool = True
    """Whether access keys are accepted."""
    public_network_access: PublicNetworkAccess = "Enabled"
    immutable_id: str = ""
    """A GUID that a later resource with the same name does not have."""
    notification_hub_id: str = ""
    tags: Tags = field(default_factory=dict, hash=False)
    stamp: AuditStamp = AuditStamp()

    @property
    def found_by(self) -> str:
        return self.name.lower()

    @property
    def subscription_id(self) -> str:
        """The subscription of the resource, from its path."""
        return subscription_of(self.id)


@dataclass(frozen=True, slots=True)
class SmtpUsername(Entry):
    """A login name that stands for an application: any text, or an address in a linked domain."""

    kind: ClassVar[str] = "smtp_username"
    resource_type: ClassVar[str] = "Microsoft.Communication/CommunicationServices/SmtpUsernames"
    username: str
    application_id: str
    tenant_id: str
    created_at: Moment
    stamp: AuditStamp = AuditStamp()

    @property
    def found_by(self) -> str:
        return self.username.lower()

    @property
    def service_id(self) -> str:
        """The Communication Services resource that it signs in to."""
        return parent_path(self.id)


@dataclass(frozen=True, slots=True)
class SuppressionList(Entry):
    """A customer's list of recipients who get no mail from a domain, or from one of its senders."""

    kind: ClassVar[str] = "suppression_list"
    resource_type: ClassVar[str] = "Microsoft.Communication/EmailServices/Domains/SuppressionLists"
    list_name: str = ""
    """The local part of its sender; empty: the whole domain."""
    created_at: Moment | None = None
    updated_at: Moment | None = None
    stamp: AuditStamp = AuditStamp()

    @property
    def found_by(self) -> str:
        return parent_path(self.key)


@dataclass(frozen=True, slots=True)
class SuppressedAddress(Entry):
    """A recipient on a suppression list; its name is a GUID."""

    kind: ClassVar[str] = "suppressed_address"
    resource_type: ClassVar[str] = (
        "Microsoft.Communication/EmailServices/Domains/SuppressionLists/SuppressionListAddresses"
    )
    email: str
    first_name: str = ""
    last_name: str = ""
    notes: str = ""
    modified_at: Moment | None = None
    stamp: AuditStamp = AuditStamp()

    @property
    def found_by(self) -> str:
        return suppression_lookup(parent_path(self.key), self.email)


def suppression_lookup(list_id: str, email: str) -> str:
    """Return the lookup key of an address on a suppression list."""
    return f"{list_id} {email}".lower()


KINDS: tuple[type[Entry], ...] = (
    Tenant, Subscription, ResourceGroup, Application, ClientSecret, ClientCertificate,
    ServicePrincipal, RoleDefinition, RoleAssignment, EmailService, Domain, SenderUsername,
    CommunicationService, SmtpUsername, SuppressionList, SuppressedAddress,
)  # fmt: skip
