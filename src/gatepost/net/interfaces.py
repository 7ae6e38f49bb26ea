"""The addresses of this machine."""

from ipaddress import IPv6Address, ip_address

_LOOPBACK = "127.0.0.1"


def list_addresses() -> tuple[str, ...]:
    """Return the addresses of this machine's interfaces, except for link-local ones.

    Those are valid only together with an interface, which no certificate can name.
    """
    import ifaddr  # noqa: PLC0415 - loads ctypes, and is needed only by a server beyond loopback

    addresses: dict[str, None] = {}
    for adapter in ifaddr.get_adapters():
        for each in adapter.ips:
            address = ip_address(each.ip if isinstance(each.ip, str) else each.ip[0])
            if not (isinstance(address, IPv6Address) and address.is_link_local):
                addresses[str(address)] = None
    return tuple(addresses)
