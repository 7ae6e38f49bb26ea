"""The queue as one of several nodes shows it, and the list of nodes."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from gatepost.control.node_operations import operate_nodes
from gatepost.control.node_questions import answer_node
from gatepost.control.queue_control import QueueControl
from gatepost.control.queue_operations import operate_queue
from gatepost.model.delivery import Delivery, Takeover
from gatepost.model.operation_errors import NotConfigured
from gatepost.model.route import NextHop
from gatepost.queue.cluster_contract import Cluster, NodeStatus
from gatepost.queue.deliveries_contract import QueueCount
from gatepost.testing.memory import MemoryDeliveries
from tests.contract.messages import NOON
from tests.contract.queued import mail, planned

A = NodeStatus(
    "a", 7, "1.0", "live", 3, 1.24, {"accepted_per_minute": 5.0, "lease_ms": 7.5}, is_own=True
)
B = NodeStatus("b", 9, "1.0", "silent", 1, 12.3, {}, is_own=False)


class SharedDeliveries(MemoryDeliveries):
    """A queue in which another node has leased everything."""

    holder = "b"
    takeover: Takeover | None = None

    async def find(self, id: str) -> Sequence[Delivery]:
        found = await super().find(id)
        return [replace(each, node=self.holder, takeover=self.takeover) for each in found]


class FakeCluster:
    """The nodes a (this one) and b."""

    name = "a"

    def __init__(self, answer: Mapping[str, Any] | None = None) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str, Mapping[str, Any]]] = []
        self.told: list[tuple[str, Mapping[str, Any]]] = []

    async def nodes(self) -> Sequence[NodeStatus]:
        return [A, B]

    async def try_drain(self, name: str) -> bool:
        return name == "b"

    async def ask(
        self, node: str, operation: str, fields: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        self.asked.append((node, operation, fields))
        return self.answer

    async def tell(self, operation: str, fields: Mapping[str, Any]) -> None:
        self.told.append((operation, fields))


def play(cluster: FakeCluster, operation: str, **fields: Any) -> Any:
    async def steps() -> Any:
        deliveries = SharedDeliveries()
        await deliveries.take_over(NOON)
        await deliveries.put(mail("m1"), [planned()])
        await deliveries.put(mail("m2"), [planned()], leased=False)
        control = QueueControl(deliveries, lambda: NOON, cluster=cast("Cluster", cluster))
        return await operate_queue(control, operation, fields)

    return asyncio.run(steps())


def test_the_node_that_has_a_delivery_says_why_it_waits() -> None:
    cluster = FakeCluster({"id": "m1.0", "sentence": "It is next for hub."})
    [delivery] = play(cluster, "why", id="m1")["deliveries"]
    assert delivery["sentence"] == "It is next for hub. (on b)"
    assert cluster.asked == [("b", "why", {"id": "m1.0"})]


@pytest.mark.parametrize("answer", [None, {}, {"error": "no"}])
def test_a_node_that_does_not_answer_was_seen_last(answer: Mapping[str, Any] | None) -> None:
    [delivery] = play(FakeCluster(answer), "why", id="m1")["deliveries"]
    assert (delivery["state"], delivery["node"]) == ("leased", "b")
    assert delivery["sentence"] == "The node b has it; its last beat was 12 seconds ago."


def test_a_node_that_does_not_answer_is_asked_once() -> None:
    cluster = FakeCluster(None)

    async def steps() -> Any:
        deliveries = SharedDeliveries()
        await deliveries.take_over(NOON)
        await deliveries.put(mail("m1"), [planned(hop=NextHop(f"hub{n}")) for n in range(3)])
        control = QueueControl(deliveries, lambda: NOON, cluster=cast("Cluster", cluster))
        return await operate_queue(control, "why", {"id": "m1"})

    sentences = [each["sentence"] for each in asyncio.run(steps())["deliveries"]]
    assert sentences == ["The node b has it; its last beat was 12 seconds ago."] * 3
    assert len(cluster.asked) == 1


def test_mail_waits_for_the_other_nodes_where_no_relay_runs() -> None:
    [delivery] = play(FakeCluster(), "why", id="m2")["deliveries"]
    assert delivery["sentence"] == "It has not been tried yet; it is next in line."


def test_it_says_who_took_a_delivery_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SharedDeliveries, "takeover", Takeover("x", NOON, "b"))
    [delivery] = play(FakeCluster(), "why", id="m2")["deliveries"]
    assert delivery["taken_over"] == {"from": "x", "by": "b", "at": "2025-03-01T12:00:00Z"}
    end = "; b took it over from x, which was taken for dead at 2025-03-01 12:00:00 UTC."
    assert delivery["sentence"].endswith(end)


def test_actions_are_told_to_the_others() -> None:
    cluster = FakeCluster()
    assert play(cluster, "hold", ids=["m1"]) == {"held": 1}
    assert cluster.told == [("acted", {"action": "hold", "ids": ["m1"], "next_hops": ["hub"]})]


def test_what_is_told_to_the_others_is_bounded() -> None:
    """They look at everything that they have leased instead."""
    cluster = FakeCluster()
    assert play(cluster, "hold", ids=["m1"] * 1_001) == {"held": 1}
    assert cluster.told == [("acted", {"action": "hold", "ids": None, "next_hops": ["hub"]})]


def test_many_next_hops_are_told_some_at_a_time() -> None:
    cluster = FakeCluster()
    hops = {f"hub{number}": QueueCount(waiting=1) for number in range(2_500)}

    class Crowded(SharedDeliveries):
        async def count(self) -> dict[str, QueueCount]:
            return hops

    control = QueueControl(Crowded(), lambda: NOON, cluster=cast("Cluster", cluster))
    asyncio.run(operate_queue(control, "retry", {"all": True}))
    told = [fields["next_hops"] for _, fields in cluster.told]
    assert [len(each) for each in told] == [1_000, 1_000, 500]
    assert [hop for some in told for hop in some] == list(hops)


def test_a_question_of_another_node_is_answered() -> None:
    async def steps() -> None:
        deliveries = SharedDeliveries()
        deliveries.holder = "a"
        await deliveries.take_over(NOON)
        await deliveries.put(mail("m1"), [planned()])
        cluster = cast("Cluster", FakeCluster())
        control = QueueControl(deliveries, lambda: NOON, cluster=cluster)
        answer = await answer_node(control, "why", {"id": "m1.0"})
        assert answer["sentence"]
        deliveries.holder = "b"
        assert await answer_node(control, "why", {"id": "m1.0"}) == {}, "it has left meanwhile"
        acted: dict[str, Any] = {"action": "retry", "ids": None, "next_hops": []}
        assert await answer_node(control, "acted", acted) == {}
        with pytest.raises(ValueError, match="unknown question"):
            await answer_node(control, "x", {})

    asyncio.run(steps())


def test_nodes_are_listed_and_drained() -> None:
    async def steps() -> None:
        cluster = cast("Cluster", FakeCluster())
        one, two = (await operate_nodes(cluster, "list", {}))["nodes"]
        assert one == {
            "name": "a", "version": "1.0", "epoch": 7, "state": "live", "leases": 3,
            "accepted_per_minute": 5.0, "settled_per_minute": None, "lease_ms": 7.5, "seen": 1.2,
            "own": True,
        }  # fmt: skip
        assert two["state"] == "silent"
        assert await operate_nodes(cluster, "drain", {"name": "b"}) == {"draining": "b"}
        with pytest.raises(KeyError, match="node x"):
            await operate_nodes(cluster, "drain", {"name": "x"})
        with pytest.raises(ValueError, match="unknown"):
            await operate_nodes(cluster, "x", {})
        with pytest.raises(NotConfigured):
            await operate_nodes(None, "list", {})

    asyncio.run(steps())


def test_a_command_is_not_one_of_the_relays() -> None:
    """It is a node for a moment, which may have the name of the relay that does not run."""

    async def steps() -> None:
        fake, fields = FakeCluster(), {"name": "b"}
        fake.name = "b"
        cluster = cast("Cluster", fake)
        document = await operate_nodes(cluster, "list", {}, is_command=True)
        assert [each["name"] for each in document["nodes"]] == ["b"]
        with pytest.raises(KeyError, match="node b"):
            await operate_nodes(cluster, "drain", fields, is_command=True)

    asyncio.run(steps())
