"""The whole directory: it loads, answers, changes, and shows no secret."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from gatepost.directory.azure.changes import Changes, Rejected
from gatepost.directory.azure.directory import AzureDirectory
from gatepost.directory.azure.entries import (
    Application,
    ClientSecret,
    RoleAssignment,
    SenderUsername,
    Tenant,
)
from gatepost.directory.azure.entry_records import record_of
from gatepost.directory.azure.login_rules import Rules
from gatepost.directory.azure.resource_ids import child_path
from gatepost.directory.azure.snapshot import Snapshot
from gatepost.directory.contract import Directory, Record
from gatepost.model.address import Address, parse_address
from gatepost.model.credentials import Credentials, Principal, Standing
from gatepost.model.reply import Esc, Reply
from gatepost.model.secret import Secret
from tests.unit.directory.azure.world import (
    DOMAIN,
    DOMAIN_NAME,
    KEY,
    NOW,
    PASSWORD,
    SECRET,
    USERNAME,
    Change,
    changed,
    entries,
)
from tests.unit.directory.memory import MemoryRecords


def directory(records: MemoryRecords | None = None, rules: Rules | None = None) -> AzureDirectory:
    if records is None:
        records = MemoryRecords(map(record_of, entries().values()))
    made = AzureDirectory(records, digest_key=KEY, clock=lambda: NOW, rules=rules)
    asyncio.run(made.load())
    return made


def credentials(password: str = PASSWORD) -> Credentials:
    return Credentials(USERNAME, Secret(password))


def principal(made: AzureDirectory) -> Principal:
    verdict = made.identify(credentials(), "LOGIN")
    assert isinstance(verdict, Principal)
    return verdict


def test_it_is_a_directory() -> None:
    made: Directory = directory()
    assert {"LOGIN", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS"} <= made.mechanisms
    assert not {"CRAM-MD5", "XOAUTH2"} & made.mechanisms  # it was given no tokens


def test_every_refusal_is_the_same_to_the_client() -> None:
    made = directory()
    wrong = made.identify(credentials("wrong"), "LOGIN")
    unknown = made.identify(Credentials("nobody", Secret("x")), "LOGIN")
    assert wrong == unknown == Reply(535, "Authentication unsuccessful", Esc(5, 7, 3))
    assert isinstance(wrong, Reply)
    assert isinstance(unknown, Reply)
    assert wrong.reason.startswith("secret_wrong: ")
    assert unknown.reason.startswith("username_format: ")


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "SCRAM-SHA-256", "CRAM-MD5"])
def test_unsupported_mechanisms_are_refused(mechanism: str) -> None:
    made = directory()
    verdict = made.identify(credentials(), mechanism)
    assert isinstance(verdict, Reply)
    assert verdict.reason.startswith("mechanism_unsupported: ")
    assert made.verifier(USERNAME, mechanism).principal is None
    assert made.verifier(USERNAME, mechanism).refusal is not None


def test_an_unknown_name_has_one_salt_in_any_spelling() -> None:
    """As the names that exist."""
    made = directory()
    composite = USERNAME.replace("acs-demo", "nobody")
    for spellings in (
        (composite, composite.upper(), composite.replace(".", "|")),
        ("nobody@contoso.com", "Nobody@Contoso.com"),
    ):
        decoys = [made.verifier(each, "SCRAM-SHA-256") for each in spellings]
        assert {each.principal for each in decoys} == {None}
        assert len({each.scram for each in decoys}) == 1


def test_a_claim_without_a_password_is_refused() -> None:
    assert isinstance(directory().identify(Credentials(USERNAME), "LOGIN"), Reply)


@pytest.mark.parametrize(
    ("sender", "standing"),
    [
        (f"DoNotReply@{DOMAIN_NAME}", Standing.ALLOWED),
        (f"donotreply@{DOMAIN_NAME.upper()}", Standing.ALLOWED),
        (f"nobody@{DOMAIN_NAME}", Standing.SENDER_NOT_REGISTERED),
        (f"donotreply.x@{DOMAIN_NAME}", Standing.SENDER_NOT_REGISTERED),
        ("DoNotReply@contoso.com", Standing.DOMAIN_NOT_LINKED),
        (f"DoNotReply@x.{DOMAIN_NAME}", Standing.DOMAIN_NOT_LINKED),
        ("DoNotReply@azurecomm.net", Standing.DOMAIN_NOT_LINKED),
    ],
)
def test_standing(sender: str, standing: Standing) -> None:
    made = directory()
    assert made.standing(principal(made), parse_address(sender)) is standing


@pytest.mark.parametrize(
    ("change", "sender", "managed"),
    [
        (Change(), f"DoNotReply@{DOMAIN_NAME.upper()}", True),
        (Change(), "a@contoso.com", False),
        (Change(fields=(("domain", "management", "CustomerManaged"),)), f"a@{DOMAIN_NAME}", False),
        (Change(without=("service",)), f"a@{DOMAIN_NAME}", False),
    ],
)
def test_a_domain_of_azures_own(change: Change, sender: str, managed: bool) -> None:
    who = principal(directory())
    made = directory(MemoryRecords(map(record_of, changed(change).values())))
    assert made.is_managed(who, parse_address(sender)) is managed


def test_a_change_takes_effect_at_once() -> None:
    made = directory()
    who, sender = principal(made), Address("news", DOMAIN_NAME)
    assert made.standing(who, sender) is Standing.SENDER_NOT_REGISTERED
    before = made.version
    registered = SenderUsername(child_path(DOMAIN, "senderUsernames", "news"), "News")
    asyncio.run(made.save([registered]))
    assert made.version > before
    assert made.standing(who, sender) is Standing.ALLOWED
    asyncio.run(made.save([], [registered]))
    assert made.standing(who, sender) is Standing.SENDER_NOT_REGISTERED


def test_a_role_taken_away_ends_the_right_to_send() -> None:
    made = directory()
    who = principal(made)
    asyncio.run(made.save([], made.all(RoleAssignment)))
    assert made.standing(who, Address("donotreply", DOMAIN_NAME)) is Standing.NOT_SIGNED_IN
    assert isinstance(made.identify(credentials(), "LOGIN"), Reply)


def test_a_session_ends_with_the_secret_that_opened_it() -> None:
    made, sender = directory(), Address("donotreply", DOMAIN_NAME)
    application = made.all(Application)[0]
    other, value = made.make_secret(application, display_name="other")
    asyncio.run(made.save([other]))
    by_first = principal(made)
    by_other = made.identify(credentials(value.reveal()), "LOGIN")
    by_scram = made.verifier(USERNAME, "SCRAM-SHA-256").principal
    assert isinstance(by_other, Principal)
    assert by_scram is not None
    assert [by_first.secret_id, by_other.secret_id, by_scram.secret_id] == [
        SECRET, other.id, other.id,
    ]  # fmt: skip
    asyncio.run(made.save([], [other]))
    assert made.standing(by_first, sender) is Standing.ALLOWED
    assert made.standing(by_other, sender) is Standing.NOT_SIGNED_IN
    assert made.standing(by_scram, sender) is Standing.NOT_SIGNED_IN


def test_a_session_ends_when_its_secret_expires() -> None:
    time = [NOW]
    records = MemoryRecords(map(record_of, entries().values()))
    made = AzureDirectory(records, digest_key=KEY, clock=lambda: time[0])
    asyncio.run(made.load())
    who, sender = principal(made), Address("donotreply", DOMAIN_NAME)
    assert made.standing(who, sender) is Standing.ALLOWED
    time[0] = NOW + timedelta(days=1)
    assert made.standing(who, sender) is Standing.NOT_SIGNED_IN


def test_a_token_session_does_not_depend_on_secrets() -> None:
    made = directory()
    by_token = replace(principal(made), secret_id="")
    asyncio.run(made.save([], made.all(ClientSecret)))
    assert made.standing(by_token, Address("donotreply", DOMAIN_NAME)) is Standing.ALLOWED


def test_changes_are_decided_one_after_the_other() -> None:
    made = directory(MemoryRecords())

    def only_one(snapshot: Snapshot) -> Changes[Tenant]:
        if snapshot.all(Tenant):
            raise Rejected("Conflict", "there is one", 409)
        tenant = Tenant("one", "contoso.localhost")
        return Changes((tenant,), (), tenant)

    async def both() -> tuple[object, object]:
        return await asyncio.gather(
            made.change(only_one), made.change(only_one), return_exceptions=True
        )

    first, second = asyncio.run(both())
    assert isinstance(first, Changes)
    assert isinstance(second, Rejected)
    assert made.all(Tenant) == (first.entry,)


def test_a_change_is_completed_although_its_caller_is_cancelled() -> None:
    """Or the store would have what the directory has not."""
    records = MemoryRecords()
    made = directory(records)

    async def cancelled() -> None:
        records.seconds = 0.01
        saving = asyncio.ensure_future(made.save([Tenant("one", "contoso.localhost")]))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        saving.cancel()
        await asyncio.wait([saving])
        await asyncio.sleep(0.05)

    asyncio.run(cancelled())
    assert records.commits == len(made.all(Tenant)) == 1


def test_saved_entries_survive_a_restart() -> None:
    records = MemoryRecords()
    made = directory(records)
    asyncio.run(made.save(entries().values()))
    assert records.commits == 1
    assert principal(directory(records)) == principal(made)


def test_a_change_that_is_not_stored_does_not_count() -> None:
    records = MemoryRecords(map(record_of, entries().values()))
    made = directory(records)
    records.fault = OSError("disk full")
    with pytest.raises(OSError, match="disk full"):
        asyncio.run(made.save([], made.all(RoleAssignment)))
    assert isinstance(made.identify(credentials(), "LOGIN"), Principal)


def test_the_rules_are_its_own() -> None:
    made = directory(rules=Rules(propagation_delay=timedelta(minutes=5)))
    verdict = made.identify(credentials(), "LOGIN")
    assert isinstance(verdict, Reply)
    assert verdict.reason.startswith("propagating: ")


def test_a_damaged_record_counts_for_nothing_and_is_named() -> None:
    kept = [record_of(each) for each in entries().values()]
    damaged = [Record("tenant", "t1", {"domain": "x"}), Record("domain", "d1", {"id": 5})]
    made = directory(MemoryRecords([*damaged, *kept]))
    assert isinstance(made.identify(credentials(), "LOGIN"), Principal)
    assert list(made.damaged) == ["tenant t1", "domain d1"]
    assert "`id`" in made.damaged["tenant t1"]


@pytest.mark.parametrize(
    "kind", ["tenant", "application", "client_secret", "role_assignment", "communication_service"]
)
def test_a_login_that_needs_a_damaged_record_is_refused(kind: str) -> None:
    records = [record_of(each) for each in entries().values()]
    broken = [replace(each, fields={}) if each.kind == kind else each for each in records]
    made = directory(MemoryRecords(broken))
    assert made.damaged
    assert isinstance(made.identify(credentials(), "LOGIN"), Reply)


@pytest.mark.parametrize(
    ("kind", "name"), [("client_secret", "end"), ("role_assignment", "created_at")]
)
def test_a_time_without_a_zone_is_damage(kind: str, name: str) -> None:
    """It could not be compared with the clock, when somebody signs in."""
    records = [record_of(each) for each in entries().values()]
    broken = [
        replace(each, fields=each.fields | {name: "2026-05-04T12:00:00"})
        if each.kind == kind
        else each
        for each in records
    ]
    made = directory(MemoryRecords(broken))
    assert [each.partition(" ")[0] for each in made.damaged] == [kind]
    assert isinstance(made.identify(credentials(), "LOGIN"), Reply)


def test_records_of_others_are_left_alone() -> None:
    records = MemoryRecords([Record("something", "x", {})])
    directory(records)
    assert list(records.kept) == [("something", "x")]


def test_no_secret_shows() -> None:
    made = directory()
    shown = f"{made!r} {list(entries().values())!r}"
    assert PASSWORD not in shown
    assert "digest" not in shown
