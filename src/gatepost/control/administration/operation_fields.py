"""The fields of operations, as they are sent."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from gatepost.directory.azure.changes.verification import Proof

ResourceKind = Literal["communication", "email", "group", "subscription"]


@dataclass(frozen=True, slots=True)
class Listing:
    """All, or those of one parent."""

    parent: str = ""
    kind: ResourceKind | Literal[""] = ""


@dataclass(frozen=True, slots=True)
class EntryName:
    """An existing entry."""

    name: str
    parent: str = ""
    kind: ResourceKind | Literal[""] = ""


@dataclass(frozen=True, slots=True)
class NewTenant:
    """A tenant; its name is its domain."""

    name: str


@dataclass(frozen=True, slots=True)
class NewApp:
    """An application, and its service principal in its own tenant."""

    name: str
    parent: str = ""
    multitenant: bool = False
    redirect_uris: tuple[str, ...] = ()
    service_principal: bool = True


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A client secret: valid for ``lifetime`` seconds, or until ``expires``."""

    parent: str = ""
    name: str = ""
    lifetime: float | None = None
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewRole:
    """A custom role; without actions it gets those that sending requires."""

    name: str
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True)
class RoleGrant:
    """A role, an application, and a scope."""

    name: str
    app: str
    on: str = ""


@dataclass(frozen=True, slots=True)
class NewResource:
    """A resource, a resource group or a subscription."""

    name: str
    kind: ResourceKind
    parent: str = ""
    links: tuple[str, ...] = ()
    data_location: str = ""
    location: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A Communication Services resource and a domain."""

    name: str
    domain: str


@dataclass(frozen=True, slots=True)
class Keys:
    """The access keys of a resource; one may be regenerated."""

    name: str = ""
    regenerate: Literal["primary", "secondary", ""] = ""


@dataclass(frozen=True, slots=True)
class NewDomain:
    """A domain of an Email service: a customer's, or an Azure-managed one."""

    name: str = ""
    parent: str = ""
    managed: bool = False


@dataclass(frozen=True, slots=True)
class VerifyDomain:
    """Verifications of a domain, none for all; manual, by DNS, or as the profile prescribes."""

    name: str
    parent: str = ""
    proofs: tuple[Proof, ...] = ()
    by_hand: bool = False
    by_dns: bool = False


@dataclass(frozen=True, slots=True)
class NewSender:
    """A local part of a domain."""

    name: str
    parent: str = ""
    display_name: str = ""


@dataclass(frozen=True, slots=True)
class NewSmtpUsername:
    """A login name of a Communication Services resource, and the application that it represents."""

    name: str
    username: str
    app: str = ""
    tenant: str = ""
    parent: str = ""
