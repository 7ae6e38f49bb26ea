"""Changes of tenants, applications and secrets, and of what depends on them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest

from gatepost.directory.azure.changes import Changes, Rejected
from gatepost.directory.azure.changes.applications import (
    change_application,
    create_application,
    create_service_principal,
    delete_application,
    delete_service_principal,
)
from gatepost.directory.azure.changes.credentials import MOST, add_secret, remove_secret
from gatepost.directory.azure.changes.tenants import create_tenant, delete_tenant
from gatepost.directory.azure.entries import (
    Application,
    ClientSecret,
    Entry,
    ServicePrincipal,
    Tenant,
)
from gatepost.directory.azure.resource_ids import is_guid
from gatepost.directory.azure.secrets import new_secret
from gatepost.directory.azure.snapshot import Snapshot
from tests.unit.directory.azure.world import (
    APPLICATION,
    KEY,
    NOW,
    OTHER,
    SECRET,
    TENANT,
    Change,
    entries,
    world,
)

THERE = entries()
SENDER = cast("Application", THERE["application"])
ELSEWHERE = Tenant(OTHER, "elsewhere.localhost")
SHARED = replace(SENDER, multitenant=True)


def kinds(found: tuple[Entry, ...]) -> list[str]:
    return [each.kind for each in found]


def made(count: int, **fields: Any) -> list[ClientSecret]:
    secret, _ = new_secret(SENDER, KEY, NOW)
    return [replace(secret, id=f"{number}", **fields) for number in range(count)]


def test_a_tenant() -> None:
    changes = create_tenant(world(), "contoso.localhost")
    assert changes == Changes((changes.entry,), (), changes.entry)
    assert changes.entry.domain == "contoso.localhost"
    assert is_guid(changes.entry.id)


def test_an_application_and_its_service_principal() -> None:
    snapshot = world()
    application = create_application(snapshot, TENANT, "billing").entry
    assert application.id != application.object_id
    snapshot.apply([application])
    changes = create_service_principal(snapshot, application, TENANT)
    principal = changes.entry
    assert changes.put == (principal,)
    assert (principal.application_id, principal.tenant_id) == (application.id, TENANT)
    assert principal.id not in (application.id, application.object_id)
    assert principal.display_name == "billing"


def test_two_applications_may_have_one_name() -> None:
    assert create_application(world(), TENANT, SENDER.display_name).entry.id != SENDER.id


@pytest.mark.parametrize(
    ("name", "may_be"),
    [
        ("東京\u3000支店", True),
        ("père\u00a0Noël", True),
        ("\N{MAN}\u200d\N{WOMAN}\u200d\N{GIRL}", True),
        ("a\nb", False),
        ("a\x9b31m", False),
        ("a\u2028b", False),
        ("\u3000", False),
    ],
)
def test_a_name_is_shown_in_a_line(name: str, may_be: bool) -> None:
    if may_be:
        assert create_application(world(), TENANT, name).entry.display_name == name
        return
    with pytest.raises(Rejected, match="none of them a control character"):
        create_application(world(), TENANT, name)


def test_another_tenant_may_know_a_multitenant_application() -> None:
    snapshot = world(Change(added=(ELSEWHERE, SHARED)))
    assert create_service_principal(snapshot, SHARED, OTHER).entry.tenant_id == OTHER


def test_only_given_properties_are_changed() -> None:
    assert change_application(SENDER).entry == SENDER
    assert change_application(SENDER, display_name="x").entry == replace(SENDER, display_name="x")
    assert change_application(SENDER, multitenant=True).entry == SHARED


@pytest.mark.parametrize("lifetime", [timedelta(days=1), timedelta(0)])
def test_a_secret_of_any_lifetime(lifetime: timedelta) -> None:
    secret, _ = new_secret(SENDER, KEY, NOW, lifetime, "build server")
    assert add_secret(world(), secret) == Changes((secret,), (), secret)


def test_a_secret_goes_alone() -> None:
    assert remove_secret(world(), SENDER, SECRET.upper()).delete == (THERE["secret"],)


def test_with_an_application_go_its_secrets_service_principals_and_roles() -> None:
    another = ServicePrincipal("sp", APPLICATION, OTHER)
    changes = delete_application(world(Change(added=(ELSEWHERE, another))), SENDER)
    assert changes.entry == SENDER
    assert kinds(changes.delete) == [
        "application", "client_secret", "service_principal", "role_assignment",
        "service_principal",
    ]  # fmt: skip


def test_with_a_service_principal_go_its_roles() -> None:
    principal = THERE["service_principal"]
    assert isinstance(principal, ServicePrincipal)
    changes = delete_service_principal(world(), principal)
    assert kinds(changes.delete) == ["service_principal", "role_assignment"]


def test_with_a_tenant_go_its_applications_and_service_principals() -> None:
    tenant = THERE["tenant"]
    assert isinstance(tenant, Tenant)
    snapshot = world(Change(without=("subscription",), added=(ELSEWHERE,)))
    changes = delete_tenant(snapshot, tenant)
    assert kinds(changes.delete) == [
        "tenant", "application", "client_secret", "service_principal", "role_assignment",
    ]  # fmt: skip


def test_a_guest_is_deleted_with_the_tenant_and_stays_at_home() -> None:
    guest = ServicePrincipal("guest", APPLICATION, OTHER)
    snapshot = world(Change(added=(ELSEWHERE, SHARED, guest)))
    assert delete_tenant(snapshot, ELSEWHERE).delete == (ELSEWHERE, guest)


Attempt = Callable[[Snapshot], Changes[Entry]]
REJECTED: dict[str, tuple[Attempt, str, int, str]] = {
    "a tenant that is not a domain": (
        lambda there: create_tenant(there, "no domain"), "Request_BadRequest", 400, "'no domain'",
    ),
    "a tenant that is everybody's": (
        lambda there: create_tenant(there, "Common"), "Request_BadRequest", 400, "Common",
    ),
    "a tenant named like an id": (
        lambda there: create_tenant(there, OTHER), "Request_BadRequest", 400, OTHER,
    ),
    "another tenant's domain": (
        lambda there: create_tenant(there, "EXAMPLE.com"),
        "Request_MultipleObjectsWithSameKeyValue", 409, "EXAMPLE.com",
    ),
    "a tenant with subscriptions": (
        lambda there: delete_tenant(there, there.all(Tenant)[0]), "Conflict", 409, "subscriptions",
    ),
    "an application of no tenant": (
        lambda there: create_application(there, OTHER, "x"), "Request_ResourceNotFound", 404, OTHER,
    ),
    "an application without a name": (
        lambda there: create_application(there, TENANT, ""), "Request_BadRequest", 400, "1 to 256",
    ),
    "a name that would break a line": (
        lambda there: create_application(there, TENANT, "a\nb"), "Request_BadRequest", 400, "1 to",
    ),
    "a service principal of no tenant": (
        lambda there: create_service_principal(there, SHARED, OTHER),
        "Request_ResourceNotFound", 404, OTHER,
    ),
    "a second service principal": (
        lambda there: create_service_principal(there, SENDER, TENANT.upper()),
        "Request_MultipleObjectsWithSameKeyValue", 409, APPLICATION,
    ),
    "a secret of no application": (
        lambda there: add_secret(there, made(1, application_id=OTHER)[0]),
        "Request_ResourceNotFound", 404, OTHER,
    ),
    "a secret that ends before it begins": (
        lambda there: add_secret(there, made(1, end=NOW - timedelta(seconds=1))[0]),
        "Request_BadRequest", 400, "must end",
    ),
    "a secret with a name too long": (
        lambda there: add_secret(there, made(1, display_name="x" * 257)[0]),
        "Request_BadRequest", 400, "256",
    ),
    "a secret that is not there": (
        lambda there: remove_secret(there, SENDER, OTHER), "Request_BadRequest", 400, "keyId",
    ),
    "another application's secret": (
        lambda there: remove_secret(there, replace(SENDER, id=OTHER), SECRET),
        "Request_BadRequest", 400, "keyId",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REJECTED)
def test_rejected(name: str) -> None:
    attempt, code, status, said = REJECTED[name]
    with pytest.raises(Rejected) as caught:
        attempt(world())
    assert (caught.value.code, caught.value.status) == (code, status)
    assert said in caught.value.message


def test_a_service_principal_stays_out_of_a_tenant_that_the_application_is_not_for() -> None:
    with pytest.raises(Rejected, match="not multitenant"):
        create_service_principal(world(Change(added=(ELSEWHERE,))), SENDER, OTHER)


def test_the_number_of_secrets_is_bounded() -> None:
    snapshot = world(Change(added=tuple(made(MOST - 1))))
    with pytest.raises(Rejected, match="at most"):
        add_secret(snapshot, new_secret(SENDER, KEY, NOW)[0])
