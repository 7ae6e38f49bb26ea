"""``[directory]``: who may sign in, and as whom each may send."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from gatepost.config import value_syntax as values
from gatepost.config.credentials import secret
from gatepost.config.settings import (
    AccountsDirectory,
    AccountSettings,
    AzureDirectorySettings,
    DirectorySettings,
    EntraDirectorySettings,
)
from gatepost.config.table_reader import TableReader
from gatepost.profiles.load import known_providers

KIND: Final = ("directory", "kind")


def read_directories(root: TableReader) -> tuple[DirectorySettings, ...]:
    """Return the directories; the first that knows a name decides about it."""
    table = root.table("directory")
    usual: tuple[str, ...] = ("accounts",)
    kinds = table.decide("kind", values.many(values.one_of(tuple(_READERS))), usual)
    if len(set(kinds)) != max(1, len(kinds)):
        table.fault(
            "kind", f"{table.name('kind')} must name at least one directory, and each only once"
        )
    directories = tuple([_READERS[each](table) for each in dict.fromkeys(kinds or usual)])
    if table.is_clear(KIND):  # otherwise its keys may be those of the intended kind
        table.finish()
    return directories


def _read_azure(table: TableReader) -> AzureDirectorySettings:
    return AzureDirectorySettings(
        table.take("profile", values.one_of(known_providers()), "acs"),
        table.take("strict", values.flag, False),
    )


def _read_entra(table: TableReader) -> EntraDirectorySettings:
    usual = EntraDirectorySettings()
    tenants: tuple[str, ...] = table.need("tenants", values.some(values.guid), ())
    applications = [_read_application(each, tenants) for each in table.tables("application")]
    usernames: dict[str, tuple[str, str]] = {}
    for each, of_table in zip(applications, table.tables("application"), strict=True):
        for username in each.usernames:
            if username.lower() in usernames:
                problem = f"{of_table.name('usernames')}: {username} stands for two applications"
                of_table.fault("usernames", problem)
            usernames[username.lower()] = each.id, each.tenant
    return EntraDirectorySettings(
        tenants,
        table.take("applications", values.some(values.guid), ()),
        table.take("senders", values.many(values.sender), ()),
        {each.id: each.senders for each in applications},
        usernames,
        table.take("authority", values.https_url, usual.authority),
        table.take("scope", values.text, usual.scope),
        table.take("cache", values.span, usual.cache),
        table.take("audiences", values.some(values.text), usual.audiences),
    )


class _Application(NamedTuple):
    id: str
    senders: tuple[str, ...]
    usernames: tuple[str, ...]
    tenant: str
    """That of its user names."""


def _read_application(table: TableReader, tenants: Sequence[str]) -> _Application:
    nothing: tuple[str, ...] = ()
    application = _Application(
        table.need("id", values.guid, ""),
        table.need("senders", values.many(values.sender), nothing),
        table.take("usernames", values.some(values.text), nothing),
        table.take("tenant", values.guid, tenants[0] if tenants else ""),
    )
    if application.usernames and len(tenants) > 1 and not table.has("tenant"):
        table.lack("tenant", f"{table.name('tenant')} is missing: there are several tenants")
    if table.has("tenant") and tenants and application.tenant not in tenants:
        table.fault("tenant", f"{table.name('tenant')} is not among directory.tenants")
    table.finish()
    return application


def _read_accounts(table: TableReader) -> list[AccountSettings]:
    accounts: list[AccountSettings] = []
    for each in table.tables("account"):
        account = AccountSettings(
            each.need("name", values.text, ""),
            each.take("password", secret, None),
            each.take("senders", values.many(values.sender), ()),
            each.take("cram_md5", values.flag, False),
            each.take("certificates", values.some(_certificate), ()),
        )
        if not each.has("password"):
            _check_without_password(each, account)
        if not account.senders and not each.is_mistaken("senders"):
            each.warn(f"{each.name('senders')} names nobody: the account cannot send anything")
        if account.name and any(one.name == account.name for one in accounts):
            each.fault("name", f"{each.name('name')}: there is already an account {account.name}")
        each.finish()
        accounts.append(account)
    return accounts


def _check_without_password(table: TableReader, account: AccountSettings) -> None:
    """An account with certificates needs no password, but it needs one of both."""
    if not account.certificates:
        missing = f"{table.name('password')} is missing (or certificates to sign in with instead)"
        table.lack(("password", "certificates"), missing)
    elif account.cram_md5:
        table.fault("cram_md5", f"{table.name('cram_md5')} is not used: there is no password")


def _certificate(value: Any) -> str:
    """Return the value as in a certificate: lower case, no colons in a digest."""
    text = values.text(value).lower()
    if text.startswith("sha256:"):
        digits = text.removeprefix("sha256:").replace(":", "")
        if len(digits) != 64 or set(digits) - set("0123456789abcdef"):
            raise ValueError('must be a digest: "sha256:" and 64 hexadecimal digits')
        return f"sha256:{digits}"
    return text


_READERS: Final[Mapping[str, Callable[[TableReader], DirectorySettings]]] = {
    "accounts": lambda table: AccountsDirectory(tuple(_read_accounts(table))),
    "azure": _read_azure,
    "entra": _read_entra,
}
