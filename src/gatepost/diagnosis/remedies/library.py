"""What we know of a mail library: how it behaves, and how to change that."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

from gatepost.model.evidence import TlsMode

Topic = Literal[
    "login", "plain", "xoauth2", "only_login", "only_plain",
    "starttls", "implicit", "trust", "name", "no_auth",
    "one_line", "two_lines", "long_token", "no_authzid",
    "url", "utf8", "check", "host", "hello",
    "sender", "from_header", "line_ends", "short_lines", "ascii_headers",
    "one_tls", "credentials", "tls_version", "plugin", "filter",
]  # fmt: skip
"""What a fix brings about; ``causes`` says what each one is for."""


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
    """One mail library or program, as its current releases behave."""

    name: str
    title: str
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
    """What it does unless told otherwise; auto uses STARTTLS if it is offered."""
    fixes: Mapping[Topic, Fix] = field(repr=False)
    last_resort: str = ""
    """What it sends where nothing that it knows is listed; empty when it gives up."""
    language: str = "text"
    """Of its fixes, as a fence in Markdown names it."""
    spared: Mapping[Topic, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    """What need not be fixed in it, and why."""
    cannot: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    """Causes that it cannot have though it has their fix, for others; and why."""
    executed: frozenset[str] = frozenset()
    """Causes whose fix our tests run against the emulator: the fault first, then the fix."""
    tested: str = ""
    """What they are run with; where it is empty, why none is: nothing at hand carries it."""

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
