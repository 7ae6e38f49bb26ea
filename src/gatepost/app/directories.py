"""Makes the directory from ``[directory]``; a reload replaces it while it is in use."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial

from gatepost.client.tokens.entra import EntraApplication, EntraSecret
from gatepost.config.settings import (
    AccountsDirectory,
    AccountSettings,
    AzureDirectorySettings,
    DirectorySettings,
    EntraDirectorySettings,
)
from gatepost.diagnosis.errors import finding_of
from gatepost.directory.accounts import AccountDirectory, StoredAccount, make_account
from gatepost.directory.azure.directory import AzureDirectory
from gatepost.directory.azure.login_rules import rules_of
from gatepost.directory.azure.tokens import AccessTokens
from gatepost.directory.azure.username import CompositeName
from gatepost.directory.change_listeners import ChangeListeners
from gatepost.directory.combined import CombinedDirectory, KnowingDirectory
from gatepost.directory.contract import (
    CacheableDirectory,
    Directory,
    Records,
    identify_for_cache,
    standing_for_cache,
)
from gatepost.directory.entra import EntraDirectory, EntraRules, Proof
from gatepost.directory.entra_tokens import EntraTokens, audiences_of
from gatepost.directory.passwords import PasswordHasher
from gatepost.directory.proof_cache import ticket_of
from gatepost.errors import TokenError
from gatepost.keys.accounts import PROOFS, open_accounts, sealer
from gatepost.keys.damaged_records import tell_damaged
from gatepost.keys.entra_keys import published_by
from gatepost.keys.store_key import DIGESTS, Key, keep_fingerprint
from gatepost.model.address import Address
from gatepost.model.credentials import Credentials, Principal
from gatepost.model.later import Later
from gatepost.model.profile import Profile
from gatepost.model.reply import Reply
from gatepost.model.secret import Secret
from gatepost.model.sender_standing import Standing
from gatepost.net.http import Http
from gatepost.profiles import load_profile
from gatepost.relay.context import ReportEvent
from gatepost.sasl.interview import Verifier
from gatepost.sasl.verifiers import derived_salt


class ServedDirectory:
    """Implements ``CacheableDirectory``: the directory of the current configuration."""

    def __init__(self, inner: Directory) -> None:
        self._followers = ChangeListeners()
        self.update_from(inner)

    def update_from(self, inner: Directory) -> None:
        """Use another directory; ``forget`` must be called then."""
        self.inner = inner
        if isinstance(inner, CacheableDirectory):
            inner.follow(self.forget)

    async def forget(self) -> None:
        """Return when no cached answer remains."""
        await self._followers.forget()

    def follow(self, forget: Callable[[], Awaitable[None]]) -> None:
        """See ``CacheableDirectory``."""
        self._followers.add(forget)

    @property
    def mechanisms(self) -> frozenset[str]:
        return self.inner.mechanisms

    def identify(self, credentials: Credentials, mechanism: str) -> "Later[Principal | Reply]":
        return self.inner.identify(credentials, mechanism)

    def verifier(self, username: str, mechanism: str) -> "Later[Verifier]":
        return self.inner.verifier(username, mechanism)

    def standing(self, principal: Principal, sender: Address) -> "Later[Standing]":
        return self.inner.standing(principal, sender)

    def identify_for_cache(
        self, credentials: Credentials, mechanism: str
    ) -> "Later[tuple[Principal | Reply, float]]":
        return identify_for_cache(self.inner, credentials, mechanism)

    def standing_for_cache(
        self, principal: Principal, sender: Address
    ) -> "Later[tuple[Standing, float]]":
        return standing_for_cache(self.inner, principal, sender)


@dataclass(slots=True)
class Directories:
    """Makes directories, and keeps what they need from one configuration to the next."""

    records: Records
    key: Key
    http: Http
    report: ReportEvent
    accounts: AccountDirectory | None = None
    azure: AzureDirectory | None = None
    profile: Profile | None = None
    """The profile whose rules the Azure directory follows."""
    tokens: AccessTokens | None = None
    """The tokens that the Azure directory issued, and accepts at a login; None: there are none."""
    damaged: dict[str, str] = field(default_factory=dict)
    """Records beside the Azure directory's; see ``damaged_records``."""
    _made: dict[str, tuple[AccountSettings, bytes, StoredAccount]] = field(default_factory=dict)

    async def make(self, settings: Sequence[DirectorySettings]) -> "PreparedDirectory":
        """Return the directory of a configuration, which has no effect before its ``take``.

        Raises ConfigError if a password cannot be read, or if the key is not that of the Azure
        directory, and ValueError for a damaged record.
        """
        directories: list[KnowingDirectory] = []
        prepared = PreparedDirectory()
        for each in settings:
            match each:
                case AccountsDirectory():
                    directories.append(await self._accounts(each, prepared))
                case AzureDirectorySettings():
                    directories.append(await self._azure(each, prepared))
                case EntraDirectorySettings():
                    directories.append(self._entra(each))
        is_only = len(directories) == 1
        prepared.directory = directories[0] if is_only else CombinedDirectory(directories)
        return prepared

    async def _accounts(
        self, settings: AccountsDirectory, prepared: "PreparedDirectory"
    ) -> AccountDirectory:
        directory = self.accounts
        if directory is None:
            directory = open_accounts(self.records, self.key)
            await directory.load()
            for name, reason in directory.damaged.items():
                self.report("account_damaged", name=name, reason=reason)
            self.accounts = directory
        made = await asyncio.to_thread(self._make_accounts, settings)
        prepared.then.append(partial(directory.configure, made))
        return directory

    def _make_accounts(self, settings: AccountsDirectory) -> list[StoredAccount]:
        """Make the verifiers of each password. That is slow, so only new ones are made."""
        made_before, self._made = self._made, {}
        for each in settings.accounts:
            password = each.password.read() if each.password is not None else None
            octets = password.reveal().encode("utf-8", "surrogateescape") if password else b""
            ticket = ticket_of(self.key.subkey(PROOFS), 0, each.name, octets)
            before = made_before.get(each.name)
            if before is not None and before[:2] == (each, ticket):
                account = before[2]
            elif password is None:
                account = StoredAccount(each.name, "", each.senders, certificates=each.certificates)
            else:
                account = self._make_account(each, password)
            self._made[each.name] = each, ticket, account
        return [account for *_, account in self._made.values()]

    def _make_account(self, settings: AccountSettings, password: Secret) -> StoredAccount:
        made = make_account(
            settings.name,
            password,
            settings.senders,
            PasswordHasher(),
            seal=sealer(self.key) if settings.cram_md5 else None,
            salt_of=partial(derived_salt, settings.name, self.key.subkey(PROOFS)),
        )
        return replace(made, certificates=settings.certificates)

    async def _azure(
        self, settings: AzureDirectorySettings, prepared: "PreparedDirectory"
    ) -> AzureDirectory:
        profile = load_profile(settings.profile, strict=settings.strict)
        directory = self.azure
        if directory is None:
            await keep_fingerprint(self.key, self.records)  # its secrets are digests under the key
            directory = AzureDirectory(
                self.records, digest_key=self.key.subkey(DIGESTS), clock=_now, tokens=self.tokens
            )
            await directory.load()
            tell_damaged(self.report, {**self.damaged, **directory.damaged})
        prepared.then.append(partial(self._keep, directory, profile))
        return directory

    def _keep(self, directory: AzureDirectory, profile: Profile) -> None:
        if self.profile != profile:
            directory.configure(rules_of(profile))
        self.azure, self.profile = directory, profile

    def _entra(self, settings: EntraDirectorySettings) -> EntraDirectory:
        some = dict.fromkeys(settings.applications, settings.senders)
        applications = {**some, **settings.own_senders}
        rules = EntraRules(
            frozenset(settings.tenants),
            applications,
            None if applications else settings.senders,
            settings.cache.total_seconds(),
        )
        prove = partial(prove_at_endpoint, self.http, settings)
        audiences = [audiences_of(each) for each in settings.audiences or (settings.scope,)]
        tokens = EntraTokens(
            partial(published_by, self.http, settings.authority),
            rules.tenants,
            frozenset[str]().union(*audiences),
            time.time,
        )
        return EntraDirectory(rules, prove, self.key.subkey(PROOFS), time.monotonic, tokens)


@dataclass(slots=True)
class PreparedDirectory:
    """A directory, and what must be done when it is put into effect."""

    directory: Directory = field(init=False)
    then: list[Callable[[], None]] = field(default_factory=list)

    def take(self, served: ServedDirectory) -> None:
        """Use it from now on; ``ServedDirectory.forget`` comes next."""
        for each in self.then:
            each()
        served.update_from(self.directory)


def _now() -> datetime:
    return datetime.now(UTC)


async def prove_at_endpoint(
    http: Http, settings: EntraDirectorySettings, name: CompositeName, secret: Secret
) -> Proof:
    """Ask the token endpoint; a ``directory.entra.Prover``."""
    application = EntraApplication(name.tenant_id, name.application_id, settings.authority)
    try:
        await EntraSecret(http, application, lambda: secret).fetch(settings.scope)
    except TokenError as error:
        # A proxy's answer, another server's, or a word on our scope says nothing of the secret.
        is_judged = bool(error.error or error.number) and finding_of(error) != "oauth_scope_wrong"
        is_open = error.is_transient or not is_judged
        slug = finding_of(error) or ("entra_unavailable" if is_open else "entra_refused")
        return Proof(f"{slug}: {error}", is_open, error.retry_after)
    return Proof()
