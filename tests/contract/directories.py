"""Directories to hold to their contract, each with one user who may sign in."""

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gatepost.directory.accounts import AccountDirectory, Protection, make_account
from gatepost.directory.azure.directory import AzureDirectory
from gatepost.directory.azure.tokens import AccessTokens
from gatepost.directory.contract import Directory
from gatepost.model.secret import Secret
from tests.unit.directory.azure.world import (
    DOMAIN_NAME,
    KEY,
    NOW,
    USERNAME,
    entries,
    principal,
    sender,
    signing_key,
)
from tests.unit.directory.memory import MemoryRecords


class QuickHasher:
    """A ``Hasher`` that is no good for anything but tests."""

    def __init__(self) -> None:
        self.verified = 0

    def hash(self, password: bytes) -> str:
        return hashlib.sha256(password).hexdigest()

    def verify(self, encoded: str, password: bytes) -> bool:
        self.verified += 1
        return hmac.compare_digest(encoded, self.hash(password))


@dataclass(frozen=True)
class Case:
    """A directory, and what is true of it."""

    directory: Directory
    username: str
    password: Secret
    allowed: str
    refused: str
    """A sender that the user may not use."""
    take_away: Callable[[], Awaitable[None]]
    """Ends the user's right to sign in."""
    token: Secret | None = None
    """For the mechanisms that prove one."""


async def azure() -> Case:
    tokens = AccessTokens(signing_key(), lambda: NOW)
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
        tokens.issue(sender(), principal(), "https://communication.azure.com", "issuer").token,
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


CASES: dict[str, Callable[[], Awaitable[Case]]] = {"azure": azure, "accounts": accounts}
