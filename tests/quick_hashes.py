"""Verifiers of passwords at a hundredth of their cost, which is what makes them slow to guess.

Each verifier says what it cost, so the code that makes and checks them is the same;
``tests/unit/directory/test_passwords.py`` shows what they cost without this.
"""

from typing import Final

from gatepost.directory import accounts, passwords, scram_verifiers

ITERATIONS: Final = scram_verifiers.GENERATED_ITERATIONS + 1
"""Clients accept no fewer than those of generated passwords, which are others."""


def use() -> None:
    """Make passwords quick to hash, in this process and in its forks."""
    vars(passwords).update(ARGON2_MEMORY=64, ARGON2_PASSES=1, SCRYPT_COST=128)
    for module in (accounts, scram_verifiers):
        vars(module).update(CHOSEN_ITERATIONS=ITERATIONS)
