"""SIGKILL at any moment: accepted mail is waiting, or its outcome was stored with its DSN."""

import asyncio
import random
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gatepost.queue.deliveries_contract import Deliveries
from gatepost.store.sqlite import open_store
from tests.shell.killed_process import lines_until_killed
from tests.shell.queue_child import SETTINGS, body_of

CHILD = "tests.shell.queue_child"
FATES = {"done": "delivered", "failed": "failed"}


async def check(queue: Deliveries, said: dict[str, list[str]]) -> None:
    await queue.take_over(datetime.now(UTC))
    for id_, words in said.items():
        [delivery] = await queue.find(id_)
        final = [FATES[word] for word in words if word in FATES]
        fate = delivery.addressees[0].fate
        if final:
            assert (delivery.state, fate) == ("settled", final[0]), id_
        if delivery.state == "settled":
            assert bool(await queue.find(f"dsn-{id_}")) == (fate == "failed"), id_
        else:
            assert delivery.state == "waiting", "nobody has it any more"
            body = await queue.body(id_)
            assert b"".join(body.chunks()) == body_of(id_), id_
            assert delivery.attempts >= words.count("later"), id_


def kill_many_times(directory: Path, times: int, seed: int) -> None:
    instants = random.Random(seed)
    said: dict[str, list[str]] = defaultdict(list)
    for _ in range(times):
        for line in lines_until_killed(CHILD, directory, instants.uniform(0.0, 0.35)):
            what, id_ = line.split()
            said[id_].append(what)
    assert len(said) > times
    store = open_store(directory, SETTINGS)
    try:
        asyncio.run(check(store.deliveries, said))
    finally:
        store.close()


def test_a_killed_queue_has_all_that_it_accepted(tmp_path: Path) -> None:
    kill_many_times(tmp_path, times=3, seed=1)


@pytest.mark.compliance
@pytest.mark.parametrize("seed", range(2))
def test_a_killed_queue_has_all_that_it_accepted_often(tmp_path: Path, seed: int) -> None:
    kill_many_times(tmp_path, times=40, seed=100 + seed)
