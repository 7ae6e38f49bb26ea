"""``account``: plain accounts in the store, created and changed by an operator."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from gatepost.config.value_syntax import sender as parse_sender
from gatepost.directory.accounts import AccountDirectory, StoredAccount, make_account
from gatepost.directory.azure.changes.change_result import Rejected
from gatepost.directory.passwords import Hasher, PasswordHasher
from gatepost.keys.accounts import sealer
from gatepost.keys.store_key import Key
from gatepost.model.secret import Secret

Document = dict[str, Any]

MAX_NAME: Final = 255
GENERATED: Final = 25
"""Random octets in a generated password: 200 bits."""


@dataclass(frozen=True, slots=True)
class AccountAdmin:
    """The accounts, and what derives the verifiers of a password."""

    directory: AccountDirectory
    hasher: Hasher
    seal: Callable[[bytes], bytes]
    """Seals the state for CRAM-MD5, which is equivalent to the password."""


def account_admin(directory: AccountDirectory, key: Key) -> AccountAdmin:
    """Return what administers the accounts."""
    return AccountAdmin(directory, PasswordHasher(), sealer(key))


class NewAccount(msgspec.Struct, forbid_unknown_fields=True):
    """``account create``. ``password`` empty: one is generated, and shown once."""

    name: str
    senders: tuple[str, ...] = ()
    password: str = ""
    cram_md5: bool = False


class NewPassword(msgspec.Struct, forbid_unknown_fields=True):
    """``account set-password``."""

    name: str
    password: str = ""
    cram_md5: bool = False


class AccountName(msgspec.Struct, forbid_unknown_fields=True):
    """One account."""

    name: str


class ListAccounts(msgspec.Struct, forbid_unknown_fields=True):
    """All accounts."""


def document(account: StoredAccount, origin: str) -> Document:
    """Return what is shown of an account."""
    return {
        "name": account.name,
        "senders": list(account.senders),
        "cram_md5": bool(account.cram_md5),
        "origin": origin,
    }


async def create(context: AccountAdmin, request: NewAccount) -> Document:
    """Create an account."""
    name = _checked_name(request.name)
    _check_visible(context, name)
    if context.directory.account(name) is not None:
        raise Rejected("Conflict", f"there is an account {name} already", 409)
    account, generated = await _made(context, name, _checked_senders(request.senders), request)
    await context.directory.save([account])
    return document(account, "store") | generated


async def set_password(context: AccountAdmin, request: NewPassword) -> Document:
    """Change an account's password; open sessions stay."""
    _check_visible(context, request.name)
    before = _stored_account(context, request.name)
    request.cram_md5 = request.cram_md5 or bool(before.cram_md5)
    account, generated = await _made(context, before.name, before.senders, request)
    await context.directory.save([account])
    return document(account, "store") | generated


async def show(context: AccountAdmin, request: AccountName) -> Document:
    """Show an account."""
    for account in context.directory.configured:
        if account.name == request.name:
            return document(account, "configuration")
    return document(_stored_account(context, request.name), "store")


async def list_all(context: AccountAdmin, _request: ListAccounts) -> Document:
    """List all accounts, without those that the configuration hides."""
    configured = {
        each.name: document(each, "configuration") for each in context.directory.configured
    }
    stored = {each.name: document(each, "store") for each in context.directory.accounts}
    accounts = {**stored, **configured}
    return {"accounts": [accounts[name] for name in sorted(accounts)]}


async def delete(context: AccountAdmin, request: AccountName) -> Document:
    """Delete an account; its open sessions cannot send any more."""
    account = _stored_account(context, request.name)
    await context.directory.save([], [account.name])
    return {"deleted": document(account, "store"), "with": []}


def _stored_account(context: AccountAdmin, name: str) -> StoredAccount:
    account = context.directory.account(name)
    if account is not None:
        return account
    _check_visible(context, name)
    raise Rejected("NotFound", f"there is no account {name}", 404)


def _check_visible(context: AccountAdmin, name: str) -> None:
    """Raise an error if the configuration has an account of the same name, which hides that of the
    store, so that nobody can sign in to it."""
    if any(each.name == name for each in context.directory.configured):
        raise Rejected(
            "Conflict", f"the account {name} is defined in the configuration: change it there", 409
        )


async def _made(
    context: AccountAdmin, name: str, senders: tuple[str, ...], request: NewAccount | NewPassword
) -> tuple[StoredAccount, Document]:
    password = request.password or secrets.token_urlsafe(GENERATED)
    seal = context.seal if request.cram_md5 else None
    account = await asyncio.to_thread(
        make_account, name, Secret(password), senders, context.hasher, seal=seal
    )
    return account, {} if request.password else {"password": password}


def _checked_name(name: str) -> str:
    if not name or len(name) > MAX_NAME or not name.isprintable() or name != name.strip():
        raise Rejected("BadRequest", f"a name has 1 to {MAX_NAME} printable characters")
    return name


def _checked_senders(senders: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return tuple([parse_sender(each) for each in senders])
    except ValueError as error:
        raise Rejected("BadRequest", f"a sender {error}") from None


Run = Callable[[AccountAdmin, Any], Awaitable[Document]]

ACCOUNT_OPERATIONS: Final[Mapping[str, tuple[type[Any], Run]]] = {
    "account create": (NewAccount, create),
    "account set-password": (NewPassword, set_password),
    "account list": (ListAccounts, list_all),
    "account show": (AccountName, show),
    "account delete": (AccountName, delete),
}
