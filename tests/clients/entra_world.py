"""A relay whose directory has an application for every refusal, made before the relay starts."""

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gatepost.app.provision_azure import provision
from gatepost.directory.azure.client_certificates import read_certificate
from gatepost.directory.azure.directory import AzureDirectory
from gatepost.directory.azure.entries import (
    Application,
    CommunicationService,
    Entry,
    ServicePrincipal,
    SmtpUsername,
    Tenant,
)
from gatepost.directory.azure.resource_ids import child_path, new_guid
from gatepost.keys.store_key import DIGESTS, open_key
from gatepost.store.sqlite import open_store
from gatepost.testing import Emulator
from tests.client_certificates import OwnCertificate, make_certificate

DOMAIN = "gatepost.localhost"
SMTP_USERNAME = "smtp-login"


@dataclass(frozen=True, repr=False)
class World:
    """The objects made besides those of the first start. It has no repr, because it has secrets."""

    certificate: OwnCertificate
    """Of the application that may send."""
    expired_certificate: OwnCertificate
    expired_secret: str
    without_principal: tuple[str, str]
    """Client id and secret of an application without a service principal."""
    elsewhere: tuple[str, str]
    """The same of an application in another tenant."""
    powerless: tuple[str, str]
    """The same of an application without a role."""
    secret_id: str


def prepare(data: Path) -> World:
    """Make the objects of the first start in ``data``, and ours."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    return asyncio.run(_prepare(data))


async def _prepare(data: Path) -> World:
    store = open_store(data)
    try:
        now, key = datetime.now(UTC), open_key(data)
        directory = AzureDirectory(store, digest_key=key.subkey(DIGESTS), clock=lambda: now)
        await directory.load()
        first = await provision(store, directory, key, now)
        sender = directory.get(Application, first.client_id)
        service = directory.get(CommunicationService, first.resource_id)
        assert sender is not None
        assert service is not None
        entries, world = _make(directory, sender, service, now)
        await directory.save(entries)
        return world
    finally:
        store.close()


def _make(
    directory: AzureDirectory, sender: Application, service: CommunicationService, now: datetime
) -> tuple[list[Entry], World]:
    own = make_certificate("sender")
    over = make_certificate("over", start=now - timedelta(days=9), end=now - timedelta(days=1))
    expired, expired_secret = directory.make_secret(sender, timedelta(days=1))
    expired = replace(expired, start=now - timedelta(days=9), end=now - timedelta(days=1))
    other_tenant = Tenant(new_guid(), "elsewhere.example")
    applications, kept, values = {}, [], {}
    for name in ("without_principal", "elsewhere", "powerless"):
        tenant_id = other_tenant.id if name == "elsewhere" else sender.tenant_id
        applications[name] = application = Application(new_guid(), new_guid(), tenant_id, name)
        secret, value = directory.make_secret(application)
        kept.append(secret)
        values[name] = (application.id, value.reveal())
    powerless = applications["powerless"]
    entries: list[Entry] = [
        other_tenant,
        *applications.values(),
        *kept,
        expired,
        ServicePrincipal(new_guid(), powerless.id, sender.tenant_id),
        ServicePrincipal(new_guid(), applications["elsewhere"].id, other_tenant.id),
        read_certificate(sender, own.der),
        read_certificate(sender, over.der),
        SmtpUsername(
            child_path(service.id, "smtpUsernames", "login"),
            SMTP_USERNAME,
            sender.id,
            sender.tenant_id,
            now,
        ),
    ]
    world = World(
        own,
        over,
        expired_secret.reveal(),
        values["without_principal"],
        values["elsewhere"],
        values["powerless"],
        expired.id,
    )
    return entries, world


@dataclass(frozen=True)
class Site:
    """A running relay with such a directory."""

    relay: Emulator
    world: World

    @property
    def ready(self) -> dict[str, Any]:
        return self.relay.ready

    @property
    def url(self) -> str:
        """``https://localhost:PORT``"""
        return str(self.ready["authority"])

    @property
    def tenant(self) -> str:
        return str(self.ready["tenant_id"])

    @property
    def client(self) -> str:
        return str(self.ready["client_id"])

    @property
    def secret(self) -> str:
        return str(self.ready["client_secret"])
