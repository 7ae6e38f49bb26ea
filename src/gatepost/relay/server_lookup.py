"""The servers of a target: from the configuration, or from the DNS (RFC 5321 5.1)."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gatepost.model.dns import Resolver
from gatepost.model.reply import Reply
from gatepost.model.route import MxTarget, ServerAddress, SmarthostTarget, Target
from gatepost.queue.retry_schedule import Random
from gatepost.relay.attempt_permit import Wait
from gatepost.relay.mx_lookup import ExchangerLookup
from gatepost.routing.mx_candidates import candidates, exchangers, literal_candidates, site

CACHED: Final = 10_000
"""Destinations whose servers are cached; the least recently used are dropped."""


@dataclass(frozen=True, slots=True)
class Own:
    """The relay's own names and addresses, to which it must not send mail."""

    names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    is_here: Callable[[str], bool] = lambda _address: False
    """Tells whether an address is this machine's, for listeners on all addresses."""

    def __contains__(self, address: object) -> bool:
        """Tell whether an address is one of the relay's own."""
        return address in self.addresses or self.is_here(str(address))


@dataclass(frozen=True, slots=True)
class ServerGroup:
    """The servers of a target, in the order in which they are tried."""

    servers: tuple[ServerAddress, ...]
    site: str = ""
    """A name that destinations with the same exchangers share; empty except for MX targets."""


class ServerLookup:
    """Looks up the servers of targets. ``random`` returns numbers from 0 to 1."""

    def __init__(
        self, resolver: Resolver, own: Own, seconds: Callable[[], float], random: Random
    ) -> None:
        self.exchangers = ExchangerLookup(resolver, own.names, seconds, random)
        self._own, self._random = own, random
        self._cached: OrderedDict[tuple[str, str], ServerGroup] = OrderedDict()
        self._configured: dict[str, tuple[Target, ServerGroup]] = {}

    def cached(self, target: Target, destination: str) -> ServerGroup | None:
        """Return the servers of a target without a query: from the cache for MX, or None."""
        if isinstance(target, MxTarget):
            return self._cached.get((target.name, destination))
        return self.configured(target)

    def wait_of(self, target: Target, destination: str) -> Wait | None:
        """Return why the servers of a target cannot be looked up now; None if they can."""
        if not isinstance(target, MxTarget) or _is_literal(destination):
            return None
        return self.exchangers.wait_of(destination)

    def forgive(self, target: Target, destination: str) -> None:
        """End the pause of a look-up."""
        if isinstance(target, MxTarget):
            self.exchangers.forgive(destination)

    async def find(self, target: MxTarget, destination: str) -> ServerGroup | Reply:
        """Return the exchangers of a domain, or a temporary or permanent Reply if there is none."""
        group = await self._find(target, destination)
        key = (target.name, destination)
        self._cached.pop(key, None)
        if isinstance(group, ServerGroup):
            self._cached[key] = group
            if len(self._cached) > CACHED:
                self._cached.popitem(last=False)
        return group

    async def close(self) -> None:
        """End all look-ups."""
        await self.exchangers.close()

    def configured(self, target: Target) -> ServerGroup:
        """Return the servers of a target that needs no look-up."""
        entry = self._configured.get(target.name)
        if entry is None or entry[0] is not target:
            entry = self._configured[target.name] = (target, _configured(target))
        return entry[1]

    async def _find(self, target: MxTarget, domain: str) -> ServerGroup | Reply:
        if _is_literal(domain):
            literal = literal_candidates(domain, self._own)
            if isinstance(literal, Reply):
                return literal
            return ServerGroup(
                tuple([ServerAddress(c.host, target.port, c.address) for c in literal]), domain
            )
        answers = await self.exchangers.find(domain)
        hosts = exchangers(domain, answers.mx, self._own.names, self._random)
        if isinstance(hosts, Reply):
            return hosts
        hosts_answers = answers.hosts.values()
        own = [each for answer in hosts_answers for each in answer.records if each in self._own]
        chosen = candidates(domain, hosts, answers.hosts, own)
        if isinstance(chosen, Reply):
            return chosen
        servers = [ServerAddress(each.host, target.port, each.address) for each in chosen]
        return ServerGroup(tuple(servers), site(hosts))


def _is_literal(domain: str) -> bool:
    return domain.startswith("[")


def _configured(target: Target) -> ServerGroup:
    if isinstance(target, SmarthostTarget):
        return ServerGroup(tuple([ServerAddress(each.host, each.port) for each in target.servers]))
    return ServerGroup((ServerAddress(target.name),))
