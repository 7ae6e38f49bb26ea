"""From a recipient's domain to the addresses that are tried (RFC 5321 5.1, RFC 7505, RFC 2181)."""

from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from gatepost.model.dns import DnsAnswer, MxRecord
from gatepost.model.idn import fold_domain
from gatepost.model.reply import Esc, Reply
from gatepost.routing.domains import host_address, literal_address

MOST: Final = 10
"""Maximum addresses that are tried for one delivery; RFC 5321 5.1 requires at least two."""

MOST_HOSTS: Final = 30
"""Maximum exchangers of a domain whose addresses are looked up: an answer can contain thousands."""

# RFC 7505 4.1, RFC 3463 3.2 and 3.5.
NULL_MX: Final = Reply(556, "Domain does not accept mail", Esc(5, 1, 10))
NO_DOMAIN: Final = Reply(550, "Domain not found", Esc(5, 1, 2))
NO_HOST: Final = Reply(550, "Domain has no host that accepts mail", Esc(5, 4, 4))
NO_ANSWER: Final = Reply(451, "Temporary failure of the name service", Esc(4, 4, 3))
LOOP: Final = Reply(554, "Mail loops back to this host", Esc(5, 4, 6))
BAD_LITERAL: Final = Reply(501, "Not an address literal", Esc(5, 1, 3))


@dataclass(frozen=True, slots=True)
class Candidate:
    """One address to try; ``host`` is the name that a certificate must have."""

    host: str
    address: str
    preference: int = 0


def exchangers(
    domain: str,
    answer: DnsAnswer[MxRecord],
    own_names: Collection[str],
    random: Callable[[], float],
) -> tuple[MxRecord, ...] | Reply:
    """Return the hosts that accept a domain's mail, in the order in which they are tried.

    ``answer`` is that of ``Resolver.mx(domain)``. Equal preferences are ordered by ``random``. A
    domain without MX records is its own exchanger. For a domain that accepts no mail, or whose best
    exchanger is this relay, the Reply for the sender is returned.
    """
    if answer.kind == "failed":
        return NO_ANSWER.because(answer.reason)
    if answer.kind == "no_such_name":
        return NO_DOMAIN.because(answer.reason)
    if answer.kind == "no_records":
        records: tuple[MxRecord, ...] = (MxRecord(0, domain.rstrip(".")),)
    else:
        records = tuple([each for each in answer.records if each.host])
        if not records:
            return NULL_MX.because(f"{domain} has a null MX: it accepts no mail (RFC 7505)")
    own = {fold_domain(each) for each in own_names}
    return _ordered(domain, records, lambda each: fold_domain(each.host) in own, random)


def candidates(
    domain: str,
    hosts: Sequence[MxRecord],
    answers: Mapping[str, DnsAnswer[str]],
    own_addresses: Collection[str],
    most: int = MOST,
) -> tuple[Candidate, ...] | Reply:
    """Return at most ``most`` addresses to try, in order; each host's first before any second.

    ``hosts`` are those of ``exchangers``, ``answers`` those of ``Resolver.addresses`` by host. A
    host with one of our own addresses is this relay, whatever its name is.
    """
    own = frozenset(own_addresses)
    is_own = {each.host for each in hosts if own.intersection(answers[each.host].records)}
    kept = _preferred_to_this_relay(hosts, lambda each: each.host in is_own)
    if hosts and not kept:
        return LOOP.because(f"the best exchanger of {domain} has an address of this host")
    lists = [
        [Candidate(each.host, address, each.preference) for address in answers[each.host].records]
        for each in kept
    ]
    spare = max(0, most - sum(1 for addresses in lists if addresses))
    chosen: list[Candidate] = []
    for addresses in lists:
        chosen += addresses[: 1 + spare]
        spare -= max(0, min(len(addresses) - 1, spare))
    return tuple(chosen[:most]) or _no_address(domain, kept, answers)


def hosts_of(answer: DnsAnswer[str]) -> DnsAnswer[str]:
    """Return an answer with only those addresses that another host, or this relay, can have."""
    hosts = [host_address(each) for each in answer.records]
    usable = tuple(dict.fromkeys([each for each in hosts if each is not None]))
    if usable or not hosts:
        return replace(answer, records=usable)
    reason = f"its addresses are not those of a host: {', '.join(answer.records[:MOST])}"
    return DnsAnswer("no_records", ttl=answer.ttl, reason=reason)


def literal_candidates(domain: str, own_addresses: Container[str]) -> tuple[Candidate, ...] | Reply:
    """Return the address for mail to an address literal, without alternatives (RFC 5321 5.1)."""
    try:
        address = literal_address(domain)
    except ValueError as error:
        return BAD_LITERAL.because(str(error))
    if address is None:
        raise ValueError(f"not an address literal: {domain}")
    address = host_address(address)
    if address is None:
        return BAD_LITERAL.because(f"{domain} is not the address of a host")
    if address in own_addresses:
        return LOOP.because(f"{domain} is an address of this host")
    return (Candidate(domain, address),)


def site(hosts: Iterable[MxRecord]) -> str:
    """Return a name for the servers behind the best exchangers, which many domains may share.

    What is learned about one domain's next hop holds for all domains that share it.
    """
    best = list(hosts)
    lowest = min([each.preference for each in best], default=0)
    return " ".join(sorted({fold_domain(each.host) for each in best if each.preference == lowest}))


def _ordered(
    domain: str,
    records: Sequence[MxRecord],
    is_own: Callable[[MxRecord], bool],
    random: Callable[[], float],
) -> tuple[MxRecord, ...] | Reply:
    usable = [each for each in records if is_own(each) or not _is_number(each.host)]
    if not usable:
        return NO_HOST.because(f"the MX records of {domain} name addresses instead of hosts")
    kept = _preferred_to_this_relay(usable, is_own)
    if not kept:
        return LOOP.because(f"this host is the best exchanger of {domain}")
    if len(kept) > MOST_HOSTS:  # always the same, so that what is learned of them is kept
        kept = sorted(kept, key=lambda each: (each.preference, each.host))[:MOST_HOSTS]
    drawn = [(each.preference, random(), each) for each in dict.fromkeys(kept)]
    return tuple([each for *_, each in sorted(drawn, key=lambda entry: entry[:2])])


def _preferred_to_this_relay(
    records: Sequence[MxRecord], is_own: Callable[[MxRecord], bool]
) -> list[MxRecord]:
    """Remove this relay, and all exchangers that are not preferred to it (RFC 5321 5.1)."""
    ours = [each.preference for each in records if is_own(each)]
    return [each for each in records if not ours or each.preference < min(ours)]


def _is_number(host: str) -> bool:
    """Tell whether it is an address, where RFC 2181 10.3 requires a name; no name ends in a number
    (RFC 3696 2)."""
    return ":" in host or host.rpartition(".")[2].isdecimal()


def _no_address(
    domain: str, hosts: Sequence[MxRecord], answers: Mapping[str, DnsAnswer[str]]
) -> Reply:
    for each in hosts:
        answer = answers[each.host]
        if not answer.is_final:
            return NO_ANSWER.because(answer.reason)
    if [fold_domain(each.host) for each in hosts] == [fold_domain(domain)]:
        return NO_DOMAIN.because(f"{domain} has neither MX nor address records")
    names = ", ".join(each.host for each in hosts)
    missing = [each.reason for each in answers.values() if each.kind == "no_records"]
    detail = f": {missing[0]}" if missing else ""
    return NO_HOST.because(f"no exchanger of {domain} has an address ({names}){detail}")
