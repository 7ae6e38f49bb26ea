"""The directory of accounts that a store keeps, guarded with its key."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from gatepost.app.keys import Key
from gatepost.config.settings import AccountsDirectory, DirectorySettings
from gatepost.directory.accounts import Account, AccountDirectory, Protection
from gatepost.directory.contract import Records
from gatepost.directory.passwords import PasswordHasher

PROOFS: Final = "what stands in memory for a secret"
_CRAM_MD5: Final = "CRAM-MD5"
"""The purpose for which the state of its HMAC is sealed."""


def sealer(key: Key) -> Callable[[bytes], bytes]:
    """Return what seals the state of CRAM-MD5."""
    return lambda state: key.seal(state, _CRAM_MD5)


def open_accounts(records: Records, key: Key) -> AccountDirectory:
    """Return the directory; ``load`` is still to be called."""
    protection = Protection(
        key.subkey(PROOFS), PasswordHasher(), lambda sealed: key.unseal(sealed, _CRAM_MD5)
    )
    return AccountDirectory(records, protection, time.monotonic)


def named_accounts(directories: Iterable[DirectorySettings]) -> Iterator[Account]:
    """Yield the accounts of a configuration as they are shown: without what proves a password."""
    for each in directories:
        if isinstance(each, AccountsDirectory):
            for account in each.accounts:
                cram_md5 = b"yes" if account.cram_md5 else b""
                yield Account(account.name, "", account.senders, cram_md5=cram_md5)
