"""The first start with plain accounts: creates one that can sign in."""

import asyncio
import secrets
from dataclasses import dataclass
from functools import partial
from typing import Final

import msgspec

from gatepost.directory.accounts import AccountDirectory, StoredAccount, TokenAccounts, make_account
from gatepost.directory.contract import Record, Records
from gatepost.directory.passwords import PasswordHasher
from gatepost.keys.accounts import open_accounts, sealer
from gatepost.keys.damaged_records import FAULTS, Damaged, note
from gatepost.keys.store_key import Key
from gatepost.model.profile import Profile
from gatepost.model.secret import Secret
from gatepost.profiles.credentials import fill_template

UNKNOWN: Final = 32
"""Random octets in a password that nobody learns."""
_PURPOSE: Final = "first account's secrets"


@dataclass(frozen=True, slots=True)
class ProvisionedAccount:
    """What an application needs to sign in."""

    username: str
    password: Secret
    """Empty if it is no longer valid, because the account was deleted or got another one, or if the
    provider accepts no passwords."""
    sender: str
    """An address that may be used in MAIL FROM and From."""
    token: Secret
    """An access token, for XOAUTH2 and OAUTHBEARER; empty: there is none."""


@dataclass(frozen=True, slots=True)
class Accounts:
    """The directory of accounts, and what ``gatepost up`` shows of the first one."""

    directory: AccountDirectory
    signs_in: TokenAccounts
    first: ProvisionedAccount


async def provide_accounts(
    records: Records,
    key: Key,
    profile: Profile,
    damaged: Damaged,
    directory: AccountDirectory | None = None,
) -> Accounts:
    """Return the accounts in the store; ``directory`` has been loaded from it already.

    At a profile's first start, create its account; also if the record of what it got is damaged.
    Damaged records are added to ``damaged``.
    """
    mine = ("provisioned", f"account {profile.name}")
    stored = {(each.kind, each.id): each for each in await records.load_records()}
    record = stored.get(mine)
    recalled = None if record is None else _recall(record, key, damaged)
    if recalled is None:
        first = draw_account(profile)
        account = await asyncio.to_thread(_account_of, first, key)
        kind = ("account", account.name)
        await records.save_records(
            [
                Record(*kind, msgspec.to_builtins(account)),
                Record(*mine, _sealed(first, key)),
            ]
        )
    else:
        first = recalled
    if directory is None or recalled is None:
        directory = open_accounts(records, key)
        await directory.load()
        damaged.update({f"account {name}": why for name, why in directory.damaged.items()})
    if recalled is not None and first.password and not await _has_password(directory, first):
        first = ProvisionedAccount(first.username, Secret(""), first.sender, Secret(""))
    tokens = {first.username: first.token} if first.token else {}
    return Accounts(directory, TokenAccounts(directory, tokens), first)


def draw_account(profile: Profile) -> ProvisionedAccount:
    """Generate the account's name and secrets in the form that the profile prescribes."""
    account = profile.account
    values = {"profile": profile.name.lower()}
    values["username"] = username = fill_template(account.username, values)
    return ProvisionedAccount(
        username,
        Secret(fill_template(account.password, values)),
        fill_template(account.sender, values),
        Secret(fill_template(account.token, values)),
    )


def _account_of(first: ProvisionedAccount, key: Key) -> StoredAccount:
    password = first.password or Secret(secrets.token_urlsafe(UNKNOWN))
    senders = ("@" + first.sender.rpartition("@")[2],)
    return make_account(first.username, password, senders, PasswordHasher(), seal=sealer(key))


async def _has_password(directory: AccountDirectory, first: ProvisionedAccount) -> bool:
    """Tell whether the account still has the password with which it was created."""
    account = directory.account(first.username)
    if account is None:
        return False
    password = first.password.reveal().encode()
    try:
        return await asyncio.to_thread(
            partial(PasswordHasher().matches, account.password, password)
        )
    except ValueError:  # it is damaged
        return False


def _sealed(first: ProvisionedAccount, key: Key) -> dict[str, str]:
    return {
        "username": first.username,
        "password": key.seal_text(first.password, _PURPOSE),
        "sender": first.sender,
        "token": key.seal_text(first.token, _PURPOSE),
    }


def _recall(record: Record, key: Key, damaged: Damaged) -> ProvisionedAccount | None:
    try:
        fields = msgspec.convert(record.fields, dict[str, str])
        password, token = (
            key.unseal_text(fields[name], _PURPOSE) for name in ("password", "token")
        )
        return ProvisionedAccount(fields["username"], password, fields["sender"], token)
    except FAULTS as error:
        note(damaged, record, error, "a new account is made")
        return None
