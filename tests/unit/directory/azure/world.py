"""A small directory in which one application may send, for tests that break one part of it."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import cast

from gatepost.directory.azure.actions import SEND_ACTIONS
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
    resource_path,
    subscription_path,
)
from gatepost.directory.azure.secrets import digest_of
from gatepost.directory.azure.snapshot import Snapshot

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
KEY = b"k" * 32
PASSWORD = "s3cr3t~Value.x_y-z"

TENANT = "66666666-7777-8888-9999-000000000000"
APPLICATION = "11111111-2222-3333-4444-555555555555"
SUBSCRIPTION = "aaaaaaaa-0000-0000-0000-000000000001"
OTHER = "bbbbbbbb-0000-0000-0000-000000000002"
PRINCIPAL = "cccccccc-0000-0000-0000-000000000003"
SECRET = "dddddddd-0000-0000-0000-000000000004"
ROLE = "eeeeeeee-0000-0000-0000-000000000005"
ASSIGNMENT = "ffffffff-0000-0000-0000-000000000006"

GROUP = group_path(SUBSCRIPTION, "mail")
SERVICE = resource_path(GROUP, "communicationServices", "acs-demo")
EMAIL = resource_path(GROUP, "emailServices", "acs-demo-email")
DOMAIN = child_path(EMAIL, "domains", "AzureManagedDomain")
DOMAIN_NAME = "12345678-0000-0000-0000-000000000007.azurecomm.net"
USERNAME = f"acs-demo.{APPLICATION}.{TENANT}"


def entries() -> dict[str, Entry]:
    """Return all entries that sending needs, by a short name."""
    return {
        "tenant": Tenant(TENANT, "example.com"),
        "subscription": Subscription(subscription_path(SUBSCRIPTION), TENANT),
        "group": ResourceGroup(GROUP),
        "email": EmailService(EMAIL),
        "domain": Domain(DOMAIN, "AzureManaged", DOMAIN_NAME, DOMAIN_NAME, verification=VERIFIED),
        "sender": SenderUsername(child_path(DOMAIN, "senderUsernames", "donotreply"), "DoNotReply"),
        "service": CommunicationService(SERVICE, linked_domains=(DOMAIN,)),
        "application": Application(APPLICATION, OTHER, TENANT, "sender"),
        "secret": ClientSecret(
            SECRET,
            APPLICATION,
            digest_of(PASSWORD, KEY),
            NOW - timedelta(days=1),
            NOW + timedelta(days=1),
            PASSWORD[:3],
        ),
        "service_principal": ServicePrincipal(PRINCIPAL, APPLICATION, TENANT),
        "role": RoleDefinition(ROLE, "Email Sender", (Permission(SEND_ACTIONS),)),
        "assignment": RoleAssignment(
            ASSIGNMENT, SERVICE, ROLE, PRINCIPAL, NOW - timedelta(seconds=60)
        ),
    }


def sender() -> Application:
    """Return the one application."""
    return cast("Application", entries()["application"])


def principal() -> ServicePrincipal:
    """Return its service principal."""
    return cast("ServicePrincipal", entries()["service_principal"])


def smtp_username(username: str, name: str = "login") -> SmtpUsername:
    """Return an SMTP user name of the one resource and application."""
    return SmtpUsername(
        child_path(SERVICE, "smtpUsernames", name),
        username,
        APPLICATION,
        TENANT,
        NOW - timedelta(seconds=60),
    )


@dataclass(frozen=True)
class Change:
    """A change of the directory: entries to remove, fields to set, entries to add."""

    without: tuple[str, ...] = ()
    fields: tuple[tuple[str, str, object], ...] = ()
    added: tuple[Entry, ...] = ()

    def __add__(self, other: "Change") -> "Change":
        return Change(
            self.without + other.without, self.fields + other.fields, self.added + other.added
        )


def changed(change: Change) -> dict[str, Entry]:
    """Return the entries after ``change``, without those that it adds."""
    there = entries()
    for name, field, value in change.fields:
        there[name] = replace(there[name], **{field: value})  # type: ignore[arg-type]  # any field
    for name in change.without:
        del there[name]
    return there


def world(change: Change = Change()) -> Snapshot:
    """Return the directory after ``change``."""
    return Snapshot([*changed(change).values(), *change.added])
