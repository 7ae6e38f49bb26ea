"""Tenants, applications and client secrets."""

from datetime import UTC, datetime, timedelta

from gatepost.app.administration.context import AdminContext
from gatepost.app.administration.documents import Document
from gatepost.app.administration.nouns import APP, SECRET, TENANT, entries_of, find, find_or_only
from gatepost.app.administration.requests import Listing, Named, NewApp, NewSecret, NewTenant
from gatepost.directory.azure.changes.applications import (
    create_application,
    create_service_principal,
    delete_application,
)
from gatepost.directory.azure.changes.outcome import Changes, Rejected
from gatepost.directory.azure.changes.secrets import add_secret, remove_secret
from gatepost.directory.azure.changes.tenants import create_tenant, delete_tenant
from gatepost.directory.azure.entries import Application, ClientSecret, Subscription
from gatepost.directory.azure.secrets import LIFETIME
from gatepost.directory.azure.snapshot import Snapshot


async def create_a_tenant(desk: AdminContext, wish: NewTenant) -> Document:
    """``tenant create``."""
    return desk.document(await desk.change(lambda view: create_tenant(view, wish.name)))


async def list_tenants(desk: AdminContext, _wish: Listing) -> Document:
    """``tenant list``."""
    return {"tenants": [desk.document(each) for each in entries_of(desk.view, TENANT)]}


async def show_tenant(desk: AdminContext, wish: Named) -> Document:
    """``tenant show``: with its applications and subscriptions."""
    tenant = find(desk.view, TENANT, wish.name)
    subscriptions = [
        each for each in desk.view.all(Subscription) if each.tenant_id.lower() == tenant.key
    ]
    return desk.document(tenant) | {
        "apps": [each.display_name for each in entries_of(desk.view, APP, tenant)],
        "subscriptions": [each.display_name for each in subscriptions],
    }


async def delete_a_tenant(desk: AdminContext, wish: Named) -> Document:
    """``tenant delete``."""
    return await desk.delete(lambda view: delete_tenant(view, find(view, TENANT, wish.name)))


async def create_app(desk: AdminContext, wish: NewApp) -> Document:
    """``app create``: as the portal does, with a service principal."""

    def decide(view: Snapshot) -> Changes[Application]:
        tenant = find_or_only(view, TENANT, wish.parent)
        if wish.name.lower() in (
            each.display_name.lower() for each in entries_of(view, APP, tenant)
        ):
            raise Rejected(
                "AlreadyExists", f"an app of {tenant.domain} is called {wish.name!r} already", 409
            )
        made = create_application(view, tenant.id, wish.name, multitenant=wish.multitenant)
        if not wish.service_principal:
            return made
        principal = create_service_principal(view, made.entry, tenant.id)
        return Changes((*made.put, *principal.put), (), made.entry)

    return desk.document(await desk.change(decide))


async def list_apps(desk: AdminContext, wish: Listing) -> Document:
    """``app list``."""
    tenant = find(desk.view, TENANT, wish.parent) if wish.parent else None
    return {"apps": [desk.document(each) for each in entries_of(desk.view, APP, tenant)]}


async def show_app(desk: AdminContext, wish: Named) -> Document:
    """``app show``: with its secrets, and the names that it may sign in with."""
    app = _app(desk.view, wish)
    return desk.document(app) | {
        "secrets": _secrets(desk, app),
        "usernames": desk.user_names(app),
    }


async def delete_app(desk: AdminContext, wish: Named) -> Document:
    """``app delete``."""
    return await desk.delete(lambda view: delete_application(view, _app(view, wish)))


def _app(view: Snapshot, wish: Named) -> Application:
    tenant = find(view, TENANT, wish.parent) if wish.parent else None
    return find(view, APP, wish.name, tenant)


async def create_secret(desk: AdminContext, wish: NewSecret) -> Document:
    """``secret create``: the one answer that holds the value."""
    app = find_or_only(desk.view, APP, wish.parent)
    start, end = _span(wish, desk.now())
    kept, value = desk.directory.make_secret(app, end - start, wish.name, start=start)
    await desk.change(lambda view: add_secret(view, kept))
    return desk.document(kept) | {
        "value": value.reveal(),
        "usernames": desk.user_names(app),
    }


def _span(wish: NewSecret, now: datetime) -> tuple[datetime, datetime]:
    """Return when the secret begins and ends; one that has expired began when it ended."""
    if wish.lifetime is not None and wish.lifetime <= 0:
        raise Rejected(
            "BadRequest", "a secret lives longer than 0 s; --expires makes one that has expired"
        )
    try:
        if wish.expires is not None:
            end = wish.expires.astimezone(UTC)
        else:
            lifetime = LIFETIME if wish.lifetime is None else timedelta(seconds=wish.lifetime)
            end = now + lifetime
    except OverflowError:
        raise Rejected("BadRequest", "a secret does not live that long") from None
    return min(now, end), end


async def list_secrets(desk: AdminContext, wish: Listing) -> Document:
    """``secret list``."""
    app = find(desk.view, APP, wish.parent) if wish.parent else None
    return {"secrets": _secrets(desk, app)}


def _secrets(desk: AdminContext, app: Application | None) -> list[Document]:
    """The oldest first: what is to be replaced."""
    found = sorted(entries_of(desk.view, SECRET, app), key=lambda each: each.start)
    return [desk.document(each) for each in found]


async def show_secret(desk: AdminContext, wish: Named) -> Document:
    """``secret show``: never its value."""
    return desk.document(_secret(desk.view, wish))


async def delete_secret(desk: AdminContext, wish: Named) -> Document:
    """``secret delete``: what it opened ends with it."""

    def decide(view: Snapshot) -> Changes[ClientSecret]:
        secret = _secret(view, wish)
        return remove_secret(view, find(view, APP, secret.application_id), secret.id)

    return await desk.delete(decide)


def _secret(view: Snapshot, wish: Named) -> ClientSecret:
    app = find(view, APP, wish.parent) if wish.parent else None
    return find(view, SECRET, wish.name, app)
