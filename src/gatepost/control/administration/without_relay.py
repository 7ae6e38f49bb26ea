"""The operations on a store that no relay uses."""

from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

from gatepost.config.settings import DirectorySettings
from gatepost.control.administration.accounts import account_admin
from gatepost.control.administration.directory_changes import AdminContext
from gatepost.control.administration.operations import AdminDispatch
from gatepost.control.clock import AheadClock
from gatepost.directory.azure.directory import AzureDirectory
from gatepost.directory.contract import Records
from gatepost.keys.accounts import named_accounts, open_accounts
from gatepost.keys.store_key import DIGESTS, SealedAccessKeys, check_key, open_key
from gatepost.net.dns import DnsResolver


async def offline_administration(
    data: Path, store: Records, configured: Callable[[], Iterable[DirectorySettings]] = tuple
) -> Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]:
    """Return a function that runs operations on ``store``, that of ``data``.

    ``configured`` reads the directories of the relay's configuration, if that is known, because
    accounts may be in it.
    """
    key, now = open_key(data), AheadClock(data).now
    await check_key(key, store)
    directory = AzureDirectory(store, digest_key=key.subkey(DIGESTS), clock=now)
    await directory.load()
    context = AdminContext(directory, SealedAccessKeys(key), now, resolver=DnsResolver(cached=0))
    dispatch = AdminDispatch(context)

    async def administer(operation: str, fields: dict[str, Any]) -> dict[str, Any]:
        if operation.startswith("account ") and dispatch.accounts is None:
            accounts = open_accounts(store, key)
            await accounts.load()
            accounts.configure(named_accounts(configured()))
            dispatch.accounts = account_admin(accounts, key)
        return await dispatch.administer(operation, fields)

    return administer
