"""Bounces that say that a provider's quota is used up. Pure.

Exchange Online takes mail beyond the tenant's limit of recipients outside, and bounces it then. Who
got a message could forge such a bounce and so stop a target. Therefore only those count that its
own servers bring.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from gatepost.doctor.logs.prose import replies_in
from gatepost.model.delivery import Contact, Delivery
from gatepost.model.reply import Reply
from gatepost.queue.provider_quotas import quota_of

_EXCHANGE: Final = tuple(map(ip_network, (
    "40.92.0.0/15", "40.107.0.0/16", "52.100.0.0/14", "104.47.0.0/17",
    "2a01:111:f400::/48", "2a01:111:f403::/48",
)))  # fmt: skip
"""Microsoft Learn, "Microsoft 365 URLs and IP address ranges", Exchange Online, TCP 25."""
_BOUNCES_FROM: Final[Mapping[str, tuple[IPv4Network | IPv6Network, ...]]] = {
    "outlook.com": _EXCHANGE, "office365.com": _EXCHANGE,
    "mx.microsoft": _EXCHANGE,
}  # fmt: skip
"""By the domain of a server that takes mail: where its provider's bounces come from."""


@dataclass(frozen=True, slots=True)
class QuotaNotice:
    """A quota that is used up at a target."""

    target: str
    reply: Reply


def quota_reply(reasons: Iterable[str]) -> Reply | None:
    """Return the first reply in the reasons of a bounce that says that a quota is used up."""
    replies = [each.reply for reason in reasons for each in replies_in(reason[:1_000])]
    return next((each for each in replies if quota_of(each) is not None), None)


def quota_notice(delivery: Delivery, reply: Reply, peer: str) -> QuotaNotice | None:
    """Return what a bounce about a delivery says of the target that took it; None if ``peer``, the
    address that brought it, is none of that target's."""
    for each in _contacts(delivery):
        if _is_server(each, peer) or _is_of_provider(each.host, peer):
            return QuotaNotice(each.target, reply)
    return None


def target_of(delivery: Delivery, peer: str) -> str:
    """Return the target whose server at the address ``peer`` took a delivery; empty if none did.

    The networks of a provider do not count: its other customers send from them, too.
    """
    found = (each.target for each in _contacts(delivery) if _is_server(each, peer))
    return next(found, "")


def _contacts(delivery: Delivery) -> Iterator[Contact]:
    """Yield the servers that were tried, the last one first."""
    contacts = (attempt.contact for attempt in reversed(delivery.history))
    return (each for each in contacts if each.target)


def _is_server(contact: Contact, peer: str) -> bool:
    return _is_address(peer) and peer == _without_port(contact.address)


def _is_address(peer: str) -> bool:
    try:
        ip_address(peer)
    except ValueError:
        return False
    return True


def _is_of_provider(host: str, peer: str) -> bool:
    if not _is_address(peer):
        return False
    read = ip_address(peer)
    networks = [
        network
        for domain, some in _BOUNCES_FROM.items()
        if f".{host.lower().rstrip('.')}".endswith(f".{domain}")
        for network in some
    ]
    return any(read.version == each.version and read in each for each in networks)


def _without_port(address: str) -> str:
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.partition(":")[0] if address.count(":") == 1 else address
