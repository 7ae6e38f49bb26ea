"""``[[listener]]`` and ``[directory]``: where clients connect, and how they authenticate."""

from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from typing import Any, Final, cast

from gatepost.client.named_secret import NamedSecret
from gatepost.config import value_syntax as values
from gatepost.config.credentials import secret
from gatepost.config.settings import (
    AccountsDirectory,
    AccountSettings,
    ApiSettings,
    AzureDirectorySettings,
    DirectorySettings,
    EntraDirectorySettings,
    ListenerSettings,
    ListenerTls,
    NetworkRule,
)
from gatepost.config.table_reader import TableReader
from gatepost.net.listen import is_loopback
from gatepost.profiles.load import known_providers
from gatepost.sasl.mechanisms import MECHANISMS

_MECHANISMS: Final = values.some(values.mechanism(MECHANISMS))
_NETWORKS: Final = values.some(values.network)
_IMPLICIT: Final = frozenset({465, 2465})
_KIND: Final = ("directory", "kind")


def read_listeners(root: TableReader) -> tuple[ListenerSettings, ...]:
    """Return the listeners; two with the same name, or none at all, are a mistake."""
    listeners: list[ListenerSettings] = []
    for table in root.tables("listener"):
        listener = _read_listener(table, len(listeners))
        if any(each.name == listener.name for each in listeners):
            table.fault(
                "name", f"{table.name('name')}: there is already a listener {listener.name}"
            )
        table.finish()
        listeners.append(listener)
    if not root.has("listener"):
        root.lack("listener", "there is no [[listener]]: nobody could submit mail")
    return tuple(listeners)


def _read_listener(table: TableReader, index: int) -> ListenerSettings:
    host, port = "", 0
    unix = table.take("unix", values.socket_path, "")
    problem = "a listener needs either an address or a unix socket"
    if table.has("unix") and table.has("address"):
        table.fault(None, problem)
    elif not table.has("unix") and not table.has("address"):
        table.lack(("unix", "address"), problem)
    if table.has("address") or not unix:
        host, port = table.take("address", values.listening, values.ListenAddress("127.0.0.1", 0))
    usual = "none" if table.has("unix") else "implicit" if port in _IMPLICIT else "starttls"
    tls = cast(
        "ListenerTls", table.take("tls", values.one_of(("starttls", "implicit", "none")), usual)
    )
    listener = ListenerSettings(
        table.take("name", values.name, f"listener-{index + 1}"),
        host,
        port,
        unix,
        tls,
        table.take("certificate", values.path, ""),
        table.take("key", values.path, ""),
        table.take("mechanisms", _MECHANISMS, ()),
        _read_rules(table),
        table.take("proxies", _NETWORKS, ()),
        table.take("client_authorities", values.optional_path, ""),
        table.take("allow_clear_text", values.flag, False),
    )
    _check_tls(table, listener)
    _check_proxies(table, listener)
    _warn_of_nobody(table, listener)
    if listener.allow_clear_text and (listener.tls != "none" or unix):
        table.warn(f'{table.name("allow_clear_text")} has no effect: it is for tls = "none"')
    return listener


def _check_tls(table: TableReader, listener: ListenerSettings) -> None:
    """Passwords are accepted only over TLS (RFC 4954 4), except from this machine."""
    if listener.tls != "none":
        if not (
            listener.certificate or any(map(table.is_mistaken, ("certificate", "tls", "unix")))
        ):
            problem = f"{table.name('certificate')} is missing: TLS needs it"
            table.lack(("certificate", "tls", "unix"), problem)
    elif listener.client_authorities:
        name = table.name("client_authorities")
        table.fault("client_authorities", f"{name} is not used: tls is none")
    elif listener.certificate:
        table.fault("certificate", f"{table.name('certificate')} is not used: tls is none")
    elif listener.host and not is_loopback(listener.host) and not listener.allow_clear_text:
        table.fault(
            "tls",
            f'{table.name("tls")}: "none" is for this machine only (loopback or a unix socket); '
            "allow_clear_text = true permits passwords that others can read",
        )


def _check_proxies(table: TableReader, listener: ListenerSettings) -> None:
    """Report proxies that are everybody: then any client could claim an address that may relay."""
    if not listener.host or is_loopback(listener.host) or not _are_everybody(listener.proxies):
        return
    name = table.name("proxies")
    if any(each.may_relay for each in listener.networks):
        problem = "anybody could claim to be in a network that may relay, which makes an open relay"
        table.fault("proxies", f"{name}: {problem}")
    else:
        table.warn(f"{name}: anybody could claim any address, so limits per address have no effect")


def _read_rules(table: TableReader) -> tuple[NetworkRule, ...]:
    """Return the rules in their order; one whose networks an earlier rule covers is a mistake."""
    rules: list[NetworkRule] = []
    for each in table.tables("network"):
        rule = _read_rule(each)
        before = [network for one in rules for network in one.networks]
        if rule.networks and all(_is_within(network, before) for network in rule.networks):
            each.fault("from", f"{each.name('from')}: an earlier rule already covers all of these")
        rules.append(rule)
    return tuple(rules)


def _is_within(network: values.Network, others: Sequence[values.Network]) -> bool:
    if network == "unix":
        return network in others
    return any(
        other != "unix" and network.version == other.version and network.subnet_of(other)  # type: ignore[arg-type]
        for other in others
    )


def _warn_of_nobody(table: TableReader, listener: ListenerSettings) -> None:
    """Warn of a rule that can match no client.

    A client of a Unix socket has no address, except one from a PROXY header.
    """
    named = [(table, "proxies", listener.proxies)]
    if not listener.unix or not listener.proxies:
        rules = zip(table.tables("network"), listener.networks, strict=True)
        named += [(part, "from", rule.networks) for part, rule in rules]
    for part, key, networks in named:
        if listener.unix and networks and "unix" not in networks:
            part.warn(f'{part.name(key)}: clients of a unix socket have no address; write "unix"')
        elif not listener.unix and "unix" in networks:
            part.warn(f'{part.name(key)}: "unix" matches no client: the listener has an address')


def _read_rule(table: TableReader) -> NetworkRule:
    nobody: tuple[values.Network, ...] = ()
    networks = table.need("from", _NETWORKS, nobody)
    mechanisms: tuple[str, ...] | None = table.take("mechanisms", _optional_mechanisms, None)
    rule = NetworkRule(
        networks,
        mechanisms,
        table.take("may_relay", values.flag, False),
        table.take("refuse", values.flag, False),
    )
    if rule.may_relay and _are_everybody(networks):
        table.fault("may_relay", f"{table.name('may_relay')}: this makes an open relay")
    if rule.may_relay and rule.refuse:
        table.fault("refuse", f"{table.name('refuse')} and may_relay cannot be used together")
    table.finish()
    return rule


def _are_everybody(networks: Sequence[values.Network]) -> bool:
    """Tell whether the networks together contain every address of a family."""
    fours = [each for each in networks if isinstance(each, IPv4Network)]
    sixes = [each for each in networks if isinstance(each, IPv6Network)]
    together: list[IPv4Network | IPv6Network]
    together = [*collapse_addresses(fours), *collapse_addresses(sixes)]
    return any(each.prefixlen == 0 for each in together)


def _optional_mechanisms(value: Any) -> tuple[str, ...] | None:
    return _MECHANISMS(value)


def read_directories(root: TableReader) -> tuple[DirectorySettings, ...]:
    """Return the directories; the first that knows a name decides about it."""
    table = root.table("directory")
    usual: tuple[str, ...] = ("accounts",)
    kinds = table.decide("kind", values.many(values.one_of(tuple(_READERS))), usual)
    if len(set(kinds)) != max(1, len(kinds)):
        table.fault(
            "kind", f"{table.name('kind')} must name at least one directory, and each only once"
        )
    directories = tuple([_READERS[each](table) for each in dict.fromkeys(kinds or usual)])
    if table.is_clear(_KIND):  # otherwise its keys may be those of the intended kind
        table.finish()
    return directories


def _read_azure(table: TableReader) -> AzureDirectorySettings:
    return AzureDirectorySettings(
        table.take("profile", values.one_of(known_providers()), "acs"),
        table.take("strict", values.flag, False),
    )


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
    if not root.is_clear(_KIND):
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
        named = [(table, listener.mechanisms)]
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


def _read_entra(table: TableReader) -> EntraDirectorySettings:
    usual = EntraDirectorySettings()
    return EntraDirectorySettings(
        table.need("tenants", values.some(values.guid), ()),
        table.take("applications", values.some(values.guid), ()),
        table.take("senders", values.many(values.sender), ()),
        dict([_read_application(each) for each in table.tables("application")]),
        table.take("authority", values.https_url, usual.authority),
        table.take("scope", values.text, usual.scope),
        table.take("cache", values.span, usual.cache),
        table.take("audiences", values.some(values.text), usual.audiences),
    )


def _read_application(table: TableReader) -> tuple[str, tuple[str, ...]]:
    nothing: tuple[str, ...] = ()
    read = (
        table.need("id", values.guid, ""),
        table.need("senders", values.many(values.sender), nothing),
    )
    table.finish()
    return read


def _read_accounts(table: TableReader) -> list[AccountSettings]:
    accounts: list[AccountSettings] = []
    for each in table.tables("account"):
        account = AccountSettings(
            each.need("name", values.text, ""),
            each.take("password", _optional_secret, None),
            each.take("senders", values.many(values.sender), ()),
            each.take("cram_md5", values.flag, False),
            each.take("certificates", values.some(_certificate), ()),
        )
        if not each.has("password"):
            _check_without_password(each, account)
        if not account.senders and not each.is_mistaken("senders"):
            each.warn(f"{each.name('senders')} names nobody: the account cannot send anything")
        if account.name and any(one.name == account.name for one in accounts):
            each.fault("name", f"{each.name('name')}: there is already an account {account.name}")
        each.finish()
        accounts.append(account)
    return accounts


def _optional_secret(value: Any) -> NamedSecret | None:
    return secret(value)


def _check_without_password(table: TableReader, account: AccountSettings) -> None:
    """An account with certificates needs no password, but it needs one of both."""
    if not account.certificates:
        missing = f"{table.name('password')} is missing (or certificates to sign in with instead)"
        table.lack(("password", "certificates"), missing)
    elif account.cram_md5:
        table.fault("cram_md5", f"{table.name('cram_md5')} is not used: there is no password")


def _certificate(value: Any) -> str:
    """Return the value as in a certificate: lower case, no colons in a digest."""
    text = values.text(value).lower()
    if text.startswith("sha256:"):
        digits = text.removeprefix("sha256:").replace(":", "")
        if len(digits) != 64 or set(digits) - set("0123456789abcdef"):
            raise ValueError('must be a digest: "sha256:" and 64 hexadecimal digits')
        return f"sha256:{digits}"
    return text


_READERS: Final[Mapping[str, Callable[[TableReader], DirectorySettings]]] = {
    "accounts": lambda table: AccountsDirectory(tuple(_read_accounts(table))),
    "azure": _read_azure,
    "entra": _read_entra,
}


def read_api(
    root: TableReader, directories: Sequence[DirectorySettings]
) -> tuple[ApiSettings, ...]:
    """Return the settings, if the file has any."""
    if not root.has("api"):
        root.table("api")
        return ()
    table = root.table("api")
    host, port = table.need("address", values.listening, values.ListenAddress("127.0.0.1", 0))
    api = ApiSettings(
        host,
        port,
        table.need("certificate", values.path, ""),
        table.take("key", values.optional_path, ""),
    )
    table.finish()
    is_managed = any(isinstance(each, AzureDirectorySettings) for each in directories)
    if not is_managed and root.is_clear(("directory", "kind")):
        table.fault(None, '[api] manages the directory of kind "azure", but there is none')
    return (api,)
