"""Several directories as one."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from gatepost.directory.accounts import AccountDirectory, Protection
from gatepost.directory.azure.directory import AzureDirectory
from gatepost.directory.combined import CombinedDirectory
from gatepost.directory.passwords import PasswordHasher
from gatepost.directory.scram_verifiers import CHOSEN_ITERATIONS
from gatepost.model.address import Address, parse_address
from gatepost.model.credentials import Credentials, Principal, Standing
from gatepost.model.reply import Esc, Reply
from gatepost.model.secret import Secret
from gatepost.sasl.interview import Verifier
from tests.unit.directory.memory import MemoryRecords


@dataclass
class One:
    """A directory that knows some names, and takes any password but ``wrong``."""

    word: str
    names: frozenset[str]
    mechanisms: frozenset[str] = frozenset({"PLAIN", "LOGIN"})
    asked: list[str] = field(default_factory=list)
    excuse: str = ""

    def unknown(self, username: str) -> str:
        return "" if username in self.names else self.excuse or f"unknown: to {self.word}"

    def identify(self, credentials: Credentials, mechanism: str) -> Principal | Reply:
        assert mechanism in self.mechanisms
        self.asked.append(credentials.username)
        if credentials.username in self.names and credentials.password != Secret("wrong"):
            return Principal(credentials.username, resource_id=self.word)
        return Reply(535, "no", Esc(5, 7, 8), reason=f"refused: by {self.word}")

    def verifier(self, username: str, mechanism: str) -> Verifier:
        assert mechanism.startswith("SCRAM-")
        return Verifier(Principal(username, resource_id=self.word))

    def standing(self, principal: Principal, sender: Address) -> Standing:
        assert not self.unknown(principal.name)
        allowed = sender.domain == f"{self.word}.example"
        return Standing.ALLOWED if allowed else Standing.DOMAIN_NOT_LINKED


def one(word: str, *names: str, also: tuple[str, ...] = ()) -> One:
    return One(word, frozenset(names), frozenset({"PLAIN", "LOGIN", *also}))


async def told(answer: Any) -> Any:
    return await answer if isinstance(answer, asyncio.Future) else answer


@pytest.mark.parametrize(
    ("name", "by"), [("ann", "first"), ("bob", "second"), ("both", "first"), ("nobody", "first")]
)
def test_the_first_that_knows_the_name_answers(name: str, by: str) -> None:
    async def steps() -> None:
        first, second = one("first", "ann", "both"), one("second", "bob", "both")
        both = CombinedDirectory([first, second], 0.0)
        verdict = await told(both.identify(Credentials(name, Secret("right")), "PLAIN"))
        assert [len(each.asked) for each in (first, second)] == [by == "first", by == "second"]
        if name == "nobody":
            assert verdict.reason == "unknown: to first"
            return
        assert verdict.resource_id == by
        assert both.standing(verdict, parse_address(f"a@{by}.example")) is Standing.ALLOWED
        verifier = both.verifier(name, "SCRAM-SHA-256")
        assert isinstance(verifier, Verifier)
        assert verifier.principal == Principal(name, resource_id=by)

    asyncio.run(steps())


def test_a_wrong_password_is_not_tried_on_the_next() -> None:
    async def steps() -> None:
        first, second = one("first", "both"), one("second", "both")
        both = CombinedDirectory([first, second], 0.0)
        verdict = await told(both.identify(Credentials("both", Secret("wrong")), "PLAIN"))
        assert verdict.code == 535
        assert second.asked == []

    asyncio.run(steps())


def test_refusals_take_the_same_time_in_every_directory() -> None:
    async def steps() -> None:
        both = CombinedDirectory([one("first", "ann"), one("second", "bob")], 0.05)
        loop = asyncio.get_running_loop()
        for name in ("ann", "bob", "nobody"):
            began = loop.time()
            await told(both.identify(Credentials(name, Secret("wrong")), "PLAIN"))
            assert 0.045 < loop.time() - began < 10

    asyncio.run(steps())


def test_mechanisms_offered_by_several_directories() -> None:
    scram, token = "SCRAM-SHA-256", "XOAUTH2"
    both = CombinedDirectory([one("first", also=(scram,)), one("second", also=(token,))])
    assert both.mechanisms == {"PLAIN", "LOGIN", token}
    alike = CombinedDirectory([one("first", also=(scram,)), one("second", also=(scram,))])
    assert scram in alike.mechanisms


def test_the_directory_that_recognised_most_of_a_name_says_why_it_is_unknown() -> None:
    async def steps() -> None:
        first, second = one("first", "ann"), one("second", "bob")
        first.excuse, second.excuse = "account_unknown: nobody", "tenant_unknown: another"
        both = CombinedDirectory([first, second], 0.0)
        verdict = await told(both.identify(Credentials("x", Secret("wrong")), "PLAIN"))
        assert verdict.reason == "tenant_unknown: another"

    asyncio.run(steps())


def test_one_is_needed() -> None:
    with pytest.raises(ValueError, match="needs a directory"):
        CombinedDirectory([])


def test_an_unknown_name_may_look_like_one_of_any_directory() -> None:
    """The iterations of each directory differ; those of a name do not tell that it exists."""

    def accounts() -> AccountDirectory:
        protection = Protection(b"key", PasswordHasher())
        return AccountDirectory(MemoryRecords(), protection, lambda: 0.0)

    azure = AzureDirectory(MemoryRecords(), digest_key=b"other", clock=lambda: datetime.now(UTC))
    both = CombinedDirectory([accounts(), azure], 0.0)
    seen: dict[int, str] = {}
    for name in (f"nobody{number}@example.com" for number in range(64)):
        verifiers = [both.verifier(name, "SCRAM-SHA-256") for _ in range(2)]
        assert verifiers[0] == verifiers[1]
        verifier = verifiers[0]
        assert isinstance(verifier, Verifier)
        assert verifier.scram is not None
        assert verifier.principal is None
        assert verifier.refusal is not None
        seen[verifier.scram.iterations] = verifier.refusal.reason.partition(":")[0]
    assert seen == {4_096: "account_unknown", CHOSEN_ITERATIONS: "account_unknown"}
