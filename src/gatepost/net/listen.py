"""Listening sockets: bound before anything is served, so that they can outlive who serves them."""

import errno
import socket
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from gatepost.errors import NetworkError

BACKLOG: Final = 1_024
_TRIES: Final = 20
"""Free ports to try until one is free on both address families."""


class PortBusy(NetworkError):
    """Somebody listens there already. The message names the address."""


@dataclass(frozen=True, slots=True)
class Listener:
    """The sockets of one service: one port, on one or both loopback families."""

    sockets: tuple[socket.socket, ...]

    @property
    def host(self) -> str:
        """The first address, as a client would dial it."""
        return str(self.sockets[0].getsockname()[0])

    @property
    def port(self) -> int:
        """The port that all its sockets share."""
        return int(self.sockets[0].getsockname()[1])

    def close(self) -> None:
        """Stop listening."""
        for sock in self.sockets:
            sock.close()


def is_loopback(host: str) -> bool:
    """Return whether nobody but this machine can reach ``host``; a name that is not known cannot
    promise that."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def listen(host: str, port: int) -> Listener:
    """Listen on ``host``; ``localhost`` is 127.0.0.1 and, where the machine has it, ::1.

    Port 0 takes one that is free on all of them. Raises PortBusy, or NetworkError when the
    address cannot be had.
    """
    hosts = ("127.0.0.1", "::1") if host == "localhost" else (host,)
    for attempt in range(_TRIES):
        try:
            return _listen_on_all(hosts, port)
        except PortBusy:
            if port or attempt == _TRIES - 1:
                raise
    raise AssertionError("unreachable")


def _listen_on_all(hosts: tuple[str, ...], port: int) -> Listener:
    sockets: list[socket.socket] = []
    try:
        for host in hosts:
            try:
                sockets.append(_listen_on(host, port))
            except PortBusy:
                raise
            except OSError as error:
                if sockets and error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                    continue  # a machine without IPv6
                raise NetworkError(f"cannot listen on {_spell(host, port)}: {error}") from error
            port = port or int(sockets[0].getsockname()[1])
    except BaseException:
        for sock in sockets:
            sock.close()
        raise
    return Listener(tuple(sockets))


def _listen_on(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named, because asyncio sets TCP_NODELAY only where it is.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family is socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, port))
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            raise PortBusy(f"{_spell(host, port)} is in use") from error
        raise
    return sock


def _spell(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def adopt(descriptors: tuple[int, ...]) -> Listener:
    """Return the listener whose sockets another process opened and handed to this one."""
    sockets = tuple(socket.socket(fileno=descriptor) for descriptor in descriptors)
    for sock in sockets:
        sock.setblocking(False)
    return Listener(sockets)
