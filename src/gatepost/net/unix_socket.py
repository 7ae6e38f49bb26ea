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


def ask(path: Path, frame: bytes) -> bytes:
    """Send one frame to the server at ``path``, and return its answer.

    Blocks; for commands that must be fast. Raises ConnectError if there is no server, Disconnected
    if there is no answer.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(_TIMEOUT)
        try:
            with ShortPath(path) as address:
                sock.connect(address)
        except OSError as error:
            raise ConnectError(f"nobody answers at {path}: {error.strerror}") from error
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
