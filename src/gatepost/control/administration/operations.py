"""The operations by their names, and how one is run."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec

from gatepost.control.administration import domains_and_senders as senders
from gatepost.control.administration import operation_fields as requests
from gatepost.control.administration import resources, roles
from gatepost.control.administration import tenants_and_applications as entra
from gatepost.control.administration.accounts import ACCOUNT_OPERATIONS, AccountAdmin
from gatepost.control.administration.directory_changes import AdminContext
from gatepost.control.administration.domains_and_senders import verify_domain
from gatepost.control.administration.entry_documents import Document
from gatepost.control.administration.entry_lookup import (
    APP,
    DOMAIN,
    ROLE,
    SECRET,
    SENDER,
    SMTP_USERNAME,
    TENANT,
    E,
    Noun,
    entries_of,
    find_in_parent,
    find_parent,
)
from gatepost.control.administration.exchange import EXCHANGE_OPERATIONS, ExchangeAdmin
from gatepost.control.administration.imported_entries import ImportedEntries, import_entries
from gatepost.directory.azure.changes import domains, smtp_usernames
from gatepost.directory.azure.changes import senders as sender_changes
from gatepost.directory.azure.changes.applications import delete_application
from gatepost.directory.azure.changes.change_result import Changes, Rejected
from gatepost.directory.azure.changes.tenants import delete_tenant
from gatepost.directory.azure.snapshot import Snapshot


class _Operation(NamedTuple):
    request: type[Any]
    run: Callable[[AdminContext, Any], Awaitable[Document]]


def _listing(key: str, noun: Noun[Any]) -> _Operation:
    """Return the operation ``list``: all, or those in one parent."""

    async def run(context: AdminContext, request: requests.Listing) -> Document:
        parent = find_parent(context.view, noun, request.parent)
        return {key: [context.document(each) for each in entries_of(context.view, noun, parent)]}

    return _Operation(requests.Listing, run)


def _showing(
    noun: Noun[E], contents: Callable[[AdminContext, E], Document] = lambda _context, _entry: {}
) -> _Operation:
    """Return the operation ``show``; ``contents`` is what it adds to the entry's document."""

    async def run(context: AdminContext, request: requests.EntryName) -> Document:
        entry = find_in_parent(context.view, noun, request)
        return context.document(entry) | contents(context, entry)

    return _Operation(requests.EntryName, run)


def _deletion(noun: Noun[E], delete: Callable[[Snapshot, E], Changes[E]]) -> _Operation:
    """Return the operation ``delete``."""

    async def run(context: AdminContext, request: requests.EntryName) -> Document:
        return await context.delete(lambda view: delete(view, find_in_parent(view, noun, request)))

    return _Operation(requests.EntryName, run)


def _deletion_by_id(noun: Noun[E], delete: Callable[[Snapshot, str], Changes[E]]) -> _Operation:
    return _deletion(noun, lambda view, entry: delete(view, entry.id))


# fmt: off
_OPERATIONS: Final[Mapping[str, _Operation]] = {
    "directory import":     _Operation(ImportedEntries, import_entries),
    "tenant create":        _Operation(requests.NewTenant, entra.create_a_tenant),
    "tenant list":          _listing("tenants", TENANT),
    "tenant show":          _showing(TENANT, entra.tenant_contents),
    "tenant delete":        _deletion(TENANT, delete_tenant),
    "app create":           _Operation(requests.NewApp, entra.create_app),
    "app list":             _listing("apps", APP),
    "app show":             _showing(APP, entra.app_contents),
    "app delete":           _deletion(APP, delete_application),
    "secret create":        _Operation(requests.NewSecret, entra.create_secret),
    "secret list":          _Operation(requests.Listing, entra.list_secrets),
    "secret show":          _showing(SECRET),
    "secret delete":        _deletion(SECRET, entra.remove_a_secret),
    "role create":          _Operation(requests.NewRole, roles.create_role),
    "role list":            _Operation(requests.Listing, roles.list_roles),
    "role show":            _showing(ROLE, roles.role_contents),
    "role delete":          _deletion(ROLE, roles.delete_role),
    "role assign":          _Operation(requests.RoleGrant, roles.assign_role),
    "role unassign":        _Operation(requests.RoleGrant, roles.unassign_role),
    "resource create":      _Operation(requests.NewResource, resources.create_resource),
    "resource list":        _Operation(requests.Listing, resources.list_resources),
    "resource show":        _Operation(requests.EntryName, resources.show_resource),
    "resource delete":      _Operation(requests.EntryName, resources.delete_resource),
    "resource link":        _Operation(requests.Link, resources.link_domain),
    "resource unlink":      _Operation(requests.Link, resources.unlink_domain),
    "resource keys":        _Operation(requests.Keys, resources.access_keys),
    "domain create":        _Operation(requests.NewDomain, senders.create_domain),
    "domain list":          _listing("domains", DOMAIN),
    "domain show":          _showing(DOMAIN, senders.domain_contents),
    "domain delete":        _deletion_by_id(DOMAIN, domains.delete),
    "domain verify":        _Operation(requests.VerifyDomain, verify_domain),
    "sender create":        _Operation(requests.NewSender, senders.create_sender),
    "sender list":          _listing("senders", SENDER),
    "sender show":          _showing(SENDER),
    "sender delete":        _deletion_by_id(SENDER, sender_changes.delete),
    "smtp-username create": _Operation(requests.NewSmtpUsername, senders.create_smtp_username),
    "smtp-username list":   _listing("smtp_usernames", SMTP_USERNAME),
    "smtp-username show":   _showing(SMTP_USERNAME),
    "smtp-username delete": _deletion_by_id(SMTP_USERNAME, smtp_usernames.delete),
}
# fmt: on


@dataclass(slots=True)
class AdminDispatch:
    """The directories of a relay that operations can change; a reload may replace them."""

    azure: AdminContext | None = None
    accounts: AccountAdmin | None = None
    exchange: ExchangeAdmin | None = None

    async def administer(self, operation: str, fields: Mapping[str, Any]) -> Document:
        """Run ``NOUN VERB`` with its fields and return its answer.

        Raises Rejected for what the directory does not permit, for entries that do not exist, and
        for fields that the operation does not have.
        """
        noun = operation.partition(" ")[0]
        directory: Any = self.azure
        entry: tuple[type[Any], Callable[[Any, Any], Awaitable[Document]]] | None
        if noun == "account":
            directory, entry = self.accounts, ACCOUNT_OPERATIONS.get(operation)
            missing = "this relay has no directory of accounts"
        elif noun == "exchange":
            directory, entry = self.exchange, EXCHANGE_OPERATIONS.get(operation)
            missing = (
                "there is no organisation of Exchange Online; `gatepost up --profile microsoft365` "
                "has one while it runs"
            )
        else:
            entry = _OPERATIONS.get(operation)
            missing = f"this relay has no Azure directory, and so no {noun[:40]}s"
        if directory is None:
            raise Rejected("BadRequest", missing)
        if entry is None:
            raise Rejected("BadRequest", f"unknown operation {operation[:40]!r}")
        kind, run = entry
        try:
            request = msgspec.convert(fields, kind)
        except msgspec.ValidationError as error:
            raise Rejected("BadRequest", f"{operation}: {error}") from error
        return await run(directory, request)
