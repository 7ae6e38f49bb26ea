"""A session of a server with unusual replies."""

import itertools
from typing import Final

from gatepost.model.profile import Profile
from gatepost.model.reply import Reply
from gatepost.wire.server import events
from gatepost.wire.server.session import Session, SessionSettings

_SERIALS: Final = itertools.count(1)
_MUTE: Final = frozenset({"never", "hangs up"})


def make_session(setting: SessionSettings, peer: str, *, encrypted: bool = False) -> Session:
    """Return the session of a connection, as its profile requires."""
    return session_kind(setting.profile)(setting, peer, encrypted=encrypted)


def session_kind(profile: Profile) -> type[Session]:
    """Return the class of the sessions that a profile requires."""
    return QuirkySession if is_quirky(profile) else Session


def is_quirky(profile: Profile) -> bool:
    """Tell whether a profile needs a ``QuirkySession``."""
    return (
        profile.server.line_end != "crlf"
        or profile.server.greets != "at once"
        or profile.server.greylists
        or profile.auth.ends_refused
    )


class QuirkySession(Session):
    """Sends other line ends, delays the greeting, or disconnects instead of refusing.

    It has a serial number, because greylisting must recognise a session.
    """

    __slots__ = ("_has_received", "serial")

    def __init__(self, setting: SessionSettings, peer: str, *, encrypted: bool = False) -> None:
        self._has_received = False
        self.serial = next(_SERIALS)
        super().__init__(setting, peer, encrypted=encrypted)
        if self.profile.server.greets == "hangs up":
            self.drop()

    def receive(self, octets: bytes) -> None:
        self._has_received = True
        super().receive(octets)

    def send(self) -> bytes:
        rules = self.profile.server
        if rules.greets == "after the client" and not self._has_received:
            return b""
        if rules.greets in _MUTE:
            super().send()
            return b""
        octets = super().send()
        return octets.replace(b"\r\n", b"\n") if rules.line_end == "lf" else octets

    def reply(self, reply: Reply) -> None:
        is_auth = isinstance(self._pending, events.Auth | events.AuthResponse)
        if is_auth and reply.code >= 400 and self.profile.auth.ends_refused:
            self._pending = None
            self.drop()
        else:
            super().reply(reply)
