"""The end of a relay: with half of a configuration in use, and with a failed store."""

import asyncio
import os
from contextlib import AsyncExitStack, closing
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gatepost.app.relay_parts import refusal_reason
from gatepost.app.running_relay import ON_THE_WIRE, RunningRelay, stop_all
from gatepost.config.load import load_again
from gatepost.errors import ConfigError
from gatepost.keys.store_key import keep_fingerprint, open_key
from gatepost.store.sqlite import open_store


class Breaking(RunningRelay):
    """Prepares nothing, and fails to apply it."""

    async def _prepare_reload(self) -> Any:
        return None

    async def _take(self, following: Any) -> None:  # noqa: ARG002
        raise LookupError("secret words")


def test_a_fifo_as_configuration_is_refused(tmp_path: Path) -> None:
    """A reload that waits would block further reloads and the stop."""
    fifo = tmp_path / "gatepost.toml"
    os.mkfifo(fifo)
    with pytest.raises(ConfigError, match="it is a FIFO"):
        load_again(fifo)


AZURE = """
hostname = "relay.example"
[storage]
directory = "data"
[directory]
kind = "azure"
[[listener]]
address = "127.0.0.1:0"
tls = "none"
[target.hub]
kind = "smarthost"
servers = "127.0.0.1:1"
tls = "none"
[[route]]
to = "hub"
"""


def test_the_azure_directory_is_not_served_with_another_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise all client secrets would be refused as wrong."""
    monkeypatch.chdir(tmp_path)
    file, data = tmp_path / "gatepost.toml", tmp_path / "data"
    file.write_text(AZURE)

    def told(event: str, **facts: Any) -> None:
        """Ignore a report."""

    async def main() -> None:
        with closing(open_store(data)) as store:
            await keep_fingerprint(open_key(data), store)
        (data / "key").write_bytes(bytes(32))
        async with AsyncExitStack() as stack:
            await RunningRelay(partial(load_again, file), cast("Any", told), stack).start()

    with pytest.raises(ConfigError, match="does not match the sealed data"):
        asyncio.run(main())


def test_a_configuration_that_cannot_be_put_in_place_ends_the_relay() -> None:
    told: list[str] = []

    def report(event: str, **facts: Any) -> None:
        told.append(event)

    async def main() -> str:
        no: Any = None
        relay = Breaking(no, cast("Any", report), no)
        relay.failed = asyncio.get_running_loop().create_future()
        assert await relay.reload() is None
        return await relay.failed

    reason = asyncio.run(main())
    assert reason.startswith("the configuration could not be put in place: LookupError at ")
    assert "secret" not in reason
    assert told == []


@pytest.mark.parametrize(("has_failed", "patience"), [(False, ON_THE_WIRE), (True, 0.0)])
def test_a_failed_store_ends_the_wait_for_deliveries(has_failed: bool, patience: float) -> None:
    waited: list[float] = []

    async def stop(seconds: float = 0.0) -> None:
        waited.append(seconds)

    half: Any = SimpleNamespace(stop=stop)
    store: Any = SimpleNamespace(has_failed=has_failed)
    asyncio.run(stop_all(half, half, store))
    assert max(waited) == patience


@pytest.mark.parametrize(
    ("has_failed", "room", "told"),
    [(False, "", ""), (False, "the disk is full", "the disk is full"), (True, "", "the store has")],
)
def test_health_says_why_no_mail_is_accepted(has_failed: bool, room: str, told: str) -> None:
    store: Any = SimpleNamespace(has_failed=has_failed, refusal=room)
    assert refusal_reason(store).startswith(told)
    assert bool(refusal_reason(store)) == bool(told)
