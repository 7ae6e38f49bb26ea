"""The first account: made once, shown at each start, and not once it is useless."""

import asyncio

import pytest

from gatepost.app.provision_accounts import Accounts, provide_accounts
from gatepost.keys.store_key import Key
from gatepost.model.address import parse_address
from gatepost.model.credentials import Credentials, Principal, Standing
from gatepost.model.reply import Reply
from gatepost.model.secret import Secret
from gatepost.profiles import load_profile
from tests.unit.directory.memory import MemoryRecords

KEY = Key(bytes(32), "DIR/key")


def start(records: MemoryRecords, profile: str = "gmail", key: Key = KEY) -> Accounts:
    return asyncio.run(provide_accounts(records, key, load_profile(profile), {}))


def sign_in(accounts: Accounts, credentials: Credentials, mechanism: str) -> Principal | Reply:
    async def ask() -> Principal | Reply:
        answer = accounts.signs_in.identify(credentials, mechanism)
        return answer if isinstance(answer, Principal | Reply) else await answer

    return asyncio.run(ask())


def test_it_signs_in_and_stays_the_same() -> None:
    records = MemoryRecords()
    first, again = start(records), start(records)
    given = first.first
    assert again.first == given
    assert records.commits == 1, "account and record at once, so that there is never one of them"
    password = Credentials(given.username, given.password)
    assert sign_in(again, password, "PLAIN") == Principal(given.username)
    token = Credentials(given.username, token=given.token)
    assert sign_in(again, token, "XOAUTH2") == Principal(given.username)
    assert {"CRAM-MD5", "XOAUTH2", "SCRAM-SHA-256"} <= again.signs_in.mechanisms


def test_secrets_are_sealed() -> None:
    records = MemoryRecords()
    given = start(records).first
    kept = repr(records.kept)
    assert given.password.reveal() not in kept
    assert given.token.reveal() not in kept


def test_an_account_with_a_damaged_record_is_replaced_and_reported() -> None:
    records, damaged = MemoryRecords(), dict[str, str]()
    before = start(records).first
    mine = ("provisioned", "account gmail")
    records.kept[mine].fields["password"] = "broken"
    profile = load_profile("gmail")
    made = asyncio.run(provide_accounts(records, KEY, profile, damaged)).first
    assert made.password not in (before.password, Secret(""))
    assert list(damaged) == ["provisioned account gmail"]
    assert start(records).first == made


def test_each_profile_has_its_own() -> None:
    records = MemoryRecords()
    gmail, ses = start(records), start(records, "ses")
    assert gmail.first.username != ses.first.username
    assert start(records).first == gmail.first


def test_it_may_send_as_its_domain() -> None:
    accounts = start(MemoryRecords())
    principal = Principal(accounts.first.username)
    domain = accounts.first.sender.rpartition("@")[2]
    for sender, standing in (
        (f"anybody@{domain}", Standing.ALLOWED),
        ("a@example.org", Standing.DOMAIN_NOT_LINKED),
    ):
        address = parse_address(sender)
        assert accounts.signs_in.standing(principal, address) is standing


def test_a_deleted_account_is_not_provisioned_again() -> None:
    records = MemoryRecords()
    first = start(records)
    asyncio.run(first.directory.save([], [first.first.username]))
    again = start(records)
    assert not again.first.password
    assert "XOAUTH2" not in again.signs_in.mechanisms


def test_a_token_alone() -> None:
    accounts = start(MemoryRecords(), "outlook")
    assert not accounts.first.password
    assert accounts.first.token
    assert accounts.directory.account(accounts.first.username) is not None


@pytest.mark.parametrize(
    ("username", "token"), [("somebody", None), (None, "another-token"), (None, "")]
)
def test_a_token_is_its_accounts(username: str | None, token: str | None) -> None:
    accounts = start(MemoryRecords())
    given = accounts.first
    wrong = Credentials(
        username or given.username, token=given.token if token is None else Secret(token)
    )
    assert isinstance(sign_in(accounts, wrong, "OAUTHBEARER"), Reply)
