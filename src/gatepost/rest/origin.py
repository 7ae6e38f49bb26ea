"""The origin of a request: URLs in responses have the host and port that the client used."""

import re
from typing import Final

from starlette.requests import Request

from gatepost.rest.errors import ApiError

_AUTHORITY: Final = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[\w.-]{1,253})(?::(\d{1,5}))?", re.ASCII)
_LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]")


def authority(request: Request) -> str:
    """Return HOST or HOST:PORT as the client wrote it, in lower case (RFC 9112 3.2).

    Raises ApiError 400 for an invalid Host, because it would be part of URLs.
    """
    netloc = _netloc(request)
    if _AUTHORITY.fullmatch(netloc) is None:
        raise ApiError(400, "InvalidHostName", "The Host header of the request is invalid.")
    return netloc


def origin(request: Request) -> str:
    """Return ``https://HOST:PORT``. Raises ApiError as ``authority`` does."""
    return f"{request.scope['scheme']}://{authority(request)}"


def origins(request: Request) -> frozenset[str]:
    """Return ``origin``, and on loopback the other names of this machine."""
    netloc = authority(request)
    names = {netloc}
    match = _AUTHORITY.fullmatch(netloc)
    if match is not None and match[1] in _LOOPBACK:
        names |= {f"{name}:{match[2]}" if match[2] else name for name in _LOOPBACK}
    return frozenset(f"{request.scope['scheme']}://{name}" for name in names)


def host_of(request: Request) -> str:
    """Return HOST as the client wrote it, without the port and the brackets of an IPv6 address."""
    return without_port(_netloc(request)).strip("[]")


def without_port(netloc: str) -> str:
    """Return HOST of HOST:PORT."""
    match = _AUTHORITY.fullmatch(netloc)
    return match[1] if match else netloc


def _netloc(request: Request) -> str:
    host = request.headers.get("host")
    if host is not None:
        return host.strip().lower()
    server = request.scope.get("server")  # HTTP/1.0 needs no Host
    return f"{server[0]}:{server[1]}" if server else ""
