"""What was seen of one dialogue, by a probe or in a log: facts only, no conclusion.

Evidence can be saved and diagnosed again later, by newer rules: whatever a rule
knows about the world (providers, libraries) stands in the rule, not here.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Generic, Literal, TypeVar

from gatepost.model.capabilities import Capabilities
from gatepost.model.entra import Behind, TokenSeen
from gatepost.model.host_port import join_host_port
from gatepost.model.reply import Reply
from gatepost.model.setting import Config, SecretShape
from gatepost.model.transcript import Line

SCHEMA: Final = 1
"""Raised when a reader of the old form could misunderstand the new one."""

TlsMode = Literal["auto", "starttls", "implicit", "none"]
Position = Literal[
    "resolve", "connect", "greeting", "tls", "ehlo", "starttls", "auth", "mail", "rcpt", "data",
]  # fmt: skip
POSITIONS: Final[tuple[Position, ...]] = (
    "resolve", "connect", "greeting", "tls", "ehlo", "starttls", "auth", "mail", "rcpt", "data",
)  # fmt: skip
"""The order of the dialogue; what goes wrong earlier explains what is missing later."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fact(Generic[T]):
    """Seen, with its value; hidden (it happened, and we were not shown it); or not tried."""

    state: Literal["seen", "hidden", "not_tried"] = "not_tried"
    value: T | None = None

    def __post_init__(self) -> None:
        if (self.state == "seen") != (self.value is not None):
            raise ValueError(f"a fact that is {self.state} with the value {self.value!r}")


def seen(value: T) -> Fact[T]:
    """Return the fact that ``value`` was seen."""
    return Fact("seen", value)


@dataclass(frozen=True, slots=True)
class Target:
    """The server that was asked for, as it was spelled."""

    host: str
    port: int

    def __str__(self) -> str:
        return join_host_port(self.host, self.port)


@dataclass(frozen=True, slots=True)
class Client:
    """Whose troubles these are: what is known of the client that cannot send."""

    library: str = ""
    """Our name for its library (``go-net-smtp``); empty when unknown."""
    tls: TlsMode = "auto"
    """What it is set to; auto when that is unknown or adapts itself."""
    signs_in: bool = False
    """It wants to authenticate."""
    error: str = ""
    """What the client itself said, from its log."""
    product: str = ""
    """What it was called: a program, a library with its version, in anybody's words."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """What the name led to: addresses, or the resolver's error."""

    addresses: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class Connect:
    """One address, tried."""

    address: str
    outcome: Literal["ok", "refused", "timeout", "unreachable"]
    ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Greeting:
    """What came where the server speaks first; ``reply`` is None when nothing came."""

    reply: Reply | None = None
    waited_ms: float = 0.0
    closed: bool = False
    """The server closed the connection instead."""
    alien: str = ""
    """The line that came instead, of a protocol that is not SMTP."""


@dataclass(frozen=True, slots=True)
class Hello:
    """One EHLO and its answer. ``capabilities`` is empty when it was refused."""

    name: str
    """What the client called itself."""
    reply: Reply
    capabilities: Capabilities = field(default_factory=Capabilities)


@dataclass(frozen=True, slots=True)
class Certificate:
    """The server's own certificate. Times are UTC."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    """DNS names and IP addresses of subjectAltName."""
    not_before: datetime
    not_after: datetime
    self_signed: bool = False
    authority: bool = False
    """It may sign others itself."""
    weak: str = ""
    """What is weak about its key or signature."""
    issuer_urls: tuple[str, ...] = ()
    """Where its issuer's certificate can be fetched (RFC 5280 4.2.2.1)."""


@dataclass(frozen=True, slots=True)
class TlsSeen:
    """A handshake. ``verify_code`` is OpenSSL's X509_V_ERR number, 0 for a good certificate."""

    version: str = ""
    cipher: str = ""
    certificate: Certificate | None = None
    chain_length: int = 0
    """Certificates that the server sent; 0 when this Python does not tell."""
    issuer_missing: bool = False
    """None of them is its issuer's."""
    verified: bool = False
    verify_code: int = 0
    verify_error: str = ""
    strict_error: str = ""
    """What only a verifier objects to that keeps to RFC 5280's letter, as Python does since 3.13.
    """
    trust: str = "system"
    """What it was verified against: the system's authorities, or a file."""
    failure: str = ""
    """Why there is no TLS at all: OpenSSL's reason, or what the connection did."""


@dataclass(frozen=True, slots=True)
class TlsFirst:
    """A ClientHello sent before anything else: whether TLS answered, and the 220 inside."""

    answered: bool
    greeting: Reply | None = None
    failure: str = ""
    alien: str = ""
    """The line inside, of a protocol that is not SMTP."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another door: a port of the same host, or of one that the provider names."""

    host: str
    port: int
    state: Literal["greets", "tls", "silent", "refused", "timeout", "unreachable", "unresolved"]
    """``tls``: it speaks TLS from the first byte; ``silent``: it took the connection only."""
    greeting: str = ""
    mechanisms: tuple[str, ...] = ()
    """What EHLO offers there, under TLS where there is any."""

    def __str__(self) -> str:
        return str(Target(self.host, self.port))


@dataclass(frozen=True, slots=True)
class Renamed:
    """MAIL and RCPT under another name in EHLO; ``reply`` is the last one."""

    name: str
    reply: Reply


@dataclass(frozen=True, slots=True)
class TlsVersion:
    """A handshake that offered one version only."""

    version: str
    taken: bool
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Issuer:
    """The certificate that the server left out, fetched from where its own one says."""

    url: str
    subject: str = ""
    completes: bool = False
    """With it the server's certificate is good."""
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One question of an audit. ``told`` is what was said and answered, a sentence each."""

    name: str
    outcome: Literal["passed", "failed", "not_tried"]
    told: tuple[str, ...] = ()


ResponseForm = Literal["hidden", "base64", "not_base64", "twice_base64", "malformed", "cancel"]


@dataclass(frozen=True, slots=True)
class Response:
    """What a client sent within AUTH, as a log shows it: its form, never its content.

    ``octets`` is the length of the text on the wire, 0 when the log hides it.
    """

    octets: int = 0
    form: Literal["hidden", "base64", "not_base64", "twice_base64", "malformed", "cancel"] = (
        "hidden"
    )
    """``malformed``: base64 of what the mechanism does not ask for."""
    lines: int = 1
    """On how many lines it came; RFC 4954 4 allows one."""
    authzid: bool = False
    """PLAIN: the first field, whom to act as, is filled in."""
    username_form: str = ""
    """As in ``Login``; empty when it is hidden or no user name."""
    secret: SecretShape | None = None
    identity_differs: bool = False
    """XOAUTH2: ``user=`` is another one than the token's."""


@dataclass(frozen=True, slots=True)
class AuthAttempt:
    """One AUTH command and how it ended; ``reply`` is the last one."""

    mechanism: str
    form: Literal["bare", "initial"]
    reply: Reply
    tls: bool
    secret_sent: bool = False
    cancelled: bool = False
    """It was a question only: the first prompt was answered with ``*``."""
    accepted: bool = False
    """The server took the mechanism: it prompted, or signed us in."""
    responses: tuple[Response, ...] = ()
    """What the client sent, where a log shows it."""


@dataclass(frozen=True, slots=True)
class Login:
    """What the client signs in with. ``username_form`` is a shape: ``address``, ``entra``, ..."""

    username_form: str
    secret: SecretShape


@dataclass(frozen=True, slots=True)
class Command:
    """MAIL, RCPT or DATA and its reply. ``argument`` is the address."""

    argument: str
    reply: Reply
    tls: bool
    authenticated: bool = False


@dataclass(frozen=True, slots=True)
class Content:
    """What a message looked like on the wire, without what it says."""

    octets: int = 0
    """As far as it came, the final dot aside."""
    complete: bool = False
    """Its end came: CRLF, dot, CRLF."""
    bare_lf: int = 0
    """Line ends without CR, and CR without LF."""
    longest_line: int = 0
    eight_bit_headers: int = 0
    """Lines of the header with octets outside ASCII."""
    has_from: bool = False


@dataclass(frozen=True, slots=True)
class Conduct:
    """What a client did, octet by octet: what neither its log nor a probe can show."""

    speaks: Literal["nothing", "smtp", "tls", "http", "other"] = "nothing"
    """What its first octets are; ``tls`` where the port begins in clear."""
    ended_by: Literal["client", "server", "time", "stop"] = "client"
    commands: int = 0
    ahead: tuple[str, ...] = ()
    """Commands that it sent before the reply to the one before, without PIPELINING."""
    too_eager: tuple[str, ...] = ()
    """The same behind a command that must be the last of a group (RFC 2920 3.1)."""
    before_greeting: bool = False
    interrupted: int = 0
    """How often it spoke while a reply was not complete."""
    unasked: int = 0
    """Replies that the server gave to nothing."""
    bare_lf: int = 0
    """Commands that end with LF alone."""
    stray_base64: int = 0
    """Lines that look like the rest of an answer, behind the AUTH that was refused already."""
    handshakes: int = 0
    """TLS handshakes that it finished with us."""
    tls_version: str = ""
    """The newest that its ClientHello offers."""
    tls_name: str = ""
    """Whom its ClientHello asks for."""
    tls_end: str = ""
    """How it broke off TLS: the alert's name, ``sealed alert``, ``closed`` within the handshake,
    or ``silent`` when it left behind it without a word."""
    authority: str = ""
    """The file of the authority whose certificate it was shown; empty: the server's own."""
    is_opaque: bool = False
    """TLS went through unopened: what was said inside is not known."""
    content: Content | None = None


@dataclass(frozen=True, slots=True)
class Stray:
    """A reply in a log that does not show what it answers; ``position`` as far as that shows."""

    reply: Reply
    position: Position | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that was seen. ``position`` is where the dialogue ended, ``failure`` what ended it.

    ``in_clear`` and ``over_tls`` are the EHLO before and after TLS, whichever
    way TLS began; ``other_name`` is a second EHLO, tried after a refusal.
    """

    source: Literal["probe", "log", "config", "token", "record"]
    target: Target | None = None
    seen_at: datetime | None = None
    client: Client = field(default_factory=Client)
    provider: str = ""
    """The profile whose host or EHLO pattern fits."""
    resolution: Fact[Resolution] = Fact()
    connects: Fact[tuple[Connect, ...]] = Fact()
    greeting: Fact[Greeting] = Fact()
    greeting_after_ehlo: Fact[Greeting] = Fact()
    """To a silent server EHLO was sent unasked."""
    tls_first: Fact[TlsFirst] = Fact()
    in_clear: Fact[Hello] = Fact()
    other_name: Fact[Hello] = Fact()
    other_names: Fact[tuple[Hello, ...]] = Fact()
    """Every EHLO that was tried after a refusal, in order."""
    renamed: Fact[tuple[Renamed, ...]] = Fact()
    """The refusal at MAIL or RCPT named EHLO's name: what it is under others, without signing in.
    """
    helo: Fact[Reply] = Fact()
    """HELO, where EHLO is refused whatever the name."""
    starttls: Fact[Reply] = Fact()
    tls_versions: Fact[tuple[TlsVersion, ...]] = Fact()
    """Each version alone, where the handshake failed, or in an audit."""
    issuer: Fact[Issuer] = Fact()
    """Asked for where the server's certificate came alone and nobody here knows who signed it."""
    neighbours: Fact[tuple[Neighbour, ...]] = Fact()
    """Where else the client could go; looked for when this door is closed."""
    audit: Fact[tuple[Check, ...]] = Fact()
    tls: Fact[TlsSeen] = Fact()
    over_tls: Fact[Hello] = Fact()
    login: Fact[Login] = Fact()
    auth: Fact[tuple[AuthAttempt, ...]] = Fact()
    mail: Fact[Command] = Fact()
    rcpt: Fact[tuple[Command, ...]] = Fact()
    content: Fact[Reply] = Fact()
    position: Position = "resolve"
    failure: str = ""
    transcript: tuple[Line, ...] = ()
    log_format: str = ""
    """The kind of log this was read from (``nodemailer``); empty for a bare text."""
    server_name: str = ""
    """What somebody called the server, where that is not a host name (``Amazon SES``)."""
    strays: tuple[Stray, ...] = ()
    """Replies whose command a log does not show."""
    remarks: tuple[str, ...] = ()
    """Lines of a log that are not part of the dialogue: exceptions, messages of the program."""
    token: Fact[TokenSeen] = Fact()
    """What the client signs in with, where that is an access token."""
    behind: Fact[Behind] = Fact()
    """What was asked after a refused login, where Microsoft Entra decides."""
    configs: tuple[Config, ...] = ()
    """What a configuration file sets."""
    conduct: Fact[Conduct] = Fact()
    """Of a recorded session: what the client did."""
    schema: int = SCHEMA

    @property
    def first_word(self) -> Reply | None:
        """The greeting, in clear or inside of TLS."""
        in_clear, inside = self.greeting.value, self.tls_first.value
        return (in_clear.reply if in_clear else None) or (inside.greeting if inside else None)

    @property
    def attempts(self) -> tuple[AuthAttempt, ...]:
        """Every AUTH that was seen."""
        return self.auth.value or ()

    @property
    def offered_in_clear(self) -> tuple[str, ...]:
        """Mechanisms listed before TLS."""
        hello = self._accepted(self.in_clear, after_refusal=True)
        return hello.capabilities.mechanisms if hello else ()

    @property
    def offered_over_tls(self) -> tuple[str, ...]:
        """Mechanisms listed under TLS."""
        before = self.in_clear.value
        refused_here = before is None or before.reply.is_success
        hello = self._accepted(self.over_tls, after_refusal=refused_here)
        return hello.capabilities.mechanisms if hello else ()

    @property
    def offered(self) -> tuple[str, ...]:
        """Mechanisms listed in the best protected EHLO that was seen."""
        return self.offered_over_tls if self.over_tls.value else self.offered_in_clear

    @property
    def offers_starttls(self) -> bool:
        """EHLO in clear listed STARTTLS."""
        hello = self._accepted(self.in_clear, after_refusal=True)
        return hello is not None and "STARTTLS" in hello.capabilities

    def _accepted(self, fact: Fact[Hello], *, after_refusal: bool) -> Hello | None:
        """The EHLO of ``fact``, or the second one that was tried after its refusal."""
        hello, other = fact.value, self.other_name.value
        if hello is not None and not hello.reply.is_success and after_refusal and other:
            return other
        return hello

    @property
    def signed_in(self) -> bool:
        """An AUTH succeeded."""
        return any(attempt.reply.code == 235 for attempt in self.attempts)

    @property
    def accomplished(self) -> bool:
        """A recorded client got what it came for, at last."""
        hello = self.over_tls.value or self.other_name.value or self.in_clear.value
        if self.failure or hello is None or not hello.reply.is_success or self.strays:
            return False
        if self.attempts and not self.signed_in:
            return False
        mail, recipients = self.mail.value, self.rcpt.value or ()
        if mail is None:
            return self.signed_in
        content = self.content.value
        taken = mail.reply.is_success and all(each.reply.is_success for each in recipients)
        return taken and (content is None or content.is_success)
