"""The first start makes all that sending needs, once."""

import asyncio
import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gatepost.app.provision_azure import Provisioned, provision
from gatepost.directory.azure.actions import SEND_ACTIONS
from gatepost.directory.azure.directory import AzureDirectory
from gatepost.directory.azure.entries import (
    ClientSecret,
    CommunicationService,
    Domain,
    EmailService,
    ResourceGroup,
    RoleAssignment,
    RoleDefinition,
    ServicePrincipal,
    SmtpUsername,
    Subscription,
    Tenant,
    principal_lookup,
)
from gatepost.directory.azure.login_rules import Rules
from gatepost.directory.contract import Record
from gatepost.keys.store_key import Key
from gatepost.model.address import parse_address
from gatepost.model.credentials import Credentials, Principal, Standing
from gatepost.model.secret import Secret
from tests.unit.directory.memory import MemoryRecords

NOW = datetime(2026, 5, 4, tzinfo=UTC)
KEY = Key(bytes(32), "DIR/key")


def start(
    records: MemoryRecords, key: Key = KEY, at: datetime = NOW
) -> tuple[AzureDirectory, Provisioned]:
    async def run() -> tuple[AzureDirectory, Provisioned]:
        directory = AzureDirectory(
            records,
            digest_key=key.subkey("client secrets"),
            clock=lambda: at,
            rules=Rules(propagation_delay=timedelta(seconds=75)),
        )
        await directory.load()
        return directory, await provision(records, directory, key, at)

    return asyncio.run(run())


def test_the_provisioned_credentials_sign_in_and_may_send() -> None:
    directory, given = start(MemoryRecords())
    verdict = directory.identify(Credentials(given.username, given.client_secret), "LOGIN")
    assert isinstance(verdict, Principal), verdict
    assert verdict.name == given.username
    assert directory.standing(verdict, parse_address(given.sender)) is Standing.ALLOWED
    assert verdict.subscription_id == given.subscription_id


def test_the_provisioned_resources() -> None:
    directory, given = start(MemoryRecords())
    [service] = directory.all(CommunicationService)
    [domain] = directory.all(Domain)
    [assignment] = [each for each in directory.all(RoleAssignment) if each.scope == service.id]
    [email] = directory.all(EmailService)
    assert service.linked_domains == (domain.id,)
    assert domain.name == "AzureManagedDomain"
    assert domain.is_managed
    assert domain.verification.allows_linking
    assert domain.id.startswith(f"{email.id}/domains/")
    assert domain.data_location == service.data_location == email.data_location
    assert assignment.scope == service.id == given.resource_id
    assert given.resource == service.name == "gatepost"
    assert given.sender == f"DoNotReply@{domain.from_domain}"
    assert [tenant.id for tenant in directory.all(Tenant)] == [given.tenant_id]
    [subscription] = directory.all(Subscription)
    assert (subscription.name, subscription.tenant_id) == (given.subscription_id, given.tenant_id)
    assert len(directory.all(ResourceGroup)) == 1


def test_the_role_grants_the_three_actions_and_no_more() -> None:
    directory, _ = start(MemoryRecords())
    [role] = [role for role in directory.all(RoleDefinition) if not role.built_in]
    assert role.role_name == "Email Sender"
    assert [permission.actions for permission in role.permissions] == [SEND_ACTIONS]


def test_the_administrator_owns_the_subscription_and_the_sender_does_not() -> None:
    directory, given = start(MemoryRecords())
    assert given.admin is not None
    action, scope = "Microsoft.Communication/EmailServices/Write", "/subscriptions/"
    may = {}
    for client_id in (given.admin.client_id, given.client_id):
        [principal] = directory.find(ServicePrincipal, principal_lookup(client_id, given.tenant_id))
        may[client_id] = directory.grant(principal.id, f"{scope}{given.subscription_id}", (action,))
    assert may[given.admin.client_id].missing == ()
    assert may[given.client_id].missing == (action,)


def test_a_directory_of_an_earlier_version_gets_its_administrator() -> None:
    records = MemoryRecords()
    _, first = start(records)
    assert first.admin is not None
    earlier = MemoryRecords(
        [
            each
            for each in records.kept.values()
            if (each.kind, each.id) != ("provisioned", "admin")
            and first.admin.client_id not in str(each.fields)
        ]
    )
    _, second = start(earlier)
    assert second.admin is not None
    assert second.client_secret == first.client_secret
    assert start(earlier)[1] == second
    assert earlier.commits == 1


def test_without_its_tenant_there_is_no_administrator() -> None:
    records = MemoryRecords()
    directory, _ = start(records)
    del records.kept["provisioned", "admin"]
    asyncio.run(directory.save([], directory.all(Tenant)))
    assert start(records)[1].admin is None


def test_a_later_start_gives_the_same() -> None:
    records = MemoryRecords()
    _, first = start(records)
    kept = dict(records.kept)
    _, second = start(records, at=NOW + timedelta(days=400))
    assert second == first
    assert records.kept == kept
    assert records.commits == 1, "everything in one commit, and nothing later"


def test_two_first_starts_give_different_things() -> None:
    _, one = start(MemoryRecords())
    _, other = start(MemoryRecords())
    assert one.tenant_id != other.tenant_id
    assert one.client_secret != other.client_secret
    assert one.sender != other.sender
    assert one.access_key != other.access_key


def test_the_connection_string() -> None:
    _, given = start(MemoryRecords())
    endpoint, _, key = given.connection_string("https://localhost:2443").reveal().partition(";")
    assert endpoint == "endpoint=https://localhost:2443/"
    assert key == f"accesskey={given.access_key.reveal()}"
    assert len(base64.b64decode(given.access_key.reveal())) == 64


@pytest.mark.parametrize("damage", [{}, {"client_secret": "broken"}, {"client_secret": None}])
@pytest.mark.parametrize("name", ["gatepost", "admin"])
def test_a_damaged_record_is_replaced_and_reported(name: str, damage: dict[str, str]) -> None:
    records = MemoryRecords()
    _, before = start(records)
    mine = ("provisioned", name)
    records.kept[mine] = Record(*mine, {**records.kept[mine].fields, **damage} if damage else {})
    directory, given = start(records)
    assert list(directory.damaged) == [f"provisioned {name}"]
    assert (given.client_id == before.client_id) == (name == "admin")
    assert given.client_secret
    assert given.admin is not None
    assert given.admin.client_secret
    assert start(records)[1] == given


def test_a_damaged_access_key_is_left_out() -> None:
    records = MemoryRecords()
    directory, before = start(records)
    [service] = directory.all(CommunicationService)
    asyncio.run(directory.save([replace(service, primary_key=b"broken")]))
    directory, given = start(records)
    assert not given.access_key
    assert given.client_secret == before.client_secret
    assert "primary key" in next(iter(directory.damaged.values()))


def test_a_crash_before_the_commit_leaves_nothing() -> None:
    records = MemoryRecords()
    records.fault = OSError("disk full")
    with pytest.raises(OSError, match="disk full"):
        start(records)
    assert records.kept == {}


def test_a_resource_that_was_deleted_stays_deleted() -> None:
    records = MemoryRecords()
    directory, first = start(records)
    asyncio.run(directory.save([], directory.all(CommunicationService)))
    directory, second = start(records)
    assert directory.all(CommunicationService) == ()
    assert second.client_secret == first.client_secret
    assert not second.access_key
    assert not second.connection_string("https://localhost:2443")


@pytest.mark.parametrize(
    ("days", "delete", "left"),
    [(0, False, True), (3649, False, True), (3650, False, False), (0, True, False)],
)
def test_a_secret_that_proves_nothing_any_more_is_not_given(
    days: int, delete: bool, left: bool
) -> None:
    records = MemoryRecords()
    directory, _ = start(records)
    if delete:
        asyncio.run(directory.save([], directory.all(ClientSecret)))
    _, later = start(records, at=NOW + timedelta(days=days))
    assert later.admin is not None
    assert (bool(later.client_secret), bool(later.admin.client_secret)) == (left, left)


def test_no_secret_is_kept_or_shown_in_clear() -> None:
    records = MemoryRecords()
    _, given = start(records)
    assert given.admin is not None
    secrets = [given.client_secret, given.access_key, given.admin.client_secret]
    for text in (repr(given), repr(list(records.kept.values()))):
        assert [secret for secret in secrets if secret.reveal() in text] == []
    assert isinstance(given.connection_string("https://x"), Secret)


@pytest.mark.parametrize("cares", [Rules(needs_smtp_username=True), Rules(actions=("a/b/Send",))])
def test_the_provisioned_username_may_send_under_all_rules(cares: Rules) -> None:
    directory = AzureDirectory(
        records := MemoryRecords(), digest_key=b"k" * 32, clock=lambda: NOW, rules=cares
    )
    given = asyncio.run(provision(records, directory, Key(bytes(32)), NOW))
    verdict = directory.identify(Credentials(given.username, given.client_secret), "LOGIN")
    assert isinstance(verdict, Principal)
    assert [each for each in directory.all(SmtpUsername) if each.username == each.name] == []
