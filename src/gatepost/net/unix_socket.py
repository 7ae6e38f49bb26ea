"""Unix sockets of this machine, and one request over a Unix socket, without an event loop."""

import os
import socket
from pathlib import Path
from typing import Final

from gatepost.errors import ConnectError, Disconnected

LENGTH: Final = 4
"""Octets of the length, big-endian, before a frame."""
_MAX_PATH: Final = 100
"""Maximum octets of a socket's path; sun_path has 104 or 108."""
_TIMEOUT: Final = 30.0


class ShortPath:
    """A path in a form that fits into a socket address, however deep the directory is."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._directory = -1

    def __enter__(self) -> str:
        if len(os.fsencode(self._path)) <= _MAX_PATH:
            return str(self._path)
        self._directory = os.open(self._path.parent, os.O_RDONLY)
        return f"/proc/self/fd/{self._directory}/{self._path.name}"

    def __exit__(self, *_: object) -> None:
        if self._directory >= 0:
            os.close(self._directory)


def bind_for_owner(path: Path) -> socket.socket:
    """Return a socket at ``path`` that only its owner may use; a stale socket file is replaced."""
    path.unlink(missing_ok=True)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        with ShortPath(path) as address:
            sock.bind(address)
    finally:
        os.umask(before)
    return sock


def connect(path: Path) -> socket.socket:
    """Return a connection to the server at ``path``; blocks. Raises ConnectError without one."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(_TIMEOUT)
    try:
        with ShortPath(path) as address:
            sock.connect(address)
    except OSError as error:
        sock.close()
        raise ConnectError(f"nobody answers at {path}: {error.strerror}") from error
    return sock


def ask(path: Path, frame: bytes) -> bytes:
    """Send one frame to the server at ``path``, and return its answer.

    Blocks; for commands that must be fast. Raises ConnectError if there is no server, Disconnected
    if there is no answer.
    """
    with connect(path) as sock:
        try:
            sock.sendall(len(frame).to_bytes(LENGTH, "big") + frame)
            return _receive(sock, int.from_bytes(_receive(sock, LENGTH), "big"))
        except OSError as error:
            raise Disconnected(f"{path} did not answer: {error}") from error


def _receive(sock: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        octets = sock.recv(size - len(received))
        if not octets:
            raise ConnectionError("it hung up")
        received += octets
    return received
