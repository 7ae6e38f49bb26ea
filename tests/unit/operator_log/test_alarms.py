"""Reported alarms, kept from one start to the next."""

import asyncio

from gatepost.errors import QueueError
from gatepost.operator_log.alarms import Alarms
from gatepost.testing.memory import MemoryStore


def test_reported_alarms_survive_a_restart() -> None:
    async def run() -> None:
        store = MemoryStore()
        first = await Alarms.open(store)
        first["target a"] = "bad_credentials"
        first["target b"] = "cert_expired"
        first["credential c"] = "bad_credentials"
        del first["target a"]
        await first.close()
        second = await Alarms.open(store)
        assert dict(second) == {"target b": "cert_expired", "credential c": "bad_credentials"}
        second.keep_only({"credential c"})
        await second.close()
        assert list(await Alarms.open(store)) == ["credential c"]

    asyncio.run(run())


def test_a_store_that_does_not_work_costs_nothing_but_a_repetition() -> None:
    class Broken(MemoryStore):
        async def save_records(self, put: object, delete: object = ()) -> None:
            raise QueueError(f"the disk is full: {put} {delete}")

    async def run() -> None:
        alarms = await Alarms.open(Broken())
        alarms["target a"] = "bad_credentials"
        await alarms.close()
        assert alarms["target a"] == "bad_credentials"

    asyncio.run(run())
