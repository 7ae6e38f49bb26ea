r"""A written session: what the client says and what the server answers, to be read and to be run.

    # AUTH LOGIN with both prompts.
    profile: acs
    clause: RFC 4954 4

    S: 220 {host} ESMTP
    C: EHLO client.example
    S: 250-{host} Hello [{peer}]
    ...
    == TLS ==
    C: AUTH LOGIN
    S: 334 base64(Username:)
    C: base64({username})

``#`` starts a comment. Before the first step stand directives (``DIRECTIVES``). The steps:

``C: text``     the client sends a line
``S: text``     the server answers a line; ``...`` in it stands for any text
``C*3: text``   the same line three times, ``{n}`` counting from 1; likewise ``S*3:``
``C| octets``   the client sends octets, with Python's escapes and no line end
``== TLS ==``   a TLS handshake
``== CLOSED ==``  the server has closed the connection

``base64(text)`` is the base64 of ``text``, which may hold Python's escapes (``\0``).
Lines of the client that follow one another are sent at once (RFC 2920).
"""

import base64
import codecs
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal

from gatepost.model.wildcards import matches_parts

Role = Literal["server", "client"]
"""The side of Gatepost that a dialogue can test."""

_STEP: Final = re.compile(r"([CS])(?:\*(\d+))?:(?: (.*))?")
_OCTETS: Final = re.compile(r"C\| ?(.*)")
_MARK: Final = re.compile(r"== (TLS|CLOSED) ==")
_DIRECTIVE: Final = re.compile(r"([a-z_]+(?:\.[a-z_]+)?):\s*+(.*)")
_PLACE: Final = re.compile(r"\{([a-z_]+)\}")
_PLACE_OCTETS: Final = re.compile(rb"\{([a-z_]+)\}")
_BASE64: Final = "base64("
_ANY: Final = "..."


@dataclass(frozen=True, slots=True)
class Values:
    """The values of placeholders. ``{from}`` is ``sender``, ``{domain}`` its domain."""

    host: str = "localhost"
    peer: str = "192.0.2.1"
    username: str = "contoso.app.tenant"
    password: str = "correct~horse.battery_staple"
    sender: str = "DoNotReply@contoso.example"
    token: str = ""
    """Empty: the password, which a ``MemoryDirectory`` also accepts as a token."""

    def of(self, place: str) -> str:
        """Return the value of ``{place}``. Raises ValueError if it has none."""
        if place == "domain":
            return self.sender.rpartition("@")[2]
        if place == "token":
            return self.token or self.password
        name = "sender" if place == "from" else place
        if name not in self.__slots__:
            raise ValueError(f"nothing is called {{{place}}}")
        value: str = getattr(self, name)
        return value


@dataclass(frozen=True, slots=True)
class Say:
    """One line, or octets, of one side; ``number`` is its line in the file."""

    speaker: Literal["C", "S"]
    text: str
    number: int
    times: int = 1
    is_line: bool = True

    def texts(self, values: Values) -> list[str]:
        """Return the lines with all placeholders filled in."""
        return [_fill(self.text, values, n) for n in range(1, self.times + 1)]

    def octets(self, values: Values) -> bytes:
        """Return what is sent."""
        if not self.is_line:
            return _octets(self.text, values)
        return "".join(f"{text}\r\n" for text in self.texts(values)).encode()

    def matches(self, line: str, values: Values, n: int = 1) -> bool:
        """Tell whether the peer's line (without its line end) matches."""
        return matches_parts(_fill(self.text, values, n).split(_ANY), line)


@dataclass(frozen=True, slots=True)
class NoLine:
    """Something other than a line: a TLS handshake, or the server's close."""

    what: Literal["TLS", "CLOSED"]
    number: int


Step = Say | NoLine


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A parsed dialogue."""

    name: str
    steps: tuple[Step, ...]
    about: str = ""
    """The comment at the beginning."""
    profile: str = "open"
    roles: tuple[Role, ...] = ("server",)
    clauses: tuple[str, ...] = ()
    """What it demonstrates: ``RFC 4954 4``."""
    messages: int = 0
    """How many messages the server has accepted at the end."""
    mechanisms: tuple[str, ...] = ("LOGIN", "PLAIN")
    """What the directory can verify."""
    auth: str = ""
    """The mechanism that our client must use; empty for its own choice."""
    tls: str = ""
    """``starttls`` if our client wants it and the server does not offer it; else it follows from
    the steps."""
    raises: str = ""
    """The error with which it ends in our client: ``AuthenticationRefused``."""
    overrides: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """Changes to the profile: ``limits.recipients``, ``bare_newline``."""

    @property
    def is_portable(self) -> bool:
        """True if any server with the profile can play it: the profile was not changed."""
        return not self.overrides


class DialogueError(ValueError):
    """A dialogue is invalid; the text names file and line."""


def load_dialogue(path: Path | str) -> Dialogue:
    """Return the dialogue in the file ``path``. Raises DialogueError, OSError."""
    path = Path(path)
    return parse_dialogue(path.read_text("utf-8"), path.stem)


def parse_dialogue(text: str, name: str = "dialogue") -> Dialogue:
    """Return the dialogue that ``text`` holds. Raises DialogueError."""
    about: list[str] = []
    steps: list[Step] = []
    dialogue = Dialogue(name, ())
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("#"):
            if not steps:
                about.append(line.lstrip("# "))
        elif line.strip():
            try:
                step = _parse_step(line, number)
                if step is not None:
                    steps.append(step)
                elif steps:
                    raise ValueError("not a step")  # noqa: TRY301  # it gets its place below
                else:
                    dialogue = _direct(dialogue, line)
            except ValueError as error:
                raise DialogueError(f"{name}, line {number}: {error}: {line[:60]!r}") from None
    return replace(dialogue, steps=tuple(steps), about="\n".join(about))


def _parse_step(line: str, number: int) -> Step | None:
    if match := _STEP.fullmatch(line):
        speaker: Literal["C", "S"] = "C" if match[1] == "C" else "S"
        return Say(speaker, match[3] or "", number, int(match[2] or 1))
    if match := _OCTETS.fullmatch(line):
        return Say("C", match[1], number, is_line=False)
    if match := _MARK.fullmatch(line):
        return NoLine("TLS" if match[1] == "TLS" else "CLOSED", number)
    return None


def _roles(value: str) -> tuple[Role, ...]:
    roles: list[Role] = []
    for word in value.split():
        if word not in ("server", "client"):
            raise ValueError("a role is server or client")
        roles.append("server" if word == "server" else "client")
    return tuple(roles)


def _words(value: str) -> tuple[str, ...]:
    return tuple(value.upper().split())


DIRECTIVES: Final[Mapping[str, tuple[str, Callable[[str], Any]]]] = MappingProxyType(
    {
        "profile": ("profile", str),
        "roles": ("roles", _roles),
        "messages": ("messages", int),
        "mechanisms": ("mechanisms", _words),
        "auth": ("auth", str.upper),
        "tls": ("tls", str),
        "raises": ("raises", str),
    }
)
"""Directives by name; ``clause`` may be repeated, and a profile's key overrides it."""

_OVERRIDES: Final[Mapping[str, Callable[[str], Any]]] = {
    "limits": int,
    "strict": int,
    "bare_newline": str,
}


def _direct(dialogue: Dialogue, line: str) -> Dialogue:
    match = _DIRECTIVE.fullmatch(line.strip())
    if match is None:
        raise ValueError("neither a step nor a directive")
    key, value = match[1], match[2].strip()
    if key == "clause":
        return replace(dialogue, clauses=(*dialogue.clauses, value))
    if key in DIRECTIVES:
        name, parse = DIRECTIVES[key]
        return replace(dialogue, **{name: parse(value)})
    group = key.partition(".")[0]
    if group not in _OVERRIDES:
        raise ValueError("no such directive")
    overrides = {**dialogue.overrides, key: _OVERRIDES[group](value)}
    return replace(dialogue, overrides=MappingProxyType(overrides))


def _fill(text: str, values: Values, n: int) -> str:
    filled = text
    before, opening, rest = text.partition(_BASE64)
    inner, closing, behind = rest.rpartition(")")
    if opening and closing:
        filled = before + base64.b64encode(_octets(inner, values)).decode() + behind
    return _PLACE.sub(lambda place: values.of(place[1]), filled.replace("{n}", str(n)))


def _octets(text: str, values: Values) -> bytes:
    """Resolve the escapes first: a digit in a value must not lengthen the escape before it."""
    octets = _unescape(text)
    return _PLACE_OCTETS.sub(lambda place: values.of(place[1].decode()).encode(), octets)


def _unescape(text: str) -> bytes:
    r"""Return the octets of Python's escapes; characters that are not ASCII become UTF-8."""
    if "\\" not in text:
        return text.encode()
    return codecs.escape_decode(text.encode())[0]
