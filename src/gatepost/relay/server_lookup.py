"""The servers of a target: from the configuration, or from the DNS (RFC 5321 5.1)."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gatepost.model.reply import Reply
from gatepost.model.route import MxTarget, SmarthostTarget, Target
from gatepost.relay.exchanger_lookup import ExchangerLookup
from gatepost.relay.transport.contract import Place
from gatepost.relay.wait import Wait
from gatepost.routing.mx import candidates, exchangers, literal_candidates, site

KNOWN: Final = 10_000
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
class Found:
    """The servers of a target, in the order in which they are tried."""

    places: tuple[Place, ...]
    site: str = ""
    """A name that destinations with the same exchangers share; empty except for MX targets."""


class ServerLookup:
    """Looks up the servers of targets. ``random`` returns numbers from 0 to 1."""

    def __init__(self, exchangers: ExchangerLookup, own: Own, random: Callable[[], float]) -> None:
        self._exchangers, self._own, self._random = exchangers, own, random
        self._known: OrderedDict[tuple[str, str], Found] = OrderedDict()
        self._configured: dict[str, tuple[Target, Found]] = {}

    def known(self, target: Target, destination: str) -> Found | None:
        """Return the servers of a target without a query: from the cache for MX, or None."""
        if isinstance(target, MxTarget):
            return self._known.get((target.name, destination))
        return self._of(target)

    def wait_of(self, target: Target, destination: str) -> Wait | None:
        """Return why the servers of a target cannot be looked up now; None if they can."""
        if not isinstance(target, MxTarget) or _is_literal(destination):
            return None
        return self._exchangers.wait_of(destination)

    def forgive(self, target: Target, destination: str) -> None:
        """End the pause of a look-up."""
        if isinstance(target, MxTarget):
            self._exchangers.forgive(destination)

    async def find(self, target: Target, destination: str) -> Found | Reply:
        """Return the servers of a target, or a temporary or permanent Reply if there is none."""
        if not isinstance(target, MxTarget):
            return self._of(target)
        found = await self._find(target, destination)
        key = (target.name, destination)
        self._known.pop(key, None)
        if isinstance(found, Found):
            self._known[key] = found
            if len(self._known) > KNOWN:
                self._known.popitem(last=False)
        return found

    async def close(self) -> None:
        """End all look-ups."""
        await self._exchangers.close()

    def _of(self, target: Target) -> Found:
        known = self._configured.get(target.name)
        if known is None or known[0] is not target:
            known = self._configured[target.name] = (target, _configured(target))
        return known[1]

    async def _find(self, target: MxTarget, domain: str) -> Found | Reply:
        if _is_literal(domain):
            literal = literal_candidates(domain, self._own)
            if isinstance(literal, Reply):
                return literal
            return Found(tuple([Place(c.host, target.port, c.address) for c in literal]), domain)
        answers = await self._exchangers.find(domain)
        hosts = exchangers(domain, answers.mx, self._own.names, self._random)
        if isinstance(hosts, Reply):
            return hosts
        known = answers.hosts.values()
        own = [each for answer in known for each in answer.records if each in self._own]
        chosen = candidates(domain, hosts, answers.hosts, own)
        if isinstance(chosen, Reply):
            return chosen
        places = [Place(each.host, target.port, each.address) for each in chosen]
        return Found(tuple(places), site(hosts))


def _is_literal(domain: str) -> bool:
    return domain.startswith("[")


def _configured(target: Target) -> Found:
    if isinstance(target, SmarthostTarget):
        return Found(tuple([Place(each.host, each.port) for each in target.servers]))
    return Found((Place(target.name),))
