"""What a probe or a log showed of one dialogue: facts without conclusions.

Evidence can be saved and diagnosed again by newer rules, so what a rule knows about providers and
libraries is in the rule, not here.
"""

from dataclasses import field
from datetime import datetime
from typing import Final, Generic, Literal, TypeVar

from gatepost.model.capabilities import Capabilities
from gatepost.model.entra import Behind, TokenSeen
from gatepost.model.fast_dataclass import dataclass
from gatepost.model.host_port import join_host_port
from gatepost.model.reply import Reply
from gatepost.model.setting import ClientSettings, SecretShape
from gatepost.model.transcript import Line

SCHEMA: Final = 1
"""Increases if an older reader could misunderstand the document."""

TlsMode = Literal["auto", "starttls", "implicit", "none"]
DialoguePhase = Literal[
    "resolve", "connect", "greeting", "tls", "ehlo", "starttls", "auth", "mail", "rcpt", "data",
]  # fmt: skip
"""A step of the dialogue: one of ``errors.Phase`` that evidence tells apart."""
DIALOGUE_PHASES: Final[tuple[DialoguePhase, ...]] = (
    "resolve", "connect", "greeting", "starttls", "tls", "ehlo", "auth", "mail", "rcpt", "data",
)  # fmt: skip
"""A failure explains what is missing in later ones. EHLO is the last one, which lists AUTH."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fact(Generic[T]):
    """Seen, with its value; hidden (it happened, but was not shown); or not tried."""

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
    """The server as the user named it."""

    host: str
    port: int

    def __str__(self) -> str:
        return join_host_port(self.host, self.port)


@dataclass(frozen=True, slots=True)
class ClientFacts:
    """The client that cannot send."""

    library: str = ""
    """Gatepost's name for its library (``go-net-smtp``); empty if unknown."""
    tls: TlsMode = "auto"
    """Its TLS setting; auto if it is unknown, or depends on the server."""
    signs_in: bool = False
    """Whether it should authenticate."""
    error: str = ""
    """Its own error message, from its log."""
    product: str = ""
    """Its name in the user's words: a program, or a library with its version."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """The addresses of a name, or the error of the resolver."""

    addresses: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class Connect:
    """One address that was tried."""

    address: str
    outcome: Literal["ok", "refused", "timeout", "unreachable"]
    ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Greeting:
    """The greeting of the server; ``reply`` is None if none came."""

    reply: Reply | None = None
    waited_ms: float = 0.0
    closed: bool = False
    """The server closed the connection instead."""
    alien: str = ""
    """The line that came instead, in a protocol other than SMTP."""


@dataclass(frozen=True, slots=True)
class EhloExchange:
    """One EHLO and its reply. ``capabilities`` is empty if it was refused."""

    name: str
    """The name that the client sent."""
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
    """Whether it may sign other certificates."""
    weak: str = ""
    """What is weak about its key or signature."""
    issuer_urls: tuple[str, ...] = ()
    """URLs of its issuer's certificate (RFC 5280 4.2.2.1)."""
    ocsp_urls: tuple[str, ...] = ()
    """Where its authority says by OCSP whether it is revoked (RFC 5280 4.2.2.1)."""
    crl_urls: tuple[str, ...] = ()
    """Where its authority publishes lists of revoked certificates (RFC 5280 4.2.1.13)."""


@dataclass(frozen=True, slots=True)
class TlsSeen:
    """A TLS handshake. ``verify_code`` is OpenSSL's X509_V_ERR number, 0 if it is valid."""

    version: str = ""
    cipher: str = ""
    certificate: Certificate | None = None
    chain_length: int = 0
    """Number of certificates that the server sent; 0 if this version of Python does not show it."""
    issuer_missing: bool = False
    """None of them is the issuer's."""
    verified: bool = False
    verify_code: int = 0
    verify_error: str = ""
    strict_error: str = ""
    """The error of a verifier that follows RFC 5280 strictly, as Python does since 3.13."""
    trust: str = "system"
    """What the certificate was verified against: the system's authorities, or a file."""
    failure: str = ""
    """Why there is no TLS: OpenSSL's reason, or what happened to the connection."""


@dataclass(frozen=True, slots=True)
class TlsFirst:
    """A ClientHello that was sent first: whether TLS was answered, and the greeting under TLS."""

    answered: bool
    greeting: Reply | None = None
    failure: str = ""
    alien: str = ""
    """The first line under TLS, if it is in a protocol other than SMTP."""


@dataclass(frozen=True, slots=True)
class OtherServer:
    """Another port of the same host, or of a host that the provider names."""

    host: str
    port: int
    state: Literal["greets", "tls", "silent", "refused", "timeout", "unreachable", "unresolved"]
    """``tls``: implicit TLS; ``silent``: the connection is accepted, but there is no greeting."""
    greeting: str = ""
    mechanisms: tuple[str, ...] = ()
    """The mechanisms in its EHLO, over TLS if available."""

    def __str__(self) -> str:
        return str(Target(self.host, self.port))


@dataclass(frozen=True, slots=True)
class Renamed:
    """MAIL and RCPT after EHLO with another name; ``reply`` is the last one."""

    name: str
    reply: Reply


@dataclass(frozen=True, slots=True)
class TlsVersion:
    """A handshake that offered only one version."""

    version: str
    taken: bool
    failure: str = ""


@dataclass(frozen=True, slots=True)
class MissingIssuer:
    """The certificate that the server did not send, fetched from the URL in its own certificate."""

    url: str
    subject: str = ""
    completes: bool = False
    """Whether the server's certificate is valid with it."""
    failure: str = ""


@dataclass(frozen=True, slots=True)
class RevocationSource:
    """A URL in the server's certificate at which clients ask whether it is revoked.

    ``failure`` is empty if it answered.
    """

    url: str
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One check of an audit. ``told`` has what was sent and answered, one sentence each."""

    name: str
    outcome: Literal["passed", "failed", "not_tried"]
    told: tuple[str, ...] = ()


ResponseForm = Literal["hidden", "base64", "not_base64", "twice_base64", "malformed", "cancel"]


@dataclass(frozen=True, slots=True)
class ResponseFormat:
    """What a client sent during AUTH, as a log shows it: its format, never its content.

    ``octets`` is the length of the text on the wire, 0 when the log hides it.
    """

    octets: int = 0
    form: Literal["hidden", "base64", "not_base64", "twice_base64", "malformed", "cancel"] = (
        "hidden"
    )
    """``malformed``: base64, but not in the format of the mechanism."""
    lines: int = 1
    """Its number of lines; RFC 4954 4 permits one."""
    authzid: bool = False
    """PLAIN: the first field, the authorization identity, is not empty."""
    username_form: str = ""
    """As in ``LoginFormat``; empty if it is hidden, or there is no user name."""
    secret: SecretShape | None = None
    identity_differs: bool = False
    """XOAUTH2: ``user=`` is not the user of the token."""


@dataclass(frozen=True, slots=True)
class AuthAttempt:
    """One AUTH command and its result; ``reply`` is the last one."""

    mechanism: str
    form: Literal["bare", "initial"]
    reply: Reply
    tls: bool
    secret_sent: bool = False
    cancelled: bool = False
    """The first prompt was answered with ``*``, because the doctor only asked."""
    accepted: bool = False
    """The server accepted the mechanism: it sent a prompt, or the login succeeded."""
    responses: tuple[ResponseFormat, ...] = ()
    """The client's responses, if a log shows them."""


@dataclass(frozen=True, slots=True)
class LoginFormat:
    """What the client signs in with. ``username_form`` is a format: ``address``, ``entra``, ..."""

    username_form: str
    secret: SecretShape


@dataclass(frozen=True, slots=True)
class CommandExchange:
    """MAIL, RCPT or DATA and its reply. ``argument`` is the address."""

    argument: str
    reply: Reply
    tls: bool
    authenticated: bool = False


@dataclass(frozen=True, slots=True)
class ContentFormat:
    """The format of a message on the wire, without its content."""

    octets: int = 0
    """As far as it was sent, without the final dot."""
    complete: bool = False
    """Whether its end was sent: CRLF, dot, CRLF."""
    bare_lf: int = 0
    """Line ends without CR, and CR without LF."""
    longest_line: int = 0
    eight_bit_headers: int = 0
    """Number of header lines with non-ASCII octets."""
    has_from: bool = False


@dataclass(frozen=True, slots=True)
class Conduct:
    """What a client did, octet by octet, which neither its log nor a probe can show."""

    speaks: Literal["nothing", "smtp", "tls", "http", "other"] = "nothing"
    """The protocol of its first octets; ``tls`` if the port begins in clear."""
    ended_by: Literal["client", "server", "time", "stop"] = "client"
    commands: int = 0
    ahead: tuple[str, ...] = ()
    """Commands that it sent before the reply to the previous one, without PIPELINING."""
    too_eager: tuple[str, ...] = ()
    """The same after a command that must be the last of a group (RFC 2920 3.1)."""
    before_greeting: bool = False
    interrupted: int = 0
    """How often it sent something while a reply was not complete."""
    unasked: int = 0
    """Number of replies that the server sent without a command."""
    bare_lf: int = 0
    """Number of commands that end with only LF."""
    stray_base64: int = 0
    """Number of lines that look like the rest of a response to an AUTH that was already refused."""
    handshakes: int = 0
    """Number of successful TLS handshakes with the recorder."""
    tls_version: str = ""
    """The newest version in its ClientHello."""
    tls_name: str = ""
    """The server name in its ClientHello."""
    tls_end: str = ""
    """How it ended TLS: the name of the alert, ``sealed alert``, ``closed`` during the handshake,
    or ``silent`` if it disconnected after the handshake without sending anything."""
    authority: str = ""
    """The file of the authority whose certificate it got; empty: the server's own certificate."""
    is_opaque: bool = False
    """TLS was passed on encrypted: what was sent under TLS is unknown."""
    content: ContentFormat | None = None


@dataclass(frozen=True, slots=True)
class Stray:
    """A reply in a log that does not show its command; ``position`` if that is known."""

    reply: Reply
    position: DialoguePhase | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that was seen. ``position`` is where the dialogue ended, ``failure`` why.

    ``in_clear`` and ``over_tls`` are the EHLO before and after TLS, whichever
    way TLS began; ``other_name`` is a second EHLO, tried after a refusal.
    """

    source: Literal["probe", "log", "config", "token", "record"]
    target: Target | None = None
    seen_at: datetime | None = None
    client: ClientFacts = field(default_factory=ClientFacts)
    provider: str = ""
    """The profile whose host or EHLO pattern matches."""
    resolution: Fact[Resolution] = Fact()
    connects: Fact[tuple[Connect, ...]] = Fact()
    greeting: Fact[Greeting] = Fact()
    greeting_after_ehlo: Fact[Greeting] = Fact()
    """The greeting after EHLO was sent to a silent server."""
    tls_first: Fact[TlsFirst] = Fact()
    in_clear: Fact[EhloExchange] = Fact()
    other_name: Fact[EhloExchange] = Fact()
    other_names: Fact[tuple[EhloExchange, ...]] = Fact()
    """Every EHLO that was tried after a refusal, in order."""
    renamed: Fact[tuple[Renamed, ...]] = Fact()
    """If a refusal of MAIL or RCPT mentions the name in EHLO: what other names give, without a
    login."""
    helo: Fact[Reply] = Fact()
    """HELO, if EHLO is refused with any name."""
    starttls: Fact[Reply] = Fact()
    tls_versions: Fact[tuple[TlsVersion, ...]] = Fact()
    """Each version by itself, if the handshake failed, or in an audit."""
    issuer: Fact[MissingIssuer] = Fact()
    """Looked for if the server sent only its own certificate, and its issuer is unknown here."""
    revocation: Fact[tuple[RevocationSource, ...]] = Fact()
    """Asked if the client in question wants to know whether the certificate is revoked."""
    neighbours: Fact[tuple[OtherServer, ...]] = Fact()
    """Where else the client could connect to; looked for if this port does not work."""
    audit: Fact[tuple[Check, ...]] = Fact()
    tls: Fact[TlsSeen] = Fact()
    over_tls: Fact[EhloExchange] = Fact()
    login: Fact[LoginFormat] = Fact()
    auth: Fact[tuple[AuthAttempt, ...]] = Fact()
    mail: Fact[CommandExchange] = Fact()
    rcpt: Fact[tuple[CommandExchange, ...]] = Fact()
    content: Fact[Reply] = Fact()
    position: DialoguePhase = "resolve"
    failure: str = ""
    transcript: tuple[Line, ...] = ()
    log_format: str = ""
    """The format of the log (``nodemailer``); empty for plain text."""
    server_name: str = ""
    """The server's name in the user's words, if that is not a host name (``Amazon SES``)."""
    strays: tuple[Stray, ...] = ()
    """Replies whose command the log does not show."""
    remarks: tuple[str, ...] = ()
    """Lines of a log that are not part of the dialogue: exceptions, messages of the program."""
    left_out: int = 0
    """Number of characters of a long log or file that were not read."""
    token: Fact[TokenSeen] = Fact()
    """The access token that the client signs in with."""
    behind: Fact[Behind] = Fact()
    """What was asked after a refused login, if Microsoft Entra decides about logins."""
    configs: tuple[ClientSettings, ...] = ()
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
    def host(self) -> str:
        """The server's name or address as the user gave it; empty if it is unknown."""
        return self.target.host if self.target else ""

    @property
    def certificate(self) -> Certificate | None:
        """The server's certificate."""
        return self.tls.value.certificate if self.tls.value else None

    @property
    def last_ehlo(self) -> EhloExchange | None:
        """The EHLO under TLS, or in clear if there was none."""
        return self.over_tls.value or self.in_clear.value

    @property
    def envelope(self) -> tuple[CommandExchange, ...]:
        """MAIL and each RCPT that was seen."""
        mail = (self.mail.value,) if self.mail.value else ()
        return (*mail, *(self.rcpt.value or ()))

    @property
    def client_lines(self) -> list[str]:
        """What the client sent, one line each."""
        return [line.text for line in self.transcript if line.speaker == "C"]

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

    def _accepted(self, fact: Fact[EhloExchange], *, after_refusal: bool) -> EhloExchange | None:
        """The EHLO of ``fact``, or the second one that was tried after its refusal."""
        hello, other = fact.value, self.other_name.value
        if hello is not None and not hello.reply.is_success and after_refusal and other:
            return other
        return hello

    @property
    def is_signed_in(self) -> bool:
        """An AUTH succeeded."""
        return any(attempt.reply.code == 235 for attempt in self.attempts)

    @property
    def is_accomplished(self) -> bool:
        """A recorded client got what it came for, at last."""
        hello = self.over_tls.value or self.other_name.value or self.in_clear.value
        if self.failure or hello is None or not hello.reply.is_success or self.strays:
            return False
        if self.attempts and not self.is_signed_in:
            return False
        mail, recipients = self.mail.value, self.rcpt.value or ()
        if mail is None:
            return self.is_signed_in
        content = self.content.value
        taken = mail.reply.is_success and all(each.reply.is_success for each in recipients)
        return taken and (content is None or content.is_success)
