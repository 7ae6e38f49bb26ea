"""The names of this server, as opposed to those that clients call it by."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from ipaddress import ip_address

from gatepost.directory.azure.tokens import resource_name


def _none() -> Collection[str]:
    return ()


@dataclass(frozen=True, slots=True)
class OwnNames:
    """The names of loopback, and those that are configured; never that of an Azure resource."""

    configured: Callable[[], Collection[str]] = _none
    """Returns host names in lower case and addresses; the first label of a name may be ``*``."""

    def has_name(self, host: str) -> bool:
        """Tell whether a host name or address is one of this server's."""
        if resource_name(f"https://{host}"):
            return False
        try:
            address = ip_address(host)
        except ValueError:
            below = host.partition(".")[2]
            names = self.configured()
            return _is_loopback(host) or host in names or f"*.{below}" in names
        return address.is_loopback or str(address) in self.configured()


def _is_loopback(name: str) -> bool:
    """RFC 6761 6.3."""
    return name == "localhost" or name.endswith(".localhost")
