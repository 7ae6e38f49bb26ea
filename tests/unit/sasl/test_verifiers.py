"""The stored form of a password."""

import pytest

from gatepost.model.secret import Secret
from gatepost.sasl.exchange import UnusableCredentials
from gatepost.sasl.verifiers import ScramHash, cram_md5_state, decoy_scram, scram_verifier

KEY = b"secret of this server"


@pytest.mark.parametrize(("digest", "size"), [("sha1", 20), ("sha256", 32)])
def test_a_verifier_does_not_hold_the_password(digest: ScramHash, size: int) -> None:
    made = scram_verifier(Secret("pencil"), b"salt", 4_096, digest)
    assert len(made.stored_key) == len(made.server_key) == size
    assert made.stored_key != made.server_key
    assert b"pencil" not in made.stored_key + made.server_key
    assert made == scram_verifier(Secret("pencil"), b"salt", 4_096, digest)
    assert made != scram_verifier(Secret("pencil"), b"Salt", 4_096, digest)
    assert "stored_key" not in repr(made)


def test_equal_passwords_in_unicode_are_equal() -> None:
    composed, decomposed = Secret("\u00e9"), Secret("e\u0301")
    assert scram_verifier(composed, b"salt", 1, "sha1") == scram_verifier(
        decomposed, b"salt", 1, "sha1"
    )


@pytest.mark.parametrize("password", ["\u0007", "\u0221"], ids=["control", "unassigned"])
def test_a_password_that_scram_cannot_carry_has_no_verifier(password: str) -> None:
    # RFC 5802, section 2.2: what is stored may hold no code point that Unicode 3.2 leaves open
    with pytest.raises(UnusableCredentials):
        scram_verifier(Secret(password), b"salt", 1, "sha1")


@pytest.mark.parametrize(("digest", "size"), [("sha1", 20), ("sha256", 32)])
def test_a_decoy_is_made_like_a_verifier(digest: ScramHash, size: int) -> None:
    decoy = decoy_scram("nobody", KEY, 4_096, digest)
    assert (len(decoy.salt), len(decoy.stored_key), len(decoy.server_key)) == (16, size, size)
    assert decoy == decoy_scram("nobody", KEY, 4_096, digest)
    assert decoy.salt != decoy_scram("anybody", KEY, 4_096, digest).salt
    assert decoy.salt != decoy_scram("nobody", b"another server", 4_096, digest).salt


def test_cram_md5_keeps_the_key_itself() -> None:
    assert cram_md5_state(Secret("pässword")) == "pässword".encode()
