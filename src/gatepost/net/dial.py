"""From ``host:port`` to a connected socket: tries every address, each with its own deadline."""

import ipaddress
import math
import os
import re
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from gatepost.errors import (
    ConfigError,
    ConnectError,
    NetworkError,
    NoDescriptor,
    ResolveError,
    TimedOut,
)
from gatepost.model.host_port import join_host_port
from gatepost.net.descriptors import Use, is_reserved, is_shortage, no_descriptor

SUBMISSION: Final = 587
"""RFC 6409."""
_IN_NO_HOST: Final = frozenset("/@ ,;*<>\"'")
"""Characters that are part of a URL, of a list, or of surrounding text, but not of a host."""
_HEXADECIMAL: Final = re.compile("0x[0-9a-f]*")
SHORTEST: Final = 0.000_1
"""Seconds to wait when there are none left; zero would mean not to wait at all."""
CONNECT_TIMEOUT: Final = 30.0
"""Seconds for one address; the RFC leaves it to TCP, which takes minutes."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where to connect to; ``host`` is a name or an address without brackets."""

    host: str
    port: int = SUBMISSION

    def __str__(self) -> str:
        return join_host_port(self.host, self.port)


def parse_server(text: str, default_port: int = SUBMISSION) -> Server:
    """Parse ``host``, ``host:port``, ``[::1]:port`` or a bare IPv6 address.

    Raises ConfigError, which shows nothing of a URL, because people paste URLs with passwords.
    """
    if "@" in text or "://" in text:
        raise ConfigError("not a server: it is a URL or names a user; write HOST:PORT")
    host, port = text.strip(), str(default_port)
    if host.startswith("["):
        host, bracket, port = host[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            raise ConfigError(f"not a server: {text!r}", did_you_mean=f"[{host}]:{default_port}")
        port = port[1:] if port else str(default_port)
    elif host.count(":") == 1:
        host, _, port = host.partition(":")
    if not host or not host.isprintable() or any(sign in host for sign in _IN_NO_HOST):
        raise ConfigError(f"not a server: {text!r}; write HOST:PORT")
    if ":" in host and not is_ipv6(host):
        raise ConfigError(f"not a server: {text!r}; write HOST:PORT, one server each")
    if is_bare_number(host):
        raise ConfigError(f"not a server: {text!r}; write an IPv4 address as four numbers")
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
        raise ConfigError(f"not a port: {port!r}; write HOST:PORT")
    return Server(host, int(port))


def is_ipv6(host: str) -> bool:
    """Tell whether ``host`` is an IPv6 address, with or without a zone."""
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return False
    return True


def is_address(text: str) -> bool:
    """Tell whether ``text`` is an IP address of either family."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_bare_number(host: str) -> bool:
    """Tell whether ``host`` is a number, or ends in one, and is not an IPv4 address in four parts.

    The resolver would take ``504`` for 0.0.1.248, and also read octal, hexadecimal and shortened
    addresses (inet_aton(3)), but people who write such a number mean something else.
    """
    last = host.rstrip(".").rpartition(".")[2].lower()
    if not last.isdecimal() and _HEXADECIMAL.fullmatch(last) is None:
        return False
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return True
    return False


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address of a server, as the resolver returned it."""

    family: int
    sockaddr: tuple[Any, ...]

    @property
    def address(self) -> str:
        """The IP address in text."""
        return str(self.sockaddr[0])

    def __str__(self) -> str:
        return str(Server(self.address, self.sockaddr[1]))


def resolve(server: Server) -> tuple[Endpoint, ...]:
    """Return every address of ``server``, best first. Raises ResolveError."""
    try:
        infos = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise unresolved(server, error) from error
    return endpoints(infos)


def _resolve_until(server: Server, end: float) -> tuple[Endpoint, ...]:
    """Return what ``resolve`` returns. Raises TimedOut, too; the look-up then ends by itself."""
    from threading import Thread  # noqa: PLC0415 - most programs wait for as long as it takes

    outcomes: list[tuple[Endpoint, ...] | NetworkError] = []

    def ask() -> None:
        try:
            outcomes.append(resolve(server))
        except NetworkError as error:
            outcomes.append(error)

    thread = Thread(target=ask, name="gatepost-resolver", daemon=True)
    thread.start()
    thread.join(max(end - time.monotonic(), SHORTEST))
    for outcome in outcomes:
        if isinstance(outcome, NetworkError):
            raise outcome
        return outcome
    raise TimedOut(f"{server.host}: no answer from the name service in time").at("resolve")


def endpoints(infos: Sequence[tuple[Any, ...]]) -> tuple[Endpoint, ...]:
    """Return the results of ``getaddrinfo``, each address once."""
    return tuple(dict.fromkeys(Endpoint(entry[0], entry[4]) for entry in infos))


def unresolved(server: Server, error: Exception) -> NetworkError:
    """Return the error for a name that has no address."""
    why = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return ResolveError(f"{server.host}: {why}").at("resolve")


def make_socket(endpoint: Endpoint) -> socket.socket:
    """Return an unconnected socket for ``endpoint`` that does not delay small writes. Raises
    NoDescriptor."""
    sock = open_socket(endpoint.family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def open_socket(family: int, kind: int, protocol: int) -> socket.socket:
    """Return an unconnected socket. Raises NoDescriptor if there is none to spare."""
    try:
        sock = socket.socket(family, kind, protocol)
    except OSError as error:
        if is_shortage(error):
            raise no_descriptor().at("connect") from None
        raise
    if is_reserved(sock.fileno(), Use.SERVICE):
        sock.close()
        raise no_descriptor().at("connect")
    return sock


def connect_to(endpoint: Endpoint, timeout: float = CONNECT_TIMEOUT) -> socket.socket:
    """Return a socket connected to this one address. Raises OSError."""
    sock = make_socket(endpoint)
    try:
        sock.settimeout(timeout)
        sock.connect(endpoint.sockaddr)
    except BaseException:
        sock.close()
        raise
    return sock


def dial(server: Server, timeout: float = CONNECT_TIMEOUT, end: float = math.inf) -> socket.socket:
    """Return a socket connected to the first address that accepts the connection.

    ``timeout``: seconds for each address; ``end``: the time (``time.monotonic``) for all of it.
    Raises ResolveError, NoDescriptor, TimedOut if no address answered at all, otherwise
    ConnectError.
    """
    failures: list[tuple[Endpoint, OSError]] = []
    for endpoint in resolve(server) if math.isinf(end) else _resolve_until(server, end):
        try:
            return connect_to(endpoint, min(timeout, max(end - time.monotonic(), SHORTEST)))
        except NoDescriptor:
            raise
        except OSError as error:
            failures.append((endpoint, error))
    raise unreachable(server, failures)


def unreachable(server: Server, failures: Sequence[tuple[Endpoint, OSError]]) -> NetworkError:
    """Return the error with the result of each address."""
    reasons = "; ".join(f"{endpoint}: {plainly(error)}" for endpoint, error in failures)
    silent = failures and all(isinstance(error, TimeoutError) for _, error in failures)
    kind = TimedOut if silent else ConnectError
    return kind(f"cannot connect to {server} ({reasons})").at("connect")


def plainly(error: OSError) -> str:
    """Return the system's text for an error; asyncio's own text says less."""
    if error.errno and error.errno > 0:  # getaddrinfo's are negative, and others
        return os.strerror(error.errno)
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return error.strerror or str(error) or type(error).__name__


def is_here(address: str) -> bool:
    """Tell whether an IP address belongs to this machine; nothing is sent.

    Packets to an own address come from that address. A test whether a socket can be bound to it
    would be true for every address if the system is configured so (``ip_nonlocal_bind``). All of
    127.0.0.0/8 belongs to this machine, although packets to it come from one address.
    """
    if address.startswith("127."):
        return True
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect((address, 9))  # RFC 863, discard
        except OSError:
            return False
        return str(sock.getsockname()[0]) == address


def host_name() -> str:
    """Return this machine's own name, without further queries to the network."""
    return socket.gethostname()
