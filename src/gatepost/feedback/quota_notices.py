"""Bounces that say that a provider's quota is used up. Pure.

Exchange Online takes mail beyond the tenant's limit of recipients outside, and bounces it then. Who
got a message could forge such a bounce and so stop a target. Therefore only those count that its
own servers bring.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from gatepost.doctor.logs.prose import replies_in
from gatepost.model.delivery import Delivery
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
    target = target_of(delivery, peer)
    return QuotaNotice(target, reply) if target else None


def target_of(delivery: Delivery, peer: str) -> str:
    """Return the target of a delivery whose server ``peer`` is; empty if it is none's."""
    for attempt in reversed(delivery.history):
        contact = attempt.contact
        if contact.target and _is_of(contact.host, contact.address, peer):
            return contact.target
    return ""


def _is_of(host: str, address: str, peer: str) -> bool:
    try:
        read = ip_address(peer)
    except ValueError:
        return False
    if peer and peer == _without_port(address):
        return True
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
