"""Tenants, applications and client secrets."""

from datetime import UTC, datetime, timedelta

from gatepost.control.administration.directory_changes import AdminContext
from gatepost.control.administration.entry_documents import Document
from gatepost.control.administration.entry_lookup import (
    APP,
    SECRET,
    TENANT,
    entries_of,
    find,
    find_or_only,
    find_parent,
)
from gatepost.control.administration.operation_fields import (
    Listing,
    NewApp,
    NewSecret,
    NewTenant,
)
from gatepost.directory.azure.changes.applications import (
    create_application,
    create_service_principal,
)
from gatepost.directory.azure.changes.change_result import Changes, Rejected
from gatepost.directory.azure.changes.credentials import add_secret, remove_secret
from gatepost.directory.azure.changes.tenants import create_tenant
from gatepost.directory.azure.entries import (
    Application,
    ClientSecret,
    Entry,
    Subscription,
    Tenant,
)
from gatepost.directory.azure.secrets import LIFETIME
from gatepost.directory.azure.snapshot import Snapshot


async def create_a_tenant(context: AdminContext, request: NewTenant) -> Document:
    """``tenant create``."""
    return context.document(await context.change(lambda view: create_tenant(view, request.name)))


def tenant_contents(context: AdminContext, tenant: Tenant) -> Document:
    """Return what ``tenant show`` adds: its applications and subscriptions."""
    subscriptions = [
        each for each in context.view.all(Subscription) if each.tenant_id.lower() == tenant.key
    ]
    return {
        "apps": [each.display_name for each in entries_of(context.view, APP, tenant)],
        "subscriptions": [each.display_name for each in subscriptions],
    }


async def create_app(context: AdminContext, request: NewApp) -> Document:
    """``app create``: with a service principal, as in the portal."""

    def decide(view: Snapshot) -> Changes[Application]:
        tenant = find_or_only(view, TENANT, request.parent)
        if request.name.lower() in (
            each.display_name.lower() for each in entries_of(view, APP, tenant)
        ):
            raise Rejected(
                "AlreadyExists",
                f"{tenant.domain} already has an app {request.name!r}",
                409,
            )
        made = create_application(
            view,
            tenant.id,
            request.name,
            multitenant=request.multitenant,
            redirect_uris=request.redirect_uris,
        )
        if not request.service_principal:
            return made
        principal = create_service_principal(view, made.entry, tenant.id)
        return Changes((*made.put, *principal.put), (), made.entry)

    return context.document(await context.change(decide))


def app_contents(context: AdminContext, app: Application) -> Document:
    """Return what ``app show`` adds: its secrets, and the names with which it can sign in."""
    return {"secrets": _secrets(context, app), "usernames": context.user_names(app)}


async def create_secret(context: AdminContext, request: NewSecret) -> Document:
    """``secret create``: the only answer that contains the value."""
    app = find_or_only(context.view, APP, request.parent)
    start, end = _span(request, context.now())
    secret, value = context.directory.make_secret(app, end - start, request.name, start=start)
    await context.change(lambda view: add_secret(view, secret))
    return context.document(secret) | {
        "value": value.reveal(),
        "usernames": context.user_names(app),
    }


def _span(request: NewSecret, now: datetime) -> tuple[datetime, datetime]:
    """Return when the secret begins and ends; an expired one began when it ended."""
    if request.lifetime is not None and request.lifetime <= 0:
        raise Rejected(
            "BadRequest",
            "the lifetime of a secret must be longer than 0 s; --expires makes one "
            "that has expired",
        )
    try:
        if request.expires is not None:
            end = request.expires.astimezone(UTC)
        else:
            lifetime = LIFETIME if request.lifetime is None else timedelta(seconds=request.lifetime)
            end = now + lifetime
    except OverflowError:
        raise Rejected("BadRequest", "the lifetime of the secret is too long") from None
    return min(now, end), end


async def list_secrets(context: AdminContext, request: Listing) -> Document:
    """``secret list``."""
    return {"secrets": _secrets(context, find_parent(context.view, SECRET, request.parent))}


def _secrets(context: AdminContext, app: Entry | None) -> list[Document]:
    """Return secrets, oldest first, because that is the order in which they are replaced."""
    entries = sorted(entries_of(context.view, SECRET, app), key=lambda each: each.start)
    return [context.document(each) for each in entries]


def remove_a_secret(view: Snapshot, secret: ClientSecret) -> Changes[ClientSecret]:
    """``secret delete``: what it gave access to ends with it."""
    return remove_secret(view, find(view, APP, secret.application_id), secret.id)
