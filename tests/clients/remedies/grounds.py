"""The emulators that the causes need: each is a process, started at its first use.

A server differs from a healthy one only in what the broken clients fail at; the fixed clients can
deliver to it.
"""

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from gatepost.testing import Emulator

ANOTHER: Final = "127.0.0.2"
"""An address of this machine that is in no certificate."""
SENDER: Final = "sender@example.com"
_EHLO: Final = ("SIZE 31457280", "8BITMIME")


def _accounts(*mechanisms: str, **changes: object) -> dict[str, Any]:
    """Return the settings of a server with one account, which offers these mechanisms after
    STARTTLS."""
    lines = [*_EHLO, *([f"AUTH {' '.join(mechanisms)}"] if mechanisms else [])]
    return {
        "directory.kind": "accounts",
        "in_clear": [*_EHLO, "STARTTLS"],
        "over_tls": lines,
        "requires_tls": True,
        "requires_auth": bool(mechanisms),
        "account.username": "user@example.com",
        "account.password": "long-enough-for-anybody",
        "account.sender": SENDER,
        **{key.replace("__", "."): value for key, value in changes.items()},
    }


# fmt: off
GROUNDS: Final[Mapping[str, Mapping[str, Any] | None]] = {
    "acs": None,
    "plain": _accounts("PLAIN", bare_newline="refuse", content__longest_line=998,
                       content__wants_from=True, content__wants_ascii_headers=True),
    "own-name": _accounts("PLAIN", auth__refuses_authzid=True),
    "bare-plain": _accounts("PLAIN", auth__needs_initial_response=["PLAIN"]),
    "login": _accounts("LOGIN", login_initial_response=False),
    "broken": _accounts("CRAM-MD5", "PLAIN", "LOGIN", auth__broken=["CRAM-MD5"]),
    "token": _accounts("XOAUTH2", auth__command_line=512, account__token="{alnum:700}"),
    "nobody": _accounts(),
    "trusting": _accounts("PLAIN", "LOGIN", requires_auth=False),
    "in-clear": _accounts("PLAIN", in_clear=[*_EHLO, "STARTTLS", "AUTH PLAIN"]),
    "names": _accounts("PLAIN", "LOGIN", server__refused_names=r"(?!client\.example\.com$).*"),
    "words": _accounts("PLAIN", account__password="pa/ss:w@rd#100%+ ?"),
    "utf8": _accounts("PLAIN", account__password="p\u00e4ssw\u00f6rd-long-enough"),
}
# fmt: on
"""The changes to the profile ``open``; None means the provider's own profile, unchanged."""


@dataclass(frozen=True, slots=True)
class Ground:
    """A running server."""

    name: str
    relay: Emulator
    offered: tuple[str, ...]

    @property
    def secret(self) -> str:
        """The password, or the access token if there is one."""
        return str(self.relay.ready["access_token"] or self.relay.password)


class Grounds:
    """All servers started so far."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._started: dict[str, Ground] = {}

    def __getitem__(self, name: str) -> Ground:
        if name not in self._started:
            self._started[name] = self._start(name)
        return self._started[name]

    def _start(self, name: str) -> Ground:
        settings = GROUNDS[name]
        relay = Emulator(*(["open"] if settings else []), settings=settings)
        self._stack.enter_context(relay)
        over_tls = settings["over_tls"] if settings else ["AUTH LOGIN"]
        offered = [line.split()[1:] for line in over_tls if line.startswith("AUTH ")]
        return Ground(name, relay, tuple(offered[0]) if offered else ())

    def close(self) -> None:
        self._stack.close()


@contextmanager
def another_name(port: int) -> Iterator[None]:
    """Forward ``port`` of ANOTHER to the same port of 127.0.0.1."""
    with socket.create_server((ANOTHER, port)) as listening:
        thread = threading.Thread(target=_forward, args=(listening, port), daemon=True)
        thread.start()
        try:
            yield
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def _forward(listening: socket.socket, port: int) -> None:
    while True:
        try:
            near, _ = listening.accept()
        except OSError:
            return
        threading.Thread(target=_carry, args=(near, port), daemon=True).start()


def _carry(near: socket.socket, port: int) -> None:
    with near, socket.create_connection(("127.0.0.1", port)) as far:
        back = threading.Thread(target=_pump, args=(far, near), daemon=True)
        back.start()
        _pump(near, far)
        back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while octets := source.recv(65_536):
            sink.sendall(octets)
        sink.shutdown(socket.SHUT_WR)
