"""Accounts and senders, kept in memory."""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from gatepost.model.address import Address
from gatepost.model.credentials import Credentials, Principal, Standing
from gatepost.model.reply import Reply
from gatepost.model.secret import Secret
from gatepost.sasl.interview import REFUSED, Verifier
from gatepost.sasl.verifiers import (
    ScramHash,
    cram_md5_state,
    decoy_scram,
    scram_verifier,
)

ITERATIONS: Final = 4_096
"""The minimum of RFC 5802 5.1; more would only slow tests down."""
_DECOY_KEY: Final = b"the decoys of a test"
_HASHES: Final[dict[str, ScramHash]] = {
    "SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512",
}  # fmt: skip


@dataclass(slots=True)
class MemoryAccount:
    """An account that can sign in, with its registered senders."""

    username: str
    password: Secret = field(repr=False)
    senders: frozenset[str] = frozenset()
    """Addresses in lower case."""
    enabled: bool = True

    @property
    def domains(self) -> frozenset[str]:
        """The linked domains: those of the senders."""
        return frozenset(sender.rpartition("@")[2] for sender in self.senders)


class MemoryDirectory:
    """A ``Directory`` for tests: accounts with passwords in clear, every answer at once.

    >>> directory = MemoryDirectory()
    >>> directory.add("alice", "wonderland", senders=["alice@example.com"])
    """

    def __init__(self, mechanisms: Iterable[str] = ("LOGIN", "PLAIN")) -> None:
        self.mechanisms = frozenset(mechanisms)
        self.accounts: dict[str, MemoryAccount] = {}

    def add(self, username: str, password: str, senders: Iterable[str] = ()) -> None:
        """Let ``username`` sign in and use ``senders``."""
        folded = frozenset(sender.lower() for sender in senders)
        self.accounts[username] = MemoryAccount(username, Secret(password), folded)

    def identify(self, credentials: Credentials, mechanism: str) -> Principal | Reply:
        """Verify a password, or a token, which is the same string here."""
        account = self.accounts.get(credentials.username)
        if account is None or not account.enabled:
            return REFUSED.because("unknown_user: nobody has this name")
        if credentials.authzid not in ("", credentials.username):
            return REFUSED.because("not_allowed: nobody may act as another")
        secret = credentials.password or credentials.token
        if secret is None or secret != account.password:
            return REFUSED.because("bad_credentials: the password is another")
        return Principal(account.username, mechanism)

    def verifier(self, username: str, mechanism: str) -> Verifier:
        """Return a password's verifier for SCRAM or CRAM-MD5; a decoy's for an unknown name."""
        name = mechanism.removesuffix("-PLUS")
        account = self.accounts.get(username)
        scheme = _HASHES.get(name)
        if account is None or not account.enabled:
            refusal = REFUSED.because("unknown_user: nobody has this name")
            decoy = decoy_scram(username, _DECOY_KEY, ITERATIONS, scheme) if scheme else None
            return Verifier(None, refusal, scram=decoy)
        principal = Principal(account.username)
        if scheme is None:
            return Verifier(principal, digest_state=cram_md5_state(account.password))
        salt = hmac.digest(_DECOY_KEY, username.encode(), "sha256")[:16]
        made = scram_verifier(account.password, salt, ITERATIONS, scheme)
        return Verifier(principal, scram=made)

    def standing(self, principal: Principal, sender: Address) -> Standing:
        """Tell whether ``sender`` is registered; case does not matter."""
        account = self.accounts.get(principal.name)
        if account is None or not account.enabled:
            return Standing.NOT_SIGNED_IN
        if sender.domain.lower() not in account.domains:
            return Standing.DOMAIN_NOT_LINKED
        if str(sender).lower() not in account.senders:
            return Standing.SENDER_NOT_REGISTERED
        return Standing.ALLOWED
