"""Accounts: hashed once, remembered for a while, and verified again after every change."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from gatepost.directory.accounts import (
    REMEMBERED,
    AccountDirectory,
    Protection,
    StoredAccount,
    make_account,
)
from gatepost.directory.contract import Record
from gatepost.errors import ConfigError
from gatepost.model.address import parse_address
from gatepost.model.credentials import Credentials, Principal, Standing
from gatepost.model.reply import Reply
from gatepost.model.secret import Secret
from tests.contract.directories import QuickHasher
from tests.unit.directory.memory import MemoryRecords

PASSWORD = Secret("correct horse")
KEY = b"k" * 32


class Bench:
    """A directory with one account, its hasher and its clock."""

    def __init__(
        self, records: MemoryRecords | None = None, hasher: QuickHasher | None = None
    ) -> None:
        self.records = records or MemoryRecords()
        self.hasher = hasher or QuickHasher()
        self.now = 0.0
        self.directory = AccountDirectory(
            self.records, Protection(KEY, self.hasher), lambda: self.now
        )

    async def identify(self, password: Secret = PASSWORD, name: str = "bob") -> Principal | Reply:
        answer = self.directory.identify(Credentials(name, password), "PLAIN")
        return await answer if isinstance(answer, asyncio.Future) else answer

    async def add(self, name: str = "bob", password: Secret = PASSWORD) -> StoredAccount:
        account = make_account(name, password, ["*"], self.hasher)
        await self.directory.save([account])
        return account


def run(steps: Callable[[Bench], Awaitable[Any]], bench: Bench | None = None) -> None:
    async def all_steps() -> None:
        made = bench or Bench()
        await made.directory.load()
        await steps(made)

    asyncio.run(asyncio.wait_for(all_steps(), 60))


def test_a_verified_password_is_not_hashed_again_for_a_while() -> None:
    async def steps(bench: Bench) -> None:
        await bench.add()
        assert await bench.identify() == Principal("bob")
        answer = bench.directory.identify(Credentials("bob", PASSWORD), "LOGIN")
        assert answer == Principal("bob"), "at once, without a future"
        assert bench.hasher.verified == 1
        bench.now = REMEMBERED
        assert await bench.identify() == Principal("bob")
        assert bench.hasher.verified == 2

    run(steps)


def test_a_wrong_password_is_hashed_every_time() -> None:
    async def steps(bench: Bench) -> None:
        await bench.add()
        for _ in range(3):
            assert isinstance(await bench.identify(Secret("wrong")), Reply)
        assert bench.hasher.verified == 3

    run(steps)


def test_a_password_that_comes_many_times_at_once_is_hashed_once() -> None:
    async def steps(bench: Bench) -> None:
        await bench.add()
        verdicts = await asyncio.gather(*[bench.identify() for _ in range(20)])
        assert verdicts == [Principal("bob")] * 20
        assert bench.hasher.verified == 1

    run(steps)


class SlowHasher(QuickHasher):
    """Takes as long for a wrong password as the test wants."""

    def __init__(self) -> None:
        super().__init__()
        self.permits = threading.Semaphore(0)
        """One for each wrong password that may be done with."""

    def matches(self, encoded: str, password: bytes) -> bool:
        is_right = super().matches(encoded, password)
        assert is_right or self.permits.acquire(timeout=20)
        return is_right


def test_a_flood_of_wrong_passwords_does_not_delay_proven_clients() -> None:
    hasher = SlowHasher()

    async def steps(bench: Bench) -> None:
        await bench.add()
        await bench.identify()
        bench.now = REMEMBERED
        storm = [asyncio.create_task(bench.identify(Secret(f"wrong {n}"))) for n in range(200)]
        await asyncio.sleep(0)
        right = asyncio.create_task(bench.identify())
        await asyncio.sleep(0)
        hasher.permits.release(2)  # of those that were being hashed when it came
        assert await right == Principal("bob")
        hasher.permits.release(len(storm))
        await asyncio.gather(*storm)

    run(steps, Bench(hasher=hasher))


def test_logins_behind_a_thousand_others_are_deferred(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gatepost.directory.accounts.BUSY_AFTER", 0.0)

    async def steps(bench: Bench) -> None:
        await bench.add()
        storm = [asyncio.create_task(bench.identify(Secret(f"wrong {n}"))) for n in range(1010)]
        verdicts = await asyncio.gather(*storm)
        busy = [each for each in verdicts if isinstance(each, Reply) and each.code == 454]
        assert len(busy) == 8, "two at once, and a thousand that wait"
        assert busy[0].reason.startswith("busy: ")

    run(steps)


def test_an_unknown_name_costs_as_much_as_a_wrong_password() -> None:
    async def steps(bench: Bench) -> None:
        await bench.add()
        verdict = await bench.identify(name="alice")
        assert isinstance(verdict, Reply)
        assert verdict.reason.startswith("account_unknown: ")
        assert bench.hasher.verified == 1

    run(steps)


def test_the_password_of_the_decoy_is_refused() -> None:
    async def steps(bench: Bench) -> None:
        assert isinstance(await bench.identify(Secret(""), "alice"), Reply)

    run(steps)


def test_every_change_makes_passwords_be_hashed_again() -> None:
    async def steps(bench: Bench) -> None:
        await bench.add()
        await bench.identify()
        await bench.add("alice")
        await bench.identify()
        assert bench.hasher.verified == 2

    run(steps)


def test_a_new_password_ends_the_old_one_at_once() -> None:
    async def steps(bench: Bench) -> None:
        await bench.add()
        await bench.identify()
        await bench.add(password=Secret("new"))
        verdict = await bench.identify()
        assert isinstance(verdict, Reply)
        assert verdict.reason.startswith("bad_credentials: ")
        assert await bench.identify(Secret("new")) == Principal("bob")

    run(steps)


def test_a_password_that_was_replaced_while_it_was_hashed_does_not_count() -> None:
    async def steps(bench: Bench) -> None:
        await bench.add()
        answer = bench.directory.identify(Credentials("bob", PASSWORD), "PLAIN")
        assert isinstance(answer, asyncio.Future)
        await asyncio.sleep(0)
        await bench.add(password=Secret("new"))
        verdict = await answer
        assert isinstance(verdict, Reply)
        assert verdict.reason.startswith("account_changed: ")

    run(steps)


def test_a_change_is_completed_although_its_caller_is_cancelled() -> None:
    """Or the store would have no account any more that still sends."""

    async def steps(bench: Bench) -> None:
        await bench.add()
        bench.records.seconds = 0.01
        deleting = asyncio.ensure_future(bench.directory.save([], ["bob"]))
        await asyncio.sleep(0)
        deleting.cancel()
        await asyncio.wait([deleting])
        await asyncio.sleep(0.05)
        assert len(bench.records.kept) == len(bench.directory.accounts) == 0

    run(steps)


def test_mechanisms_are_offered_before_the_first_account_exists() -> None:
    async def steps(bench: Bench) -> None:
        assert bench.directory.mechanisms
        await bench.add()
        assert "SCRAM-SHA-256" in bench.directory.mechanisms
        assert "CRAM-MD5" not in bench.directory.mechanisms, "nothing can unseal here"

    run(steps)


def test_accounts_survive_a_restart() -> None:
    first = Bench()
    run(lambda bench: bench.add(), first)

    async def steps(bench: Bench) -> None:
        assert await bench.identify() == Principal("bob")

    run(steps, Bench(first.records))


@pytest.mark.parametrize(
    "left", [{}, {"name": 1}, {"name": "bob"}, {"name": "amy", "password": ""}]
)
def test_a_damaged_account_keeps_its_name_and_affects_no_other(left: dict[str, Any]) -> None:
    first = Bench()
    run(lambda bench: bench.add("amy"), first)
    asyncio.run(first.records.save_records([Record("account", "bob", left)]))

    async def steps(bench: Bench) -> None:
        assert [*bench.directory.damaged] == ["bob"]
        assert await bench.identify(name="amy") == Principal("amy")
        for guess in (PASSWORD, Secret("")):
            assert isinstance(await bench.identify(guess), Reply)
        for mechanism in ("SCRAM-SHA-256", "CRAM-MD5"):
            assert bench.directory.verifier("bob", mechanism).refusal is not None
        await bench.add()
        assert await bench.identify() == Principal("bob")

    run(steps, Bench(first.records))


def test_without_its_key_an_account_lacks_cram_md5_alone() -> None:
    """Whether there is such an account cannot be seen from outside."""

    def lost(_sealed: bytes) -> bytes:
        raise ConfigError("the key does not match the sealed data")

    sealed = make_account("bob", PASSWORD, ["*"], QuickHasher(), seal=lambda state: state)
    bench = Bench(MemoryRecords([Record("account", "bob", msgspec.to_builtins(sealed))]))
    bench.directory = AccountDirectory(
        bench.records, Protection(KEY, bench.hasher, lost), lambda: bench.now
    )

    async def steps(bench: Bench) -> None:
        assert [*bench.directory.damaged] == ["bob"]
        assert "CRAM-MD5" not in bench.directory.mechanisms
        verifiers = [bench.directory.verifier(name, "CRAM-MD5") for name in ("bob", "nobody")]
        assert [each.principal for each in verifiers] == [None, None]
        assert await bench.identify() == Principal("bob")

    run(steps, bench)


def test_a_password_that_scram_cannot_carry_still_signs_in() -> None:
    """SASLprep prohibits control characters; PLAIN and LOGIN do not."""

    async def steps(bench: Bench) -> None:
        account = await bench.add(password=Secret("bell\x07"))
        assert account.scram.of("SCRAM-SHA-256") is None
        assert await bench.identify(Secret("bell\x07")) == Principal("bob")
        verifier = bench.directory.verifier("bob", "SCRAM-SHA-256")
        assert verifier.refusal is not None
        assert verifier.refusal.reason.startswith("mechanism_unsupported: ")

    run(steps)


@pytest.mark.parametrize("typed", ["pässword", "pa\u0308ssword", "p\u00e4ss\u00adword"])
def test_a_password_is_the_same_however_it_was_composed(typed: str) -> None:
    async def steps(bench: Bench) -> None:
        await bench.add(password=Secret("p\u00e4ssword"))
        assert await bench.identify(Secret(typed)) == Principal("bob")

    run(steps)


@pytest.mark.parametrize(
    ("senders", "sender", "standing"),
    [
        ((), "a@x.com", Standing.DOMAIN_NOT_LINKED),
        (("*",), "a@x.com", Standing.ALLOWED),
        (("a@x.com",), "A@X.com", Standing.ALLOWED),
        (("a@x.com",), "b@x.com", Standing.SENDER_NOT_REGISTERED),
        (("@x.com",), "b@X.COM", Standing.ALLOWED),
        (("@x.com",), "b@y.x.com", Standing.DOMAIN_NOT_LINKED),
        (("@y.x.com",), "b@x.com", Standing.DOMAIN_NOT_LINKED),
        (("a@ax.com",), "b@x.com", Standing.DOMAIN_NOT_LINKED),
    ],
)
def test_standing(senders: tuple[str, ...], sender: str, standing: Standing) -> None:
    assert StoredAccount("bob", "", senders).standing(parse_address(sender)) is standing


def test_no_secret_shows() -> None:
    async def steps(bench: Bench) -> None:
        account = await bench.add()
        assert account.password not in repr(account)
        assert PASSWORD.reveal() not in f"{bench.directory!r} {bench.records.kept!r}"

    run(steps)


CERTIFIED = [
    # what the certificate says       to act as   who signs in; a refusal's reason
    (("device.example",),              "",         "device"),
    (("sha256:00", "device.example"),  "device",   "device"),
    (("device.example",),              "bob",      "authzid_refused"),
    (("both.example",),                "other",    "other"),
    (("both.example",),                "",         "authzid_refused"),
    (("somebody.example",),            "device",   "account_unknown"),
    ((),                               "",         "account_unknown"),
]  # fmt: skip


@pytest.mark.parametrize(("presented", "authzid", "expected"), CERTIFIED)
def test_a_certificate_is_an_account_s(
    presented: tuple[str, ...], authzid: str, expected: str
) -> None:
    async def steps(bench: Bench) -> None:
        account = await bench.add()
        assert "EXTERNAL" not in bench.directory.mechanisms
        bench.directory.configure([
            replace(account, name="device", certificates=("device.example", "both.example")),
            replace(account, name="other", certificates=("both.example",)),
        ])  # fmt: skip
        assert "EXTERNAL" in bench.directory.mechanisms
        credentials = Credentials(certificate=True, authzid=authzid, presented=presented)
        verdict = bench.directory.identify(credentials, "EXTERNAL")
        if isinstance(verdict, Principal):
            assert verdict.name == expected
        else:
            assert isinstance(verdict, Reply)
            assert verdict.reason.startswith(f"{expected}: ")

    run(steps)
