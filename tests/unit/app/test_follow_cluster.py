"""What a relay does when other nodes change something."""

import asyncio
from typing import Any, cast

import pytest

from gatepost.app import follow_cluster
from gatepost.app.follow_cluster import ClusterFollower
from gatepost.control.queue_control import QueueControl
from gatepost.errors import QueueError
from gatepost.queue.cluster_contract import Cluster, ClusterEvents


class FakeCluster:
    """Keeps the events that it is to call."""

    name = "a"
    events: ClusterEvents

    def follow(self, events: ClusterEvents) -> None:
        self.events = events


def test_the_directory_is_read_again_until_the_store_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else an account that another node has deleted would go on to work here."""
    monkeypatch.setattr(follow_cluster, "AGAIN", 0.0)
    failures = [QueueError("the database is away")] * 3
    reported: list[str] = []

    async def steps() -> None:
        is_read = asyncio.Event()

        async def reload() -> None:
            if failures:
                raise failures.pop()
            is_read.set()

        def report(event: str, **_: Any) -> None:
            reported.append(event)

        cluster, drained = FakeCluster(), asyncio.get_running_loop().create_future()
        queue = cast("QueueControl", None)
        follower = ClusterFollower(report, None, queue, reload, drained)
        follower.follow(cast("Cluster", cluster))
        cluster.events.on_records()
        await asyncio.wait_for(is_read.wait(), 20)

    asyncio.run(steps())
    assert reported == []
