"""The directory of accounts in a store, protected with the store's key."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from gatepost.config.settings import AccountsDirectory, DirectorySettings
from gatepost.directory.accounts import AccountDirectory, Protection, StoredAccount
from gatepost.directory.contract import Records
from gatepost.directory.passwords import PasswordHasher
from gatepost.keys.store_key import Key

PROOFS: Final = "what stands in memory for a secret"
_CRAM_MD5: Final = "CRAM-MD5"
"""The purpose of the key that seals the HMAC state for CRAM-MD5."""


def sealer(key: Key) -> Callable[[bytes], bytes]:
    """Return the function that seals the state for CRAM-MD5."""
    return lambda state: key.seal(state, _CRAM_MD5)


def open_accounts(records: Records, key: Key) -> AccountDirectory:
    """Return the directory; the caller must still call ``load``."""
    protection = Protection(
        key.subkey(PROOFS), PasswordHasher(), lambda sealed: key.unseal(sealed, _CRAM_MD5)
    )
    return AccountDirectory(records, protection, time.monotonic)


def named_accounts(directories: Iterable[DirectorySettings]) -> Iterator[StoredAccount]:
    """Yield the accounts of a configuration as they are shown: without password verifiers."""
    for each in directories:
        if isinstance(each, AccountsDirectory):
            for account in each.accounts:
                cram_md5 = b"yes" if account.cram_md5 else b""
                yield StoredAccount(account.name, "", account.senders, cram_md5=cram_md5)
