"""The directory in memory keeps the contract of the real ones."""

import pytest

from gatepost.directory.contract import Directory
from gatepost.model.address import parse_address
from gatepost.model.credentials import Credentials, Principal, Standing
from gatepost.model.reply import Reply
from gatepost.model.secret import Secret
from gatepost.testing import MemoryDirectory


@pytest.fixture
def directory() -> MemoryDirectory:
    directory = MemoryDirectory(["PLAIN", "SCRAM-SHA-256"])
    directory.add("ann", "secret", ["Ann@example.com"])
    return directory


def test_it_is_a_directory(directory: MemoryDirectory) -> None:
    as_directory: Directory = directory
    assert as_directory.mechanisms == {"PLAIN", "SCRAM-SHA-256"}


# fmt: off
PROOFS = [
    (Credentials("ann", Secret("secret")),                None),
    (Credentials("ann", token=Secret("secret")),          None),
    (Credentials("ann", Secret("Secret")),                "bad_credentials"),
    (Credentials("bob", Secret("secret")),                "unknown_user"),
    (Credentials("ann"),                                  "bad_credentials"),
    (Credentials("ann", Secret("secret"), authzid="bob"), "not_allowed"),
]
# fmt: on


@pytest.mark.parametrize(("credentials", "slug"), PROOFS)
def test_identify(directory: MemoryDirectory, credentials: Credentials, slug: str | None) -> None:
    verdict = directory.identify(credentials, "PLAIN")
    if slug is None:
        assert verdict == Principal("ann", "PLAIN")
    else:
        assert isinstance(verdict, Reply)
        assert verdict.code == 535
        assert verdict.reason.startswith(f"{slug}: ")


# fmt: off
STANDINGS = [
    ("ann@example.com",  Standing.ALLOWED),
    ("ANN@Example.COM",  Standing.ALLOWED),
    ("bob@example.com",  Standing.SENDER_NOT_REGISTERED),
    ("ann@example.net",  Standing.DOMAIN_NOT_LINKED),
]
# fmt: on


@pytest.mark.parametrize(("sender", "expected"), STANDINGS)
def test_standing(directory: MemoryDirectory, sender: str, expected: Standing) -> None:
    assert directory.standing(Principal("ann"), parse_address(sender)) is expected


def test_a_disabled_account_is_not_signed_in(directory: MemoryDirectory) -> None:
    directory.accounts["ann"].enabled = False
    sender = parse_address("ann@example.com")
    assert directory.standing(Principal("ann"), sender) is Standing.NOT_SIGNED_IN
    verifier = directory.verifier("ann", "SCRAM-SHA-256")
    assert verifier.principal is None


def test_an_unknown_name_gets_a_steady_decoy(directory: MemoryDirectory) -> None:
    once, again = (directory.verifier("bob", "SCRAM-SHA-256") for _ in range(2))
    assert once.refusal is not None
    assert once.scram == again.scram
    assert once.scram is not None
