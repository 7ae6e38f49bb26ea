"""What we know of a mail library: how it behaves, and how to change that."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

from gatepost.model.evidence import TlsMode

Topic = Literal["login", "plain", "xoauth2", "starttls", "implicit", "trust", "name", "no_auth"]
"""What a cure brings about.

A mechanism; STARTTLS or implicit TLS, verified; trust in a private authority; the
certificate's name as the host; no sign-in at all.
"""

MECHANISM_TOPICS: Final[Mapping[str, Topic]] = MappingProxyType(
    {"LOGIN": "login", "PLAIN": "plain", "XOAUTH2": "xoauth2"}
)


@dataclass(frozen=True, slots=True)
class Cure:
    """A text, and code in which ``{{host}}``, ``{{port}}``, ``{{name}}`` stand for the server's."""

    text: str
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Library:
    """One mail library or program, as its current releases behave."""

    name: str
    title: str
    aliases: tuple[str, ...]
    mechanisms: tuple[str, ...]
    """What it uses by itself with a user name and a password, in its order."""
    settable: tuple[str, ...]
    """What a setting or a few lines of code add."""
    chooses: Literal["listed", "first"]
    """It takes the first of its mechanisms that EHLO lists, or its first whatever is listed."""
    initial: frozenset[str]
    """Mechanisms whose first response it sends with the AUTH command."""
    hello: str
    """What it calls itself in EHLO: ``{node}`` is the machine's name as it is, ``{literal}`` its
    address in brackets, ``{fqdn}`` the name if it is a full one, else the address."""
    tls: TlsMode
    """What it does unless told otherwise; auto takes STARTTLS where it is offered."""
    cures: Mapping[Topic, Cure] = field(repr=False)
    last_resort: str = ""
    """What it sends where nothing that it knows is listed; empty when it gives up."""

    def first_choice(self, offered: tuple[str, ...]) -> str:
        """Return the mechanism that it tries where these are listed; empty when it gives up."""
        if self.chooses == "first":
            return self.mechanisms[0]
        return next((name for name in self.mechanisms if name in offered), self.last_resort)

    def could_use(self, offered: tuple[str, ...]) -> str:
        """Return the listed mechanism that it uses or can be made to use; empty for none."""
        known = (*self.mechanisms, *self.settable)
        return next((name for name in known if name in offered), "")


@dataclass(frozen=True, slots=True)
class Place:
    """What goes into the code: the server, and a name that its certificate is good for."""

    host: str
    port: int
    name: str = ""

    def fill(self, template: str) -> str:
        """Return ``template`` with its placeholders replaced."""
        if ":" in self.host:
            template = template.replace("{{host}}:{{port}}", f"[{self.host}]:{self.port}")
        parts = {"host": self.host, "port": str(self.port), "name": self.name or self.host}
        for key, part in parts.items():
            template = template.replace("{{" + key + "}}", part)
        return template
