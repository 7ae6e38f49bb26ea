"""SIGKILL at any moment loses nothing that was acknowledged."""

import asyncio
import random
from pathlib import Path

import pytest

from gatepost.store.sqlite import SqliteStore, open_store
from tests.shell.killed_process import lines_until_killed
from tests.shell.relay_load import RelayUnderLoad
from tests.shell.store_child import SETTINGS, body_of

CHILD = "tests.shell.store_child"


async def lost(store: SqliteStore, acknowledged: set[str]) -> list[str]:
    """The ids that are not there, or whose body is not the one that was put."""
    missing = []
    for id_ in sorted(acknowledged):
        try:
            content = b"".join((await store.body(id_)).chunks())
        except KeyError:
            missing.append(id_)
        else:
            if content != body_of(id_):
                missing.append(id_)
    return missing


def kill_many_times(directory: Path, times: int, seed: int) -> None:
    instants = random.Random(seed)
    acknowledged: set[str] = set()
    for _ in range(times):
        acknowledged.update(lines_until_killed(CHILD, directory, instants.uniform(0.0, 0.35)))
    store = open_store(directory, SETTINGS)
    try:
        assert asyncio.run(lost(store, acknowledged)) == []
        assert asyncio.run(store.count()) >= len(acknowledged) > times
        assert asyncio.run(store.count()) == len(asyncio.run(store.list()))
    finally:
        store.close()


def test_a_killed_store_has_all_that_it_acknowledged(tmp_path: Path) -> None:
    kill_many_times(tmp_path, times=4, seed=1)


async def stored(store: SqliteStore) -> dict[str, bytes]:
    """What is there, by Message-ID."""
    listing = await store.list()
    return {each.message_id: b"".join((await store.body(each.id)).chunks()) for each in listing}


def kill_relay_many_times(load: RelayUnderLoad, times: int, seed: int) -> None:
    instants = random.Random(seed)
    for _ in range(times):
        load.turn(instants.uniform(0.0, 0.3))
    store = open_store(load.data)
    try:
        kept = asyncio.run(stored(store))
    finally:
        store.close()
    assert len(load.acknowledged) >= times
    wrong = [id_ for id_, content in load.acknowledged.items() if kept.get(id_) != content]
    assert wrong == []


@pytest.mark.parametrize("options", [(), ("--workers", "2")], ids=["alone", "workers"])
def test_a_killed_relay_has_all_that_it_answered_250(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    kill_relay_many_times(RelayUnderLoad(tmp_path / "data", *options), times=2, seed=2)


@pytest.mark.compliance
@pytest.mark.parametrize("options", [(), ("--workers", "2")], ids=["alone", "workers"])
def test_a_killed_relay_has_all_that_it_answered_250_often(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    kill_relay_many_times(RelayUnderLoad(tmp_path / "data", *options), times=20, seed=3)


@pytest.mark.compliance
@pytest.mark.parametrize("seed", range(2))
def test_a_killed_store_has_all_that_it_acknowledged_often(tmp_path: Path, seed: int) -> None:
    kill_many_times(tmp_path, times=40, seed=100 + seed)
