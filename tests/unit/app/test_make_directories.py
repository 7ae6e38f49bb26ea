"""The directories from one configuration to the next."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gatepost.app.make_directories import Directories, ServedDirectory
from gatepost.app.make_entra_directory import prove_at_endpoint
from gatepost.client.named_secret import NamedSecret
from gatepost.config.settings import (
    AccountsDirectory,
    AccountSettings,
    AzureDirectorySettings,
    EntraDirectorySettings,
)
from gatepost.directory.azure.entries import Tenant
from gatepost.directory.azure.login_rules import rules_of
from gatepost.directory.azure.username import CompositeName
from gatepost.directory.contract import Record
from gatepost.directory.scram_verifiers import HASHES
from gatepost.errors import ConfigError
from gatepost.keys.store_key import SIZE, Key, open_key
from gatepost.model.secret import Secret
from gatepost.model.value_or_future import Later
from gatepost.profiles import load_profile
from gatepost.sasl.interview import Verifier
from tests.unit.client.tokens.asked import Answer, Asked, says
from tests.unit.directory.memory import MemoryRecords

NOBODY: Any = None
"""Nothing is asked over HTTP."""
LENIENT, STRICT = [rules_of(load_profile("acs", strict=each)) for each in (False, True)]


def ignore(event: str, **facts: Any) -> None:
    """Ignore a report."""


NO_ACCOUNT = Record("account", "bob", {"senders": 1})


def test_a_change_counts_that_was_begun_under_the_configuration_before(tmp_path: Path) -> None:
    async def steps() -> None:
        records = MemoryRecords()
        made = Directories(records, open_key(tmp_path), NOBODY, ignore)
        prepared = await made.make([AzureDirectorySettings()])
        served = ServedDirectory(prepared.directory)
        prepared.take(served)
        assert made.azure is not None
        tenant = Tenant("one", "contoso.localhost")
        await made.azure.save([tenant])

        following = await made.make([AzureDirectorySettings(strict=True)])
        records.seconds = 0.01
        deleting = asyncio.ensure_future(made.azure.save([], [tenant]))
        following.take(served)
        await deleting
        assert made.azure.all(Tenant) == ()
        assert made.azure.rules == STRICT
        assert served.inner is made.azure

    asyncio.run(steps())


def test_the_azure_directory_remembers_the_key_of_its_secrets(tmp_path: Path) -> None:
    """With another key all secrets would be refused as wrong, after a reload as after a start."""

    async def steps() -> None:
        records = MemoryRecords()
        await Directories(records, open_key(tmp_path), NOBODY, ignore).make(
            [AzureDirectorySettings()]
        )
        other = Directories(records, Key(bytes(SIZE)), NOBODY, ignore)
        await other.make([AccountsDirectory()])
        with pytest.raises(ConfigError, match="does not match the sealed data"):
            await other.make([AzureDirectorySettings()])

    asyncio.run(steps())


@pytest.mark.parametrize("mechanism", [*HASHES])
def test_no_verifier_changes_at_a_restart(tmp_path: Path, mechanism: str) -> None:
    """Otherwise the salts would tell which names exist: those of unknown names do not change."""
    (tmp_path / "password").write_text("pencil")
    (tmp_path / "bell").write_text("bell\x07")  # SASLprep prohibits it
    accounts = [
        AccountSettings(name, NamedSecret("file", str(tmp_path / file)))
        for name, file in (("app", "password"), ("bell", "bell"))
    ]
    device = AccountSettings("device", certificates=("device.example",))
    settings = AccountsDirectory((*accounts, device))
    names = ["app", "bell", "device", "nobody"]

    async def start() -> list[Verifier]:
        made = Directories(MemoryRecords(), open_key(tmp_path), NOBODY, ignore)
        unknown = await made.make([AccountsDirectory()])
        before = [now(unknown.directory.verifier(name, mechanism)) for name in names]
        prepared = await made.make([settings])
        prepared.take(ServedDirectory(prepared.directory))
        after = [now(prepared.directory.verifier(name, mechanism)) for name in names]
        assert [each.principal is None for each in after] == [False, True, True, True]
        assert [shown(each) for each in after] == [shown(each) for each in before]
        return after

    first, again = asyncio.run(start()), asyncio.run(start())
    assert [each.scram for each in first] == [each.scram for each in again]
    assert len({shown(each) for each in first}) == len(names)


def now(answer: Later[Verifier]) -> Verifier:
    assert isinstance(answer, Verifier)
    return answer


def shown(verifier: Verifier) -> tuple[bytes, int]:
    """Return what a client sees of a verifier."""
    assert verifier.scram is not None
    return verifier.scram.salt, verifier.scram.iterations


def test_rules_that_are_not_taken_do_not_count(tmp_path: Path) -> None:
    async def steps() -> None:
        made = Directories(MemoryRecords(), open_key(tmp_path), NOBODY, ignore)
        prepared = await made.make([AzureDirectorySettings()])
        prepared.take(ServedDirectory(prepared.directory))
        await made.make([AzureDirectorySettings(strict=True)])
        assert made.azure is not None
        assert made.azure.rules == LENIENT != STRICT

    asyncio.run(steps())


def test_an_unreadable_account_is_reported_once(tmp_path: Path) -> None:
    told: list[tuple[str, str]] = []

    def report(event: str, **facts: str) -> None:
        told.append((event, facts["name"]))

    async def steps() -> None:
        made = Directories(MemoryRecords([NO_ACCOUNT]), open_key(tmp_path), NOBODY, report)
        for _ in range(2):
            await made.make([AccountsDirectory()])

    asyncio.run(steps())
    assert told == [("account_damaged", "bob")]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (says({"error": "invalid_client", "error_codes": [7000215]}, 401), ""),
        (says({"error": "something_new"}, 400), ""),
        (says(b"<html>", 404), "provider_endpoint_changed: "),
        (says(b"<html>", 403), "entra_unavailable: "),
        (says(b"", 429, retry_after="17"), "entra_unavailable: "),
        (says({"error": "invalid_resource", "error_codes": [500011]}, 400), "oauth_scope_wrong: "),
    ],
)
def test_only_a_verdict_on_the_secret_is_a_refusal(answer: Answer, reason: str) -> None:
    """A client that gets 535 takes its secret for wrong."""
    name = CompositeName("res", "application", "tenant")
    proof = asyncio.run(
        prove_at_endpoint(Asked(answer), EntraDirectorySettings(), name, Secret("s3cret"))
    )
    assert proof.is_transient == bool(reason)
    assert proof.reason.startswith(reason)
    assert proof.retry_after == (17 if "429" in proof.reason else 0)
