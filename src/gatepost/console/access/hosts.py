"""The names by which the listener is called; any other is a page that rebinds its DNS to us."""

from collections.abc import Iterable
from ipaddress import ip_address

from starlette.types import ASGIApp, Receive, Scope, Send

from gatepost.console.access.headers import header_of
from gatepost.console.access.refusals import refuse
from gatepost.console.access.sentences import Sentence

_PORTS = {"http": 80, "https": 443}


class ServedHosts:
    """The values of Host that a listener answers."""

    def __init__(self, port: int, names: Iterable[str] = ()) -> None:
        """``names`` are NAME, called with our ``port``, or NAME:PORT, if others lead to us."""
        self._port = port
        self._names = {_split(each.lower(), port) for each in names} | {("localhost", port)}

    def contains(self, host: str, scheme: str, own_address: str = "") -> bool:
        """Tell whether a Host header is one of ours; ``own_address`` is the connection's."""
        try:
            name, port = _split(host.lower(), _PORTS[scheme])
        except ValueError:
            return False
        if (name, port) in self._names:
            return True
        try:
            address = ip_address(name)
        except ValueError:
            return False
        # An address is no name, so nobody can point it to us.
        return port == self._port and (address.is_loopback or name == own_address)


def _split(host: str, port: int) -> tuple[str, int]:
    """Return the name, or the address without brackets, and the port. Raises ValueError."""
    name, colon, digits = host.rpartition(":")
    if not colon or host.endswith("]"):
        name, digits = host, str(port)
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 5):
        raise ValueError("not a port")
    if name.startswith("[") and name.endswith("]"):
        name = ip_address(name[1:-1]).compressed
    elif ":" in name:
        raise ValueError("an IPv6 address needs brackets")
    return name, int(digits)


class HostCheck:
    """Middleware: 421 for a request to another host (RFC 9110 15.5.20)."""

    def __init__(self, app: ASGIApp, hosts: ServedHosts) -> None:
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is for us."""
        own_address, _ = scope.get("server") or ("", 0)
        if not self._hosts.contains(header_of(scope, b"host"), scope["scheme"], own_address):
            await refuse(scope, 421, Sentence("other_host"))(scope, receive, send)
            return
        await self._app(scope, receive, send)
