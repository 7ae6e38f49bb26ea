"""The captured mail of a data directory, whether or not its relay runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gatepost.app.hurry import SOCKET
from gatepost.errors import ConfigError, ConnectError
from gatepost.queue.contract import Store


@asynccontextmanager
async def open_mailbox(data: Path) -> AsyncIterator[Store]:
    """Give the store of ``data``: the relay's, over its socket, or the files themselves.

    Raises ConfigError when there is no such store, Unreadable when it cannot be opened
    (StoreLocked while a relay starts or stops).
    """
    if not (data / "store.db").exists():
        raise ConfigError(f"there is no mail in {data}: `gatepost up` has not run there")
    # Either way loads what the other does without, and a command is typed in a hurry.
    if (data / SOCKET).exists():
        from gatepost.app.remote_store import RemoteStore  # noqa: PLC0415
        from gatepost.app.rpc import Calls  # noqa: PLC0415

        try:
            calls = await Calls.connect(data / SOCKET)
        except ConnectError:
            pass  # left behind by a relay that was killed
        else:
            try:
                yield RemoteStore(calls)
            finally:
                calls.close()
            return
    from gatepost.store.sqlite import open_store  # noqa: PLC0415

    store = open_store(data)
    try:
        yield store
    finally:
        store.close()
