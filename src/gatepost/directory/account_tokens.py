"""Accounts that can also sign in with an access token, like a provider's mailboxes."""

import hmac
from collections.abc import Mapping
from typing import Final

from gatepost.directory.accounts import REFUSED, AccountDirectory
from gatepost.model.address import Address
from gatepost.model.credentials import Credentials, Principal, Standing
from gatepost.model.later import Later
from gatepost.model.reply import Reply
from gatepost.model.secret import Secret
from gatepost.sasl.interview import Verifier

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
