"""Commands on a directory without a running relay: they take turns, and none fails for that."""

import asyncio
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from gatepost.app import data_directory
from gatepost.app.data_directory import open_administration, open_events, open_mailbox, open_queue
from gatepost.app.store_opening import open_watched
from gatepost.certificates.local_ca import CA_FILE
from gatepost.errors import ConfigError, Unreadable
from gatepost.store.sqlite import StoreLocked, open_store
from tests import fork_server
from tests.commands import GATEPOST, PATIENCE


async def use(data: Path) -> None:
    """Reach the store in each way that a command does."""
    (data / CA_FILE).touch()  # as `gatepost up` makes one
    async with open_mailbox(data) as mailbox:
        assert await mailbox.count() == 0
    for reach, operation, answer in (
        (open_administration, "tenant list", "tenants"),
        (open_events, "webhook_list", "webhooks"),
        (open_queue, "list", "deliveries"),
    ):
        async with reach(data) as operate:
            assert answer in await operate(operation, {})


def test_reports_are_of_a_relay_that_only_captures(tmp_path: Path) -> None:
    open_store(tmp_path).close()

    async def main() -> None:
        async with open_events(tmp_path):
            pass

    with pytest.raises(ConfigError, match="only `gatepost up` has scripted outcomes"):
        asyncio.run(main())


def test_a_command_waits_for_a_locked_store(tmp_path: Path) -> None:
    async def both() -> float:
        held = open_store(tmp_path)
        asyncio.get_running_loop().call_later(0.3, held.close)
        began = time.monotonic()
        await use(tmp_path)
        return time.monotonic() - began

    assert 0.25 < asyncio.run(both()) < data_directory.PATIENCE


def test_a_store_locked_for_too_long_is_an_error_naming_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_directory, "PATIENCE", 0.1)
    held = open_store(tmp_path)
    try:
        with pytest.raises(StoreLocked, match="is in use by process"):
            asyncio.run(use(tmp_path))
    finally:
        held.close()


@pytest.mark.skipif(os.name != "posix", reason="nobody can remove what is open")
@pytest.mark.parametrize("removed", ["lock", "control.sock"])
def test_removed_files_of_a_running_relay_are_an_error_at_once(
    tmp_path: Path, removed: str
) -> None:
    held = open_store(tmp_path)
    (tmp_path / "ready.json").write_text(f'{{"pid": {os.getpid()}}}')
    if removed == "lock":
        (tmp_path / "lock").unlink()
    before = sorted(tmp_path.iterdir())
    try:
        with pytest.raises(Unreadable, match=f"whose file {removed} was removed: restart it"):
            asyncio.run(asyncio.wait_for(use(tmp_path), data_directory.PATIENCE / 2))
        assert sorted({*tmp_path.iterdir()} - {tmp_path / CA_FILE}) == before
    finally:
        held.close()


def test_a_repair_by_a_command_is_reported_once_by_the_next_relay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[tuple[str, dict[str, Any]]] = []

    def report(event: str, **facts: Any) -> None:
        told.append((event, facts))

    async def main() -> None:
        open_store(tmp_path).close()
        (tmp_path / "store.failed").write_text("a sync failed")
        for _ in range(2):
            async with open_mailbox(tmp_path):
                pass
        for _ in range(2):
            open_watched(tmp_path, report=report)[0].close()

    asyncio.run(main())
    said = "the store was copied after it had failed (a sync failed)"
    assert capsys.readouterr().err == f"{said}\n"
    assert told == [("store_recovered", {"reason": said})]


def test_commands_that_start_at_once_all_succeed(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    make = [GATEPOST, "tenant", "create", "--data", str(tmp_path)]
    names = [f"t{number}.example" for number in range(4)]
    running = [
        fork_server.Popen([*make, name], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for name in names
    ]
    ended = [(*each.communicate(timeout=PATIENCE), each.returncode) for each in running]
    assert [code for *_, code in ended] == [0] * 4, ended


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
def test_output_that_has_no_room_is_a_sentence() -> None:
    with Path("/dev/full").open("wb") as full:
        done = fork_server.run(
            [GATEPOST, "profile", "list"], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stderr) == (1, b"Error: No space left on device\n")
