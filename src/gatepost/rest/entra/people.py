"""The people of an emulated tenant, who sign in without a password, as a test chooses."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gatepost.directory.azure.entries import Tenant
from gatepost.rest.site import Site

_EVERYBODY: Final[tuple[tuple[str, str, tuple[str, ...]], ...]] = (
    ("admin", "Ada Admin", ("admin",)),
    ("operator", "Otto Operator", ("operator",)),
    ("support", "Sam Support", ("support",)),
    ("viewer", "Vera Viewer", ("viewer",)),
    ("nobody", "Nora Nobody", ()),
)
"""Local parts of names, display names and app roles."""
PERSON_FIELDS: Final = ("as", "name", "roles", "groups")
"""Of the form in which a person is chosen."""
_LONGEST: Final = 200
_MOST: Final = 200
"""Roles or groups in a token, as in Entra."""


@dataclass(frozen=True, slots=True)
class EmulatedPerson:
    """Somebody of a tenant."""

    id: str
    name: str
    """The user principal name."""
    display_name: str
    roles: tuple[str, ...] = ()
    """The values of app roles, for whatever application."""
    groups: tuple[str, ...] = ()
    """Object ids."""


def mailboxes_of(site: Site) -> tuple[str, ...]:
    """Return the addresses of mailboxes whose owners can sign in."""
    if site.exchange is None:
        return ()
    mailboxes = site.exchange.organisation.mailbox
    return tuple([each.address for each in mailboxes if each.kind != "shared"])


def people_of(tenant: Tenant, mailboxes: Sequence[str] = ()) -> tuple[EmulatedPerson, ...]:
    """Return the owners of mailboxes, and the people whom every tenant has: one with each app role,
    and one without any."""
    owners = [_person(tenant, each, each.partition("@")[0], ()) for each in mailboxes]
    others = [
        _person(tenant, f"{name}@{tenant.domain}", display_name, roles)
        for name, display_name, roles in _EVERYBODY
    ]
    return (*owners, *others)


def chosen_person(
    tenant: Tenant, fields: Mapping[str, str], mailboxes: Sequence[str] = ()
) -> EmulatedPerson | None:
    """Return the person whom a form names: one of the tenant in ``as``, or anybody by ``name``,
    ``roles`` and ``groups``; None for nobody."""
    chosen = fields.get("as", "").lower()
    if chosen:
        people = people_of(tenant, mailboxes)
        return next((each for each in people if each.name.lower() == chosen), None)
    name = fields.get("name", "").strip()[:_LONGEST]
    if not name or not name.isprintable():
        return None
    name = name if "@" in name else f"{name}@{tenant.domain}"
    roles, groups = (tuple(fields.get(each, "").split()[:_MOST]) for each in ("roles", "groups"))
    return _person(tenant, name, name.partition("@")[0], roles, groups)


def _person(
    tenant: Tenant,
    name: str,
    display_name: str,
    roles: tuple[str, ...],
    groups: tuple[str, ...] = (),
) -> EmulatedPerson:
    id_ = str(uuid.uuid5(uuid.UUID(tenant.id), name.lower()))
    return EmulatedPerson(id_, name, display_name, roles, groups)
