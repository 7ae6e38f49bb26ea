"""Makes the directory from ``[directory]``; a reload replaces it while it is in use."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType

from gatepost.app.provision_accounts import ProvisionedAccount, provide_accounts
from gatepost.app.provision_azure import Provisioned, provision
from gatepost.app.provision_exchange import ProvisionedMailbox, provide_organisation
from gatepost.config.settings import (
    AccountsDirectory,
    AccountSettings,
    AzureDirectorySettings,
    DirectorySettings,
    EntraDirectorySettings,
    ExchangeDirectorySettings,
)
from gatepost.directory.accounts import AccountDirectory, StoredAccount, make_account
from gatepost.directory.azure.directory import AzureDirectory
from gatepost.directory.azure.entries import Application
from gatepost.directory.azure.login_checks import resolve
from gatepost.directory.azure.login_rules import rules_of
from gatepost.directory.azure.snapshot import ClaimedIdentity
from gatepost.directory.azure.tokens import AccessTokens
from gatepost.directory.change_listeners import ChangeListeners
from gatepost.directory.combined import CombinedDirectory, KnowingDirectory
from gatepost.directory.contract import (
    CacheableDirectory,
    Directory,
    Records,
    identify_for_cache,
    standing_for_cache,
)
from gatepost.directory.entra_tokens import EntraTokens
from gatepost.directory.exchange.directory import ExchangeDirectory
from gatepost.directory.exchange.sign_in import exchange_rules_of
from gatepost.directory.passwords import PasswordHasher
from gatepost.directory.proof_cache import ticket_of
from gatepost.keys.accounts import PROOFS, open_accounts, sealer
from gatepost.keys.damaged_records import tell_damaged
from gatepost.keys.store_key import DIGESTS, Key, keep_fingerprint
from gatepost.keys.token_signing import open_tokens
from gatepost.model.address import Address
from gatepost.model.credentials import Credentials, Principal, Standing
from gatepost.model.operator_event import ReportEvent
from gatepost.model.profile import Profile
from gatepost.model.reply import Reply
from gatepost.model.secret import Secret
from gatepost.model.value_or_future import Later
from gatepost.net.clock import Clock, SystemClock
from gatepost.net.http_client import Http
from gatepost.profiles import load_profile
from gatepost.sasl.interview import Verifier
from gatepost.sasl.verifiers import derived_salt


class ServedDirectory:
    """Implements ``CacheableDirectory``: the directory of the current configuration."""

    inner: Directory

    def __init__(self, inner: Directory | None = None) -> None:
        self._followers = ChangeListeners()
        if inner is not None:
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
    clock: Clock = field(default_factory=SystemClock)
    accounts: AccountDirectory | None = None
    azure: AzureDirectory | None = None
    exchange: ExchangeDirectory | None = None
    profile: Profile | None = None
    """The profile whose rules the Azure directory follows."""
    tokens: AccessTokens | None = None
    """The tokens that the Azure directory issued, and accepts at a login; None: there are none."""
    entra_tokens: EntraTokens | None = None
    """Verifies tokens of real tenants; None: the configuration names none."""
    damaged: dict[str, str] = field(default_factory=dict)
    """Records that have not been reported yet; see ``damaged_records``."""
    _made: dict[str, tuple[AccountSettings, bytes, StoredAccount]] = field(default_factory=dict)

    async def open_tokens(self) -> None:
        """Let the Azure directory issue tokens. Raises ConfigError if the key is not its own."""
        await keep_fingerprint(self.key, self.records)
        self.tokens = await open_tokens(self.records, self.key, self.clock.now, self.damaged)

    async def reload(self) -> None:
        """Read again what another node may have changed in the store."""
        for each in (self.accounts, self.azure, self.exchange):
            if each is not None:
                await each.reload()

    def application_name(self, id_: str) -> str:
        """Return the name of an application by its id; empty if there is none."""
        found = self.azure.get(Application, id_) if self.azure is not None else None
        return "" if found is None else found.display_name or found.name

    def application_of(self, username: str) -> str:
        """Return the id of the application that a user name stands for; empty if there is none."""
        if self.azure is None or not username:
            return ""
        claim = resolve(self.azure.snapshot, username)
        return claim.application_id if isinstance(claim, ClaimedIdentity) else ""

    def tell_damaged(self, more: Mapping[str, str] = MappingProxyType({})) -> None:
        """Report damaged records, once; ``more`` are those of others."""
        tell_damaged(self.report, {**self.damaged, **more})
        self.damaged.clear()

    async def make(self, settings: Sequence[DirectorySettings]) -> "PreparedDirectory":
        """Return the directory of a configuration, which has no effect before its ``take``.

        Raises ConfigError if a password cannot be read, or if the key is not that of the Azure
        directory, and ValueError for a damaged record.
        """
        directories: list[KnowingDirectory] = []
        prepared, entra_tokens = PreparedDirectory(), None
        for each in settings:
            match each:
                case AccountsDirectory():
                    directories.append(await self._accounts(each, prepared))
                case AzureDirectorySettings():
                    azure = await self._azure(each, prepared)
                    directories += [azure] if each.signs_in else []
                case ExchangeDirectorySettings(profile):
                    directories.append(await self._exchange(profile, prepared))
                case EntraDirectorySettings():
                    # `up` does without
                    from gatepost.app.make_entra_directory import open_entra  # noqa: PLC0415

                    entra = open_entra(each, self.http, self.key)
                    entra_tokens = entra.tokens
                    directories.append(entra)
        is_only = len(directories) == 1
        prepared.directory = directories[0] if is_only else CombinedDirectory(directories)
        prepared.then.append(partial(self._keep_tokens, entra_tokens))
        return prepared

    async def _accounts(
        self, settings: AccountsDirectory, prepared: "PreparedDirectory"
    ) -> KnowingDirectory:
        directory = self.accounts
        if settings.provider is not None:
            accounts = await provide_accounts(
                self.records, self.key, settings.provider, self.damaged, directory
            )
            self.accounts, prepared.provided = accounts.directory, accounts.first
            return accounts.signs_in
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
        provider = settings.provider
        profile = provider or load_profile(settings.profile, strict=settings.strict)
        directory, is_new = self.azure, self.azure is None
        if directory is None:
            await keep_fingerprint(self.key, self.records)  # its secrets are digests under the key
            directory = AzureDirectory(
                self.records,
                digest_key=self.key.subkey(DIGESTS),
                clock=self.clock.now,
                rules=rules_of(profile),
                tokens=self.tokens,
            )
            await directory.load()
        if provider is not None:
            now = self.clock.now()
            prepared.provided = await provision(self.records, directory, self.key, now)
        if is_new:
            self.damaged.update(directory.damaged)
        prepared.azure = directory
        prepared.then.append(partial(self._keep, directory, profile))
        return directory

    def _keep_tokens(self, tokens: EntraTokens | None) -> None:
        self.entra_tokens = tokens

    async def _exchange(self, profile: Profile, prepared: "PreparedDirectory") -> ExchangeDirectory:
        """Return the organisation, whose applications and people are those of the Azure directory
        that was made before."""
        application, entra = prepared.provided, prepared.azure
        assert isinstance(application, Provisioned)  # noqa: S101 - a preset has both
        assert entra is not None  # noqa: S101
        first = replace(profile, account=replace(profile.account, token=""))
        accounts = await provide_accounts(
            self.records, self.key, first, self.damaged, self.accounts
        )
        self.accounts = accounts.directory
        directory = self.exchange
        if directory is None:
            directory = ExchangeDirectory(
                self.records, accounts.directory, entra, self.tokens, self.clock.now
            )
            await directory.load()
            self.damaged.update(directory.damaged)
        prepared.provided = await provide_organisation(
            directory, entra, accounts.first, application, profile
        )
        prepared.then.append(partial(self._keep_exchange, directory, profile))
        return directory

    def _keep_exchange(self, directory: ExchangeDirectory, profile: Profile) -> None:
        directory.rules = exchange_rules_of(profile)
        self.exchange = directory

    def _keep(self, directory: AzureDirectory, profile: Profile) -> None:
        if self.profile != profile:
            directory.configure(rules_of(profile))
        self.azure, self.profile = directory, profile


@dataclass(slots=True)
class PreparedDirectory:
    """A directory, and what must be done when it is put into effect."""

    directory: Directory = field(init=False)
    provided: Provisioned | ProvisionedAccount | ProvisionedMailbox | None = None
    """What the first start has created for the application."""
    azure: AzureDirectory | None = None
    """The Azure directory among them."""
    then: list[Callable[[], None]] = field(default_factory=list)

    def take(self, served: ServedDirectory) -> None:
        """Use it from now on; ``ServedDirectory.forget`` comes next."""
        for each in self.then:
            each()
        served.update_from(self.directory)
