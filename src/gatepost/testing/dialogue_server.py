"""Plays a dialogue's client against our session, and compares our replies with its server lines."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from gatepost.errors import ConfigError
from gatepost.model.profile import Profile, StrictLimits
from gatepost.profiles.load import load_profile
from gatepost.testing.application import Accepted, Application
from gatepost.testing.dialogue import Dialogue, NoLine, Say, Values
from gatepost.testing.directory import MemoryDirectory
from gatepost.wire.server import events
from gatepost.wire.server.session import Session, SessionSettings

Cut = Callable[[bytes], Iterable[bytes]]
"""Splits what the client sends into pieces."""


class Mismatch(AssertionError):
    """Gatepost differs from the dialogue; the text shows both, and the place."""


@dataclass(frozen=True, slots=True)
class Performance:
    """The result of a dialogue. ``lines`` are the server's, with and without TLS, as sent."""

    lines: tuple[str, ...]
    messages: tuple[Accepted, ...]
    events: tuple[events.Event, ...]
    closed: bool


def perform_server(
    dialogue: Dialogue, values: Values | None = None, cut: Cut | None = None
) -> Performance:
    """Play the client's lines against our session.

    Raises Mismatch (an AssertionError) at the first reply line that differs, and ConfigError if the
    dialogue's profile does not exist.
    """
    values = values or Values()
    stage = _Stage(dialogue, values, cut or (lambda octets: (octets,)))
    for step in dialogue.steps:
        if isinstance(step, NoLine):
            stage.mark(step)
        elif step.speaker == "C":
            stage.pending += step.octets(values)
        else:
            stage.expect(step)
    return stage.finish()


def make_setting(dialogue: Dialogue, values: Values) -> SessionSettings:
    """Return the settings of a listener that plays this dialogue. Raises ConfigError."""
    profile = load_profile(dialogue.profile)
    profile = replace(profile, host=values.host, strict=StrictLimits())
    for key, value in dialogue.overrides.items():
        profile = _override(profile, key, value)
    return SessionSettings(profile, values.host, frozenset(dialogue.mechanisms))


def _override(profile: Profile, key: str, value: Any) -> Profile:
    group, _, name = key.partition(".")
    try:
        if name:
            return replace(profile, **{group: replace(getattr(profile, group), **{name: value})})
        return replace(profile, **{group: value})
    except TypeError:
        raise ConfigError(f"a profile has no {key}") from None


class _Stage:
    """A session, its application, and what was said on both sides so far."""

    def __init__(self, dialogue: Dialogue, values: Values, cut: Cut) -> None:
        self.dialogue = dialogue
        self.values = values
        self.pending = b""
        """What the client says before it next listens."""
        self._cut = cut
        directory = MemoryDirectory(dialogue.mechanisms)
        directory.add(values.username, values.password, [values.sender])
        encrypted = bool(dialogue.steps) and isinstance(dialogue.steps[0], NoLine)
        self._session = Session(make_setting(dialogue, values), values.peer, encrypted=encrypted)
        self._application = Application(self._session, directory)
        self._unread = ""
        self._lines: list[str] = []
        self._take()

    def expect(self, step: Say) -> None:
        self._deliver()
        for n in range(1, step.times + 1):
            line, end, self._unread = self._unread.partition("\r\n")
            if not end:
                raise self._mismatch(step.number, step.text, "(nothing)")
            self._lines.append(line)
            if not step.matches(line, self.values, n):
                raise self._mismatch(step.number, step.texts(self.values)[n - 1], line)

    def mark(self, step: NoLine) -> None:
        self._deliver()
        self._nothing_unread(step.number)
        if step.what == "TLS" and not self._session.encrypted:
            raise self._mismatch(step.number, "a TLS handshake", "a session in clear")
        if step.what == "CLOSED" and not self._application.closed:
            raise self._mismatch(step.number, "the connection closed", "it is open")

    def finish(self) -> Performance:
        self._deliver()
        self._nothing_unread(0)
        application = self._application
        closes = any(
            isinstance(step, NoLine) and step.what == "CLOSED" for step in self.dialogue.steps
        )
        if application.closed and not closes:
            raise self._mismatch(0, "the connection open", "it is closed")
        if len(application.messages) != self.dialogue.messages:
            expected, got = f"{self.dialogue.messages} messages", f"{len(application.messages)}"
            raise self._mismatch(0, expected, got)
        return Performance(
            tuple(self._lines),
            tuple(application.messages),
            tuple(application.events),
            application.closed,
        )

    def _deliver(self) -> None:
        if not self.pending:
            return
        octets, self.pending = self.pending, b""
        for piece in self._cut(octets):
            self._session.receive(piece)
            goes_on = True
            while goes_on:
                self._application.run()
                goes_on = self._session.is_full
                self._take()

    def _take(self) -> None:
        self._unread += self._session.send().decode("utf-8", "surrogateescape")

    def _nothing_unread(self, number: int) -> None:
        if self._unread:
            raise self._mismatch(number, "(nothing)", self._unread.partition("\r\n")[0])

    def _mismatch(self, number: int, expected: str, got: str) -> Mismatch:
        where = f"{self.dialogue.name}, line {number}" if number else f"{self.dialogue.name}, end"
        return Mismatch(f"{where}: expected {expected!r}, got {got!r}")
