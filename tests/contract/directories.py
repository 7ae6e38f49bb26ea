"""Directories for the contract tests, each with one user who may sign in."""

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from gatepost.directory.accounts import AccountDirectory, Protection, TokenAccounts, make_account
from gatepost.directory.azure.directory import AzureDirectory
from gatepost.directory.azure.tokens import AccessTokens
from gatepost.directory.azure.username import CompositeName
from gatepost.directory.combined import CombinedDirectory
from gatepost.directory.contract import Directory
from gatepost.directory.entra import EntraDirectory, EntraRules, Proof
from gatepost.model.secret import Secret
from tests.rsa_keys import rsa_key
from tests.unit.directory.azure.world import (
    DOMAIN_NAME,
    KEY,
    NOW,
    USERNAME,
    entries,
    principal,
)
from tests.unit.directory.memory import MemoryRecords


class QuickHasher:
    """A fast ``Hasher``, for tests only."""

    def __init__(self) -> None:
        self.verified = 0

    def hash(self, password: bytes) -> str:
        return hashlib.sha256(password).hexdigest()

    def decoy(self) -> str:
        return ""

    def matches(self, encoded: str, password: bytes) -> bool:
        self.verified += 1
        return hmac.compare_digest(encoded, self.hash(password))


@dataclass(frozen=True)
class Case:
    """A directory, and the facts about it."""

    directory: Directory
    username: str
    password: Secret
    allowed: str
    refused: str
    """A sender that the user may not use."""
    take_away: Callable[[], Awaitable[None]]
    """Revokes the user's right to sign in."""
    token: Secret | None = None
    """For the mechanisms that use a token."""


async def azure() -> Case:
    tokens = AccessTokens(rsa_key(), lambda: NOW)
    directory = AzureDirectory(MemoryRecords(), digest_key=KEY, clock=lambda: NOW, tokens=tokens)
    there = entries()
    application = there["application"]
    kept, password = directory.make_secret(application)  # type: ignore[arg-type]  # is one
    await directory.save([*there.values(), kept])
    return Case(
        directory,
        USERNAME,
        password,
        f"DoNotReply@{DOMAIN_NAME}",
        f"somebody@{DOMAIN_NAME}",
        lambda: directory.save([], [application]),
        tokens.issue(principal(), "https://communication.azure.com", "issuer").token,
    )


async def accounts() -> Case:
    hasher, password = QuickHasher(), Secret("p\u00e4ssword \u2168")
    protection = Protection(KEY, hasher, unseal=lambda sealed: sealed[::-1])
    directory = AccountDirectory(MemoryRecords(), protection, lambda: 0.0)
    await directory.load()
    account = make_account(
        "printer", password, ["printer@contoso.com"], hasher, seal=lambda plain: plain[::-1]
    )
    await directory.save([account])
    return Case(
        directory,
        "printer",
        password,
        "Printer@Contoso.com",
        "other@contoso.com",
        lambda: directory.save([], ["printer"]),
    )


async def configured_accounts() -> Case:
    """Return accounts of the configuration instead of the store."""
    hasher, password = QuickHasher(), Secret("from a file")
    directory = AccountDirectory(MemoryRecords(), Protection(KEY, hasher), lambda: 0.0)
    await directory.load()
    directory.configure([make_account("printer", password, ["printer@contoso.com"], hasher)])

    async def take_away() -> None:
        directory.configure([])

    return Case(
        directory, "printer", password, "printer@contoso.com", "other@contoso.com", take_away
    )


async def token_accounts() -> Case:
    """Return an account that also has an access token."""
    case, token = await accounts(), Secret("an-opaque-token")
    assert isinstance(case.directory, AccountDirectory)
    directory = TokenAccounts(case.directory, {case.username: token})
    return replace(case, directory=directory, token=token)


async def entra() -> Case:
    application = "77777777-0000-4000-8000-000000000001"
    tenant = "00000000-0000-4000-8000-00000000000a"
    password = Secret("the value of a secret")

    async def prove(name: CompositeName, secret: Secret) -> Proof:
        assert (name.application_id, name.tenant_id) == (application, tenant)
        right = hmac.compare_digest(secret.reveal().encode(), password.reveal().encode())
        return Proof() if right else Proof("secret_wrong: AADSTS7000215")

    def rules(*senders: str) -> EntraRules:
        known = {application: senders} if senders else {}
        return EntraRules(frozenset({tenant}), known)

    directory = EntraDirectory(rules("printer@contoso.com"), prove, KEY, lambda: 0.0)

    async def take_away() -> None:
        directory.configure(rules())

    username = f"contoso.{application}.{tenant}"
    return Case(
        directory, username, password, "printer@contoso.com", "other@contoso.com", take_away
    )


async def combined() -> Case:
    """Return an account combined with a directory that does not know it."""
    first, second = await azure(), await accounts()
    assert isinstance(first.directory, AzureDirectory)
    assert isinstance(second.directory, AccountDirectory)
    return replace(second, directory=CombinedDirectory([second.directory, first.directory], 0.01))


async def combined_application() -> Case:
    """Return an application combined with accounts."""
    first, second = await azure(), await accounts()
    assert isinstance(first.directory, AzureDirectory)
    assert isinstance(second.directory, AccountDirectory)
    return replace(first, directory=CombinedDirectory([first.directory, second.directory], 0.01))


CASES: dict[str, Callable[[], Awaitable[Case]]] = {
    "azure": azure,
    "accounts": accounts,
    "configured accounts": configured_accounts,
    "token accounts": token_accounts,
    "entra": entra,
    "combined": combined,
    "combined application": combined_application,
}
