"""What the configured proxies say about the client, and nobody else."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address

from starlette.types import ASGIApp, Receive, Scope, Send

from gatepost.console.access.headers import header_of

Network = IPv4Network | IPv6Network


class Forwarded:
    """Middleware: takes the client's address, scheme and host from X-Forwarded-* of a proxy."""

    def __init__(self, app: ASGIApp, proxies: Iterable[Network]) -> None:
        self._app, self._proxies = app, tuple(proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on as the proxy received it."""
        address, port = scope.get("client") or ("", 0)
        if self._proxies and is_within(address, self._proxies):
            scope = {**scope, "gatepost.proxy": address, "client": (self._client(scope), port)}
            if header_of(scope, b"x-forwarded-proto") in ("http", "https"):
                scope["scheme"] = header_of(scope, b"x-forwarded-proto")
            if host := header_of(scope, b"x-forwarded-host"):
                others = [each for each in scope["headers"] if each[0] != b"host"]
                scope["headers"] = [(b"host", host.encode("latin-1")), *others]
        await self._app(scope, receive, send)

    def _client(self, scope: Scope) -> str:
        """Return the last address that is not a proxy's; those before it may be forged."""
        addresses = [scope["client"][0]]
        for name, value in scope["headers"]:
            if name == b"x-forwarded-for":
                addresses += [each.strip() for each in value.decode("latin-1").split(",")]
        others = [each for each in addresses[1:] if not is_within(each, self._proxies)]
        return str(others[-1] if others else addresses[0])


def is_within(address: str, networks: Sequence[Network]) -> bool:
    """Tell whether an address is in one of the networks."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in each for each in networks if each.version == parsed.version)
