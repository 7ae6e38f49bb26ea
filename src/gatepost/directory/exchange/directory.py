"""The directory of an emulated Exchange Online: it answers from memory, and changes through the
store."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

import msgspec

from gatepost.directory.accounts import AccountDirectory
from gatepost.directory.azure.directory import REFUSED, AzureDirectory
from gatepost.directory.azure.login_checks import Denial
from gatepost.directory.azure.token_sign_in import MECHANISMS as TOKEN_MECHANISMS
from gatepost.directory.azure.tokens import OUTLOOK, AccessTokens, Claims, InvalidToken
from gatepost.directory.change_listeners import ChangeListeners, to_the_end
from gatepost.directory.contract import Record, Records
from gatepost.directory.exchange.organisation import Organisation
from gatepost.directory.exchange.sending import standing_of
from gatepost.directory.exchange.sign_in import ExchangeLogin, ExchangeRules
from gatepost.model.address import Address
from gatepost.model.credentials import Credentials, Principal, Standing
from gatepost.model.reply import Reply
from gatepost.model.secret import Secret
from gatepost.model.value_or_future import Later
from gatepost.sasl.interview import Verifier

_KIND: Final = "exchange_organisation"
_ID: Final = "organisation"
_PASSWORDS: Final = frozenset({"LOGIN", "PLAIN"})
_DAMAGED: Final = "the organisation is empty"


class ExchangeDirectory:
    """Implements ``Directory`` for mailboxes, with passwords of ``accounts`` and tokens of the
    applications and people of ``entra``.

    Call ``load`` once before use.
    """

    def __init__(
        self,
        records: Records,
        accounts: AccountDirectory,
        entra: AzureDirectory,
        tokens: AccessTokens | None,
        clock: Callable[[], datetime],
    ) -> None:
        self._records = records
        self._accounts = accounts
        self._entra = entra
        self._tokens = tokens
        self._clock = clock
        self._changing = asyncio.Lock()
        self._followers = ChangeListeners()
        self.rules = ExchangeRules()
        self.organisation = Organisation()
        self.is_new = True
        """There is no organisation in the store."""
        self.damaged: dict[str, str] = {}
        """What was wrong with the record of the organisation."""

    async def load(self) -> None:
        """Read the organisation; a damaged one is taken for an empty one."""
        for record in await self._records.load_records():
            if (record.kind, record.id) == (_KIND, _ID):
                self.is_new = False
                try:
                    self.organisation = msgspec.convert(record.fields, Organisation)
                except msgspec.ValidationError as error:
                    self.damaged[f"{_KIND} {_ID}"] = f"{record.damage(str(error))}; {_DAMAGED}"

    async def reload(self) -> None:
        """Read the organisation again, because another relay may have changed it."""
        async with self._changing:
            await self.load()
            await self._followers.forget()

    @property
    def mechanisms(self) -> frozenset[str]:
        return _PASSWORDS | (TOKEN_MECHANISMS if self._tokens else frozenset())

    def unknown(self, username: str) -> str:
        """See ``directory.combined``."""
        is_known = self.organisation.find_mailbox(username) is not None
        return "" if is_known else "mailbox_unknown: there is no mailbox with that address"

    def identify(self, credentials: Credentials, mechanism: str) -> "Later[Principal | Reply]":
        if credentials.authzid.lower() not in ("", credentials.username.lower()):
            return REFUSED.because("authzid_refused: acting as another identity is not permitted")
        if mechanism in TOKEN_MECHANISMS and credentials.token is not None:
            claims = self._claims_of(credentials.token)
            return _answer(self._sign_in().by_token(credentials.username, claims))
        return self._with_password(self._accounts.identify(self._as_stored(credentials), mechanism))

    def _as_stored(self, credentials: Credentials) -> Credentials:
        """Return the credentials with the address as the account is called: it has no case."""
        mailbox = self.organisation.find_mailbox(credentials.username)
        name = credentials.username if mailbox is None else mailbox.address
        return Credentials(name, credentials.password, peer=credentials.peer)

    def _with_password(self, verdict: "Later[Principal | Reply]") -> "Later[Principal | Reply]":
        if isinstance(verdict, Reply):
            return verdict
        if isinstance(verdict, Principal):
            return _answer(self._sign_in().by_password(verdict.name))
        return asyncio.ensure_future(self._with_password_later(verdict))

    async def _with_password_later(
        self, verdict: "Awaitable[Principal | Reply]"
    ) -> Principal | Reply:
        proven = await verdict
        if isinstance(proven, Reply):
            return proven
        return _answer(self._sign_in().by_password(proven.name))

    def _sign_in(self) -> ExchangeLogin:
        return ExchangeLogin(self.organisation, self._entra.snapshot, self.rules, self._clock())

    def _claims_of(self, token: Secret) -> Claims | Denial:
        if self._tokens is None:
            return Denial("mechanism_unsupported", "this directory has issued no token")
        try:
            return self._tokens.verify(token.reveal(), OUTLOOK, of_people=True)
        except InvalidToken as error:
            return Denial(error.slug, str(error))

    def verifier(self, username: str, mechanism: str) -> "Later[Verifier]":
        return self._accounts.verifier(username, mechanism)

    def standing(self, principal: Principal, sender: Address) -> Standing:
        return standing_of(self.organisation, principal, sender, self.rules, self._clock())

    def follow(self, forget: Callable[[], Awaitable[None]]) -> None:
        """Await ``forget`` after each change."""
        self._followers.add(forget)
        self._accounts.follow(forget)

    async def save(self, organisation: Organisation) -> None:
        """Write the organisation, effective immediately."""
        await to_the_end(self._save(lambda _: organisation))

    async def change(self, decide: Callable[[Organisation], Organisation]) -> None:
        """Save what ``decide`` makes of the organisation; nothing else changes it meanwhile."""
        await to_the_end(self._save(decide))

    async def _save(self, decide: Callable[[Organisation], Organisation]) -> None:
        async with self._changing:
            organisation = decide(self.organisation)
            record = Record(_KIND, _ID, msgspec.to_builtins(organisation))
            await self._records.save_records([record])
            self.organisation, self.is_new = organisation, False
            await self._followers.forget()


def _answer(verdict: Principal | Denial) -> Principal | Reply:
    return REFUSED.because(str(verdict)) if isinstance(verdict, Denial) else verdict
