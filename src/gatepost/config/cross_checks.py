"""Checks of the whole configuration: addresses used twice, names that nothing uses."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from gatepost.config.settings import ApiSettings, ConsoleSettings, ListenerSettings
from gatepost.config.table_reader import TableReader
from gatepost.model.address import Address
from gatepost.model.route import (
    ApiTarget,
    MxTarget,
    Retry,
    Route,
    SmarthostTarget,
    Target,
    credential_of,
    send_as_of,
)
from gatepost.profiles import load_profile
from gatepost.routing.route import Origin, matches

_EVERYWHERE: Final = "::"
"""Both families, as ``net.listen`` binds it."""
_EVERY_IPV4: Final = "0.0.0.0"
_LOCALHOST: Final = frozenset({"127.0.0.1", "::1"})
_OWN_SENDERS_ONLY: Final = ("acs", "microsoft365", "microsoft365-hve")
"""Profiles of the providers that accept mail only from the account's own senders, not from <>."""
_HVE_SENDER: Final = (
    "High Volume Email takes mail of the account's own address only: set send_as to that"
)
_HVE_INSIDE: Final = (
    "High Volume Email takes recipients of your organisation only (recipients = [...]), or with "
    "another target behind it for the rest"
)
_ANYBODY: Final = Address("anybody", "example.net")
_HVE: Final = "microsoft365-hve"
_OWN_ROUTE: Final = 'give them a route of their own before the others, senders = ["<>"]'


def check_addresses(
    root: TableReader,
    listeners: Sequence[ListenerSettings],
    health: tuple[str, int] | None,
    apis: Sequence[ApiSettings],
    console: ConsoleSettings | None = None,
) -> None:
    """Report each address at which two listeners would listen."""
    taken: list[tuple[str, str, int]] = []
    for table, each in zip(root.tables("listener"), listeners, strict=False):
        same = [one.name for one in listeners if each.unix and one.unix == each.unix]
        if same and same[0] != each.name:
            table.fault("unix", f"the listener {same[0]} already has that address")
        if not each.unix:
            _take(table, "address", (f"the listener {each.name}", each.host, each.port), taken)
    if health is not None:
        _take(root, "health", ("health", *health), taken)
    for api in apis:
        _take(root.table("api"), "address", ("[api]", api.host, api.port), taken)
    if console is not None:
        place = ("[console]", console.host, console.port)
        _take(root.table("console"), "address", place, taken)


def _take(
    table: TableReader, key: str, wanted: tuple[str, str, int], taken: list[tuple[str, str, int]]
) -> None:
    _, host, port = wanted
    for whose, other, its_port in taken:
        if port and port == its_port and _may_overlap(host, other):
            table.fault(key, f"{whose} already has that address")
            break
    taken.append(wanted)


def _may_overlap(one: str, other: str) -> bool:
    if _EVERYWHERE in (one, other):
        return True
    if _EVERY_IPV4 in (one, other):
        return all(each == "localhost" or ":" not in each for each in (one, other))
    return not _addresses(one).isdisjoint(_addresses(other))


def _addresses(host: str) -> frozenset[str]:
    return _LOCALHOST if host == "localhost" else frozenset({host})


def check_loops(
    root: TableReader, listeners: Sequence[ListenerSettings], targets: Mapping[str, Target]
) -> None:
    """Report each server that is a listener of this relay: mail would come back from it."""
    tables = root.named("target")
    for name, target in targets.items():
        table = tables[name]
        for server in target.servers if isinstance(target, SmarthostTarget) else ():
            for own in listeners:
                if own.port and own.port == server.port and _is_served_by(server.host, own.host):
                    where = f"{server.host}:{server.port} is this relay's own listener {own.name}"
                    table.fault("servers", f"{table.name('servers')}: {where}")


def _is_served_by(server: str, listener: str) -> bool:
    """Tell whether we listen at an address, as far as this machine can tell."""
    if listener in (_EVERYWHERE, _EVERY_IPV4):
        return not _addresses(server).isdisjoint(_LOCALHOST)
    return not _addresses(server).isdisjoint(_addresses(listener))


def warn_of_unused(
    root: TableReader,
    targets: Mapping[str, Target],
    routes: Sequence[Route],
    credentials: Iterable[str],
    retries: Mapping[str, Retry],
) -> None:
    """Warn of what nothing uses; usually its name was misspelt elsewhere."""
    used = {each.name for route in routes for each in route.chain}
    named = {credential_of(each) for each in targets.values()}
    tables = root.named("target")
    for name in targets:
        if name not in used:
            tables[name].warn(f"target.{name} is not used by any route")
    for name in credentials:
        if name not in named:
            root.named("credentials")[name].warn(f"credentials.{name} is not used by any target")
    for name, retry in retries.items():
        if name != "default" and not any(each.retry is retry for each in routes):
            root.named("retry")[name].warn(f"retry.{name} is not used by any route")


def warn_of_lost_bounces(root: TableReader, routes: Sequence[Route]) -> None:
    """Warn if no route takes bounces, or only routes whose targets refuse them.

    Their recipients are unknown, so one suitable route is enough.
    """
    ways = _ways_of_bounces(routes)
    if routes and not ways:
        root.tables("route")[0].warn(f"no route takes bounces (mail from <>): {_OWN_ROUTE}")
    elif all(_has_no_bounces(routes[each]) for each in ways) and ways:
        name = routes[ways[-1]].chain[0].name
        root.tables("route")[ways[-1]].warn(
            f"bounces are mail from <>, and {name}, their route's target, does not accept it: "
            f"{_OWN_ROUTE}"
        )


def warn_of_high_volume(root: TableReader, routes: Sequence[Route]) -> None:
    """Warn if High Volume Email would refuse mail: it takes its own sender, and recipients of the
    organisation, only."""
    tables, hosts = root.named("target"), load_profile(_HVE).hosts
    for number, route in enumerate(routes):
        for target in route.chain:
            if not isinstance(target, SmarthostTarget) or not any(
                each.host.lower() in hosts for each in target.servers
            ):
                continue
            if target.send_as is None and not route.match.senders:
                problem = f"target.{target.name}: {_HVE_SENDER}"
                tables[target.name].warn(problem)
            if not route.match.recipients and target is route.chain[-1]:
                table = root.tables("route")[number]
                table.warn(f"the route {route.name} gives {target.name} all mail: {_HVE_INSIDE}")


def warn_of_short_hostname(root: TableReader, hostname: str, routes: Sequence[Route]) -> None:
    """Warn if mail goes to mail exchangers, which want a full host name in EHLO (RFC 5321 2.3.5,
    4.1.1.1)."""
    goes_to_mx = any(isinstance(each, MxTarget) for route in routes for each in route.chain)
    if goes_to_mx and not {".", ":"} & set(hostname):
        why = "many mail exchangers refuse such a name in EHLO"
        root.warn(f"hostname {hostname} has no domain: {why}", "hostname")


def _ways_of_bounces(routes: Sequence[Route]) -> list[int]:
    """Return the numbers of the routes that mail from ``<>``, without a login, may take."""
    ways = []
    for number, route in enumerate(routes):
        if matches(replace(route.match, recipients=()), Origin(None), _ANYBODY):
            ways.append(number)
            if not route.match.recipients or "*" in route.match.recipients:
                break
    return ways


def _has_no_bounces(route: Route) -> bool:
    """Tell whether the first target refuses bounces: e-mail APIs, and some providers over SMTP,
    require a sender of the account. If the first target of a chain refuses mail for good, the
    others are not tried."""
    if not route.chain:
        return False
    first = route.chain[0]
    send_as = send_as_of(first)
    if send_as is not None and (not send_as.instead_of or "<>" in send_as.instead_of):
        return False
    if isinstance(first, SmarthostTarget):
        return any(each.host.lower() in _own_senders_only() for each in first.servers)
    return isinstance(first, ApiTarget)


def _own_senders_only() -> frozenset[str]:
    return frozenset([host for name in _OWN_SENDERS_ONLY for host in load_profile(name).hosts])
