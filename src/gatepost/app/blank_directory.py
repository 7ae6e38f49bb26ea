"""A data directory as the first start of ``gatepost up`` leaves it, but without the application.

Copies of it start quickly: it has what takes longest to make, the keys, certificates and tables.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from gatepost.app.ready_json import Trusted
from gatepost.certificates.local_ca import ensure_certificates, write_bundle
from gatepost.keys.store_key import keep_fingerprint, open_key
from gatepost.keys.token_signing import open_tokens
from gatepost.net.atomic_files import keep_out_of_git
from gatepost.store.lock import LOCK
from gatepost.store.sqlite import open_store

NOT_COPIED: Final = (LOCK,)
"""Files that belong to one directory."""


async def make_blank(data: Path) -> Trusted:
    """Make the directory, and return the files that all copies of it trust."""
    store = open_store(data)
    try:
        keep_out_of_git(data)
        key = open_key(data)
        await keep_fingerprint(key, store)
        await open_tokens(store, key, lambda: datetime.now(UTC), {})
        ca_file = ensure_certificates(data, datetime.now(UTC)).ca_file
        return Trusted(ca_file, write_bundle(data, ca_file))
    finally:
        store.close()
