"""The servers of a target, as credentials and limits distinguish them."""

from typing import assert_never
from urllib.parse import urlsplit

from gatepost.model.route import (
    AcsRestTarget,
    ApiTarget,
    Capture,
    GraphTarget,
    HttpApiTarget,
    MxTarget,
    SmarthostTarget,
    Target,
)
from gatepost.net.listen import is_loopback


def hosts_of(target: Target) -> tuple[str, ...]:
    """Return the servers to which a target sends its credential, sorted by name.

    All ports of a host are taken to have the same accounts. On loopback each port is a server of
    its own.
    """
    match target:
        case SmarthostTarget():
            servers = target.servers
            return tuple(sorted({_host(each.host.lower(), each.port) for each in servers}))
        case AcsRestTarget() | GraphTarget() | HttpApiTarget():
            # a token is valid for one API only
            parts = urlsplit(target.endpoint)
            api = _api_of(target)
            return (f"{api} {_host((parts.hostname or '').lower(), parts.port or 443)}",)
        case Capture() | MxTarget():
            return ()
    assert_never(target)


def _api_of(target: ApiTarget) -> str:
    if isinstance(target, HttpApiTarget):
        return target.provider.name
    return "graph" if isinstance(target, GraphTarget) else "acs"


def _host(host: str, port: int) -> str:
    return f"{host}:{port}" if is_loopback(host) else host
