"""The operations by their names, and how one is run."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec

from gatepost.control.administration import domains_and_senders as senders
from gatepost.control.administration import entra, requests, resources, roles
from gatepost.control.administration.accounts import ACCOUNT_OPERATIONS, AccountAdmin
from gatepost.control.administration.context import AdminContext
from gatepost.control.administration.documents import Document
from gatepost.control.administration.verification import verify_domain
from gatepost.directory.azure.changes.outcome import Rejected


class _Operation(NamedTuple):
    request: type[Any]
    run: Callable[[AdminContext, Any], Awaitable[Document]]


# fmt: off
_OPERATIONS: Final[Mapping[str, _Operation]] = {
    "tenant create":        _Operation(requests.NewTenant, entra.create_a_tenant),
    "tenant list":          _Operation(requests.Listing, entra.list_tenants),
    "tenant show":          _Operation(requests.EntryName, entra.show_tenant),
    "tenant delete":        _Operation(requests.EntryName, entra.delete_a_tenant),
    "app create":           _Operation(requests.NewApp, entra.create_app),
    "app list":             _Operation(requests.Listing, entra.list_apps),
    "app show":             _Operation(requests.EntryName, entra.show_app),
    "app delete":           _Operation(requests.EntryName, entra.delete_app),
    "secret create":        _Operation(requests.NewSecret, entra.create_secret),
    "secret list":          _Operation(requests.Listing, entra.list_secrets),
    "secret show":          _Operation(requests.EntryName, entra.show_secret),
    "secret delete":        _Operation(requests.EntryName, entra.delete_secret),
    "role create":          _Operation(requests.NewRole, roles.create_role),
    "role list":            _Operation(requests.Listing, roles.list_roles),
    "role show":            _Operation(requests.EntryName, roles.show_role),
    "role delete":          _Operation(requests.EntryName, roles.delete_role),
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
    "domain list":          _Operation(requests.Listing, senders.list_domains),
    "domain show":          _Operation(requests.EntryName, senders.show_domain),
    "domain delete":        _Operation(requests.EntryName, senders.delete_domain),
    "domain verify":        _Operation(requests.VerifyDomain, verify_domain),
    "sender create":        _Operation(requests.NewSender, senders.create_sender),
    "sender list":          _Operation(requests.Listing, senders.list_senders),
    "sender show":          _Operation(requests.EntryName, senders.show_sender),
    "sender delete":        _Operation(requests.EntryName, senders.delete_sender),
    "smtp-username create": _Operation(requests.NewSmtpUsername, senders.create_smtp_username),
    "smtp-username list":   _Operation(requests.Listing, senders.list_smtp_usernames),
    "smtp-username show":   _Operation(requests.EntryName, senders.show_smtp_username),
    "smtp-username delete": _Operation(requests.EntryName, senders.delete_smtp_username),
}
# fmt: on


@dataclass(slots=True)
class AdminDispatch:
    """The directories of a relay that operations can change; a reload may replace them."""

    azure: AdminContext | None = None
    accounts: AccountAdmin | None = None

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
