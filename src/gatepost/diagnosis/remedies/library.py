"""What is known of a mail library: how it behaves, and how to change that."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

from gatepost.diagnosis.causes.cause import Topic
from gatepost.model.evidence import TlsMode


@dataclass(frozen=True, slots=True)
class Fix:
    """What to change for a topic: a text and, if code does it, the code.

    ``{{host}}``, ``{{port}}`` and ``{{name}}`` stand for the server's, see ``Place``.
    """

    text: str
    code: str | None = None


OWN_SETTINGS: Final = (
    "User name and password are separate settings here, and are sent unchanged, without encoding. "
    "Where something in front takes a URL apart, encode both parts there."
)
SENDS_UTF8: Final = (
    "It sends UTF-8, as RFC 4616 requires. If the server refuses that, set a password of ASCII "
    "characters."
)
AUTH_WHERE_LISTED: Final = "It signs in only where EHLO lists AUTH."
TOO_OLD_TO_ASK: Final = (
    "The TLS library below it, as it is built today, does not even ask for versions so old: "
    "`client_tls_disabled`."
)
NO_USER_NO_LOGIN: Final = "Without a user name, it does not sign in: `auth_not_performed`."
NO_ADDRESS_NO_MAIL: Final = "It refuses what is not an address before it connects."
WRITES_CRLF: Final = "It writes CRLF at the end of every line itself."
ENCODES_LINES: Final = "It encodes lines that are too long itself."
ENCODES_HEADERS: Final = "It encodes what is not ASCII in a header itself (RFC 2047)."
PLAIN_AT_ONCE: Final = "It sends PLAIN's response with the AUTH command already."
LOGIN_IN_TWO: Final = "It sends the user name only when LOGIN prompts for it already."
NO_AUTHZID: Final = "It leaves PLAIN's first field empty already."


@dataclass(frozen=True, slots=True)
class Library:
    """One mail library or program, in its current releases."""

    name: str
    title: str
    mechanisms: tuple[str, ...]
    """The mechanisms that it uses by default with a user name and a password, in its order."""
    settable: tuple[str, ...]
    """The mechanisms that a setting or a few lines of code add."""
    chooses: Literal["listed", "first"]
    """It takes the first of its mechanisms that EHLO lists, or its first in any case."""
    initial: frozenset[str]
    """Mechanisms whose first response it sends with the AUTH command."""
    hello: str
    """Its name in EHLO: ``{node}`` is the machine's name as it is, ``{literal}`` its address in
    brackets, ``{fqdn}`` the name if it is fully qualified, otherwise the address."""
    tls: TlsMode
    """Its TLS mode by default; auto uses STARTTLS if it is offered."""
    fixes: Mapping[Topic, Fix] = field(repr=False)
    last_resort: str = ""
    """What it sends if none of its mechanisms is listed; empty if it gives up."""
    language: str = "text"
    """The language of its fixes, for code blocks in Markdown."""
    spared: Mapping[Topic, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    """Topics that need no fix in it, and why."""
    cannot: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    """Causes that it cannot have although it has a fix of their topic, and why."""
    executed: frozenset[str] = frozenset()
    """Causes whose fix our tests run against the emulator: the fault first, then the fix."""
    tested: str = ""
    """What the tests run them with; if that is empty, no test runs them."""

    def first_choice(self, offered: tuple[str, ...]) -> str:
        """Return the mechanism that it tries if these are listed; empty if it gives up."""
        if self.chooses == "first":
            return self.mechanisms[0]
        return next((name for name in self.mechanisms if name in offered), self.last_resort)

    def could_use(self, offered: tuple[str, ...]) -> str:
        """Return the listed mechanism that it can use, by default or if it is set; empty if there
        is none."""
        known = (*self.mechanisms, *self.settable)
        return next((name for name in known if name in offered), "")


@dataclass(frozen=True, slots=True)
class Place:
    """The values for the placeholders in code: the server, and a name in its certificate."""

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
