"""Plain accounts: a name, a password that somebody chose, and the senders that it may use."""

import asyncio
import hmac
import math
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec

from gatepost.directory.change_listeners import ChangeListeners, to_the_end
from gatepost.directory.contract import Record, Records, not_cached
from gatepost.directory.fair_queue import FairQueue, Rank, TooMany
from gatepost.directory.passwords import HASHES_AT_ONCE, Hasher
from gatepost.directory.proof_cache import ProofCache, ticket_of
from gatepost.directory.scram_verifiers import (
    CHOSEN_ITERATIONS,
    HASHES,
    ScramVerifiers,
    make_scram,
    random_salt,
    unproven,
)
from gatepost.directory.sender_patterns import standing_of
from gatepost.errors import ConfigError
from gatepost.model.address import Address
from gatepost.model.credentials import Credentials, Principal, Standing
from gatepost.model.reply import Esc, Reply
from gatepost.model.secret import Secret
from gatepost.model.value_or_future import Later
from gatepost.sasl.interview import Verifier
from gatepost.sasl.saslprep import saslprep
from gatepost.sasl.verifiers import ScramHash, cram_md5_state

REFUSED: Final = Reply(535, "Authentication credentials invalid", Esc(5, 7, 8))

BUSY: Final = Reply(454, "Temporary authentication failure", Esc(4, 7, 0)).because(
    "busy: too many logins are waiting to be checked"
)

REMEMBERED: Final = 300.0
"""Seconds for which a verified password need not be hashed again."""
BUSY_AFTER: Final = 1.0
"""Seconds before a client gets BUSY; told at once, it would come again at once."""
SUSPECTED: Final = 600.0
"""Seconds after a refused login during which logins of this peer come after those of others."""
_HINT: Final = 2
"""Octets that are kept of a digest of the correct password: enough to let a client with this
password go first, and too few to reveal the password."""

_KIND: Final = "account"
_UNKNOWN: Final = "account_unknown: there is no account with that name"
_NO_CRAM_MD5: Final = (
    "what CRAM-MD5 needs is damaged, or encrypted with another key; other mechanisms work"
)
_REVEALING: Final = frozenset({"LOGIN", "PLAIN"})

Unseal = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class StoredAccount:
    """The stored data of an account; ``make_account`` makes it."""

    name: str
    password: str = field(repr=False)
    """Hash by a ``Hasher``; empty if only certificates can sign in."""
    senders: tuple[str, ...] = ()
    """``local@domain``, ``@domain`` for every address of a domain, or ``*``."""
    scram: ScramVerifiers = field(default_factory=ScramVerifiers)
    cram_md5: bytes = field(default=b"", repr=False)
    """Encrypted; empty if CRAM-MD5 is not enabled for this account."""
    certificates: tuple[str, ...] = ()
    """Names, mailboxes or digests (``sha256:...``), in lower case, of client certificates that sign
    in as it (RFC 4422 appendix A)."""

    def standing(self, sender: Address) -> Standing:
        """Tell whether the account may use ``sender``, without regard to upper and lower case."""
        return standing_of(self.senders, sender)


def make_account(
    name: str,
    password: Secret,
    senders: Iterable[str],
    hasher: Hasher,
    *,
    seal: Callable[[bytes], bytes] | None = None,
    salt_of: Callable[[ScramHash], bytes] = random_salt,
) -> StoredAccount:
    """Return an account with every verifier of its password.

    CRAM-MD5 needs the password itself, so it is kept only where ``seal`` encrypts it. For
    ``salt_of`` see ``make_scram``. Takes a tenth of a second, on purpose.
    """
    return StoredAccount(
        name,
        hasher.hash(_prepared(password)),
        tuple(senders),
        make_scram(password, CHOSEN_ITERATIONS, salt_of),
        seal(cram_md5_state(password)) if seal else b"",
    )


def _prepared(password: Secret) -> bytes:
    """Return the octets to hash, equal for all Unicode forms of the password (RFC 4616 2)."""
    text = password.reveal()
    try:
        text = saslprep(text, stored=True)
    except ValueError:
        pass  # what SASLprep prohibits is used unchanged: PLAIN and LOGIN can transport it
    return text.encode("utf-8", "surrogateescape")


def _read(record: Record, unseal: Unseal | None) -> tuple[StoredAccount, str]:
    """Return what can be used of a stored account, and the error of what cannot be read."""
    try:
        account = msgspec.convert(record.fields, StoredAccount)
    except msgspec.ValidationError as error:
        return StoredAccount(record.id, ""), str(error)
    if account.name != record.id:  # it would take the place of another one
        return StoredAccount(record.id, ""), "its name is another one"
    if account.cram_md5 and unseal:
        try:
            unseal(account.cram_md5)
        except ConfigError:
            return replace(account, cram_md5=b""), _NO_CRAM_MD5
    return account, ""


@dataclass(frozen=True, slots=True)
class Protection:
    """The keys and functions that protect the passwords of accounts."""

    key: bytes = field(repr=False)
    """Key for decoys, and for digests of passwords in memory."""
    hasher: Hasher
    unseal: Unseal | None = None
    """Decrypts what ``seal`` encrypted, or raises ConfigError; without it CRAM-MD5 is not offered.
    """


class AccountDirectory:
    """Implements ``Directory`` for plain accounts.

    Call ``load`` once before use. ``monotonic`` is a monotonic clock in seconds.
    """

    def __init__(
        self, records: Records, protection: Protection, monotonic: Callable[[], float]
    ) -> None:
        self._records = records
        self._protection = protection
        self._accounts: dict[str, StoredAccount] = {}
        self._configured: dict[str, StoredAccount] = {}
        self._decoy = ""
        self._remembered: ProofCache[Principal | Reply] = ProofCache(monotonic)
        self._hashing = FairQueue(HASHES_AT_ONCE)
        self._hints: dict[str, bytes] = {}
        """By name, of those who have signed in: see ``_HINT``."""
        self._changing = asyncio.Lock()
        self._refused: ProofCache[None] = ProofCache(monotonic)
        """Peers with a recent refused login (see ``SUSPECTED``)."""
        self.damaged: dict[str, str] = {}
        """By name, the error of an account that could not be read."""
        self._followers = ChangeListeners()
        self.version = 0

    async def load(self) -> None:
        """Read all accounts. Of a damaged one only the name is kept, so that it can be deleted;
        nobody can sign in as it. If only what CRAM-MD5 needs is damaged, the rest is kept."""
        await self._read_accounts()
        self._decoy = self._protection.hasher.decoy()
        self.version += 1

    async def reload(self) -> None:
        """Read all accounts again, because another relay may have changed some."""
        async with self._changing:
            before = self._accounts
            await self._read_accounts()
            if self._accounts != before:
                self._note_change()
                await self._followers.forget()

    async def _read_accounts(self) -> None:
        accounts, damaged = dict[str, StoredAccount](), dict[str, str]()
        for record in await self._records.load_records():
            if record.kind == _KIND:
                accounts[record.id], damage = _read(record, self._protection.unseal)
                if damage:
                    damaged[record.id] = damage
        self._accounts, self.damaged = accounts, damaged

    @property
    def mechanisms(self) -> frozenset[str]:
        has_cram_md5 = any(each.cram_md5 for each in (*self.configured, *self.accounts))
        cram = {"CRAM-MD5"} if self._protection.unseal and has_cram_md5 else set()
        certified = any(each.certificates for each in (*self.configured, *self.accounts))
        external = {"EXTERNAL"} if certified else set()
        return frozenset({*_REVEALING, *HASHES, *cram, *external})

    def unknown(self, username: str) -> str:
        return "" if self._find(username) is not None else _UNKNOWN

    def account(self, name: str) -> StoredAccount | None:
        """Return a stored account by its name; None if there is none."""
        return self._accounts.get(name)

    @property
    def accounts(self) -> "tuple[StoredAccount, ...]":
        """All stored accounts, sorted by name."""
        return tuple([self._accounts[name] for name in sorted(self._accounts)])

    @property
    def configured(self) -> "tuple[StoredAccount, ...]":
        """All accounts of the configuration."""
        return tuple(self._configured.values())

    def configure(self, accounts: Iterable[StoredAccount]) -> None:
        """Set the accounts of the configuration; they take precedence over stored ones.

        Followers are not told; the caller must invalidate other caches.
        """
        self._configured = {each.name: each for each in accounts}
        self._note_change()

    def _find(self, username: str) -> StoredAccount | None:
        return self._configured.get(username) or self._accounts.get(username)

    def _note_change(self) -> None:
        self._remembered.clear()
        self.version += 1

    def identify(
        self, credentials: Credentials, mechanism: str
    ) -> "Principal | Reply | asyncio.Future[Principal | Reply]":
        if mechanism == "EXTERNAL":
            return self._of_certificate(credentials)
        password = credentials.password
        if mechanism not in _REVEALING or password is None:
            return REFUSED.because(f"mechanism_unsupported: {mechanism} does not verify a password")
        if credentials.authzid not in ("", credentials.username):
            return REFUSED.because("authzid_refused: acting as another identity is not permitted")
        prepared = _prepared(password)
        ticket = self._ticket_of(credentials.username, prepared)
        return self._remembered.ask(ticket, lambda: self._verify(credentials, prepared, ticket))

    def _ticket_of(self, username: str, prepared: bytes) -> bytes:
        return ticket_of(self._protection.key, self.version, username, prepared)

    def _of_certificate(self, credentials: Credentials) -> Principal | Reply:
        """Return the account of the presented certificate, or a refusal."""
        presented = frozenset(credentials.presented)
        accounts = {each.name: each for each in (*self.accounts, *self.configured)}
        owners = [
            each.name for each in accounts.values() if not presented.isdisjoint(each.certificates)
        ]
        if not owners:
            return REFUSED.because("account_unknown: no account has the presented certificate")
        name = credentials.authzid or owners[0]
        if name not in owners or (len(owners) > 1 and not credentials.authzid):
            return REFUSED.because("authzid_refused: the certificate belongs to another account")
        return Principal(name)

    async def _verify(
        self, credentials: Credentials, prepared: bytes, ticket: bytes
    ) -> Principal | Reply:
        username, peer = credentials.username, credentials.peer
        hint = ticket_of(self._protection.key, 0, username, prepared)[:_HINT]
        rank = Rank.REFUSED if self._refused.left(peer.encode()) else Rank.UNKNOWN
        if self._hints.get(username) == hint:
            rank = Rank.PROVEN
        try:
            async with self._hashing.turn(peer, rank):
                account = self._find(username)
                proven = await asyncio.to_thread(self._matches, account, prepared)
        except TooMany:
            await asyncio.sleep(BUSY_AFTER)
            return BUSY
        if account is None or not proven:
            self._refused.put(peer.encode(), None, SUSPECTED)
        if account is None:
            return REFUSED.because(_UNKNOWN)
        if self._find(username) is not account:
            return REFUSED.because("account_changed: the account was changed meanwhile")
        if not account.password:
            return REFUSED.because(
                "bad_credentials: the account has only certificates, no password"
            )
        if not proven:
            return REFUSED.because("bad_credentials: the password is wrong")
        principal = Principal(username)
        self._hints[username] = hint
        self._remembered.put(ticket, principal, REMEMBERED)
        return principal

    def _matches(self, account: StoredAccount | None, password: bytes) -> bool:
        encoded = (account.password if account else "") or self._decoy
        return self._protection.hasher.matches(encoded, password)

    def verifier(self, username: str, mechanism: str) -> Verifier:
        account = self._find(username)
        if account is not None:
            principal = Principal(username)
            if scram := account.scram.of(mechanism):
                return Verifier(principal, scram=scram)
            if mechanism == "CRAM-MD5" and account.cram_md5 and self._protection.unseal:
                return Verifier(principal, digest_state=self._protection.unseal(account.cram_md5))
            reason = f"mechanism_unsupported: the account has no verifier for {mechanism}"
        else:
            reason = _UNKNOWN
        return unproven(REFUSED.because(reason), username, mechanism, self._protection.key)

    def standing(self, principal: Principal, sender: Address) -> Standing:
        account = self._find(principal.name)
        return account.standing(sender) if account else Standing.NOT_SIGNED_IN

    def identify_for_cache(
        self, credentials: Credentials, mechanism: str
    ) -> "Later[tuple[Principal | Reply, float]]":
        """See ``CacheableDirectory``; a verified password is valid while it is remembered here."""
        verdict, password = self.identify(credentials, mechanism), credentials.password
        if not isinstance(verdict, Principal) or password is None:
            return not_cached(verdict)
        left = self._remembered.left(self._ticket_of(credentials.username, _prepared(password)))
        return verdict, time.time() + left

    def standing_for_cache(self, principal: Principal, sender: Address) -> tuple[Standing, float]:
        """See ``CacheableDirectory``; the answer is valid until an account changes."""
        standing = self.standing(principal, sender)
        return standing, 0.0 if standing is Standing.NOT_SIGNED_IN else math.inf

    def follow(self, forget: Callable[[], Awaitable[None]]) -> None:
        self._followers.add(forget)

    async def save(self, put: Iterable[StoredAccount], delete: Iterable[str] = ()) -> None:
        """Write accounts and delete others by name in one commit, effective immediately."""
        await to_the_end(self._save(tuple(put), tuple(delete)))

    async def _save(self, put: tuple[StoredAccount, ...], delete: tuple[str, ...]) -> None:
        async with self._changing:
            await self._records.save_records(
                [Record(_KIND, each.name, msgspec.to_builtins(each)) for each in put],
                [(_KIND, name) for name in delete],
            )
            for name in delete:
                self._accounts.pop(name, None)
            self._accounts.update({each.name: each for each in put})
            self._note_change()
            await self._followers.forget()


TOKENS: Final = frozenset({"OAUTHBEARER", "XOAUTH2"})


class TokenAccounts:
    """Implements ``Directory``: accounts, some of which have tokens."""

    def __init__(self, accounts: AccountDirectory, tokens: Mapping[str, Secret]) -> None:
        """``tokens`` are by the name of their account; without the account they are invalid."""
        self._accounts = accounts
        self._tokens = dict(tokens)

    @property
    def mechanisms(self) -> frozenset[str]:
        return self._accounts.mechanisms | (TOKENS if self._tokens else frozenset())

    def identify(self, credentials: Credentials, mechanism: str) -> "Later[Principal | Reply]":
        if mechanism not in TOKENS:
            return self._accounts.identify(credentials, mechanism)
        owner = self._owner(credentials.token)
        if owner is None:
            return REFUSED.because("token_unknown: no account has this access token")
        if credentials.username not in ("", owner) or credentials.authzid not in ("", owner):
            return REFUSED.because("oauth_wrong_identity: the token belongs to another account")
        if self._accounts.unknown(owner):
            return REFUSED.because("account_unknown: the token's account was deleted")
        return Principal(owner)

    def unknown(self, username: str) -> str:
        return self._accounts.unknown(username)

    def _owner(self, token: Secret | None) -> str | None:
        """Return the token's owner; all tokens are compared, so that the time reveals nothing."""
        octets = token.reveal().encode("utf-8", "surrogateescape") if token else b""
        owner = None
        for name, digest in self._tokens.items():
            if hmac.compare_digest(digest.reveal().encode(), octets) and octets:
                owner = name
        return owner

    def verifier(self, username: str, mechanism: str) -> "Later[Verifier]":
        return self._accounts.verifier(username, mechanism)

    def standing(self, principal: Principal, sender: Address) -> "Later[Standing]":
        return self._accounts.standing(principal, sender)
