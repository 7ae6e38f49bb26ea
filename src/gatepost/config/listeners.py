"""``[[listener]]``: where clients connect, and what each network may do there."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from typing import Any, Final, cast

from gatepost.config import value_syntax as values
from gatepost.config.settings import (
    ListenerSettings,
    ListenerTls,
    NetworkRule,
)
from gatepost.config.table_reader import TableReader
from gatepost.net.listen import is_loopback
from gatepost.profiles.load import known_providers
from gatepost.sasl.mechanisms import MECHANISMS

_MECHANISMS: Final = values.many(values.mechanism(MECHANISMS))
_NETWORKS: Final = values.some(values.network)
_IMPLICIT: Final = frozenset({465, 2465})


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
        table.take("mechanisms", _MECHANISMS, None),
        _read_rules(table),
        table.take("proxies", _NETWORKS, ()),
        table.take("client_authorities", values.optional_path, ""),
        table.take("allow_clear_text", values.flag, False),
        table.take("replies", values.one_of(known_providers()), ""),
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


def _domain(value: Any) -> str:
    return values.host(value).lower()


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
    may_send_to: tuple[str, ...] = table.take("may_send_to", values.some(_domain), ())
    # Who brings bounces has no account here, and may come without TLS.
    usual: tuple[str, ...] | None = () if may_send_to else None
    rule = NetworkRule(
        networks,
        table.take("mechanisms", _MECHANISMS, usual),
        table.take("may_relay", values.flag, False),
        may_send_to,
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
