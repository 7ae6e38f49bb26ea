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

    ``{{host}}``, ``{{port}}`` and ``{{name}}`` stand for the server's, see ``Placeholders``.
    """

    text: str
    code: str | None = None


ALWAYS_EXECUTED: Final = frozenset({
    "auth_not_performed", "cert_hostname_mismatch", "helo_rejected", "host_setting_malformed",
    "implicit_tls_on_starttls_port", "mechanism_advertised_but_broken", "sender_domain_not_linked",
    "sender_not_authorised", "starttls_on_implicit_tls_port", "unwanted_auth_attempt",
})  # fmt: skip
"""Causes whose fix our tests run with every library that they have."""
_NO_ADDRESS: Final = "It refuses what is not an address before it connects."
USUAL_REASONS: Final[Mapping[str, str]] = MappingProxyType({
    "url": "User name and password are separate settings here, and are sent unchanged, without "
    "encoding. Where something in front takes a URL apart, encode both parts there.",
    "utf8": "It sends UTF-8, as RFC 4616 requires. If the server refuses that, set a password of "
    "ASCII characters.",
    "one_line": "It sends PLAIN's response with the AUTH command already.",
    "two_lines": "It sends the user name only when LOGIN prompts for it already.",
    "no_authzid": "It leaves PLAIN's first field empty already.",
    "line_ends": "It writes CRLF at the end of every line itself.",
    "short_lines": "It encodes lines that are too long itself.",
    "ascii_headers": "It encodes what is not ASCII in a header itself (RFC 2047).",
    "tls_version_too_old": "The TLS library below it, as it is built today, does not even ask for "
    "versions so old: `client_tls_disabled`.",
    "auth_not_advertised": "It signs in only where EHLO lists AUTH.",
    "credentials_missing": "Without a user name, it does not sign in: `auth_not_performed`.",
    "account_name_used_as_sender": _NO_ADDRESS,
    "envelope_sender_missing": _NO_ADDRESS,
})  # fmt: skip
"""Why most libraries that need no fix for a topic or a cause need none."""


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
    source: str
    """The file that shows how it behaves, and the versions for which it holds."""
    fixes: Mapping[Topic, Fix] = field(repr=False)
    last_resort: str = ""
    """What it sends if none of its mechanisms is listed; empty if it gives up."""
    language: str = "text"
    """The language of its fixes, for code blocks in Markdown."""
    spared: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Topics and causes for which it needs no fix, and why."""
    executed: frozenset[str] = frozenset()
    """Causes whose fix our tests run against the emulator: the fault first, then the fix."""
    tested: str = ""
    """What the tests run them with; if that is empty, no test runs them."""
    is_compared: bool = False
    """Our tests run the library itself, and compare it with its imitation by ``--as``."""
    keeps_passwords: bool = False
    """It sends no password without TLS, except to this machine."""
    wants_san: bool = False
    """It ignores the name in a certificate's subject."""
    is_strict: bool = False
    """It verifies certificates strictly by RFC 5280, with Python 3.13 and later."""
    checks_revocation: bool = False
    """It asks the authority whether a certificate is revoked, and takes none without an answer."""
    fills_authzid: bool = False
    """It sends the user name in PLAIN's first field, too."""

    def first_choice(self, offered: tuple[str, ...]) -> str:
        """Return the mechanism that it tries if these are listed; empty if it gives up."""
        if self.chooses == "first":
            return self.mechanisms[0]
        return next((name for name in self.mechanisms if name in offered), self.last_resort)

    def could_use(self, offered: tuple[str, ...]) -> str:
        """Return the listed mechanism that it can use, by default or if it is set; empty if there
        is none."""
        usable = (*self.mechanisms, *self.settable)
        return next((name for name in usable if name in offered), "")


@dataclass(frozen=True, slots=True)
class Placeholders:
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
