"""Checks that the directory can verify each mechanism that a listener offers."""

from collections.abc import Mapping, Sequence
from typing import Final

from gatepost.config.directories import KIND
from gatepost.config.settings import (
    AccountsDirectory,
    AzureDirectorySettings,
    DirectorySettings,
    EntraDirectorySettings,
    ListenerSettings,
)
from gatepost.config.table_reader import TableReader

_UNCHANGED: Final = (
    "LOGIN", "PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS",
)  # fmt: skip
_TOKENS: Final = ("OAUTHBEARER", "XOAUTH2")
_VERIFIED: Final[Mapping[type, tuple[str, ...]]] = {
    AccountsDirectory: _UNCHANGED,
    AzureDirectorySettings: _UNCHANGED,
    EntraDirectorySettings: ("LOGIN", "PLAIN", *_TOKENS),
}
"""The mechanisms that each kind of directory can verify; CRAM-MD5 if an account enables it."""


def check_mechanisms(
    root: TableReader,
    listeners: Sequence[ListenerSettings],
    directories: Sequence[DirectorySettings],
    *,
    gives_tokens: bool = False,
) -> None:
    """Report each mechanism that a listener offers and the directory cannot verify.

    If there are several directories, a mechanism for passwords must be one that all can verify,
    because the client chooses it before it sends a name; for tokens, one that any can verify is
    enough. The Azure directory accepts tokens that it has issued itself, over ``[api]``.
    """
    if not root.is_clear(KIND):
        return
    verified = [frozenset(_VERIFIED[type(each)]) for each in directories]
    verifiable = set(frozenset.intersection(*verified))
    verifiable |= frozenset.union(*verified) & frozenset(_TOKENS)
    if gives_tokens:
        verifiable |= frozenset(_TOKENS)
    if all(isinstance(each, AccountsDirectory) for each in directories):
        verifiable.add("CRAM-MD5")  # of accounts that enable it, here or with `gatepost account`
    else:
        _warn_of_cram_md5(root.table("directory"))
    if any(isinstance(each, AccountsDirectory) for each in directories):
        verifiable.add("EXTERNAL")
    for table, listener in zip(root.tables("listener"), listeners, strict=False):
        named = [(table, listener.mechanisms or ())]
        rules = zip(table.tables("network"), listener.networks, strict=False)
        for where, mechanisms in named + [(part, rule.mechanisms or ()) for part, rule in rules]:
            for number, each in enumerate(mechanisms):
                problem = ""
                if each not in verifiable:
                    problem = f"the directory cannot verify {each}"
                elif each.endswith("-PLUS") and listener.tls == "none":
                    problem = f"{each} requires TLS, but tls is none"
                elif each == "EXTERNAL" and not listener.client_authorities:
                    name = table.name("client_authorities")
                    problem = f"EXTERNAL requires client certificates; {name} is missing"
                if problem:
                    where.fault("mechanisms", problem, number=number)


def _warn_of_cram_md5(directory: TableReader) -> None:
    for account in directory.tables("account"):
        if account.is_said("cram_md5", value=True):
            account.warn(
                f"{account.name('cram_md5')} has no effect: CRAM-MD5 is offered only if the one "
                "directory is accounts"
            )
