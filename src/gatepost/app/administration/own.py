"""The operations on a store that no relay has open."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from gatepost.app.accounts import account_desk, open_accounts
from gatepost.app.administration.desk import Desk
from gatepost.app.administration.desks import Desks
from gatepost.app.clock import AheadClock
from gatepost.app.keys import DIGESTS, SealedAccessKeys, open_key
from gatepost.directory.azure.directory import AzureDirectory
from gatepost.errors import Unreadable
from gatepost.net.dns import DnsResolver
from gatepost.store.sqlite import SqliteStore


async def own_administration(
    data: Path, store: SqliteStore
) -> Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]:
    """Return what runs an operation on ``store``, that of ``data``.

    Raises Unreadable when it holds what no directory does.
    """
    key, now = open_key(data), AheadClock(data).now
    directory = AzureDirectory(store, digest_key=key.subkey(DIGESTS), clock=now)
    try:
        await directory.load()
    except ValueError as error:
        raise Unreadable(str(error)) from error
    desk = Desk(directory, SealedAccessKeys(key), now, resolver=DnsResolver(cached=0))
    desks = Desks(desk)

    async def administer(operation: str, fields: dict[str, Any]) -> dict[str, Any]:
        if operation.startswith("account ") and desks.accounts is None:
            accounts = open_accounts(store, key)
            await accounts.load()
            desks.accounts = account_desk(accounts, key)
        return await desks.administer(operation, fields)

    return administer
