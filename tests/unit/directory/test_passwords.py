"""Password hashes: both kinds are recognised by their encoding, also those made elsewhere."""

from importlib import util
from types import ModuleType

import pytest
from cryptography.exceptions import UnsupportedAlgorithm

from gatepost.directory import passwords, scram_verifiers
from gatepost.directory.passwords import PasswordHasher, scrypt_hash

HASHER = PasswordHasher()


def test_the_right_password_and_no_other() -> None:
    encoded = HASHER.hash(b"secret")
    assert HASHER.matches(encoded, b"secret")
    assert not HASHER.matches(encoded, b"Secret")
    assert not HASHER.matches(encoded, b"")
    assert b"secret" not in encoded.encode()


def without_changes(module: ModuleType) -> ModuleType:
    """Return a module as users have it: the processes of tests make passwords quick to hash."""
    spec = util.spec_from_file_location("unchanged", module.__file__)
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(unchanged := util.module_from_spec(spec))
    return unchanged


def test_what_scram_needs_costs_a_hundred_thousand_iterations() -> None:
    assert without_changes(scram_verifiers).CHOSEN_ITERATIONS == 100_000


def test_a_verifier_costs_what_owasp_recommends() -> None:
    unchanged = without_changes(passwords)
    hasher = unchanged.PasswordHasher()
    for encoded in (hasher.hash(b"secret"), hasher.decoy()):
        assert encoded.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
        assert not hasher.matches(encoded, b"wrong")
    assert (unchanged.SCRYPT_COST, unchanged.SCRYPT_BLOCK, unchanged.SCRYPT_LANES) == (2**15, 8, 3)


def test_a_decoy_is_like_a_verifier_that_nothing_matches() -> None:
    verifier, decoy = HASHER.hash(b"secret"), HASHER.decoy()
    assert decoy.split("$")[:4] == verifier.split("$")[:4]
    assert list(map(len, decoy.split("$"))) == list(map(len, verifier.split("$")))
    assert decoy != HASHER.decoy()
    assert not HASHER.matches(decoy, b"")


def test_the_same_password_never_looks_the_same() -> None:
    assert HASHER.hash(b"secret") != HASHER.hash(b"secret")


def test_scrypt_is_read_too() -> None:
    encoded = scrypt_hash(b"secret")
    assert encoded.startswith("$scrypt$")
    assert HASHER.matches(encoded, b"secret")
    assert not HASHER.matches(encoded, b"wrong")


def test_scrypt_is_read_when_new_verifiers_cost_more(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = scrypt_hash(b"secret")
    monkeypatch.setattr(passwords, "SCRYPT_COST", 256)
    monkeypatch.setattr(passwords, "SCRYPT_LANES", 1)
    assert HASHER.matches(encoded, b"secret")
    assert encoded.split("$")[2] == "ln=7,r=8,p=3"


def test_scrypt_takes_over_where_argon2_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_salt: bytes) -> str:
        raise UnsupportedAlgorithm("no Argon2id in this OpenSSL")

    monkeypatch.setattr(passwords, "_argon2", missing)
    assert HASHER.hash(b"secret").startswith("$scrypt$")
    assert HASHER.decoy().split("$")[:3] == HASHER.hash(b"").split("$")[:3]
    assert not HASHER.matches(HASHER.decoy(), b"")


def test_scrypt_of_the_first_version_is_read() -> None:
    encoded = "$scrypt$AAAAAAAAAAAAAAAAAAAAAA==$uLxcwMSkjBOhZPP5xQ8kUZIPvlvbCgUS4CbcyxEuFgg="
    assert HASHER.matches(encoded, b"secret")


@pytest.mark.parametrize(
    "encoded", ["", "secret", "$2b$12$abc", "$argon2i$v=19$m=8,t=1,p=1$x$y", "$scrypt$x"]
)
def test_another_encoding_is_an_error(encoded: str) -> None:
    with pytest.raises(ValueError, match="not an encoded password"):
        HASHER.matches(encoded, b"secret")
