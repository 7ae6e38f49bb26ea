"""Listening sockets: bound before anything is served, so that they can outlive the server."""

import errno
import socket
import stat
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from gatepost.errors import NetworkError
from gatepost.model.host_port import join_host_port
from gatepost.net.unix_socket import ShortPath

BACKLOG: Final = 1_024
_BOTH: Final = {"localhost": ("127.0.0.1", "::1"), "::": ("0.0.0.0", "::")}
_FIRST_FREE: Final = 1_024
"""The first port that needs no privilege by default."""
_TRIES: Final = 20
"""Free ports to try until one is free on both address families."""


class PortBusy(NetworkError):
    """The address is in use already. The message names it."""


@dataclass(frozen=True, slots=True)
class Listener:
    """The sockets of one service: one port, on one or both families; or one Unix socket."""

    sockets: tuple[socket.socket, ...]
    path: Path | None = None
    """The path of a Unix socket that we created, and that is removed with it."""
    inode: tuple[int, int] | None = None
    """The device and inode of that path after we created it."""

    @property
    def is_local(self) -> bool:
        """True for a Unix socket."""
        return self.sockets[0].family == getattr(socket, "AF_UNIX", None)

    @property
    def host(self) -> str:
        """The first address, as a client would dial it; the path of a Unix socket."""
        name = self.sockets[0].getsockname()
        return str(self.path or name) if self.is_local else str(name[0])

    @property
    def port(self) -> int:
        """The port that all its sockets share; 0 for a Unix socket."""
        return 0 if self.is_local else int(self.sockets[0].getsockname()[1])

    @property
    def host_port(self) -> str:
        """``HOST:PORT``, as in a URL."""
        return join_host_port(self.host, self.port)

    def can_be_found(self) -> bool:
        """False if the path of a Unix socket is missing, or belongs to another socket."""
        return self.path is None or _inode(self.path) == self.inode

    def close(self) -> None:
        """Stop listening; a file that has replaced our Unix socket stays."""
        for sock in self.sockets:
            sock.close()
        if self.path is not None and self.can_be_found():
            self.path.unlink(missing_ok=True)


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def is_loopback(host: str) -> bool:
    """Return whether ``host`` can be reached only from this machine; False for an unknown name."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def listen(host: str, port: int) -> Listener:
    """Listen on ``host``; ``localhost`` is 127.0.0.1 and, if available, ::1; ``::`` is every
    address of both families.

    Port 0 takes a port that is free on all of them. Raises PortBusy, or NetworkError if the address
    cannot be used.
    """
    hosts = _BOTH.get(host, (host,))
    for attempt in range(_TRIES):
        try:
            return _listen_on_all(hosts, port)
        except PortBusy:
            if port or attempt == _TRIES - 1:
                raise
    raise AssertionError("unreachable")


def listen_local(path: Path, mode: int = 0o660) -> Listener:
    """Listen on a Unix socket at ``path``, with the permissions ``mode``.

    A stale socket is replaced. Raises PortBusy if a process listens there, or NetworkError if the
    path cannot be used; a file that is not a socket is not touched.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _clear(path)
        with ShortPath(path) as address:
            sock.bind(address)
        # Before anybody can connect: the given permissions, not those of the umask.
        path.chmod(mode)
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        if isinstance(error, PortBusy):
            raise
        raise NetworkError(f"cannot listen on {path}: {error.strerror or error}") from error
    sock.setblocking(False)
    return Listener((sock,), path, _inode(path))


def _clear(path: Path) -> None:
    try:
        if not stat.S_ISSOCK(path.stat().st_mode):
            raise FileExistsError(errno.EEXIST, "there is a file that is not a socket")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe, ShortPath(path) as address:
        try:
            probe.connect(address)
        except ConnectionRefusedError:
            path.unlink()
        else:
            raise PortBusy(f"{path} is in use")


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
                where = join_host_port(host, port)
                problem = f"cannot listen on {where}: {error.strerror}"
                if error.errno == errno.EACCES and port < _FIRST_FREE:
                    problem += f"; ports below {_FIRST_FREE} need CAP_NET_BIND_SERVICE"
                raise NetworkError(problem) from error
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
            raise PortBusy(f"{join_host_port(host, port)} is in use") from error
        raise
    return sock


def inheritable(listener: Listener) -> tuple[int, ...]:
    """Return descriptors that a child process inherits."""
    for sock in listener.sockets:
        sock.set_inheritable(True)
    return tuple(sock.fileno() for sock in listener.sockets)


def keep(listener: Listener) -> None:
    """Do not pass the sockets to processes that start from now on: uvloop does not close them
    there."""
    for sock in listener.sockets:
        sock.set_inheritable(False)


def adopt(descriptors: tuple[int, ...]) -> Listener:
    """Return the listener for sockets that another process opened and passed to this one."""
    sockets = tuple(socket.socket(fileno=descriptor) for descriptor in descriptors)
    for sock in sockets:
        sock.setblocking(False)
    return Listener(sockets)
