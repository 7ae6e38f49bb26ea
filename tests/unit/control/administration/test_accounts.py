"""Accounts, created and changed by an operator."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from gatepost.control.administration.accounts import AccountAdmin
from gatepost.control.administration.operations import AdminDispatch
from gatepost.directory.accounts import AccountDirectory, Protection, make_account
from gatepost.directory.azure.changes.change_result import Rejected
from gatepost.model.credentials import Credentials, Principal
from gatepost.model.secret import Secret
from tests.contract.directories import QuickHasher
from tests.unit.directory.memory import MemoryRecords


class Bench:
    """A directory of accounts and its administration."""

    def __init__(self) -> None:
        hasher = QuickHasher()
        protection = Protection(bytes(32), hasher, unseal=lambda sealed: sealed[::-1])
        self.directory = AccountDirectory(MemoryRecords(), protection, lambda: 0.0)
        self.admin = AccountAdmin(self.directory, hasher, lambda plain: plain[::-1])
        self.hasher = hasher

    async def do(self, verb: str, **fields: Any) -> dict[str, Any]:
        return await AdminDispatch(accounts=self.admin).administer(f"account {verb}", fields)

    async def signs_in(self, name: str, password: str) -> bool:
        answer = self.directory.identify(Credentials(name, Secret(password)), "PLAIN")
        verdict = await answer if isinstance(answer, asyncio.Future) else answer
        return isinstance(verdict, Principal)


def run(steps: Callable[[Bench], Awaitable[None]]) -> None:
    async def all_steps() -> None:
        bench = Bench()
        await bench.directory.load()
        await steps(bench)

    asyncio.run(all_steps())


def test_a_generated_password_is_shown_once() -> None:
    async def steps(bench: Bench) -> None:
        made = await bench.do("create", name="printer", senders=["example.com", "a@example.org"])
        assert made["senders"] == ["@example.com", "a@example.org"]
        assert len(made["password"]) >= 33
        assert await bench.signs_in("printer", made["password"])
        shown = await bench.do("show", name="printer")
        assert shown == {
            "name": "printer", "senders": made["senders"], "cram_md5": False, "origin": "store",
        }  # fmt: skip
        assert await bench.do("list") == {"accounts": [shown]}

    run(steps)


def test_a_password_that_was_given_is_not_told() -> None:
    async def steps(bench: Bench) -> None:
        assert "password" not in await bench.do("create", name="crm", password="chosen")
        assert await bench.signs_in("crm", "chosen")
        assert "password" not in await bench.do("set-password", name="crm", password="other")
        assert await bench.signs_in("crm", "other")
        assert not await bench.signs_in("crm", "chosen")

    run(steps)


def test_another_password_leaves_the_rest() -> None:
    async def steps(bench: Bench) -> None:
        await bench.do("create", name="crm", senders=["*"], cram_md5=True)
        changed = await bench.do("set-password", name="crm")
        assert changed["senders"] == ["*"]
        assert changed["cram_md5"]
        assert await bench.signs_in("crm", changed["password"])

    run(steps)


def test_a_deleted_account_cannot_sign_in() -> None:
    async def steps(bench: Bench) -> None:
        made = await bench.do("create", name="crm")
        gone = await bench.do("delete", name="crm")
        assert gone["deleted"]["name"] == "crm"
        assert not await bench.signs_in("crm", made["password"])

    run(steps)


def test_the_configuration_s_are_shown_and_left_alone() -> None:
    async def steps(bench: Bench) -> None:
        given = make_account("app", Secret("given"), ["*"], bench.hasher)
        bench.directory.configure([given])
        listed = await bench.do("list")
        assert [(each["name"], each["origin"]) for each in listed["accounts"]] == [
            ("app", "configuration")
        ]
        assert (await bench.do("show", name="app"))["origin"] == "configuration"
        for verb in ("create", "delete", "set-password"):
            with pytest.raises(Rejected, match="defined in the configuration") as caught:
                await bench.do(verb, name="app")
            assert caught.value.status == 409

    run(steps)


@pytest.mark.parametrize(
    ("verb", "fields", "message"),
    [
        ("create", {"name": ""}, "printable"),
        ("create", {"name": "a\nb"}, "printable"),
        ("create", {"name": " a"}, "printable"),
        ("create", {"name": "a" * 256}, "printable"),
        ("create", {"name": "taken"}, "already"),
        ("create", {"name": "a", "senders": ["not a sender"]}, "a sender must be"),
        ("create", {"name": "a", "nonsense": 1}, "nonsense"),
        ("create", {}, "name"),
        ("show", {"name": "nobody"}, "there is no account nobody"),
        ("delete", {"name": "nobody"}, "there is no account nobody"),
        ("set-password", {"name": "nobody"}, "there is no account nobody"),
        ("rename", {"name": "taken"}, "unknown operation"),
    ],
)
def test_invalid_requests_are_rejected(verb: str, fields: dict[str, Any], message: str) -> None:
    async def steps(bench: Bench) -> None:
        await bench.do("create", name="taken")
        with pytest.raises(Rejected, match=message):
            await bench.do(verb, **fields)

    run(steps)


def test_a_relay_without_accounts_or_without_azure_says_so() -> None:
    async def steps() -> None:
        with pytest.raises(Rejected, match="no directory of accounts"):
            await AdminDispatch().administer("account list", {})
        with pytest.raises(Rejected, match="and so no tenants"):
            await AdminDispatch().administer("tenant list", {})

    asyncio.run(steps())
