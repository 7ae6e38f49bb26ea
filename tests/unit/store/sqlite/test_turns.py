"""Commits: on the event loop if possible, otherwise on the store thread."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from gatepost.store.sqlite import StoreSettings, group_commit, open_store
from gatepost.store.sqlite.committer import CHECKPOINT_PAGES, Committer
from gatepost.store.sqlite.group_writes import WaitedWrite
from tests.contract.messages import message


def test_a_loop_waits_for_a_checkpoint_and_then_commits_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store thread's way costs several times as much."""
    checkpoint = Committer.checkpoint

    def slowly(committer: Committer) -> None:
        time.sleep(5 * group_commit.LINGER)
        checkpoint(committer)

    monkeypatch.setattr(Committer, "checkpoint", slowly)
    monkeypatch.setattr(group_commit, "POSTPONE", 60.0)
    passed_on: list[Any] = []

    async def main() -> None:
        store = open_store(tmp_path, StoreSettings(reserve=0, quick=60.0))
        writer = store._writer
        give = writer.give

        def noted(given: Any) -> None:
            passed_on.append(given)
            give(given)

        monkeypatch.setattr(writer, "give", noted)

        async def client(name: int) -> None:
            for number in range(10):
                if name == 0 and number % 3 == 0:
                    writer._committer.ledger.pages = CHECKPOINT_PAGES
                await store.put(message(f"{name}.{number}"))

        await asyncio.wait_for(asyncio.gather(*map(client, range(4))), 60)
        assert await store.count() == 40
        store.close()

    asyncio.run(main())
    assert passed_on, "there were checkpoints"
    assert not [each for each in passed_on if isinstance(each, WaitedWrite)]
